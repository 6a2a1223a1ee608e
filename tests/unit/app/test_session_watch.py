"""When a session is renewed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from support.rehearsal import CALENDAR, DAY, OPEN
from trading_bot.app.session_watch import covering, is_renewal_due
from trading_bot.brokers.robinhood.session import BrokerSession

CLOSE = OPEN + timedelta(hours=6, minutes=30)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("life", "age", "is_due"),
    [
        (timedelta(days=7), timedelta(days=1), False),
        (timedelta(days=7), timedelta(days=7) - 3 * HOUR, True),
        (24 * HOUR, 2 * HOUR, False),
        (24 * HOUR, 21 * HOUR, True),
        (24 * HOUR, 17 * HOUR, True),
        (2 * HOUR, HOUR / 2, False),
        (2 * HOUR, 1.5 * HOUR, True),
        (HOUR / 6, HOUR / 10, True),
    ],
)
def test_renewal_is_due_in_time_and_not_all_the_time(
    life: timedelta, age: timedelta, is_due: bool
) -> None:
    """By its end, by the day it must cover, and never right after it was renewed."""
    now = OPEN - HOUR
    session = BrokerSession(
        access_token="a",
        token_type="Bearer",
        refresh_token="r",
        device_token="d",
        expires_at=now - age + life,
        obtained_at=now - age,
    )

    assert is_renewal_due(session, now, covering(CALENDAR, now)) is is_due


def test_session_of_unknown_end_is_renewed_when_it_is_refused() -> None:
    """There is nothing to be ahead of."""
    session = BrokerSession(
        access_token="a", token_type="Bearer", refresh_token="r", device_token="d"
    )

    assert not is_renewal_due(session, OPEN, covering(CALENDAR, OPEN))


def test_covered_session_is_the_one_at_hand() -> None:
    """The one under way, the next from half a day before its open on, else none."""

    def day_of(at: datetime) -> Any:
        found = covering(CALENDAR, at)
        return found and found.day

    assert day_of(OPEN - 13 * HOUR) is None
    assert day_of(OPEN - 11 * HOUR) == day_of(OPEN) == day_of(CLOSE - HOUR) == DAY
    assert day_of(CLOSE) is None
    assert day_of(CLOSE + 6 * HOUR) == DAY + timedelta(days=1)
