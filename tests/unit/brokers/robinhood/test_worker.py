"""One thread, one call at a time, and nobody waits for a call that hangs."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from trading_bot.brokers.robinhood.worker import Worker
from trading_bot.domain.errors import DataError, RetryableError


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("test-reads")
    yield made
    assert made.close(5)


def test_calls_run_one_after_the_other_on_one_thread(worker: Worker) -> None:
    """The library's session is not thread-safe: no two calls ever overlap."""
    names: set[str] = set()
    running: list[int] = []

    def call(number: int) -> int:
        running.append(number)
        assert len(running) == 1
        names.add(threading.current_thread().name)
        running.remove(number)
        return number

    async def calls() -> list[int]:
        return await asyncio.gather(*(worker.run(lambda n=n: call(n)) for n in range(200)))

    assert asyncio.run(calls()) == list(range(200))
    assert names == {"test-reads"}


def test_error_of_a_call_reaches_its_caller_only(worker: Worker) -> None:
    """A failed call fails where it was asked for, and the thread goes on."""

    def fails() -> None:
        raise DataError("no")

    async def calls() -> int:
        with pytest.raises(DataError):
            await worker.run(fails)
        return await worker.run(lambda: 7)

    assert asyncio.run(calls()) == 7


def test_call_cancelled_before_its_turn_is_not_made(worker: Worker) -> None:
    """What nobody waits for any more is not sent."""
    gate = threading.Event()
    made: list[str] = []

    async def calls() -> None:
        first = asyncio.ensure_future(worker.run(lambda: gate.wait(5)))
        second = asyncio.ensure_future(worker.run(lambda: made.append("second")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        gate.set()
        await first
        await worker.run(lambda: made.append("third"))

    asyncio.run(calls())

    assert made == ["third"]


def test_caller_cancelled_during_its_call_leaves_at_once(worker: Worker) -> None:
    """The thread finishes its call for nobody; the loop is free."""
    gate, begun = threading.Event(), threading.Event()

    def hangs() -> None:
        begun.set()
        gate.wait(5)

    async def calls() -> bool:
        task = asyncio.ensure_future(worker.run(hangs))
        await asyncio.to_thread(begun.wait, 5)
        task.cancel()
        await asyncio.wait([task])
        was_cancelled = task.cancelled() and not gate.is_set()
        gate.set()
        return was_cancelled

    assert asyncio.run(calls())


def test_close_does_not_wait_for_a_hanging_call() -> None:
    """The end of the process is not held up by a socket."""
    worker = Worker("test-hang")
    gate = threading.Event()

    async def calls() -> bool:
        task = asyncio.ensure_future(worker.run(lambda: gate.wait(5)))
        await asyncio.sleep(0.01)
        ended = worker.close()
        with pytest.raises(RetryableError, match="closed"):
            await worker.run(lambda: None)
        gate.set()
        await task
        return ended

    assert asyncio.run(calls()) is False
    assert worker._thread is not None
    assert worker._thread.daemon
    assert worker.close(5)


def test_inline_calls_need_no_thread() -> None:
    """A call that cannot block is made where it is asked for."""
    worker = Worker("test-inline", is_inline=True)

    name = asyncio.run(worker.run(lambda: threading.current_thread().name))

    assert name == threading.current_thread().name
    assert worker.close()
