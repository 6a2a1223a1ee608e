"""One order event in words."""

from collections.abc import Mapping

from trading_bot.logging.order_event import OrderDatum, OrderEvent


def order_words(event: OrderEvent) -> str:
    """What happened, in a line: "entry BUY 325 limit 7.67 gfd intended: entry: pullback"."""
    data = event.data
    of = f"{event.leg} " if event.leg else ""
    match event.kind:
        case "intent":
            return f"{of}{event.side} {_order(data)} intended: {data.get('purpose')}"
        case "fill":
            note = f" ({data['note']})" if data.get("note") else ""
            fees = f", fees {data['fees']}" if data.get("fees") not in (None, "0") else ""
            return f"{of}filled {data.get('quantity')} at {data.get('price')}{fees}{note}"
        case "reply":
            refused = data.get("cancel_refused")
            extra = f", its cancel was refused: {refused}" if refused else ""
            return f"{of}order is {data.get('state')} at the broker{extra}"
        case "protected":
            return f"protected by a working stop after {int(str(data['unprotected_ms'])) / 1000} s"
        case "unprotected":
            return f"{data.get('quantity')} shares are without a stop"
        case "closed":
            net = data.get("net_profit_loss")
            return "trade closed" + (f", net {net} dollars" if net is not None else ", unfilled")
        case "plan" | "plan_change":
            return f"plan: {_pairs(data)}"
        case _:
            words = event.kind.replace("_", " ")
            return f"{of}{words}{': ' if any(data.values()) else ''}{_pairs(data)}"


def _order(data: Mapping[str, OrderDatum]) -> str:
    price = data.get("limit_price") or data.get("stop_price") or "at the market"
    return f"{data.get('quantity')} {data.get('type')} {price} {data.get('time_in_force')}"


def _pairs(data: Mapping[str, OrderDatum]) -> str:
    """The facts that say something; one alone needs no name."""
    facts = {name: value for name, value in data.items() if value not in (None, "")}
    if list(facts) == ["reason"]:
        return str(facts["reason"])
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
