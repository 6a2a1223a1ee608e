"""How times, amounts and tables are written for people."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from trading_bot.query.words import counted, cut, day_time, dollars, duration, table, utc_text

WINTER = datetime(2026, 11, 23, 14, 45, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, 13, 45, tzinfo=UTC)


def test_times_are_new_yorks() -> None:
    """In winter five hours behind UTC, in summer four."""
    assert day_time(WINTER) == "2026-11-23 09:45:00"
    assert day_time(SUMMER) == "2026-07-01 09:45:00"
    assert utc_text(WINTER) == "2026-11-23 14:45:00Z"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("12.3", "+12.30"),
        ("-0.5", "-0.50"),
        ("0", "0.00"),
        ("-0.00", "0.00"),
        ("12345", "+12,345.00"),
    ],
)
def test_results_carry_their_sign(amount: str, text: str) -> None:
    """Cents, thousands apart, nothing in front of nothing."""
    assert dollars(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (59.4, "59.4 s"),
        (59.7, "1 min 0 s"),
        (3599.9, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    """Tenths below a minute, then two units."""
    assert duration(seconds) == text


def test_counts_agree_with_their_words() -> None:
    """One, many, none, and plurals of their own."""
    assert counted(1, "trade") == "1 trade"
    assert counted(2000, "trade") == "2,000 trades"
    assert counted(0, "entry", "entries") == "no entries"


def test_a_table_is_aligned() -> None:
    """Numbers end together, texts begin together, no blanks at the end of a line."""
    lines = table(("name", "count"), [("a", "1"), ("bbbbb", "100")], frozenset({1}))

    assert lines == ["name   count", "a          1", "bbbbb    100"]
    assert table(("a", "b"), [("x", "")], frozenset()) == ["a  b", "x"]


def test_a_line_is_cut_to_the_page() -> None:
    """Only where there is a page."""
    assert cut("abcdefgh", 6) == "abc..."
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefgh", None) == "abcdefgh"
