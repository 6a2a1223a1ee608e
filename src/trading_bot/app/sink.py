"""The journal's writer as the ports the shell and the paper broker use."""

from collections.abc import Mapping, Sequence

from trading_bot.ports.clock import Clock
from trading_bot.ports.records import STREAM_PAPER_BROKER, STREAM_TAPE
from trading_bot.storage.writer import JournalWriter


class WriterSink:
    """RecordSink: durable when it returns.

    A stream found damaged at the start takes no lines and is passed over: the owner knows of it,
    nothing is opened, and what happens to the positions is recorded in the others. Not so the paper
    broker's ledger, which is the account itself.
    """

    def __init__(self, writer: JournalWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
        """Write and sync; HaltError when the journal is poisoned or that ledger damaged."""
        damaged = self._writer.journal.damaged - {STREAM_PAPER_BROKER}
        if damaged:
            batch = {stream: lines for stream, lines in batch.items() if stream not in damaged}
        with self._clock.activity():
            await self._writer.append(batch)


class WriterTape:
    """Tape: written at once by the caller, synced when asked."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer = writer

    def put(self, line: str) -> None:
        """Write without waiting for a sync; nothing while the tape is damaged."""
        if STREAM_TAPE in self._writer.journal.damaged:
            return
        self._writer.append_now({STREAM_TAPE: [line]})

    async def sync(self) -> None:
        """Make it durable."""
        await self._writer.sync_tape()
