"""Timers that came due."""

from datetime import timedelta

from trading_bot.core import days, polls, stopping, trades
from trading_bot.core.effects import RequestHistoricals, RequestHours, SetTimer
from trading_bot.core.events import TimerFired
from trading_bot.core.state import CoreState, Out


def on_timer(state: CoreState, event: TimerFired, out: Out) -> None:
    """Do what the timer was set for; an unknown name is a bug."""
    at = event.at
    match event.name:
        case polls.TIMER:
            polls.ask(state, at, out)
        case trades.TIMER:
            trades.ask_orders(state, at, out)
        case "account":
            trades.ask_account(state, out)
            if state.session is not None and at < state.session.close:
                interval = timedelta(seconds=state.settings.poll.account_interval_s)
                out.append(SetTimer(name="account", at=at + interval))
        case "hours":
            out.append(RequestHours(day=state.trading_day))
        case "historicals":
            out.append(RequestHistoricals(symbols=polls.polled_symbols(state)))
        case "flatten":
            days.begin_flatten(state, at, out)
        case "day_end":
            days.end_day(state, at, out)
        case "rotate":
            days.rotate(state, at, out)
        case stopping.TIMER:
            stopping.finish(state, at, out)
        case _:
            raise AssertionError(f"nobody set a timer named {event.name!r}")
