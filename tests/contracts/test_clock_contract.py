"""What every Clock promises, asked of each of them."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trading_bot.ports.clock import Clock
from trading_bot.runtime.clocks import PacedClock, SystemClock
from trading_bot.runtime.lockstep import LockstepClock

START = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
TICK_S = 0.02

CLOCKS: dict[str, Callable[[], Clock]] = {
    "system": SystemClock,
    "paced": lambda: PacedClock(START, 4),
    "lockstep": lambda: LockstepClock(START),
}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    return CLOCKS[request.param]()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(bounded())


def test_time_is_aware_utc(clock: Clock) -> None:
    """Nobody gets a naive time."""
    assert clock.now().utcoffset() == timedelta(0)


def test_sleep_lasts_at_least_as_long(clock: Clock) -> None:
    """On the clock's own time, wall and monotonic."""
    wall, duration = clock.now(), clock.monotonic()

    run(clock.sleep(TICK_S))

    # The event loop may wake a sleeper one tick of its resolution early.
    assert clock.monotonic() - duration >= TICK_S * 0.9
    assert clock.now() - wall >= timedelta(seconds=TICK_S * 0.9)


def test_sleep_until_ends_at_or_after_the_time(clock: Clock) -> None:
    """And at once for a time gone by."""
    at = clock.now() + timedelta(seconds=TICK_S)

    run(clock.sleep_until(at))
    arrived = clock.now()
    run(clock.sleep_until(START - timedelta(days=10_000)))

    assert arrived >= at
    assert clock.now() - arrived < timedelta(seconds=5)


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_time_is_no_wait(clock: Clock, seconds: float) -> None:
    """Zero and less give way to other tasks and return."""
    turns: list[str] = []

    async def other() -> None:
        turns.append("other")

    async def sleeps() -> None:
        task = asyncio.ensure_future(other())
        await clock.sleep(seconds)
        turns.append("sleeper")
        await task

    run(sleeps())

    assert turns == ["other", "sleeper"]


def test_wait_says_whether_it_was_set(clock: Clock) -> None:
    """Set before, set meanwhile, not set in time."""

    async def waits() -> list[bool]:
        bell = asyncio.Event()
        late = await clock.wait(bell, clock.now() + timedelta(seconds=TICK_S))
        asyncio.get_running_loop().call_soon(bell.set)
        rung = await clock.wait(bell, clock.now() + timedelta(hours=1))
        already = await clock.wait(bell, clock.now() - timedelta(hours=1))
        return [late, rung, already]

    assert run(waits()) == [False, True, True]


@pytest.mark.parametrize("way", ["sleep", "sleep_until", "wait", "settle with work"])
def test_cancellation_leaves_at_once(clock: Clock, way: str) -> None:
    """Whatever it waits for, a cancelled task goes, and the clock goes on."""

    async def waiting() -> None:
        hour = clock.now() + timedelta(hours=1)
        if way == "sleep":
            await clock.sleep(3600)
        elif way == "sleep_until":
            await clock.sleep_until(hour)
        elif way == "wait":
            await clock.wait(asyncio.Event(), hour)
        else:
            with clock.activity():
                await asyncio.Event().wait()

    async def cancels() -> None:
        with clock.activity():
            task = asyncio.ensure_future(waiting())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await clock.sleep(TICK_S)
        await clock.settle()

    run(cancels())


def test_sleep_within_an_activity_ends(clock: Clock) -> None:
    """A wait inside work in flight holds nobody up."""

    async def works() -> None:
        with clock.activity():
            await clock.sleep(TICK_S)

    run(works())
