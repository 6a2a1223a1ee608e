"""Work that must be over by a time, or that must not be broken off."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from trading_bot.runtime.deadline import StoppedError, finish_by, finish_unless, see_through
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


def test_without_a_stop_it_is_a_plain_call() -> None:
    """Its result or its error."""

    async def work(error: Exception | None) -> str:
        await asyncio.sleep(0)
        if error is not None:
            raise error
        return "done"

    async def play() -> None:
        assert await finish_unless(asyncio.Event(), work(None)) == "done"
        with pytest.raises(LookupError):
            await finish_unless(asyncio.Event(), work(LookupError()))

    asyncio.run(play())


def test_a_stop_ends_what_never_would() -> None:
    """The work is cancelled and has cleaned up before it is told."""
    ended: list[str] = []

    async def never() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cleaned up")

    async def play() -> None:
        stopped = asyncio.Event()
        waiting = asyncio.ensure_future(finish_unless(stopped, never()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stopped.set()
        with pytest.raises(StoppedError):
            await waiting

    asyncio.run(play())

    assert ended == ["cleaned up"]


def test_what_is_seen_through_gives_its_result_and_its_error() -> None:
    """As long as nobody cancels it is a plain call."""

    async def work(error: Exception | None) -> str:
        if error is not None:
            raise error
        return "done"

    async def play() -> None:
        assert await see_through(work(None), 1) == "done"
        with pytest.raises(LookupError):
            await see_through(work(LookupError()), 1)

    asyncio.run(play())


def test_who_cancels_waits_for_the_end_of_the_work() -> None:
    """Broken off it would cost more than late; the cancellation goes on after it."""
    done: list[str] = []

    async def play() -> None:
        started, goes_on = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            started.set()
            await goes_on.wait()
            done.append("stored")

        waiting = asyncio.ensure_future(see_through(work(), 60))
        await started.wait()
        waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(play())

    assert done == ["stored"]


def test_work_that_does_not_end_in_its_grace_is_cancelled() -> None:
    """A stop waits, but not for ever."""
    ended: list[str] = []

    async def never() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cleaned up")

    async def play() -> None:
        waiting = asyncio.ensure_future(see_through(never(), 0.01))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(play())

    assert ended == ["cleaned up"]
