"""Trade records that a crash kept from the disk: found by the orders' record, made again.

A step's order events are durable before its trade records. A crash between the two leaves fills
that the broker will not be asked about again, so what is missing is made from the events: a trade
record is a function of them. Only the last step on record can be cut short like this.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from trading_bot.execution.book import TradeBook
from trading_bot.execution.trade_records import Origin, trade_record
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.trade_record import TradeRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """The missing records in order, and whether one of them closed its trade."""

    records: tuple[TradeRecord, ...] = ()
    closes_a_trade: bool = False


def find_unwritten(
    events: Iterable[OrderEvent], written: Iterable[TradeRecord], origin: Origin, order_seq: int
) -> Unwritten:
    """What the last step of `events` should have written and is not in `written`.

    `order_seq` is the next free number: nothing is missing when the event before it is not here,
    for then the last step was about something that is over.
    """
    own = [event for event in events if event.kind != "note"]
    if not own or own[-1].seq != order_seq - 1:
        return Unwritten()
    last = own[-1].timestamp
    there = Counter(_key(record) for record in written)
    book = TradeBook()
    missing: list[TradeRecord] = []
    theirs: set[str | None] = set()
    closes_a_trade = False
    for event in own:
        book.apply(event)
        if event.kind == "closed" and event.correlation_id in theirs:
            closes_a_trade = True
        if event.kind != "fill":
            continue
        trade, order = book.orders[event.ref_id or ""]
        execution = order.executions[str(event.data["execution_id"])]
        record = trade_record(trade, order, execution, origin)
        if there[_key(record)]:
            there[_key(record)] -= 1
        elif event.timestamp == last:
            missing.append(record)
            theirs.add(event.correlation_id)
    return Unwritten(records=tuple(missing), closes_a_trade=closes_a_trade)


def _key(record: TradeRecord) -> tuple[object, ...]:
    """What tells one execution's record from another's; who wrote it does not matter."""
    return (
        record.order_id,
        record.action,
        record.timestamp,
        record.quantity,
        record.price,
        record.net_profit_loss,
    )
