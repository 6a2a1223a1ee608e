"""Orders whose answer was lost: looked for in the history, the account and the positions."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    ENTRY_AT,
    SYMBOL,
    Core,
    broker_order,
    execution,
    make_account,
    with_entry,
    with_position,
)
from support.paper import make_ref
from trading_bot.core.effects import CancelOrder, Effect, RequestAccount
from trading_bot.core.events import AccountArrived, OrderFailed
from trading_bot.domain.order import Leg, OrderIntent, OrderState
from trading_bot.domain.position import BrokerPosition
from trading_bot.ports.records import STREAM_ORDERS

S = OrderState
SOON = ENTRY_AT + timedelta(seconds=1)


def unknown_entry() -> tuple[Core, OrderIntent]:
    core, entry = with_entry()
    core.send(OrderFailed(at=SOON, ref_id=entry.ref_id, outcome="unknown", reason="timeout"))
    return core, entry


def shares(quantity: int, in_sells: int = 0) -> BrokerPosition:
    return BrokerPosition(
        symbol=SYMBOL,
        quantity=Decimal(quantity),
        held_for_sells=Decimal(in_sells),
        average_price=None,
    )


def account(core: Core, at: datetime, *positions: BrokerPosition, held: str | None = None) -> None:
    cash = None if held is None else Decimal(held)
    read = make_account(at, held_for_orders=cash)
    core.send(AccountArrived(at=at, account=read, positions=positions))


def look(core: Core, seconds: float) -> None:
    """A whole reading of the orders that does not hold it."""
    core.read(SOON + timedelta(seconds=seconds))


def is_given_up(core: Core) -> bool:
    return "withdrawn" in [e.kind for e in core.records(STREAM_ORDERS)]


@pytest.mark.parametrize(
    ("positions", "held", "gives_up"),
    [
        ((), None, True),
        ((), "0", True),
        ((shares(467),), None, False),
        ((), "46720.00", False),
    ],
    ids=["nothing", "no cash held", "shares appeared", "cash is held"],
)
def test_absence_needs_more_than_the_history(
    positions: tuple[BrokerPosition, ...], held: str | None, gives_up: bool
) -> None:
    """Shares that appeared, or cash that is held: it is there, whatever the history says."""
    core, _ = unknown_entry()
    for seconds in (0, 31, 62):
        account(core, SOON + timedelta(seconds=seconds), *positions, held=held)
        look(core, seconds)

    assert is_given_up(core) is gives_up


def test_an_account_from_before_the_first_look_proves_nothing() -> None:
    """Until a later reading comes the order stays unknown, and one is asked for."""
    core, _ = unknown_entry()
    for seconds in (0, 31, 62):
        look(core, seconds)

    assert not is_given_up(core)
    assert RequestAccount() in core.effects
    account(core, SOON + timedelta(seconds=63))
    look(core, 64)
    assert is_given_up(core)


def test_an_unknown_stop_that_holds_its_shares_is_there() -> None:
    """The broker says the shares back a sell: no second stop, and at length a person is told."""
    core, entry = with_entry()
    core.confirm(entry, SOON)
    filled = broker_order(entry, S.FILLED, execution("a", entry.quantity, "100.02", SOON))
    (stop,) = core.placed(core.read(SOON, filled))
    core.send(OrderFailed(at=SOON, ref_id=stop.ref_id, outcome="unknown", reason="timeout"))

    for seconds in range(0, 420, 30):
        account(core, SOON + timedelta(seconds=seconds), shares(467, 467))
        core.read(SOON + timedelta(seconds=seconds), filled)

    assert len(core.placed()) == 2
    assert "unknown_order_left_traces" in [a.subject for a in core.alerts()]


def test_shares_the_owner_sold_are_no_trace_of_a_lost_stop() -> None:
    """The owner's own order tells where they went: the stop is given up, the rest protected."""
    core, entry, stop = with_position()
    sold_at = SOON + timedelta(seconds=60)
    (lost,) = core.placed(core.read(sold_at, broker_order(stop, S.CANCELLED, at=sold_at)))
    core.send(OrderFailed(at=sold_at, ref_id=lost.ref_id, outcome="unknown", reason="timeout"))
    sale = replace(
        broker_order(stop, S.FILLED, execution("theirs", 200, "99.50", sold_at), at=sold_at),
        ref_id=make_ref("the owner's"),
        order_id="theirs",
    )
    effects: list[Effect] = []
    for seconds in (1, 32, 63):
        at = sold_at + timedelta(seconds=seconds)
        account(core, at, shares(entry.quantity - 200))
        effects = core.read(at, sale)

    assert is_given_up(core)
    assert [(i.leg, i.quantity) for i in core.placed(effects)] == [(Leg.STOP, entry.quantity - 200)]


