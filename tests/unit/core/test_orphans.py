"""Shares of ours that no record knows: protected all the same."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from support.core_builders import (
    ENTRY_AT,
    SYMBOL,
    Core,
    broker_order,
    core_settings,
    execution,
    with_position,
)
from trading_bot.domain.order import BrokerOrder, Leg, OrderIntent, OrderState, Side
from trading_bot.execution.lost import find_lost
from trading_bot.execution.ref_ids import is_ours, make_ref_id

LATER = ENTRY_AT + timedelta(minutes=1)
AGAIN = timedelta(seconds=70)


def lost_trade() -> tuple[Core, BrokerOrder, OrderIntent]:
    """A core whose records are gone, what the broker holds of the entry, and its first stop."""
    core, entry, stop = with_position()
    bought = broker_order(
        entry, OrderState.FILLED, execution("fill-entry", entry.quantity, "100.00", ENTRY_AT)
    )
    bare = Core(settings=core.settings)
    bare.start(LATER, reconciles=True, protect_only="damaged record: everything")
    return bare, bought, stop


def test_a_lost_position_gets_a_stop() -> None:
    """No record at all: our entry is known by its name, its shares get a stop 2% under it."""
    core, bought, _ = lost_trade()

    effects = core.reconcile(LATER, bought, AAPL=bought.quantity)

    (stop,) = core.placed(effects)
    assert (stop.quantity, stop.stop_price) == (bought.quantity, Decimal("98.00"))
    assert stop.trade_id == bought.ref_id
    assert is_ours(stop.ref_id, core.settings.identity)
    (noted,) = core.notes("orphan_stop")
    assert noted["stop_ref_id"] == stop.ref_id
    assert "position_without_record" in [a.subject for a in core.alerts()]


def test_its_stop_has_the_name_that_the_lost_record_gave_it() -> None:
    """The entry's name tells its strategy and bar: the stop is the one we would have placed."""
    core, bought, stop = lost_trade()

    effects = core.reconcile(LATER, bought, AAPL=bought.quantity)

    assert [i.ref_id for i in core.placed(effects)] == [stop.ref_id]


def test_a_stop_that_stands_is_kept() -> None:
    """The broker holds our stop already: nothing is placed."""
    core, bought, stop = lost_trade()

    effects = core.reconcile(
        LATER, bought, broker_order(stop, OrderState.OPEN), AAPL=bought.quantity
    )

    assert not core.placed(effects)


def test_a_cancelled_stop_tells_the_price_and_the_next_name() -> None:
    """What the last stop stood at is the plan; its name is taken, the next generation is free."""
    core, bought, stop = lost_trade()

    effects = core.reconcile(
        LATER, bought, broker_order(stop, OrderState.CANCELLED), AAPL=bought.quantity
    )

    (placed,) = core.placed(effects)
    assert placed.stop_price == stop.stop_price
    assert placed.ref_id != stop.ref_id


def test_the_same_stop_is_not_sent_twice() -> None:
    """It waits to be seen; later it leaves under the same name, also after a restart."""
    core, bought, _ = lost_trade()
    first = core.placed(core.reconcile(LATER, bought, AAPL=bought.quantity))

    soon = core.placed(core.reconcile(LATER + timedelta(seconds=10), bought, AAPL=bought.quantity))
    late = core.placed(core.reconcile(LATER + AGAIN, bought, AAPL=bought.quantity))
    other = core.again(LATER + AGAIN, reconciles=True)
    restarted = other.placed(other.reconcile(LATER + AGAIN, bought, AAPL=bought.quantity))

    assert not soon
    assert [i.ref_id for i in late] == [i.ref_id for i in restarted] == [i.ref_id for i in first]


