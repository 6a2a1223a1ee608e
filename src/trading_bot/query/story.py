"""What the records hold of one symbol on one trading day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.line import parse_timestamp
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.session_record import SessionRecord
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import (
    STREAM_DECISIONS,
    STREAM_ORDERS,
    STREAM_RISK,
    STREAM_SESSIONS,
    STREAM_TRADES,
)
from trading_bot.query.busts import Counted, count
from trading_bot.query.records import HomeRecords
from trading_bot.query.words import new_york
from trading_bot.risk.risk_events import RESET_EVENT, TRIP_EVENT

_Record = TypeVar("_Record", TradeRecord, DecisionRecord, OrderEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolDay:
    """One symbol's records of one day, oldest first.

    `orders` go on to the end of the trades that the day began. `risks` are what the risk side found
    in the symbol, refusals left out, and every trip and reset of a breaker.
    """

    symbol: str
    day: date
    trades: tuple[Counted, ...]
    decisions: tuple[DecisionRecord, ...]
    orders: tuple[OrderEvent, ...]
    risks: tuple[RiskEvent, ...] = ()

    @property
    def refusals(self) -> tuple[DecisionRecord, ...]:
        """The decisions that let nothing through."""
        return tuple(record for record in self.decisions if not record.is_approved)

    def events_of(self, trade_id: str) -> tuple[OrderEvent, ...]:
        """The life of one trade."""
        return tuple(event for event in self.orders if event.correlation_id == trade_id)


def watched_symbols(records: HomeRecords) -> set[str]:
    """Every symbol that a session of the home had on its watchlist."""
    found: set[str] = set()
    for line in records.lines(STREAM_SESSIONS):
        watched = SessionRecord.from_jsonl_line(line).config.get("watchlist")
        if isinstance(watched, list):
            found.update(str(name) for name in watched)
    return found


def decided_symbols(records: HomeRecords) -> set[str]:
    """Every symbol that a strategy ever wanted; reads all decisions."""
    heads = (_head(line, STREAM_DECISIONS) for line in records.lines(STREAM_DECISIONS))
    return {head.symbol for head in heads if head.symbol is not None}


def symbol_day(records: HomeRecords, symbol: str, day: date) -> SymbolDay:
    """What is on record; empty where nothing is. DataError when a line cannot be read."""
    return SymbolDay(
        symbol=symbol,
        day=day,
        trades=tuple(count(records, _of(records, STREAM_TRADES, TradeRecord, symbol, day, day))),
        decisions=_of(records, STREAM_DECISIONS, DecisionRecord, symbol, day, day),
        orders=_of(records, STREAM_ORDERS, OrderEvent, symbol, day, date.max),
        risks=_risks(records, symbol, day),
    )


def latest_day(records: HomeRecords, symbol: str) -> date | None:
    """The latest day on which the symbol was looked at: by its tape, else by its records."""
    for day in reversed(records.tapes()):
        if any(_is_poll_of(line, symbol) for line in records.tape_of(day.isoformat())):
            return day
    days = []
    for stream in (STREAM_TRADES, STREAM_DECISIONS):
        for line in records.backwards(stream):
            head = _head(line, stream)
            if head.symbol == symbol:
                days.append(_day_of(head))
                break
    return max(days, default=None)


class _Head(msgspec.Struct):
    """What decides whether a line is read whole."""

    timestamp: str
    symbol: str | None = None


_HEADS: Final = msgspec.json.Decoder(_Head)


def _head(line: str, stream: str) -> _Head:
    try:
        return _HEADS.decode(line)
    except msgspec.MsgspecError as error:
        raise DataError(
            f"a line of {stream} cannot be read, `trading-bot verify` says which: {error}"
        ) from error


def _day_of(head: _Head) -> date:
    return new_york(parse_timestamp(head.timestamp)).date()


def _is_poll_of(line: str, symbol: str) -> bool:
    """True for an event that brought a price of `symbol`."""
    return line.startswith(('["PollArrived"', '["Bar')) and f'"symbol":"{symbol}"' in line


def _of(
    records: HomeRecords, stream: str, kind: type[_Record], symbol: str, first: date, last: date
) -> tuple[_Record, ...]:
    found = [
        kind.from_jsonl_line(line)
        for line, day in _since(records, stream, symbol, first)
        if day <= last
    ]
    found.reverse()
    return tuple(found)


def _risks(records: HomeRecords, symbol: str, day: date) -> tuple[RiskEvent, ...]:
    found = []
    for line in records.backwards(STREAM_RISK):
        on = _day_of(_head(line, STREAM_RISK))
        if on < day:
            break
        event = RiskEvent.from_jsonl_line(line)
        is_own = event.config_snapshot.get("symbol") == symbol
        is_refusal = event.action_taken == "position_rejected"
        if (
            on == day
            and (event.event_type in (TRIP_EVENT, RESET_EVENT) or is_own)
            and not is_refusal
        ):
            found.append(event)
    return tuple(reversed(found))


def _since(
    records: HomeRecords, stream: str, symbol: str, first: date
) -> Iterator[tuple[str, date]]:
    """The symbol's lines from `first` on, the newest first, reading no further back."""
    for line in records.backwards(stream):
        head = _head(line, stream)
        day = _day_of(head)
        if day < first:
            return
        if head.symbol == symbol:
            yield line, day
