"""A machine's clock that was moved, or that is not the broker's."""

from datetime import timedelta

from trading_bot.core import polls, protect, reconcile_asks, stopping, trades
from trading_bot.core.effects import SetTimer
from trading_bot.core.events import ClockJumped, ServerClockSeen
from trading_bot.core.say import Numbers, alarm
from trading_bot.core.state import CoreState, Out
from trading_bot.market.quote_check import QuoteCode

SKEW_MAX = timedelta(seconds=5)
"""Farther from the broker's clock nothing is opened: ages and sessions would be wrong."""


def on_jump(state: CoreState, event: ClockJumped, out: Out) -> None:
    """Every quote is stale: entries and software exits wait for fresh ones; compare everything."""
    for symbol in state.symbols.values():
        symbol.quote = None
        symbol.problem = QuoteCode.STALE.value
        symbol.problem_text = f"the clock moved by {event.jump_s:.1f} s"
        symbol.target_seen = 0
    numbers: Numbers = {"jump_s": round(event.jump_s, 3)}
    alarm(state, out, event.at, "clock_jumped", "quotes_stale_reconciling", numbers)
    # Entries that work are cancelled meanwhile: by this clock their time never comes.
    if state.reconciles:
        text = f"the clock moved by {event.jump_s:.1f} s: not reconciled yet"
        protect.restate(state, event.at, protect.Cause.NOT_RECONCILED, text)
    reconcile_asks.ask(state, event.at, out)
    _wake(state, event, out)


def _wake(state: CoreState, event: ClockJumped, out: Out) -> None:
    """Short waits were counted on the old clock: set back, it would be long until they end."""
    session = state.session
    if session is not None and session.open <= event.at < session.close:
        out.append(SetTimer(name=polls.TIMER, at=event.at))
    trades.ask_orders(state, out)
    if state.stopping:
        stopping.set_deadline(state, event.at, out)


def on_skew(state: CoreState, event: ServerClockSeen, out: Out) -> None:
    """Open nothing while our clock is not the broker's."""
    if abs(event.skew_s) <= SKEW_MAX.total_seconds():
        protect.end(state, out, event.at, protect.Cause.CLOCK_SKEW)
        return
    text = f"the broker's clock is {event.skew_s:+.1f} s off this machine's"
    if protect.begin(state, out, event.at, protect.Cause.CLOCK_SKEW, text):
        numbers: Numbers = {"skew_s": round(event.skew_s, 3)}
        alarm(state, out, event.at, "clock_skewed", "entries_paused", numbers)
