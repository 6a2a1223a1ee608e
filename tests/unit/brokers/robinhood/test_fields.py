"""One field of an answer: read, or refused in words."""

from datetime import UTC, datetime

import pytest

from trading_bot.brokers.robinhood.fields import moment
from trading_bot.domain.errors import DataError


def test_a_time_with_its_zone_is_told_in_utc() -> None:
    """Digits past the microsecond are dropped."""
    row = {"at": "2026-11-23T09:30:00.123456789-05:00"}

    assert moment(row, "at") == datetime(2026, 11, 23, 14, 30, 0, 123456, UTC)


@pytest.mark.parametrize(
    "told",
    [
        "9999-12-31T23:59:59-05:00",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+05:00",
        "0001-01-01T00:00:00Z",
        "2026-11-23T14:30:00",
        "never",
        None,
        1764000000,
    ],
)
def test_a_time_that_is_none_is_refused_as_data(told: object) -> None:
    """A "never" at the end of the calendar too: no other zone can tell it."""
    with pytest.raises(DataError, match="at: expected an ISO 8601 time"):
        moment({"at": told}, "at")
