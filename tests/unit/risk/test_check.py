"""How the numbers of a check are written."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from trading_bot.domain.order import Side
from trading_bot.risk.check import UNKNOWN, fill, shown

D = Decimal
NEW_YORK_WINTER = timezone(timedelta(hours=-5))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (0.8, "0.800"),
        (float("nan"), "nan"),
        ("", "none"),
        ("halted", "halted"),
        ((), "none"),
        (("daily_loss", "consecutive_losses"), "daily_loss, consecutive_losses"),
        ((Side.BUY, D("1.50")), "BUY, 1.50"),
        (datetime(2026, 11, 23, 15, 0, 1, 999, tzinfo=UTC), "2026-11-23T15:00:01Z"),
        (datetime(2026, 11, 23, 10, 0, tzinfo=NEW_YORK_WINTER), "2026-11-23T15:00:00Z"),
        (D("2000.0000"), "2000.00"),
        (D("2000"), "2000"),
        (D("2E+3"), "2000"),
        (D("-0.5"), "-0.5"),
        (D("0.0104"), "0.0104"),
        (D("0.01049999999"), "0.0105"),
        (D("-1.23456789"), "-1.234568"),
        (D("0.000"), "0"),
        (D("-0"), "0"),
        (D("NaN"), "NaN"),
        (D("-Infinity"), "-Infinity"),
        (D("1E+30"), "1" + "0" * 30),
        (D("123456789012345678901.1234567"), "123456789012345678901.1234567"),
    ],
)
def test_values_are_written_for_people(value: object, text: str) -> None:
    """Amounts are plain and short, unknown says so, and nothing is ever empty."""
    assert shown(value) == text


def test_what_is_not_known_is_told_from_a_text_that_says_so() -> None:
    """The gate knows an unknown value by the very text; the same word from elsewhere is another."""
    word = "unknown"

    assert shown(None) is UNKNOWN
    assert shown(word) == UNKNOWN
    assert shown(word) is not UNKNOWN


def test_sentences_write_their_fields_alike() -> None:
    """A sentence's fields are written as checks write them, unless it asks for a format."""
    text = fill("{a} of {b} is {c:.1f}", a=D("1.2300"), b=None, c=2.25)

    assert text == "1.23 of unknown is 2.2"