def test_an_account_read_while_an_entry_fills_is_no_picture_of_before() -> None:
    """It tells of shares before their execution is read; later nothing of them is unexplained."""
    core, entry = with_entry()
    core.confirm(entry, SOON)
    first, second = execution("a", 200, "100.02", SOON), execution("b", 267, "100.02", SOON)
    account(core, SOON, shares(467))
    at = SOON + timedelta(seconds=1)
    (lost,) = core.placed(core.read(at, broker_order(entry, S.PART_FILLED, first)))
    core.send(OrderFailed(at=at, ref_id=lost.ref_id, outcome="unknown", reason="timeout"))
    (stop,) = core.placed(core.read(at, broker_order(entry, S.FILLED, first, second)))
    core.confirm(stop, at)
    for seconds in (2, 33, 64):
        account(core, SOON + timedelta(seconds=seconds), shares(467, in_sells=267))
        core.read(SOON + timedelta(seconds=seconds), broker_order(stop, S.OPEN))

    assert is_given_up(core)


def test_after_a_restart_the_minute_counts_from_there() -> None:
    """What was counted before the crash is gone: the next process looks as long again."""
    core, _ = unknown_entry()
    look(core, 0)
    look(core, 50)
    other = core.again(SOON + timedelta(seconds=55))
    for seconds in (56, 58, 100):
        account(other, SOON + timedelta(seconds=seconds))
        look(other, seconds)
    assert not is_given_up(other)

    account(other, SOON + timedelta(seconds=117))
    look(other, 117)

    assert is_given_up(other)


def given_up_entry() -> tuple[Core, OrderIntent]:
    core, entry = unknown_entry()
    for seconds in (0, 31, 62):
        account(core, SOON + timedelta(seconds=seconds))
        look(core, seconds)
    assert not core.state.book.trades
    return core, entry


@pytest.mark.parametrize("restarts", [False, True])
def test_an_order_given_up_that_shows_up_open_is_cancelled(restarts: bool) -> None:
    """It was only presumed absent: cancelled at once, also by a later process."""
    core, entry = given_up_entry()
    at = SOON + timedelta(minutes=10)
    core = core.again(at) if restarts else core

    effects = core.read(at, broker_order(entry, S.OPEN))

    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [entry.ref_id]
    assert "trade_reopened" in [a.subject for a in core.alerts()]


@pytest.mark.parametrize("restarts", [False, True])
def test_an_order_given_up_that_shows_up_filled_is_protected(restarts: bool) -> None:
    """The shares are ours: on record and with a stop in the same step."""
    core, entry = given_up_entry()
    at = SOON + timedelta(minutes=10)
    core = core.again(at) if restarts else core

    fill = execution("late", entry.quantity, "100.02", SOON)
    effects = core.read(at, broker_order(entry, S.FILLED, fill))

    assert [(i.leg, i.quantity) for i in core.placed(effects)] == [(Leg.STOP, entry.quantity)]


def test_a_stop_given_up_that_shows_up_goes_before_the_one_that_took_its_place() -> None:
    """Two stops for the same shares: the revived one is cancelled, the other protects on."""
    core, entry = with_entry()
    core.confirm(entry, SOON)
    filled = broker_order(entry, S.FILLED, execution("a", entry.quantity, "100.02", SOON))
    (lost,) = core.placed(core.read(SOON, filled))
    core.send(OrderFailed(at=SOON, ref_id=lost.ref_id, outcome="unknown", reason="timeout"))
    for seconds in (0, 31, 62, 63):
        account(core, SOON + timedelta(seconds=seconds), shares(467))
        core.read(SOON + timedelta(seconds=seconds), filled)
    second = core.placed()[-1]
    assert second.ref_id != lost.ref_id
    core.confirm(second, SOON + timedelta(seconds=64))

    effects = core.read(SOON + timedelta(seconds=65), broker_order(lost, S.OPEN))

    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [lost.ref_id]


def test_a_known_order_that_is_gone_becomes_unknown_only_after_a_minute() -> None:
    """An order reported as not found is kept: whole readings must lack it for a minute."""
    core, entry, stop = with_position()
    filled = broker_order(entry, S.FILLED, execution("fill-entry", entry.quantity, "100.02", SOON))
    core.fire("orders", SOON)
    order = core.state.book.orders[stop.ref_id][1]
    for seconds in (3, 18, 50):
        core.read(SOON + timedelta(seconds=seconds), filled)
        assert order.state is S.OPEN

    core.read(SOON + timedelta(seconds=64), filled)

    assert order.state is S.UNKNOWN
    assert core.placed()[-1].ref_id == stop.ref_id, "nothing is sold over it"
