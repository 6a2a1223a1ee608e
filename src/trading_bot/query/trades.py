"""The trades written so far: the newest of them, and what they amount to."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.domain.money import ZERO, text_of
from trading_bot.logging.line import RecordError, parse_timestamp
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_TRADES
from trading_bot.query.records import HomeRecords
from trading_bot.query.words import counted, day_time, dollars, table


@dataclass(frozen=True, slots=True)
class WrittenTrade:
    """A trade record and the line it stands in."""

    record: TradeRecord
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What trade records amount to; a round trip is an entry with all its exits' executions.

    `net` in dollars after fees. `open_entries` are entries whose exits are not among the records.
    """

    executions: int
    round_trips: int
    wins: int
    losses: int
    open_entries: int
    net: Decimal


def recent_trades(
    records: HomeRecords, count: int | None, symbol: str | None = None
) -> list[WrittenTrade]:
    """The last `count` records (None: all), oldest first, over days and archive; of one symbol.

    DataError when a line on the way cannot be read.
    """
    found: list[WrittenTrade] = []
    for line in records.backwards(STREAM_TRADES):
        if symbol is None or _symbol(line) == symbol:
            found.append(WrittenTrade(_record(line), line))
            if len(found) == count:
                break
    found.reverse()
    return found


class _Symbol(msgspec.Struct):
    """All that is read of a line of another symbol."""

    symbol: str


_SYMBOL_DECODER: Final = msgspec.json.Decoder(_Symbol)


def _symbol(line: str) -> str:
    try:
        return _SYMBOL_DECODER.decode(line).symbol
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from error


def _record(line: str) -> TradeRecord:
    try:
        return TradeRecord.from_jsonl_line(line)
    except RecordError as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> DataError:
    return DataError(
        f"a line of the trades cannot be read, `trading-bot verify` says which: {error}"
    )


def totals(trades: Iterable[TradeRecord]) -> Totals:
    """What the records amount to."""
    net: dict[str, Decimal] = {}
    opened: set[str] = set()
    executions = 0
    for record in trades:
        executions += 1
        if record.net_profit_loss is not None:
            net[record.order_id] = net.get(record.order_id, ZERO) + record.net_profit_loss
        else:
            opened.add(record.order_id)
    return Totals(
        executions=executions,
        round_trips=len(net),
        wins=sum(1 for value in net.values() if value > 0),
        losses=sum(1 for value in net.values() if value < 0),
        open_entries=len(opened - net.keys()),
        net=sum(net.values(), ZERO),
    )


_HEAD = ("New York time", "symbol", "action", "quantity", "price", "outcome", "net P&L", "why")
_RIGHT = frozenset({3, 4, 6})


def trade_table(trades: Iterable[TradeRecord]) -> list[str]:
    """A line for each execution, under a head."""
    return table(_HEAD, [_row(record) for record in trades], _RIGHT)


def _row(record: TradeRecord) -> tuple[str, ...]:
    net = record.net_profit_loss
    return (
        day_time(parse_timestamp(record.timestamp)),
        record.symbol,
        record.action,
        f"{record.quantity:,}",
        text_of(record.price),
        record.outcome or "",
        "" if net is None else dollars(net),
        record.exit_reasoning or record.decision_reasoning,
    )


def total_line(found: Totals) -> str:
    """One sentence under the table."""
    text = f"{counted(found.executions, 'execution')}, {counted(found.round_trips, 'round trip')}"
    if found.round_trips:
        even = found.round_trips - found.wins - found.losses
        text += f" ({found.wins} won, {found.losses} lost{f', {even} even' if even else ''})"
    if found.open_entries:
        text += f", {counted(found.open_entries, 'entry', 'entries')} without an exit here"
    return f"{text}; net {dollars(found.net)} dollars after fees"
