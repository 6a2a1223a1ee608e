"""The journal's writer as the ports the shell and the paper broker use."""

from collections.abc import Mapping, Sequence

from trading_bot.ports.clock import Clock
from trading_bot.ports.records import STREAM_TAPE
from trading_bot.storage.writer import JournalWriter


class WriterSink:
    """RecordSink: durable when it returns."""

    def __init__(self, writer: JournalWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
        """Write and sync; HaltError when the journal is poisoned or damaged."""
        with self._clock.activity():
            await self._writer.append(batch)


class WriterTape:
    """Tape: written at once by the caller, synced when asked."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer = writer

    def put(self, line: str) -> None:
        """Write without waiting for a sync."""
        self._writer.append_now({STREAM_TAPE: [line]})

    async def sync(self) -> None:
        """Make it durable."""
        await self._writer.sync_tape()
