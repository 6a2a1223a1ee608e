"""How long the broker itself keeps an order that nobody cancels."""

from datetime import datetime, timedelta
from typing import Final

from trading_bot.domain.order import OrderIntent, TimeInForce
from trading_bot.market.calendar import NyseCalendar

GTC_LIFE: Final = timedelta(days=89)
"""Robinhood ends an order that is good until cancelled after 90 days; one less for its hours."""


def has_lived_out(intent: OrderIntent, ended_at: datetime, calendar: NyseCalendar) -> bool:
    """True when the order's time was up at `ended_at` by the broker's clock.

    The broker shows that as it shows a cancel by hand.
    """
    if intent.time_in_force is TimeInForce.GTC:
        return ended_at - intent.created_at >= GTC_LIFE
    day = calendar.trading_day(intent.created_at)
    session = calendar.session(day)
    if session is None or session.close <= intent.created_at:
        session = calendar.session(calendar.next_session(day))
    return session is not None and ended_at >= session.close
