"""A corporate action that a person accepted: the book goes on in new shares or another name."""

from fractions import Fraction

from trading_bot.core import orders, reconcile_notes, trades
from trading_bot.core.events import PersonDecided
from trading_bot.core.say import Data, say_trade
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import SUB_PENNY, round_sell, text_of
from trading_bot.domain.symbol import is_symbol
from trading_bot.execution.corporate import price_after
from trading_bot.execution.differences import Difference, new_symbol_of


def accept(state: CoreState, event: PersonDecided, difference: Difference, out: Out) -> str:
    """Let orders in the symbol go on as the action left it; why not, if not."""
    new = new_symbol_of(difference.key)
    if new:
        return _rename(state, event, difference, new, out)
    try:
        ratio = Fraction(event.ratio or difference.broker)
    except (ValueError, ZeroDivisionError):
        said = f", got {event.ratio!r}" if event.ratio else ""
        return f"say the ratio, new shares for an old one, such as 2 or 1/10{said}"
    if ratio <= 0:
        return f"the ratio must be above 0, got {event.ratio}"
    _close(state, event, out)
    for trade in state.book.in_symbol(difference.symbol):
        stop = round_sell(price_after(trade.stop_price, ratio))
        data: Data = {
            "split_ratio": str(ratio),
            "held_after": int(trade.held * ratio),
            "stop_price": text_of(max(stop, SUB_PENNY)),
        }
        if trade.target is not None:
            data["target"] = text_of(price_after(trade.target, ratio).quantize(SUB_PENNY))
        if ratio != 1:
            say_trade(state, out, "plan_change", trade, event.at, data)
        trades.advance(state, trade, event.at, out)
    return ""


def _rename(
    state: CoreState, event: PersonDecided, difference: Difference, new: str, out: Out
) -> str:
    """Shares, stop and target stay as they are; what is sent and recorded bears the new name."""
    old = difference.symbol
    if event.ratio:
        return f"{old} only changed its symbol, to {new}: leave the ratio out"
    if not is_symbol(new):
        return f"the records take no symbol like {new}: sell the {difference.ours} in the app"
    _close(state, event, out)
    if old in state.fills_booked:
        state.fills_booked[new] = state.fills_booked.pop(old)
    orders.poll_too(state, new)
    for trade in state.book.in_symbol(old):
        say_trade(state, out, "plan_change", trade, event.at, {"renamed_to": new})
        trades.advance(state, trade, event.at, out)
    return ""


def _close(state: CoreState, event: PersonDecided, out: Out) -> None:
    reconcile_notes.close_difference(
        state,
        event.subject,
        event.at,
        out,
        how="corporate_action",
        by=event.by,
        why=event.why,
    )
