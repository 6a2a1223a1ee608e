"""The server's clock against ours."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from support.paper import TEN
from trading_bot.brokers.robinhood.server_time import READINGS_KEPT, ServerTime


def noted(*seconds: float) -> ServerTime:
    time = ServerTime()
    for ahead in seconds:
        time.note(format_datetime(TEN + timedelta(seconds=ahead), usegmt=True), TEN)
    return time


def test_without_a_reading_the_clocks_agree() -> None:
    """Nothing else can be said."""
    assert ServerTime().earliest(TEN) == TEN


def test_a_server_behind_us_widens_the_window() -> None:
    """It stamped our order with an earlier time than we did."""
    assert noted(-90).earliest(TEN) == TEN - timedelta(seconds=90)


def test_a_server_ahead_of_us_narrows_nothing() -> None:
    """The earlier of the two clocks counts."""
    assert noted(90).earliest(TEN) == TEN


def test_one_answer_that_lies_is_kept_for_a_while_on_the_safe_side() -> None:
    """A window too long costs a page, one too short loses an order."""
    assert noted(0, -60, 0).earliest(TEN) == TEN - timedelta(seconds=60)
    assert noted(-60, *[0] * READINGS_KEPT).earliest(TEN) == TEN


@pytest.mark.parametrize(
    "header",
    [
        "",
        "soon",
        "Mon, 99 Nov 2026 99:00:00 GMT",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +0500",
        "Mon, 23 Nov 2026 14:30:00 -99999999999999999",
    ],
)
def test_a_date_that_cannot_be_read_says_nothing(header: str) -> None:
    """Nor does a clock that is days off."""
    time = noted(-30)

    time.note(header, TEN)
    time.note(format_datetime(TEN - timedelta(days=300), usegmt=True), TEN)

    assert time.earliest(TEN) == TEN - timedelta(seconds=30)


def test_the_skew_is_the_middle_of_the_last_answers() -> None:
    """Unknown after one answer; one that hung on its way does not move it."""
    assert noted(120).ahead_s is None
    assert noted(120, 120, 60, 120, 119).ahead_s == 120.0
