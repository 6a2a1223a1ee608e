"""Where records go and come from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

STREAM_TRADES = "trades"
STREAM_ORDERS = "orders"
STREAM_DECISIONS = "decisions"
STREAM_PERFORMANCE = "performance-alerts"
STREAM_RISK = "risk-management"
STREAM_SESSIONS = "sessions"
STREAM_TAPE = "tape"
STREAM_PAPER_BROKER = "paper-broker"


class RecordSink(Protocol):
    """The one writer. A batch maps a stream's name to lines without their LF."""

    async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
        """Return when every line is durable; HaltError when the journal is poisoned."""
        ...


class Tape(Protocol):
    """Where every event goes before it is stepped."""

    def put(self, line: str) -> None:
        """Write the line, without waiting for a sync; HaltError when the journal is poisoned."""
        ...

    async def sync(self) -> None:
        """Return when every line put before is durable; HaltError when the journal is poisoned."""
        ...


class RecordSource(Protocol):
    """The reader over a stream's files, archive included, oldest first."""

    def lines(self, stream: str) -> Iterator[str]:
        """Every whole line of the stream."""
        ...

    def tail(self, stream: str, count: int) -> list[str]:
        """The last `count` whole lines, oldest first."""
        ...
