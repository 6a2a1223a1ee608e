"""Executions that the broker took back: their trade records stay, the orders' record corrects them.

A trade record is written once. That its execution was taken back later is an event of its own, so
whoever states what trades amounted to asks here which records do not count.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.domain.money import ZERO
from trading_bot.domain.order import Leg
from trading_bot.logging.line import format_timestamp, parse_timestamp
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_ORDERS
from trading_bot.query.records import HomeRecords

_CLOCKS_APART: Final = timedelta(days=1)
"""How much earlier than its execution, by the broker's clock, an event of it may stand."""

_Key = tuple[str, str, str, int, Decimal]
"""The entry's order id, the action, time, quantity and price: all a record says of an execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bust:
    """`at` is when it became known, `correction` what it changed of the trade's written results."""

    at: datetime
    correction: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A trade record with the bust that makes it count for nothing, None while it stands."""

    record: TradeRecord
    bust: Bust | None = None

    @property
    def net(self) -> Decimal | None:
        """What it adds to its trade's result, in dollars; None for an entry that stands.

        Of one that was taken back that is what its going did to the trade's other records.
        """
        written = self.record.net_profit_loss
        if self.bust is None:
            return written
        return (written or ZERO) + self.bust.correction


def count(records: HomeRecords, trades: Sequence[TradeRecord]) -> list[Counted]:
    """Each of `trades`, the home's records in their order, with what became of it.

    DataError when a line of the orders' record cannot be read.
    """
    if not trades:
        return []
    found = _read(records, min(parse_timestamp(trade.timestamp) for trade in trades))
    if not found.busts:
        return [Counted(record=trade) for trade in trades]
    fills, busts = found.by_record()
    standing = {key: number - len(busts.get(key, ())) for key, number in fills.items()}
    counted: list[Counted] = []
    # An execution may be taken back and told again: then the newest of its records stands.
    for trade in reversed(trades):
        key = _key_of(trade)
        if key not in busts or standing[key] > 0 or not busts[key]:
            standing[key] = standing.get(key, 0) - 1
            counted.append(Counted(record=trade))
        else:
            counted.append(Counted(record=trade, bust=busts[key].popleft()))
    return counted[::-1]


@dataclass(slots=True)
class _Found:
    """Busts, newest first; by trade the lines of its fills and the broker's ids of its entry."""

    busts: list[OrderEvent] = field(default_factory=list)
    fills: dict[str, list[str]] = field(default_factory=dict)
    entry_ids: dict[str, set[str]] = field(default_factory=dict)

    def by_record(self) -> tuple[Counter[_Key], Mapping[_Key, deque[Bust]]]:
        """How often what a record says was booked, and taken back.

        After a split a bust tells new shares: what the record says is in the fill's own event.
        """
        fills: Counter[_Key] = Counter()
        keys: dict[tuple[str, str], list[_Key]] = {}
        for trade_id in dict.fromkeys(event.correlation_id or "" for event in self.busts):
            for line in self.fills.get(trade_id, ()):
                event = OrderEvent.from_jsonl_line(line)
                name = str(event.data["execution_id"])
                for entry_id in sorted(self.entry_ids.get(trade_id, ())):
                    key = _key_of_event(event, entry_id)
                    fills[key] += 1
                    keys.setdefault((trade_id, name), []).append(key)
        busts: dict[_Key, deque[Bust]] = {}
        for event in self.busts:
            name = str(event.data["execution_id"])
            bust = Bust(
                at=parse_timestamp(event.timestamp),
                correction=Decimal(str(event.data["net_correction"])),
            )
            for key in dict.fromkeys(keys.get((event.correlation_id or "", name), ())):
                busts.setdefault(key, deque()).append(bust)
        return fills, busts


class _Head(msgspec.Struct):
    """What decides whether a line is read whole."""

    timestamp: str
    kind: str
    ref_id: str | None = None
    broker_order_id: str | None = None
    leg: str | None = None
    correlation_id: str | None = None


_HEADS: Final = msgspec.json.Decoder(_Head)


def _read(records: HomeRecords, since: datetime) -> _Found:
    """The newest events first, back to `since` and to the beginning of each trade with a bust."""
    found = _Found()
    begins: set[str] = set()
    for line in records.backwards(STREAM_ORDERS):
        try:
            head = _HEADS.decode(line)
        except msgspec.MsgspecError as error:
            raise DataError(
                f"a line of the orders cannot be read, `trading-bot verify` says which: {error}"
            ) from error
        if not begins and parse_timestamp(head.timestamp) < since - _CLOCKS_APART:
            break
        trade_id = head.correlation_id or ""
        if head.kind == "bust":
            found.busts.append(OrderEvent.from_jsonl_line(line))
            begins.add(trade_id)
        elif head.kind == "fill":
            found.fills.setdefault(trade_id, []).append(line)
        elif head.kind == "intent" and head.ref_id == trade_id:
            begins.discard(trade_id)
        if head.leg == Leg.ENTRY.value and head.broker_order_id:
            found.entry_ids.setdefault(trade_id, set()).add(head.broker_order_id)
    return found


def _key_of(record: TradeRecord) -> _Key:
    at = format_timestamp(parse_timestamp(record.timestamp))
    return (record.order_id, record.action, at, record.quantity, record.price)


def _key_of_event(event: OrderEvent, entry_id: str) -> _Key:
    data = event.data
    at = format_timestamp(datetime.fromisoformat(str(data["executed_at"])))
    quantity, price = int(str(data["quantity"])), Decimal(str(data["price"]))
    return (entry_id, event.side or "", at, quantity, price)
