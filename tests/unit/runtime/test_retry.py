"""Reads are repeated within bounds, on the clock, and nothing else is."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from trading_bot.domain.errors import (
    DataError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    UnknownOutcomeError,
)
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.runtime.retry import ONCE, READ, Retrier, RetryPolicy

Run = Callable[..., list[Any]]
START = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


class Read:
    """Fails as told, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_read_that_recovers_is_answered(clock: LockstepClock, run: Run) -> None:
    """Two failures and an answer are an answer, told twice, some time later."""
    told: list[tuple[str, int]] = []
    retrier = Retrier(clock, random.Random(7), lambda p, n, _w, _e: told.append((p.name, n)))
    read = Read(RetryableError("a"), RetryableError("b"))

    assert run(retrier.call(READ, read)) == ["answer"]
    assert told == [("read", 1), ("read", 2)]
    assert 0 < clock.monotonic() <= 0.5 + 1.0


def test_attempts_are_bounded(clock: LockstepClock, run: Run) -> None:
    """After the last attempt the last error leaves as it is."""
    errors = [RetryableError(str(n)) for n in range(9)]
    read = Read(*errors)

    with pytest.raises(RetryableError, match="3"):
        run(Retrier(clock, random.Random(7)).call(READ, read))
    assert read.calls == READ.attempts_max


def test_once_is_once(clock: LockstepClock, run: Run) -> None:
    """A poll is not repeated and waits for nothing."""
    read = Read(RetryableError("a", retry_after_s=3))

    with pytest.raises(RetryableError):
        run(Retrier(clock, random.Random(7)).call(ONCE, read))
    assert (read.calls, clock.monotonic()) == (1, 0)


def test_wait_asked_for_is_honoured(clock: LockstepClock, run: Run) -> None:
    """The wait is what the other side asked for and a little more, never less."""
    read = Read(RetryableError("a", retry_after_s=12))

    run(Retrier(clock, random.Random(7)).call(READ, read))

    assert 12 <= clock.monotonic() <= 12.5


def test_wait_past_the_deadline_is_not_begun(clock: LockstepClock, run: Run) -> None:
    """Asked to wait longer than the policy lasts, the read fails at once."""
    read = Read(RetryableError("a", retry_after_s=READ.deadline_s + 1))

    with pytest.raises(RetryableError):
        run(Retrier(clock, random.Random(7)).call(READ, read))
    assert (read.calls, clock.monotonic()) == (1, 0)


def test_deadline_counts_the_time_the_attempts_took(clock: LockstepClock, run: Run) -> None:
    """Slow attempts use the deadline up before the attempts are."""
    policy = RetryPolicy(name="test", attempts_max=100, deadline_s=30, wait_base_s=0)
    calls = 0

    async def slow() -> None:
        nonlocal calls
        calls += 1
        await clock.sleep(8)
        raise RetryableError("slow")

    with pytest.raises(RetryableError):
        run(Retrier(clock, random.Random(7)).call(policy, slow))
    assert calls == 4


@pytest.mark.parametrize(
    "error",
    [
        DataError("x"),
        SessionExpiredError("x"),
        UnknownOutcomeError("x"),
        RejectedError("x"),
        ValueError("x"),
    ],
)
def test_other_errors_leave_at_once(clock: LockstepClock, run: Run, error: Exception) -> None:
    """Only what says that it may be repeated is repeated."""
    read = Read(error)

    with pytest.raises(type(error)):
        run(Retrier(clock, random.Random(7)).call(READ, read))
    assert read.calls == 1


def test_cancellation_leaves_from_read_and_from_wait(clock: LockstepClock, run: Run) -> None:
    """Neither the attempt nor the wait holds a cancelled task."""

    async def cancelled(read: Any) -> bool:
        task = asyncio.ensure_future(Retrier(clock, random.Random(7)).call(READ, read))
        await clock.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    async def hangs() -> None:
        await clock.sleep(100)

    assert run(cancelled(hangs)) == [True]
    assert run(cancelled(Read(*[RetryableError("a", retry_after_s=9)] * 5))) == [True]


def test_same_chance_same_waits(run: Run) -> None:
    """Jitter comes from the generator given, so a rehearsal repeats."""
    waits: list[list[float]] = []
    for _ in range(2):
        clock = LockstepClock(START)
        drawn: list[float] = []
        retrier = Retrier(clock, random.Random(3), lambda _p, _n, wait, _e, d=drawn: d.append(wait))
        run(retrier.call(READ, Read(*[RetryableError("a")] * 3)))
        waits.append(drawn)

    assert waits[0] == waits[1]
    assert len(set(waits[0])) == 3


@pytest.mark.parametrize("field", ["attempts_max", "deadline_s", "wait_base_s", "wait_max_s"])
def test_senseless_policy_is_refused(field: str) -> None:
    """No attempt or a negative time is no policy."""
    values: dict[str, Any] = {"name": "x", "attempts_max": 1, "deadline_s": 1, field: -1}

    with pytest.raises(ValueError, match=r"policy|attempt"):
        RetryPolicy(**values)
