"""The day's loss and the losing streak against the circuit breakers."""

from datetime import datetime

from trading_bot.core.effects import Alert, Record
from trading_bot.core.say import reading_of
from trading_bot.core.state import CoreState, Out
from trading_bot.ports.records import STREAM_RISK
from trading_bot.risk.breaker import apply_event, check_breakers, resets_due
from trading_bot.risk.risk_events import trip_event


def check_day(state: CoreState, at: datetime, out: Out, *, is_new_quote: bool = True) -> None:
    """Trip what must trip, once; a breaker that is tripped stays so.

    Without a new quote the open part is no second reading: one bad quote must not confirm itself.
    """
    limits = state.settings.risk
    reading = reading_of(state, at)
    if not is_new_quote:
        reading.day_pnl = None
    state.breaker, trips = check_breakers(state.breaker, reading, limits)
    for trip in trips:
        out.append(Record(STREAM_RISK, trip_event(trip, limits)))
        subject = f"circuit breaker {trip.breaker} tripped"
        out.append(Alert(severity="CRITICAL", subject=subject, text=trip.reason))


def reset_due(state: CoreState, at: datetime, out: Out) -> None:
    """End the trips that the beginning of this trading day ends."""
    reading = reading_of(state, at)
    for event in resets_due(state.breaker, reading, state.settings.risk):
        state.breaker = apply_event(state.breaker, event)
        out.append(Record(STREAM_RISK, event))
