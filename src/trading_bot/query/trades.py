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
from trading_bot.query.busts import Bust, Counted
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
    `busted` executions were taken back by the broker and are in no other number.
    """

    executions: int
    round_trips: int
    wins: int
    losses: int
    open_entries: int
    net: Decimal
    busted: int = 0


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


def totals(trades: Iterable[Counted]) -> Totals:
    """What the records amount to."""
    net: dict[str, Decimal] = {}
    sold: set[str] = set()
    opened: set[str] = set()
    executions = busted = 0
    for trade in trades:
        order_id = trade.record.order_id
        if trade.net is not None:
            net[order_id] = net.get(order_id, ZERO) + trade.net
        if trade.bust is not None:
            busted += 1
            continue
        executions += 1
        (opened if trade.net is None else sold).add(order_id)
    return Totals(
        executions=executions,
        round_trips=len(sold),
        wins=sum(1 for order_id in sold if net[order_id] > 0),
        losses=sum(1 for order_id in sold if net[order_id] < 0),
        open_entries=len(opened - sold),
        net=sum(net.values(), ZERO),
        busted=busted,
    )


_HEAD = ("New York time", "symbol", "action", "quantity", "price", "outcome", "net P&L", "why")
_RIGHT = frozenset({3, 4, 6})


def trade_table(trades: Iterable[Counted]) -> list[str]:
    """A line for each execution, under a head."""
    return table(_HEAD, [_row(trade) for trade in trades], _RIGHT)


def _row(trade: Counted) -> tuple[str, ...]:
    record, bust, net = trade.record, trade.bust, trade.net
    why = record.exit_reasoning or record.decision_reasoning
    if bust is not None:
        why, net = f"{busted_words(bust)}; was: {why}", net or None
    return (
        day_time(parse_timestamp(record.timestamp)),
        record.symbol,
        record.action,
        f"{record.quantity:,}",
        text_of(record.price),
        (record.outcome or "") if bust is None else "busted",
        "" if net is None else dollars(net),
        why,
    )


def busted_words(bust: Bust) -> str:
    """That an execution was taken back, and when that became known."""
    return f"taken back by the broker, known {day_time(bust.at)}"


def total_line(found: Totals) -> str:
    """One sentence under the table."""
    text = f"{counted(found.executions, 'execution')}, {counted(found.round_trips, 'round trip')}"
    if found.round_trips:
        even = found.round_trips - found.wins - found.losses
        text += f" ({found.wins} won, {found.losses} lost{f', {even} even' if even else ''})"
    if found.open_entries:
        text += f", {counted(found.open_entries, 'entry', 'entries')} without an exit here"
    if found.busted:
        text += f", {counted(found.busted, 'execution')} taken back by the broker and not counted"
    return f"{text}; net {dollars(found.net)} dollars after fees"
