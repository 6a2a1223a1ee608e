"""Where a run or a day starts from, as the records tell it."""

import hashlib
from collections.abc import Iterator
from datetime import date
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


_T = TypeVar("_T", bound=msgspec.Struct)


class _Closing(msgspec.Struct):
    watch_until: str = ""


class _OrderHead(msgspec.Struct):
    seq: int
    kind: str
    timestamp: str
    correlation_id: str | None = None


class _ClosedHead(msgspec.Struct):
    data: _Closing


class _DecisionHead(msgspec.Struct):
    seq: int


class _NoteData(msgspec.Struct):
    trading_day: str = ""


class _Note(msgspec.Struct):
    data: _NoteData


def read_start(source: RecordSource, trading_day: date) -> StartState:
    """The start of `trading_day`; what cannot be read is left out and makes it protect-only."""
    problems: list[str] = []
    order_lines, order_seq = _open_orders(source, trading_day, problems)
    last_decision = source.tail(STREAM_DECISIONS, 1)
    head = _decode(last_decision[0], _DecisionHead, problems) if last_decision else None
    return StartState(
        trading_day=trading_day,
        order_lines=order_lines,
        trade_lines=tuple(source.tail(STREAM_TRADES, _TRADE_LINES)),
        risk_lines=tuple(_breaker_lines(source)),
        order_seq=order_seq,
        decision_seq=head.seq + 1 if head is not None else 0,
        protect_only=f"damaged record: {'; '.join(problems)}" if problems else "",
    )


def start_hash(start: StartState) -> str:
    """SHA-256 of the start, 64 hex digits; the session record carries it."""
    return hashlib.sha256(encode_start(start)).hexdigest()


def _open_orders(
    source: RecordSource, trading_day: date, problems: list[str]
) -> tuple[tuple[str, ...], int]:
    open_trades: dict[str, list[tuple[int, str]]] = {}
    watched: dict[str, tuple[str, list[tuple[int, str]]]] = {}
    # Trades that the last step closed: a crash may have kept their trade records from the disk.
    just_closed: list[tuple[int, str]] = []
    last_at = ""
    notes: list[tuple[int, str]] = []
    following = 0
    for line in source.lines(STREAM_ORDERS):
        head = _decode(line, _OrderHead, problems)
        if head is None:
            continue
        following = head.seq + 1
        if head.timestamp != last_at:
            last_at = head.timestamp
            just_closed.clear()
        if head.kind == "note":
            note = _decode(line, _Note, problems)
            if note is not None and note.data.trading_day == trading_day.isoformat():
                notes.append((head.seq, line))
        elif head.correlation_id is not None:
            trade_id = head.correlation_id
            if head.kind == "reopened":
                open_trades[trade_id] = watched.pop(trade_id, ("", []))[1]
                just_closed = [pair for pair in just_closed if pair not in open_trades[trade_id]]
            open_trades.setdefault(trade_id, []).append((head.seq, line))
            if head.kind == "closed":
                _forget_old(watched, head.timestamp)
                closed = _decode(line, _ClosedHead, problems)
                watched[trade_id] = (
                    closed.data.watch_until if closed else "",
                    open_trades[trade_id],
                )
                just_closed.extend(open_trades.pop(trade_id))
    groups = [*open_trades.values(), just_closed, notes]
    groups += [lines for until, lines in watched.values() if until >= trading_day.isoformat()]
    kept = sorted({pair for lines in groups for pair in lines})
    return tuple(line for _, line in kept), following


def _forget_old(watched: dict[str, tuple[str, list[tuple[int, str]]]], now: str) -> None:
    """Closed trades that nobody watches any more; times as the record writes them sort by time."""
    for trade_id in [key for key, (until, _) in watched.items() if until < now]:
        del watched[trade_id]


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
