"""The one writer: a thread that writes for the async shell, everything that waits in one go."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, TypeVar

from trading_bot.domain.errors import HaltError
from trading_bot.ports.records import STREAM_TAPE
from trading_bot.storage.heads import Head
from trading_bot.storage.streams import JournalSet

# More than this is not put into one group: the first to wait would wait for all.
GROUP_MAX: Final = 1024

_Result = TypeVar("_Result")


@dataclass(slots=True)
class _Job:
    """A batch of encoded lines, or an operation on the set.

    `waiting` is the future of whoever waits: asyncio's, of `loop`, or without one a thread's.
    """

    batch: dict[str, list[bytes]] | None = None
    operation: Callable[[JournalSet], object] | None = None
    loop: asyncio.AbstractEventLoop | None = None
    waiting: Any = None


class JournalWriter:
    """Writes to a `JournalSet` in the order of the calls; owns the set until `close`.

    Batches that wait together are one write and one sync per file. A failure reaches everyone
    whose batch was in it, and everyone after them.
    """

    def __init__(self, journal: JournalSet) -> None:
        self._journal = journal
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def journal(self) -> JournalSet:
        """The set, to ask for heads, damage, recoveries; its writing methods are the thread's."""
        return self._journal

    async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
        """Return when every line is durable (the tape: written). Streams in the batch's order.

        ValueError or JournalDamagedError at once, with nothing written; JournalPoisonedError when
        the disk failed, now or before. A cancelled caller's lines are written all the same.
        """
        await self._submit(self._journal.encode(batch), None)

    async def run(self, operation: Callable[[JournalSet], _Result]) -> _Result:
        """Let the thread do something with the set, after all that was asked for before."""
        result: _Result = await self._submit(None, operation)
        return result

    async def roll(self, trading_day: date) -> None:
        """`JournalSet.roll` in its turn."""
        await self.run(lambda journal: journal.roll(trading_day))

    async def sync_seals(self) -> None:
        """`JournalSet.sync_seals` in its turn; the shell asks for it each second."""
        await self.run(JournalSet.sync_seals)

    async def sync_tape(self) -> None:
        """`JournalSet.sync_tape` in its turn."""
        await self.run(JournalSet.sync_tape)

    async def reopen(self) -> None:
        """Go on with new descriptors after a full disk was given room; `JournalSet.reopen`.

        Raises as that does, and is then finished like the set.
        """

        def exchange(journal: JournalSet) -> None:
            self._journal = journal.reopen()

        await self.run(exchange)

    async def record_interim_heads(self) -> tuple[Head, ...]:
        """`JournalSet.record_interim_heads` in its turn."""
        return await self.run(JournalSet.record_interim_heads)

    def append_now(self, batch: Mapping[str, Sequence[str]]) -> None:
        """As `append`, but the calling thread waits: for the last stage of a stop.

        A batch of the tape alone is written by the caller itself, without a wait (microseconds);
        whoever does so gives the tape to no other method.
        """
        encoded = self._journal.encode(batch)
        if encoded.keys() <= {STREAM_TAPE}:
            self._journal.append_encoded(encoded)
            return
        self._refuse_closed()
        waiting: Future[object] = Future()
        self._jobs.put(_Job(encoded, waiting=waiting))
        waiting.result()

    def close(self) -> None:
        """Write what waits, sync, close the set, end the thread. Twice is once."""
        if self._is_closed:
            return
        self._is_closed = True
        self._jobs.put(None)
        self._thread.join()
        self._refuse_late()
        self._journal.close()

    async def aclose(self) -> None:
        """`close` without holding up the loop."""
        await asyncio.to_thread(self.close)

    async def __aenter__(self) -> "JournalWriter":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _refuse_late(self) -> None:
        """Tell whoever asked during the close that nothing was written."""
        late: list[_Job] = []
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is not None:
                late.append(job)
        _settle(late, None, HaltError("the journal is closed"))

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise HaltError("the journal is closed")

    def _submit(
        self,
        batch: dict[str, list[bytes]] | None,
        operation: Callable[[JournalSet], object] | None,
    ) -> asyncio.Future[Any]:
        self._refuse_closed()
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        self._jobs.put(_Job(batch, operation, loop, waiting))
        return waiting

    def _run(self) -> None:
        job = self._jobs.get()
        while job is not None:
            if job.batch is None:
                _settle([job], *self._perform(job))
                job = self._jobs.get()
                continue
            group = [job]
            following = self._collect(group)
            _settle(group, None, self._write(group))
            job = self._jobs.get() if following is _NOTHING else following

    def _collect(self, group: list[_Job]) -> _Job | None:
        """Add the batches that wait; return the first job that is none, or that nothing waits."""
        while len(group) < GROUP_MAX:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return _NOTHING
            if job is None or job.batch is None:
                return job
            group.append(job)
        return _NOTHING

    def _perform(self, job: _Job) -> tuple[object, BaseException | None]:
        assert job.operation is not None
        try:
            return job.operation(self._journal), None
        except Exception as error:  # noqa: BLE001 - the one who asked gets it
            return None, error

    def _write(self, group: list[_Job]) -> BaseException | None:
        try:
            self._journal.append_encoded(_merged(group))
        except Exception as error:  # noqa: BLE001 - everyone who waits gets it
            return error
        return None


_NOTHING: Final = _Job()


def _merged(group: list[_Job]) -> dict[str, list[bytes]]:
    """All lines by stream, in order; the streams in the order of their first line."""
    if len(group) == 1:
        return group[0].batch or {}
    merged: dict[str, list[bytes]] = {}
    for job in group:
        for stream, raw in (job.batch or {}).items():
            merged.setdefault(stream, []).extend(raw)
    return merged


def _settle(group: list[_Job], result: object, error: BaseException | None) -> None:
    """Tell all who wait: once per event loop, not once per batch."""
    loops: dict[asyncio.AbstractEventLoop, list[Any]] = {}
    for job in group:
        if job.loop is None:
            _resolve([job.waiting], result, error)
        else:
            loops.setdefault(job.loop, []).append(job.waiting)
    for loop, waiters in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, waiters, result, error)
        except RuntimeError:
            # The loop is closed: nobody is left to hear it, and the lines are on disk or the
            # journal is poisoned, which the next call says.
            continue


def _resolve(waiters: list[Any], result: object, error: BaseException | None) -> None:
    for waiting in waiters:
        if waiting.done():
            continue  # cancelled while it waited
        if error is None:
            waiting.set_result(result)
        else:
            waiting.set_exception(error)
