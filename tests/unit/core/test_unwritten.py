"""Trade records that a crash kept from the disk."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from support.core_builders import (
    Core,
    after_open,
    broker_order,
    execution,
    with_entry,
    with_position,
)
from trading_bot.core.effects import Effect
from trading_bot.domain.order import OrderState
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import (
    STREAM_ORDERS,
    STREAM_PERFORMANCE,
    STREAM_RISK,
    STREAM_TRADES,
)

AT = after_open(10)
RESTART = after_open(11)


def bought() -> tuple[Core, Callable[[], list[Effect]]]:
    """A core about to hear of its entry's two executions."""
    core, entry = with_entry()
    core.confirm(entry, after_open(2, 1))
    fills = (
        execution("a", 10, "100.02", AT),
        execution("b", entry.quantity - 10, "100.03", AT),
    )
    return core, lambda: core.read(AT, broker_order(entry, OrderState.FILLED, *fills))


def stopped_out() -> tuple[Core, Callable[[], list[Effect]]]:
    """A core about to hear that its stop was filled: its trade is over."""
    core, entry, stop = with_position()
    fill = execution("x", entry.quantity, "98.90", AT)
    return core, lambda: core.read(AT, broker_order(stop, OrderState.FILLED, fill))


def facts(line: str) -> tuple[object, ...]:
    record = TradeRecord.from_jsonl_line(line)
    return record.order_id, record.action, record.quantity, record.price, record.net_profit_loss


def cut_after_orders(core: Core, hear: Callable[[], list[Effect]], kept: int) -> list[str]:
    """Let it hear, then take from the disk what comes after the orders and `kept` trade records."""
    before = {stream: len(lines) for stream, lines in core.lines.items()}
    hear()
    whole = list(core.lines[STREAM_TRADES])
    for stream, lines in core.lines.items():
        if stream != STREAM_ORDERS:
            extra = kept if stream == STREAM_TRADES else 0
            del lines[before.get(stream, 0) + extra :]
    return whole


@pytest.mark.parametrize(("case", "kept"), [(bought, 0), (bought, 1), (stopped_out, 0)])
def test_records_cut_off_by_a_crash_are_written_again(
    case: Callable[[], tuple[Core, Callable[[], list[Effect]]]], kept: int
) -> None:
    """Fills on record without their trade records: the next start writes the records and counts."""
    core, hear = case()
    whole = cut_after_orders(core, hear, kept)
    other = core.again(RESTART)

    assert [facts(line) for line in other.lines[STREAM_TRADES]] == [facts(line) for line in whole]
    assert other.state.day.realised == core.state.day.realised
    assert other.state.day.trades == core.state.day.trades == 1
    assert other.state.losses == core.state.losses
    (told,) = [r for r in other.records(STREAM_RISK) if r.event_type == "trade_records_missing"]
    assert told.config_snapshot["trade_records"] == len(other.records(STREAM_TRADES))
    closed = case is stopped_out
    assert len(other.records(STREAM_PERFORMANCE)) == (1 if closed else 0)


@pytest.mark.parametrize("case", [bought, stopped_out])
def test_nothing_is_written_twice(
    case: Callable[[], tuple[Core, Callable[[], list[Effect]]]],
) -> None:
    """With every record on disk the next starts, and the one after a repair, write none."""
    core, hear = case()
    hear()
    other = core.again(RESTART)
    assert other.records(STREAM_TRADES) == []

    repaired, hear = case()
    cut_after_orders(repaired, hear, 0)
    third = repaired.again(RESTART).again(RESTART + timedelta(minutes=1))
    assert third.records(STREAM_TRADES) == []
