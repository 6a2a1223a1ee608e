"""Timers that came due."""

from collections.abc import Callable
from datetime import datetime, timedelta

from trading_bot.core import days, polls, reconcile_asks, stopping, trades
from trading_bot.core.effects import RequestHistoricals, RequestHours, SetTimer
from trading_bot.core.events import TimerFired
from trading_bot.core.state import CoreState, Out


def on_timer(state: CoreState, event: TimerFired, out: Out) -> None:
    """Do what the timer was set for; an unknown name is a bug."""
    _DUTIES[event.name](state, event.at, out)


def _orders(state: CoreState, at: datetime, out: Out) -> None:
    trades.ask_orders(state, out, at=at)


def _account(state: CoreState, at: datetime, out: Out) -> None:
    trades.ask_account(state, out)
    if state.session is not None and at < state.session.open:
        # A stop that is gone or was changed overnight is put right before the open.
        trades.ask_orders(state, out)
    if state.session is not None and at < state.session.close:
        interval = timedelta(seconds=state.settings.poll.account_interval_s)
        out.append(SetTimer(name="account", at=at + interval))


def _hours(state: CoreState, _at: datetime, out: Out) -> None:
    out.append(RequestHours(day=state.trading_day))


def _historicals(state: CoreState, _at: datetime, out: Out) -> None:
    out.append(RequestHistoricals(symbols=polls.polled_symbols(state)))


_DUTIES: dict[str, Callable[[CoreState, datetime, Out], None]] = {
    polls.TIMER: polls.ask,
    trades.TIMER: _orders,
    "account": _account,
    "hours": _hours,
    reconcile_asks.TIMER: reconcile_asks.ask,
    "historicals": _historicals,
    "flatten": days.begin_flatten,
    "day_end": days.end_day,
    "rotate": days.rotate,
    stopping.TIMER: stopping.finish,
}
