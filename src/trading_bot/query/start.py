"""Where a run or a day starts from, as the records tell it."""

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TypeVar

import msgspec

from trading_bot.core.codec import encode_start
from trading_bot.core.events import StartState
from trading_bot.ports.records import (
    STREAM_DECISIONS,
    STREAM_ORDERS,
    STREAM_RISK,
    STREAM_TRADES,
    RecordSource,
)

_TRADE_LINES = 1_000
"""Enough trade lines for the performance window and one day of the contract's busiest scale."""

_CLOSED_KEPT = timedelta(days=5)
"""How long the orders of a closed trade are still known by name: longer than a start looks back."""

_KEPT_NOTES = frozenset(
    {
        "protect_only",
        "protect_only_ended",
        "difference",
        "difference_vanished",
        "difference_over",
        "oversold",
    }
)
"""Notes that hold over days and restarts: what a person must settle, and what one settled."""


_T = TypeVar("_T", bound=msgspec.Struct)


class _Closing(msgspec.Struct):
    watch_until: str = ""


class _OrderHead(msgspec.Struct):
    seq: int
    kind: str
    timestamp: str
    correlation_id: str | None = None
    ref_id: str | None = None


class _ClosedHead(msgspec.Struct):
    data: _Closing


class _DecisionHead(msgspec.Struct):
    seq: int


class _NoteData(msgspec.Struct):
    trading_day: str = ""
    what: str = ""


class _Note(msgspec.Struct):
    data: _NoteData


def read_start(source: RecordSource, trading_day: date) -> StartState:
    """The start of `trading_day`; what cannot be read is left out and makes it protect-only."""
    problems: list[str] = []
    orders = _read_orders(source, trading_day, problems)
    last_decision = source.tail(STREAM_DECISIONS, 1)
    head = _decode(last_decision[0], _DecisionHead, problems) if last_decision else None
    return StartState(
        trading_day=trading_day,
        order_lines=orders.lines(),
        trade_lines=tuple(source.tail(STREAM_TRADES, _TRADE_LINES)),
        risk_lines=tuple(_breaker_lines(source)),
        order_seq=orders.following,
        decision_seq=head.seq + 1 if head is not None else 0,
        protect_only=f"damaged record: {'; '.join(problems)}" if problems else "",
        closed_ref_ids=tuple(dict.fromkeys(orders.closed_ref_ids)),
    )


def start_hash(start: StartState) -> str:
    """SHA-256 of the start, 64 hex digits; the session record carries it."""
    return hashlib.sha256(encode_start(start)).hexdigest()


_Lines = list[tuple[int, str]]


class _Orders:
    """One walk over the orders' record: what is open, what notes hold, what was closed."""

    def __init__(self, trading_day: date) -> None:
        self.following = 0
        self.closed_ref_ids: list[str] = []
        self._day = trading_day.isoformat()
        self._closed_since = (trading_day - _CLOSED_KEPT).isoformat()
        self._open: dict[str, _Lines] = {}
        self._watched: dict[str, tuple[str, _Lines]] = {}
        self._names: dict[str, list[str]] = {}
        # What their trade records say is true with the busts alone; there are few of them.
        self._busted: set[str] = set()
        # Trades that the last step closed: a crash may have kept their trade records from the disk.
        self._just_closed: _Lines = []
        self._last_at = ""
        self._notes: _Lines = []

    def take(self, head: _OrderHead, line: str, problems: list[str]) -> None:
        """The next line of the record."""
        self.following = head.seq + 1
        if head.timestamp != self._last_at:
            self._last_at = head.timestamp
            self._just_closed.clear()
        if head.kind == "note":
            note = _decode(line, _Note, problems)
            if note is not None and self._counts(note.data):
                self._notes.append((head.seq, line))
        elif head.correlation_id is not None:
            self._take_trade(head.correlation_id, head, line, problems)

    def _counts(self, note: _NoteData) -> bool:
        return note.trading_day == self._day or note.what in _KEPT_NOTES

    def _take_trade(self, trade_id: str, head: _OrderHead, line: str, problems: list[str]) -> None:
        if head.kind == "reopened":
            self._open[trade_id] = self._watched.pop(trade_id, ("", []))[1]
            again = self._open[trade_id]
            self._just_closed = [pair for pair in self._just_closed if pair not in again]
        self._open.setdefault(trade_id, []).append((head.seq, line))
        if head.kind == "intent" and head.ref_id is not None:
            self._names.setdefault(trade_id, []).append(head.ref_id)
        elif head.kind == "bust":
            self._busted.add(trade_id)
        elif head.kind == "closed":
            self._close(trade_id, head, line, problems)

    def _close(self, trade_id: str, head: _OrderHead, line: str, problems: list[str]) -> None:
        self._forget_old(head.timestamp)
        closed = _decode(line, _ClosedHead, problems)
        until = closed.data.watch_until if closed else ""
        self._watched[trade_id] = (until, self._open[trade_id])
        self._just_closed.extend(self._open.pop(trade_id))
        if head.timestamp >= self._closed_since:
            self.closed_ref_ids.extend(self._names.get(trade_id, []))

    def lines(self) -> tuple[str, ...]:
        """What a start is made from, in the record's order."""
        groups = [*self._open.values(), self._just_closed, self._notes]
        groups += [
            lines
            for trade_id, (until, lines) in self._watched.items()
            if until >= self._day or trade_id in self._busted
        ]
        return tuple(line for _, line in sorted({pair for lines in groups for pair in lines}))

    def _forget_old(self, now: str) -> None:
        """Closed trades nobody watches any more; times as the record writes them sort by time."""
        old = [key for key, (until, _) in self._watched.items() if until < now]
        for trade_id in old:
            if trade_id not in self._busted:
                del self._watched[trade_id]


def _read_orders(source: RecordSource, trading_day: date, problems: list[str]) -> _Orders:
    orders = _Orders(trading_day)
    for line in source.lines(STREAM_ORDERS):
        head = _decode(line, _OrderHead, problems)
        if head is not None:
            orders.take(head, line, problems)
    return orders


def _breaker_lines(source: RecordSource) -> Iterator[str]:
    for line in source.lines(STREAM_RISK):
        if '"circuit_breaker_' in line:
            yield line


def _decode(line: str, shape: type[_T], problems: list[str]) -> _T | None:
    try:
        return msgspec.json.decode(line, type=shape)
    except msgspec.MsgspecError as error:
        problems.append(f"{error}: {line[:80]!r}")
        return None
