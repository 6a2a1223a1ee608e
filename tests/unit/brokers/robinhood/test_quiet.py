"""Quiet that is asked for: kept, but not for longer than the line can afford."""

from datetime import timedelta

import pytest

from support.paper import SetClock
from trading_bot.brokers.robinhood.quiet import Quiet
from trading_bot.domain.errors import RetryableError


def test_quiet_is_kept_for_as_long_as_asked() -> None:
    """Nothing is sent a moment too early."""
    clock = SetClock()
    quiet = Quiet(clock, max_s=30)
    quiet.hear(429, 14)

    clock.at += timedelta(seconds=13)
    with pytest.raises(RetryableError, match=r"1\.0 s more") as caught:
        quiet.check()
    assert caught.value.retry_after_s == pytest.approx(1)

    clock.at += timedelta(seconds=1)
    quiet.check()


def test_of_a_long_quiet_only_so_much_is_kept_at_a_time() -> None:
    """Then one more try, and from its refusal on as much again."""
    clock = SetClock()
    quiet = Quiet(clock, max_s=30)
    quiet.hear(503, 300)

    clock.at += timedelta(seconds=30)
    quiet.check()
    assert quiet.asked_left_s == pytest.approx(270)

    quiet.hear(503, 300)
    with pytest.raises(RetryableError):
        quiet.check()


def test_a_good_answer_ends_what_was_asked() -> None:
    """The line is open again, as has been seen."""
    quiet = Quiet(SetClock(), max_s=30)
    quiet.hear(503, 300)

    quiet.hear(201, None)

    assert quiet.asked_left_s == 0
