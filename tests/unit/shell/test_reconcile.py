"""Reading everything at once, and a clock that moves: what the shell makes of them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from support.core_builders import OPEN, after_open, broker_order, with_entry
from support.shell_builders import LAG, Stage, entry_stage
from trading_bot.core.effects import PlaceOrder, RequestReconcile
from trading_bot.core.events import (
    CallFailed,
    ClockJumped,
    Event,
    ReconcileArrived,
    ServerClockSeen,
)
from trading_bot.domain.errors import SessionExpiredError
from trading_bot.domain.order import OrderState

NOON = after_open(5)
REQUEST = RequestReconcile(since=OPEN - timedelta(days=1))


def read(stage: Stage) -> Event:
    """The event that comes of the request."""

    async def go() -> Event:
        stage.calls.start(REQUEST)
        await stage.clock.settle()
        while (event := stage.inbox.take()) is None:
            await stage.clock.wait(stage.inbox.arrived, None)
        return event

    return asyncio.run(go())


def noting(stage: Stage) -> list[str]:
    """Writes down which reads the broker gets."""
    reads: list[str] = []
    broker = stage.broker
    orders, positions, account = broker.orders, broker.positions, broker.account

    async def note_orders(since: Any) -> Any:
        reads.append("orders")
        return await orders(since)

    async def note_positions() -> Any:
        reads.append("positions")
        return await positions()

    async def note_account() -> Any:
        reads.append("account")
        return await account()

    broker.orders = note_orders  # type: ignore[method-assign]
    broker.positions = note_positions  # type: ignore[method-assign]
    broker.account = note_account  # type: ignore[method-assign]
    return reads


def test_orders_are_read_before_and_after() -> None:
    """Orders, positions, account, orders: one event with all of it, when the orders stood still."""
    stage = Stage()
    reads = noting(stage)

    event = read(stage)

    assert reads == ["orders", "positions", "account", "orders"]
    assert isinstance(event, ReconcileArrived)
    assert event.since == REQUEST.since
    assert event.at == OPEN - timedelta(minutes=6) + timedelta(seconds=4 * LAG)


def test_a_reading_while_orders_move_is_thrown_away() -> None:
    """An order that appeared in between: nobody can say which positions belong to which orders."""
    stage = Stage()
    core, entry = with_entry()
    order = next(e for e in core.effects if isinstance(e, PlaceOrder)).order

    async def appear() -> None:
        stage.broker.held[entry.ref_id] = broker_order(order.intent, OrderState.OPEN)

    stage.broker.on_positions = appear

    event = read(stage)

    assert isinstance(event, CallFailed)
    assert (event.what, event.family) == ("reconcile", "retryable")
    assert "changed while" in event.reason


def test_a_gone_session_is_said_as_such() -> None:
    """The core must know that waiting does not help."""
    stage = Stage()

    async def gone() -> None:
        raise SessionExpiredError("401")

    stage.broker.on_positions = gone

    event = read(stage)

    assert isinstance(event, CallFailed)
    assert (event.what, event.family) == ("reconcile", "session")


def test_a_reconciled_morning_trades() -> None:
    """Read at the start and every few minutes; the books agree, so it buys and protects."""
    stage = entry_stage()
    stage.reconciles = True

    stage.run(after_open(11))

    assert stage.log.of("place") == ["entry", "stop"]
    assert stage.observed.count("ReconcileArrived") >= 4
    assert stage.log.of("alert") == []


def test_a_broker_that_hangs_stops_neither_polls_nor_stops() -> None:
    """Positions never come back: quotes are read on, the stop goes out, the owner is told."""
    stage = entry_stage()
    stage.reconciles = True

    async def hang() -> None:
        if stage.clock.now() > after_open(2):
            await stage.clock.sleep(3600)

    stage.broker.on_positions = hang

    stage.run(after_open(15))

    assert stage.log.of("place") == ["entry", "stop"]
    assert len(stage.log.of("poll")) > 50
    assert "broker_hangs" in stage.log.of("alert")


@pytest.mark.parametrize(("seconds", "is_told"), [(3.0, True), (-3600.0, True), (1.5, False)])
def test_a_wall_clock_that_is_set_is_noticed(seconds: float, is_told: bool) -> None:
    """More than 2 s against the time that passed is an event of its own, before any other."""
    stage = entry_stage()
    stage.reconciles = True
    clock = stage.clock
    steady = clock.monotonic
    moved = [0.0]

    def set_clock() -> None:
        moved[0] = seconds

    # What passed stays behind what the wall says by as much as it was set.
    clock.monotonic = lambda: steady() - moved[0]  # type: ignore[method-assign]

    stage.run(NOON, (after_open(1), set_clock))

    assert (ClockJumped.__name__ in stage.observed) is is_told
    assert ("clock_jumped" in stage.log.of("alert")) is is_told


def test_time_that_passes_is_no_jump() -> None:
    """Control: a long wait moves both clocks."""
    stage = Stage(start=OPEN - timedelta(hours=10))
    stage.reconciles = True

    stage.run(NOON)

    assert ClockJumped.__name__ not in stage.observed


def test_the_brokers_clock_is_told_when_it_goes_off_and_when_it_is_back() -> None:
    """Two events, not one a turn; entries wait in between."""
    stage = entry_stage()

    def off() -> None:
        stage.skew_s = -30.0

    def back() -> None:
        stage.skew_s = 0.2

    stage.run(NOON, (after_open(1), off), (after_open(3), back))

    assert stage.observed.count(ServerClockSeen.__name__) == 2
    assert stage.log.of("place") == []
    assert not stage.state.protect_only
