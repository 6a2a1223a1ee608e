"""Does every line read as the record its stream promises?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trading_bot.brokers import paper_events
from trading_bot.core.codec import decode_event
from trading_bot.domain.errors import DataError
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.performance_metric import PerformanceMetric
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.session_record import SessionRecord
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import (
    STREAM_DECISIONS,
    STREAM_ORDERS,
    STREAM_PAPER_BROKER,
    STREAM_PERFORMANCE,
    STREAM_RISK,
    STREAM_SESSIONS,
    STREAM_TAPE,
    STREAM_TRADES,
)
from trading_bot.storage.heads import parse_head
from trading_bot.storage.home import Home
from trading_bot.storage.reader import Line, iter_lines
from trading_bot.storage.source import stream_files
from trading_bot.storage.streams import STREAM_HEADS, STREAMS

READERS: Final = MappingProxyType[str, Callable[[bytes], object]](
    {
        STREAM_TRADES: TradeRecord.from_jsonl_line,
        STREAM_ORDERS: OrderEvent.from_jsonl_line,
        STREAM_DECISIONS: DecisionRecord.from_jsonl_line,
        STREAM_PERFORMANCE: PerformanceMetric.from_jsonl_line,
        STREAM_RISK: RiskEvent.from_jsonl_line,
        STREAM_SESSIONS: SessionRecord.from_jsonl_line,
        STREAM_PAPER_BROKER: paper_events.decode,
        STREAM_TAPE: lambda raw: decode_event(raw.decode()),
        STREAM_HEADS: parse_head,
    }
)
"""Stream -> what makes a record of a line's bytes, or raises DataError."""

NUMBERED: Final = frozenset({STREAM_ORDERS, STREAM_DECISIONS, STREAM_PAPER_BROKER})
"""Streams whose records count from 0 over all files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A line that is not its stream's record; `line` counts from 1, `offset` in bytes from 0."""

    file: Path
    line: int
    offset: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, byte {self.offset}: unreadable: {self.what}"


def unreadable_lines(home: Home) -> Iterator[Unreadable]:
    """Every line of the home that is no record of its stream, or not the next one.

    A file that cannot be opened is left to the check of the seals, which names it.
    """
    for stream in STREAMS:
        read = READERS[stream]
        following = 0
        for path in filter(Path.is_file, stream_files(home, stream)):
            for line in iter_lines(path):
                try:
                    record = read(line.raw)
                except (DataError, UnicodeDecodeError) as error:
                    yield _unreadable(path, line, " ".join(str(error).split()))
                    continue
                if stream in NUMBERED:
                    number: int = getattr(record, "seq")  # noqa: B009 - three types share the name
                    if number != following:
                        what = f"expected the record numbered {following}, got {number}"
                        yield _unreadable(path, line, what)
                    following = number + 1


def _unreadable(path: Path, line: Line, what: str) -> Unreadable:
    return Unreadable(file=path, line=line.number, offset=line.offset, what=what)
