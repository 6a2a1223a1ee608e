"""Executions that the broker takes back: no number counts them, now or after any restart."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.core_builders import (
    CLOSE,
    ENTRY_AT,
    OPEN,
    Core,
    after_open,
    broker_order,
    execution,
    with_entry,
    with_position,
)
from trading_bot.domain.order import BrokerOrder, Execution, OrderState
from trading_bot.ports.records import STREAM_ORDERS, STREAM_PERFORMANCE

S = OrderState
SECOND = timedelta(seconds=1)
OUT_AT = after_open(4)
AT = after_open(5)


def without(reading: BrokerOrder, name: str, at: datetime) -> BrokerOrder:
    """The same order later, without one of its executions."""
    left = tuple(e for e in reading.executions if e.execution_id != name)
    filled = sum(e.quantity for e in left)
    return replace(reading, executions=left, filled_quantity=filled, updated_at=at)


def take_back(core: Core, reading: BrokerOrder, name: str, *others: BrokerOrder) -> BrokerOrder:
    """Two readings agree that this execution is no more; what the order is then."""
    later = without(reading, name, core.now + SECOND)
    for _ in range(2):
        core.read(core.now + SECOND, later, *others)
    assert core.records(STREAM_ORDERS)[-1].kind != "fill"
    return later


def sold(*out: Execution) -> tuple[Core, BrokerOrder, BrokerOrder]:
    """A trade whose stop sold it in these executions; entry and stop as the broker has them."""
    core, entry, stop = with_position()
    bought = broker_order(
        entry, S.FILLED, execution("fill-entry", 467, "100.02", ENTRY_AT + SECOND), at=ENTRY_AT
    )
    reading = broker_order(stop, S.FILLED, *out, at=OUT_AT)
    core.read(OUT_AT, reading)
    assert not core.state.book.trades
    return core, bought, reading


def numbers(core: Core) -> Sequence[Any]:
    """What a state says of the day, of closed trades and of the streak."""
    state = core.state
    results = {key: (net, at.replace(microsecond=0)) for key, (net, at) in state.results.items()}
    metric = state.window.metric(at=AT, equity=Decimal(100_000))
    losses = [at.replace(microsecond=0) for at in state.losses]
    return (state.day.realised, state.day.trades, results, losses, metric)


def same_after(core: Core, after: timedelta) -> None:
    """A restart so much later finds the same results, and on the same day the same day."""
    other = core.again(core.now + after)
    first = 2 if after > timedelta(hours=8) else 0
    assert numbers(other)[first:] == numbers(core)[first:]


WEEK = timedelta(days=7)


@pytest.mark.parametrize("after", [SECOND, timedelta(days=1), WEEK])
def test_a_busted_exit_of_a_closed_trade_counts_nowhere(after: timedelta) -> None:
    """Sold again after the bust: the result is that of the sale that stood, weeks later too."""
    core, _, reading = sold(execution("out", 467, "98.90", OUT_AT))
    take_back(core, reading, "out")
    stop = core.placed()[-1]
    core.read(after_open(6), broker_order(stop, S.FILLED, execution("b", 467, "99.02", AT)))

    (net,) = [net for net, _ in core.state.results.values()]
    assert net == core.state.day.realised == Decimal("-467.00")
    same_after(core, after)


@pytest.mark.parametrize("after", [SECOND, WEEK])
def test_one_of_two_exits_that_is_busted_leaves_the_other(after: timedelta) -> None:
    """Part of the shares are there again; what the other execution earned stays."""
    core, _, reading = sold(
        execution("one", 200, "98.90", OUT_AT), execution("two", 267, "99.02", OUT_AT)
    )

    take_back(core, reading, "one")

    (trade,) = core.state.book.trades.values()
    assert trade.held == 200
    assert core.state.day.realised == Decimal("-267.00")
    assert not core.state.results
    same_after(core, after)


@pytest.mark.parametrize("after", [SECOND, WEEK])
def test_a_busted_entry_is_no_trade(after: timedelta) -> None:
    """Nothing was bought: no trade of the day, no result, no round trip."""
    core, entry, stop = with_position()
    bought = broker_order(
        entry, S.FILLED, execution("fill-entry", 467, "100.02", ENTRY_AT + SECOND), at=ENTRY_AT
    )
    take_back(core, bought, "fill-entry", broker_order(stop, S.OPEN))
    core.read(core.now + SECOND, broker_order(stop, S.CANCELLED, at=core.now))

    assert not core.state.book.trades
    assert (core.state.day.trades, core.state.day.realised) == (0, 0)
    assert not core.state.results
    same_after(core, after)


def test_an_entry_that_is_told_again_counts_once() -> None:
    """Taken back and then back after all: one trade, one position."""
    core, entry = with_entry()
    fill = execution("fill-entry", 467, "100.02", ENTRY_AT + SECOND)
    bought = broker_order(entry, S.FILLED, fill, at=ENTRY_AT + SECOND)
    (stop,) = core.placed(core.read(ENTRY_AT + SECOND, bought))
    core.confirm(stop, ENTRY_AT + 2 * SECOND)
    take_back(core, bought, "fill-entry", broker_order(stop, S.OPEN))

    core.read(core.now + SECOND, replace(bought, updated_at=core.now + SECOND))

    (trade,) = core.state.book.trades.values()
    assert (trade.held, core.state.day.trades) == (467, 1)
    same_after(core, SECOND)


def test_the_metric_is_written_again_without_the_busted_trade() -> None:
    """The latest line of the performance record tells of no trade that is open again."""
    core, _, reading = sold(execution("out", 467, "98.90", OUT_AT))
    before = core.records(STREAM_PERFORMANCE)[-1]

    take_back(core, reading, "out")

    after = core.records(STREAM_PERFORMANCE)[-1]
    assert (before.total_trades, before.consecutive_losses) == (1, 1)
    assert (after.total_trades, after.consecutive_losses) == (0, 0)


def test_a_busted_entry_of_yesterday_corrects_todays_exit() -> None:
    """Today's sale was matched with shares that were never bought: it takes the next ones."""
    core, entry = with_entry()
    fills = (
        execution("cheap", 100, "99.00", ENTRY_AT + SECOND),
        execution("dear", 367, "100.00", ENTRY_AT + SECOND),
    )
    bought = broker_order(entry, S.FILLED, *fills, at=ENTRY_AT + SECOND)
    (stop,) = core.placed(core.read(ENTRY_AT + SECOND, bought))
    core.confirm(stop, ENTRY_AT + 2 * SECOND)
    today = core.again(OPEN + timedelta(days=1, minutes=30))
    today.open_day(today.now)
    out = execution("out", 100, "101.00", today.now)
    part = broker_order(stop, S.PART_FILLED, out, at=today.now)
    today.read(today.now, part)
    assert today.state.day.realised == 200

    take_back(today, bought, "cheap", part)

    assert today.state.day.realised == 100
    (bust,) = [e for e in today.records(STREAM_ORDERS) if e.kind == "bust"]
    assert (bust.data["net_correction"], bust.data["day_correction"]) == ("-100.00", "-100.00")
    assert today.again(today.now).state.day.realised == 100
    tomorrow = today.again(CLOSE + timedelta(days=1, hours=17))
    assert tomorrow.state.day.realised == 0


def test_results_count_in_the_order_they_closed() -> None:
    """A trade that is closed again after another: the streak is by when they were sold."""
    core, _, reading = sold(execution("out", 467, "98.90", OUT_AT))
    core.state.results["another"] = (Decimal(5), OUT_AT + timedelta(minutes=3))

    take_back(core, reading, "out")
    stop = core.placed()[-1]
    sold_at = OUT_AT + timedelta(minutes=2)
    core.read(after_open(9), broker_order(stop, S.FILLED, execution("b", 467, "99.02", sold_at)))

    assert [net for net, _ in core.state.results.values()] == [Decimal("-467.00"), Decimal(5)]
    assert core.state.losses == [], "the win came after it"
