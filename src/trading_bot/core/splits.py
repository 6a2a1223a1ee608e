"""A corporate action that a person accepted: the book goes on in the new shares."""

from fractions import Fraction

from trading_bot.core import reconcile_notes, trades
from trading_bot.core.events import PersonDecided
from trading_bot.core.say import Data, say_trade
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import SUB_PENNY, round_sell, text_of
from trading_bot.execution.differences import Difference
from trading_bot.execution.split import price_after


def accept(state: CoreState, event: PersonDecided, difference: Difference, out: Out) -> str:
    """Count the symbol's trades in new shares and let orders in it go on; why not, if not."""
    try:
        ratio = Fraction(event.ratio or difference.broker)
    except (ValueError, ZeroDivisionError):
        return "say the ratio: new shares for an old one, such as 2 or 1/10"
    if ratio <= 0:
        return "the ratio must be above 0"
    reconcile_notes.close_difference(
        state,
        event.subject,
        event.at,
        out,
        how="corporate_action",
        by=event.by,
        why=event.why,
    )
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
