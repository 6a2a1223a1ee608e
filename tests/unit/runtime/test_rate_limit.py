"""The token bucket: never faster than said, urgent callers first."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.runtime.rate_limit import TokenBucket

Run = Callable[..., list[Any]]


def test_burst_then_rate(clock: LockstepClock, run: Run) -> None:
    """The burst goes at once, the rest at the rate, first come, first served."""
    bucket = TokenBucket(clock, per_second=2, burst=3)
    taken: list[tuple[int, float]] = []

    async def caller(name: int) -> None:
        await bucket.take()
        taken.append((name, clock.monotonic()))

    run(*(caller(name) for name in range(7)))

    assert taken == [(0, 0), (1, 0), (2, 0), (3, 0.5), (4, 1.0), (5, 1.5), (6, 2.0)]


def test_reserved_tokens_are_for_urgent_callers(clock: LockstepClock, run: Run) -> None:
    """An exit goes out at once though entries have used up all they may."""
    bucket = TokenBucket(clock, per_second=1 / 3, burst=3, reserved=2)

    assert bucket.try_take()
    assert not bucket.try_take()
    assert bucket.available() == 0
    assert bucket.available(urgent=True) == 2
    assert bucket.try_take(2, urgent=True)
    assert not bucket.try_take(urgent=True)


def test_urgent_caller_overtakes_those_who_wait(clock: LockstepClock, run: Run) -> None:
    """A stop does not queue behind entries."""
    bucket = TokenBucket(clock, per_second=1, burst=2, reserved=1)
    order: list[str] = []

    async def caller(name: str, delay_s: float, *, urgent: bool) -> None:
        await clock.sleep(delay_s)
        await bucket.take(urgent=urgent)
        order.append(f"{name} {clock.monotonic():g}")

    run(
        *(caller(f"entry{n}", 0, urgent=False) for n in range(3)),
        *(caller(f"stop{n}", 0.5, urgent=True) for n in range(3)),
    )

    assert order == ["entry0 0", "stop0 0.5", "stop1 1", "stop2 2", "entry1 4", "entry2 5"]


def test_those_who_are_always_urgent_starve_nobody(clock: LockstepClock, run: Run) -> None:
    """Orders read without a pause leave the quotes a turn each time none had one for so long."""
    bucket = TokenBucket(clock, per_second=2, burst=4, reserved=2, patience_s=3)
    turns: dict[bool, list[float]] = {True: [], False: []}

    async def caller(*, urgent: bool) -> None:
        while clock.monotonic() < 20:
            await bucket.take(urgent=urgent)
            turns[urgent].append(clock.monotonic())

    run(*(caller(urgent=urgent) for urgent in (True, True, False)))

    waits = [b - a for a, b in pairwise([0.0, *turns[False]])]
    assert max(waits) <= 3.5
    assert len(turns[False]) <= 8
    assert len(turns[True]) >= 4 * len(turns[False])


def test_without_patience_the_urgent_go_first_for_ever(clock: LockstepClock, run: Run) -> None:
    """Entries wait as long as sells take: the order budget asks for no patience."""
    bucket = TokenBucket(clock, per_second=2, burst=4, reserved=2)
    turns: list[float] = []

    async def urgent() -> None:
        while clock.monotonic() < 20:
            await bucket.take(urgent=True)

    async def other() -> None:
        await clock.sleep(1)
        await bucket.take()
        turns.append(clock.monotonic())

    run(urgent(), urgent(), other())

    assert turns[0] >= 20


def test_cancelled_waiter_gives_up_its_place(clock: LockstepClock, run: Run) -> None:
    """The next in line does not wait for somebody who left."""
    bucket = TokenBucket(clock, per_second=1, burst=1)

    async def scene() -> float:
        await bucket.take()
        first = asyncio.ensure_future(bucket.take())
        second = asyncio.ensure_future(bucket.take())
        await clock.sleep(0.5)
        first.cancel()
        await second
        return clock.monotonic()

    assert 1 <= run(scene())[0] <= 2


def test_try_take_does_not_overtake(clock: LockstepClock, run: Run) -> None:
    """Who does not wait may not take the token of one who does."""
    bucket = TokenBucket(clock, per_second=1, burst=1)

    async def scene() -> tuple[bool, float]:
        await bucket.take()
        waiting = asyncio.ensure_future(bucket.take())
        await asyncio.sleep(0)
        overtook = bucket.try_take()
        await waiting
        return overtook, clock.monotonic()

    assert run(scene()) == [(False, 1.0)]


def test_pause_keeps_everybody_waiting(clock: LockstepClock, run: Run) -> None:
    """After "try again in 14 seconds" nothing goes out for 14 seconds."""
    bucket = TokenBucket(clock, per_second=2, burst=4, reserved=2)

    bucket.pause(14)
    run(bucket.take(urgent=True))

    assert clock.monotonic() >= 14


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 2), st.booleans()), min_size=1, max_size=12)
)
def test_no_window_sees_more_than_burst_and_rate(calls: list[tuple[float, int, bool]]) -> None:
    """In any window of t seconds at most burst + t * rate tokens leave, however callers come."""
    from datetime import UTC, datetime

    clock = LockstepClock(datetime(2026, 11, 23, tzinfo=UTC))
    bucket = TokenBucket(clock, per_second=2, burst=4, reserved=2)
    taken: list[tuple[float, int]] = []

    async def caller(delay_s: float, count: int, urgent: bool) -> None:
        await clock.sleep(delay_s)
        await bucket.take(count, urgent=urgent)
        taken.append((clock.monotonic(), count))

    async def all_callers() -> None:
        await asyncio.gather(*(caller(*call) for call in calls))

    asyncio.run(all_callers())

    assert len(taken) == len(calls)
    for first, (begin, _) in enumerate(taken):
        for last, (end, _) in enumerate(taken[first:], first):
            total = sum(count for _, count in taken[first : last + 1])
            assert total <= 4 + (end - begin) * 2 + 1e-6


@pytest.mark.parametrize(
    ("rate", "burst", "reserved"), [(0, 1, 0), (1, 0, 0), (1, 2, 2), (1, 2, -1)]
)
def test_senseless_bucket_is_refused(
    clock: LockstepClock, rate: float, burst: int, reserved: int
) -> None:
    """A bucket out of which nobody could ever take is not made."""
    with pytest.raises(ValueError, match="bucket"):
        TokenBucket(clock, per_second=rate, burst=burst, reserved=reserved)


@pytest.mark.parametrize("count", [0, 3])
def test_more_than_the_bucket_holds_is_refused(clock: LockstepClock, run: Run, count: int) -> None:
    """Waiting for what never comes is an error, not a hang."""
    bucket = TokenBucket(clock, per_second=1, burst=3, reserved=1)

    with pytest.raises(ValueError, match="tokens"):
        run(bucket.take(count))
