"""What could not be sold by the close: protected, told, and nothing is opened the day after."""

from datetime import datetime

from trading_bot.core import trades
from trading_bot.core.effects import Record
from trading_bot.core.say import Numbers, alarm, is_news, reading_of
from trading_bot.core.state import CoreState, Out
from trading_bot.ports.records import STREAM_RISK
from trading_bot.risk.breaker import trip_held_overnight
from trading_bot.risk.risk_events import trip_event

NEWS = ("held_past_the_close",)
"""What was told once: by whoever found it first."""


def keep(state: CoreState, at: datetime, out: Out) -> None:
    """Stops for what is held, an alarm, and a breaker for the session in which it is sold."""
    held = [trade for trade in list(state.book.trades.values()) if trade.held]
    if not held:
        return
    for trade in held:
        trades.advance(state, trade, at, out)
    symbols = ", ".join(sorted({trade.symbol for trade in held}))
    if is_news(state, *NEWS):
        numbers: Numbers = {"trading_day": state.trading_day.isoformat(), "symbols": symbols}
        alarm(state, out, at, "held_past_the_close", "sold_at_the_next_open", numbers)
    following = state.settings.calendar.next_session(state.trading_day)
    reason = f"held past the close of {state.trading_day.isoformat()}: {symbols}"
    state.breaker, trip = trip_held_overnight(
        state.breaker, reading_of(state, at), reason, until=following
    )
    if trip is not None:
        out.append(Record(STREAM_RISK, trip_event(trip, state.settings.risk)))
