"""The session with the broker: without one that lasts the day nothing is opened."""

from datetime import timedelta

from trading_bot.core import protect, reconcile_asks
from trading_bot.core.events import SessionKnown
from trading_bot.core.say import Numbers, warn
from trading_bot.core.state import CoreState, Out
from trading_bot.logging.line import iso_text


def on_session_known(state: CoreState, event: SessionKnown, out: Out) -> None:
    """Keep what is known; a person's turn, or an end before the day's exits, stops entries."""
    state.session_ends_at = event.ends_at
    state.session_problem = event.needs_person
    problem = event.needs_person or _ends_too_early(state)
    if problem:
        is_new = protect.Cause.SESSION not in state.protection
        protect.restate(state, event.at, protect.Cause.SESSION, problem)
        if is_new:
            numbers: Numbers = {"reason": problem}
            warn(state, out, event.at, "session_lost", "entries_paused", numbers)
    elif protect.end(state, out, event.at, protect.Cause.SESSION):
        reconcile_asks.ask(state, event.at, out)


def _ends_too_early(state: CoreState) -> str:
    """An entry must be closed while orders can still be sent."""
    session, ends_at = state.session, state.session_ends_at
    if session is None or ends_at is None:
        return ""
    minutes = state.settings.execution.flatten_before_close_minutes
    if ends_at >= session.close - timedelta(minutes=minutes):
        return ""
    return f"the session ends at {iso_text(ends_at)}, before the day's positions are closed"
