"""The clocks of real time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from trading_bot.runtime.clocks import PacedClock, SystemClock

START = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def test_paced_clock_runs_speed_times_as_fast() -> None:
    """Ten real seconds at speed 60 are ten minutes, in wall time and in durations."""
    real = [100.0]
    clock = PacedClock(START, 60, lambda: real[0])

    real[0] += 10

    assert clock.now() == START + timedelta(minutes=10)
    assert clock.monotonic() == 600


def test_paced_sleep_takes_its_share_of_real_time() -> None:
    """An hour at speed 1,000,000 is over in milliseconds and the wall time has arrived."""
    clock = PacedClock(START, 1_000_000)

    async def sleeps() -> None:
        async with asyncio.timeout(5):
            await clock.sleep(60)
            await clock.sleep_until(START + timedelta(hours=1))

    asyncio.run(sleeps())

    assert clock.now() >= START + timedelta(hours=1)


def test_wait_ends_with_signal_or_deadline() -> None:
    """Set: True at once; not set by then: False."""
    clock = PacedClock(START, 10_000)

    async def waits() -> tuple[bool, bool, bool]:
        bell = asyncio.Event()
        late = await clock.wait(bell, clock.now() + timedelta(seconds=10))
        asyncio.get_running_loop().call_soon(bell.set)
        with clock.activity():
            rung = await clock.wait(bell)
        past = await clock.wait(asyncio.Event(), START)
        return late, rung, past

    assert asyncio.run(waits()) == (False, True, False)


@pytest.mark.parametrize("speed", [0, -1])
def test_speed_must_be_positive(speed: float) -> None:
    """A clock that stands or runs backwards is refused."""
    with pytest.raises(ValueError, match="speed"):
        PacedClock(START, speed)


def test_naive_start_is_refused() -> None:
    """A clock without a zone would tell nobody's time."""
    with pytest.raises(ValueError, match="aware"):
        PacedClock(START.replace(tzinfo=None), 1)


def test_system_clock_tells_aware_utc_and_waits() -> None:
    """The machine's time, in UTC; a deadline in the past is no wait."""
    clock = SystemClock()

    async def waits() -> bool:
        await clock.sleep(0.001)
        await clock.sleep_until(clock.now() - timedelta(days=1))
        return await clock.wait(asyncio.Event(), clock.now() + timedelta(milliseconds=5))

    before = clock.monotonic()

    assert asyncio.run(waits()) is False
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() > before
