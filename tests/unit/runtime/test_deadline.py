"""Work that must be over by a time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from trading_bot.runtime.deadline import finish_by
from trading_bot.runtime.lockstep import LockstepClock

START = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
LIMIT = START + timedelta(seconds=10)


def test_result_and_error_come_through() -> None:
    """In time it is as if there were no limit."""

    async def play() -> None:
        clock = LockstepClock(START)

        async def work(seconds: float) -> str:
            await clock.sleep(seconds)
            return "done"

        async def broken() -> None:
            raise LookupError

        assert await finish_by(clock, LIMIT, work(9)) == "done"
        with pytest.raises(LookupError):
            await finish_by(clock, LIMIT, broken())

    asyncio.run(play())


def test_late_work_is_cancelled_and_over_before_it_is_told() -> None:
    """At the limit, to the moment, and the work has cleaned up by then."""
    ended: list[str] = []

    async def never() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cleaned up")

    async def play() -> None:
        clock = LockstepClock(START)
        with pytest.raises(TimeoutError):
            await finish_by(clock, LIMIT, never())
        assert clock.now() == LIMIT
        assert ended == ["cleaned up"]

    asyncio.run(play())


def test_whoever_waits_may_leave() -> None:
    """Cancelled from outside, the work is cancelled too, and cancellation goes on."""
    ended: list[str] = []

    async def never() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cleaned up")

    async def play() -> None:
        clock = LockstepClock(START)
        waiting = asyncio.ensure_future(finish_by(clock, LIMIT, never()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert ended == ["cleaned up"]

    asyncio.run(play())
