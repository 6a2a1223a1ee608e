"""One order event in words."""

from collections.abc import Callable, Mapping

from trading_bot.logging.order_event import OrderDatum, OrderEvent


def order_words(event: OrderEvent) -> str:
    """What happened, in a line: "entry BUY 325 limit 7.67 gfd intended: entry: pullback"."""
    words = _WORDS.get(event.kind)
    if words is None:
        kind = event.kind.replace("_", " ")
        return f"{_leg(event)}{kind}{': ' if any(event.data.values()) else ''}{_pairs(event.data)}"
    return words(event)


def _leg(event: OrderEvent) -> str:
    return f"{event.leg} " if event.leg else ""


def _intent(event: OrderEvent) -> str:
    data = event.data
    return f"{_leg(event)}{event.side} {_order(data)} intended: {data.get('purpose')}"


def _fill(event: OrderEvent) -> str:
    data = event.data
    note = f" ({data['note']})" if data.get("note") else ""
    fees = f", fees {data['fees']}" if data.get("fees") not in (None, "0") else ""
    return f"{_leg(event)}filled {data.get('quantity')} at {data.get('price')}{fees}{note}"


def _bust(event: OrderEvent) -> str:
    data = event.data
    of = f"{data.get('quantity')} at {data.get('price')}"
    return f"{_leg(event)}execution of {of} was taken back by the broker"


def _reply(event: OrderEvent) -> str:
    data = event.data
    refused, lost = data.get("cancel_refused"), data.get("cancel_lost")
    extra = f", its cancel was refused: {refused}" if refused else ""
    extra = f", its cancel got no answer: {lost}" if lost else extra
    return f"{_leg(event)}order is {data.get('state')} at the broker{extra}"


def _replaced(event: OrderEvent) -> str:
    return f"{_leg(event)}order was edited, not by the bot: now {_edit(event.data)}"


def _reopened(event: OrderEvent) -> str:
    return f"trade opened again: {event.data.get('reason')}"


def _protected(event: OrderEvent) -> str:
    return f"covered by a working sell order after {_seconds(event)} s"


def _unprotected(event: OrderEvent) -> str:
    return f"{event.data.get('quantity')} shares have no working sell order"


def _closed(event: OrderEvent) -> str:
    net = event.data.get("net_profit_loss")
    bare = f", {_seconds(event)} s without a sell order" if event.data.get("unprotected_ms") else ""
    return "trade closed" + (f", net {net} dollars{bare}" if net is not None else ", unfilled")


def _plan(event: OrderEvent) -> str:
    return f"plan: {_pairs(event.data)}"


_WORDS: dict[str, Callable[[OrderEvent], str]] = {
    "intent": _intent,
    "fill": _fill,
    "bust": _bust,
    "reply": _reply,
    "replaced": _replaced,
    "reopened": _reopened,
    "protected": _protected,
    "unprotected": _unprotected,
    "closed": _closed,
    "plan": _plan,
    "plan_change": _plan,
}


def _seconds(event: OrderEvent) -> float:
    return int(str(event.data["unprotected_ms"])) / 1000


def _edit(data: Mapping[str, OrderDatum]) -> str:
    price = data.get("limit_price") or data.get("stop_price") or "at the market"
    return f"{data.get('quantity')} {data.get('type')} {price}"


def _order(data: Mapping[str, OrderDatum]) -> str:
    price = data.get("limit_price") or data.get("stop_price") or "at the market"
    return f"{data.get('quantity')} {data.get('type')} {price} {data.get('time_in_force')}"


def _pairs(data: Mapping[str, OrderDatum]) -> str:
    """The facts that say something; one alone needs no name."""
    facts = {name: value for name, value in data.items() if value not in (None, "")}
    if list(facts) == ["reason"]:
        return str(facts["reason"])
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
