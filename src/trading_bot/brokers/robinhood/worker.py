"""One thread for all blocking calls on a session that is not thread-safe."""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from trading_bot.domain.errors import RetryableError

_T = TypeVar("_T")
_Job = Callable[[], None]


class Worker:
    """Runs calls one after the other on its own thread, started with the first.

    The thread is a daemon: a call that hangs on a socket must not hold up the end of the process,
    which an executor of the standard library would. With `is_inline` calls are made where they are
    asked for, without a thread: for calls that cannot block.
    """

    def __init__(self, name: str, *, is_inline: bool = False) -> None:
        self._name = name
        self._is_inline = is_inline
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    async def run(self, call: Callable[[], _T]) -> _T:
        """`call()`'s result or error. Cancelled while waiting for its turn, it is not made."""
        if self._is_closed:
            raise RetryableError(f"{self._name} is closed")
        if self._is_inline:
            return call()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        promise: Future[_T] = Future()

        def job() -> None:
            if promise.set_running_or_notify_cancel():
                try:
                    promise.set_result(call())
                except BaseException as error:  # noqa: BLE001 - it is the caller's, not the thread's
                    promise.set_exception(error)

        self._jobs.put(job)
        return await asyncio.wrap_future(promise)

    def close(self, timeout_s: float = 0.0) -> bool:
        """Take no more calls; True when the thread has ended within `timeout_s`."""
        self._is_closed = True
        if self._thread is None:
            return True
        self._jobs.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
