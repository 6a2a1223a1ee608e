"""Shares without a working sell: since when, for how long, told in time."""

from datetime import datetime, timedelta

from trading_bot.core.say import Data, Numbers, alarm, is_news, over, say_trade
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.order import Leg
from trading_bot.execution.evidence import CONFIRMED
from trading_bot.execution.retries import may_stop_again
from trading_bot.execution.trade import TrackedOrder, Trade

_BARE_ALARM = timedelta(seconds=60)


def book_protection(state: CoreState, trade: Trade, at: datetime, out: Out) -> None:
    """Record when shares of `trade` begin to be without a working sell, and when that is over."""
    sells = [
        o
        for o in trade.orders.values()
        if o.intent.leg is not Leg.ENTRY and o.state in CONFIRMED and o.remaining
    ]
    bare = trade.held - sum(o.remaining for o in sells)
    if bare > 0 and trade.unprotected_since is None:
        since = _bare_since(trade, at)
        data: Data = {"quantity": bare, "since": since.isoformat()}
        say_trade(state, out, "unprotected", trade, at, data)
    elif bare > 0:
        _tell_if_long_bare(state, trade, bare, at, out)
    elif trade.unprotected_since is not None:
        over(state, "bare", trade.trade_id)
        seconds = (at - trade.unprotected_since).total_seconds()
        state.day.peak_unprotected_s = max(state.day.peak_unprotected_s, seconds)
        data = {"unprotected_ms": round(seconds * 1000), "by": _cover(trade, sells)}
        say_trade(state, out, "protected", trade, at, data)


def _cover(trade: Trade, sells: list[TrackedOrder]) -> str:
    """What ended it: the legs that work, or "sold" when there is nothing left to protect."""
    if not trade.held:
        return "sold"
    return " and ".join(sorted({o.intent.leg.value for o in sells}))


def _tell_if_long_bare(state: CoreState, trade: Trade, bare: int, at: datetime, out: Out) -> None:
    """A stop that is refused again and again is a matter for a person."""
    since = trade.unprotected_since
    if since is None or at - since < _BARE_ALARM or not is_news(state, "bare", trade.trade_id):
        return
    numbers: Numbers = {
        "symbol": trade.symbol,
        "quantity": bare,
        "unprotected_s": round((at - since).total_seconds()),
    }
    action = "stop_tried_again" if may_stop_again(trade) else "left_without_by_the_owner"
    alarm(state, out, at, "position_unprotected", action, numbers)


def _bare_since(trade: Trade, at: datetime) -> datetime:
    """When the shares without a sell were bought, which we learn later; else now."""
    covered_at = trade.covered_at
    bought = (
        execution.at
        for execution in trade.executions(of_entry=True)
        if covered_at is None or execution.at > covered_at
    )
    return min(bought, default=at)