def test_only_what_is_provably_ours_is_protected() -> None:
    """What somebody else sold since may have been ours; shares of others never count."""
    core, bought, _ = lost_trade()
    owners = replace(
        bought,
        order_id="owner",
        ref_id="7c1d2a86-5a0e-4c9b-9b6e-0f5c4f0f8a11",
        side=Side.SELL,
        quantity=100,
        filled_quantity=100,
        executions=(execution("owner-1", 100, "101", LATER),),
        updated_at=LATER,
    )

    effects = core.reconcile(LATER, bought, owners, AAPL=bought.quantity + 1000)

    assert [i.quantity for i in core.placed(effects)] == [bought.quantity - 100]


def test_a_sale_of_the_owner_is_taken_from_one_lost_trade_alone() -> None:
    """Two lost trades, one of them sold in the app: the other's shares have their stop."""
    core, bought, _ = lost_trade()
    name = make_ref_id(
        core.settings.identity,
        strategy_name="scripted",
        symbol=SYMBOL,
        bar_end=ENTRY_AT - timedelta(minutes=5),
        leg=Leg.ENTRY,
        generation=0,
    )
    other = replace(
        bought,
        order_id="other",
        ref_id=name,
        executions=(execution("other-1", bought.quantity, "100.00", ENTRY_AT),),
    )
    owners = replace(
        bought,
        order_id="owner",
        ref_id="7c1d2a86-5a0e-4c9b-9b6e-0f5c4f0f8a11",
        side=Side.SELL,
        executions=(execution("owner-1", bought.quantity, "101", LATER),),
        updated_at=LATER,
    )

    effects = core.reconcile(LATER, bought, other, owners, AAPL=bought.quantity)

    assert sum(intent.quantity for intent in core.placed(effects)) == bought.quantity


def test_never_more_than_the_broker_holds_free() -> None:
    """The broker has fewer shares than the history says: the stop is for those."""
    core, bought, _ = lost_trade()

    effects = core.reconcile(LATER, bought, AAPL=50)

    assert [i.quantity for i in core.placed(effects)] == [50]


def test_nothing_held_needs_no_stop() -> None:
    """An entry that was sold again leaves nothing, but the records lack the trade."""
    core, bought, stop = lost_trade()
    sold = broker_order(stop, OrderState.FILLED, execution("out", bought.quantity, "99", LATER))

    for n in range(2):
        effects = core.reconcile(LATER + n * timedelta(seconds=10), bought, sold)

    assert not core.placed(effects)
    (difference,) = core.state.reconciled.open.values()
    assert difference.difference.kind == "missing_trade"


def test_a_trade_that_only_the_broker_knows_is_one_difference() -> None:
    """Entry and stop together, and the shares they explain are no second difference."""
    core, bought, stop = lost_trade()

    for n in range(2):
        core.reconcile(
            LATER + n * timedelta(seconds=10),
            bought,
            broker_order(stop, OrderState.OPEN),
            AAPL=bought.quantity,
        )

    (found,) = core.state.reconciled.open.values()
    assert found.difference.key == f"missing_trade:{SYMBOL}:{bought.order_id}"
    assert len(found.difference.order_ids) == 2


def test_orders_of_others_are_never_ours() -> None:
    """The same orders under names made with another key are nobody's of ours."""
    core, bought, _ = lost_trade()
    own = core.settings.identity

    mine, _ = find_lost([bought], (), own, ("scripted",))
    theirs, strays = find_lost([bought], (), replace(own, key=b"another key"), ("scripted",))

    assert [trade.entry for trade in mine] == [bought]
    assert (theirs, strays) == ([], [])


def test_an_entry_of_an_unknown_strategy_is_protected_too() -> None:
    """The strategy is not configured any more: the stop is named after the entry's own time."""
    core, bought, stop = lost_trade()
    core.settings = core_settings(factories={})
    fresh = Core(settings=core.settings)
    fresh.start(LATER, reconciles=True, protect_only="damaged record: everything")

    (placed,) = fresh.placed(fresh.reconcile(LATER, bought, AAPL=bought.quantity))

    assert placed.ref_id != stop.ref_id
    assert is_ours(placed.ref_id, fresh.settings.identity)
