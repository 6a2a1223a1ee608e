"""What a person decides: booked from the broker's own orders, with a name and a reason."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.core_builders import (
    ENTRY_AT,
    SYMBOL,
    Core,
    broker_order,
    execution,
    with_position,
)
from trading_bot.core.events import PersonDecided
from trading_bot.domain.order import BrokerOrder, Leg, OrderState, Side
from trading_bot.ports.records import STREAM_ORDERS, STREAM_RISK, STREAM_TRADES

LATER = ENTRY_AT + timedelta(minutes=1)
SECONDS = timedelta(seconds=10)


def held() -> tuple[Core, BrokerOrder, BrokerOrder, int]:
    """A position with its stop as both sides see it."""
    core, entry, stop = with_position()
    at = ENTRY_AT + timedelta(seconds=1)
    bought = broker_order(
        entry, OrderState.FILLED, execution("fill-entry", entry.quantity, "100.02", at)
    )
    return core, bought, broker_order(stop, OrderState.OPEN), entry.quantity


def owners_sale(bought: BrokerOrder, quantity: int, name: str = "owner") -> BrokerOrder:
    return replace(
        bought,
        order_id=name,
        ref_id="7c1d2a86-5a0e-4c9b-9b6e-0f5c4f0f8a11",
        side=Side.SELL,
        quantity=quantity,
        filled_quantity=quantity,
        executions=(execution(f"{name}-1", quantity, "101.00", LATER, "0.03"),),
    )


def at_the_desk(core: Core, *orders: BrokerOrder, shares: int) -> Core:
    """A person's look at the home: two readings, nothing planned, nothing sent."""
    desk = core.again(LATER + timedelta(minutes=5), reconciles=True, is_desk_only=True)
    for n in range(2):
        desk.reconcile(desk.now + n * SECONDS, *orders, AAPL=shares)
    return desk


def decide(core: Core, decision: str, subject: str, **changes: Any) -> list[Any]:
    values = {"at": core.now, "by": "eve", "why": "saw it in the app"}
    return core.send(PersonDecided(decision=decision, subject=subject, **(values | changes)))


def refusals(core: Core) -> list[str]:
    found = core.records(STREAM_RISK)
    return [r.config_snapshot["reason"] for r in found if r.event_type == "decision_refused"]


def test_at_the_desk_nothing_is_sent() -> None:
    """A bare position, a working entry: a person who looks places and cancels nothing."""
    core, bought, _, shares = held()

    desk = at_the_desk(core, bought, shares=shares)

    assert not desk.placed()
    assert {type(e).__name__ for e in desk.effects} <= {
        "Record",
        "RequestReconcile",
        "SetTimer",
        "Alert",
    }


def test_the_owners_sale_is_booked() -> None:
    """Half was sold in the app: an exit with that reason, the rest is held, the books agree."""
    core, bought, stop, shares = held()
    sold = owners_sale(bought, shares // 2)
    rest = shares - shares // 2
    desk = at_the_desk(core, bought, stop, sold, shares=rest)
    (key,) = desk.state.reconciled.open

    effects = decide(desk, "book_sale", key, orders=(sold,))
    after = desk.reconcile(desk.now + SECONDS, bought, stop, sold, AAPL=rest)
    other = desk.again(desk.now + timedelta(minutes=1))

    (record,) = desk.records(STREAM_TRADES, effects)
    assert (record.action, record.quantity, record.price) == ("SELL", shares // 2, Decimal(101))
    assert record.exit_reasoning == "sold by the owner in the app"
    assert record.commission == Decimal("0.03")
    assert not desk.state.protect_only
    assert not desk.notes("difference", after)
    (over,) = desk.notes("difference_over")
    assert (over["how"], over["by"], over["why"]) == ("book_sale", "eve", "saw it in the app")
    assert next(iter(other.state.book.trades.values())).held == rest
    assert not other.state.protect_only


def test_a_sale_of_everything_closes_the_trade() -> None:
    """Sold out by the owner: the trade is closed, its result counts."""
    core, bought, stop, shares = held()
    gone = replace(stop, state=OrderState.CANCELLED)
    sold = owners_sale(bought, shares)
    desk = at_the_desk(core, bought, gone, sold, shares=0)

    decide(desk, "book_sale", next(iter(desk.state.reconciled.open)), orders=(sold,))

    assert not desk.state.book.trades
    assert desk.records(STREAM_ORDERS)[-1].kind == "closed"
    assert not desk.state.protect_only


@pytest.mark.parametrize("quantity", [1, 0])
def test_a_sale_that_the_broker_does_not_know_is_refused(quantity: int) -> None:
    """Too few shares among its orders, or none: nothing is booked, the record says why."""
    core, bought, stop, shares = held()
    desk = at_the_desk(core, bought, stop, shares=shares - 50)
    (key,) = desk.state.reconciled.open
    orders = (owners_sale(bought, quantity),) if quantity else ()

    decide(desk, "book_sale", key, orders=orders)

    assert refusals(desk) == [
        "the broker's orders hold no sale of that many shares that is not ours"
    ]
    assert list(desk.state.reconciled.open) == [key]


def test_a_lost_trade_is_adopted() -> None:
    """From the broker's history: intent, fills, stop; the trade record again, then protected."""
    core, bought, stop, shares = held()
    empty = Core(settings=core.settings)
    desk = at_the_desk(empty, bought, stop, shares=shares)
    (key,) = desk.state.reconciled.open

    effects = decide(desk, "adopt", key, orders=(bought, stop))
    after = desk.reconcile(desk.now + SECONDS, bought, stop, AAPL=shares)
    other = desk.again(desk.now + timedelta(minutes=1), reconciles=True)

    (trade,) = desk.state.book.trades.values()
    assert (trade.held, trade.working_sells) == (shares, shares)
    assert trade.stop_price == stop.stop_price
    assert trade.context.strategy_name == "scripted"
    (record,) = desk.records(STREAM_TRADES, effects)
    assert (record.action, record.quantity, record.order_id) == ("BUY", shares, bought.order_id)
    assert "adopted from the broker's history" in record.decision_reasoning
    assert not desk.notes("difference", after)
    assert not desk.state.protect_only
    (again,) = other.state.book.trades.values()
    assert again.held == shares
    entry = again.orders[again.trade_id]
    assert entry.intent.created_at == bought.created_at


def test_a_lost_trade_that_is_over_is_adopted_whole() -> None:
    """Bought and sold with no record: both executions get their records, the trade is closed."""
    core, bought, stop, shares = held()
    sold = replace(
        stop,
        state=OrderState.FILLED,
        filled_quantity=shares,
        executions=(execution("out", shares, "99.00", LATER),),
    )
    desk = at_the_desk(Core(settings=core.settings), bought, sold, shares=0)

    effects = decide(desk, "adopt", next(iter(desk.state.reconciled.open)), orders=(bought, sold))

    assert [r.action for r in desk.records(STREAM_TRADES, effects)] == ["BUY", "SELL"]
    assert not desk.state.book.trades
    assert not desk.state.protect_only


def test_a_crash_in_an_adoption_leaves_nothing_unrecorded() -> None:
    """Killed between the order events and the trade records: the next start writes those."""
    core, bought, stop, shares = held()
    desk = at_the_desk(Core(settings=core.settings), bought, stop, shares=shares)
    decide(desk, "adopt", next(iter(desk.state.reconciled.open)), orders=(bought, stop))
    written = desk.lines.pop(STREAM_TRADES)

    other = desk.again(desk.now + timedelta(minutes=1))

    assert len(written) == len(other.records(STREAM_TRADES)) == 1


def test_shares_that_are_not_ours_are_left_out_from_then_on() -> None:
    """The owner bought more of what we hold: accepted as not ours, also after a restart."""
    core, bought, stop, shares = held()
    desk = at_the_desk(core, bought, stop, shares=shares + 20)

    decide(desk, "not_ours", next(iter(desk.state.reconciled.open)))
    other = desk.again(desk.now + timedelta(minutes=1), reconciles=True)
    for n in range(2):
        other.reconcile(other.now + n * SECONDS, bought, stop, AAPL=shares + 20)

    assert other.state.reconciled.foreign == {SYMBOL: Decimal(20)}
    assert not other.state.protect_only


def test_missing_shares_cannot_be_called_not_ours() -> None:
    """What became of ours must be booked."""
    core, bought, stop, shares = held()
    desk = at_the_desk(core, bought, stop, shares=shares - 20)

    decide(desk, "not_ours", next(iter(desk.state.reconciled.open)))

    assert refusals(desk) == ["the broker has fewer shares, not more: book what became of ours"]


def test_an_order_that_is_gone_is_ended_and_protected_anew() -> None:
    """The broker lost our stop and a person says so: a running daemon places another."""
    core, bought, stop, shares = held()
    for n in range(2):
        core.reconcile(LATER + n * SECONDS, bought, AAPL=shares)
    (key,) = core.state.reconciled.open

    effects = decide(core, "accept", key)

    (placed,) = core.placed(effects)
    assert placed.leg is Leg.STOP
    assert placed.ref_id != stop.ref_id
    assert not core.state.protect_only


@pytest.mark.parametrize(
    ("decision", "subject", "reason"),
    [
        ("accept", "shares:AAPL:1:2", "there is no such difference"),
        ("end", "BOREDOM", "there is no such cause"),
        ("end", "BROKER_IMPOSSIBLE", "it does not hold"),
    ],
)
def test_a_decision_about_nothing_is_refused(decision: str, subject: str, reason: str) -> None:
    """Nothing changes; the record holds what was wanted and why it was not done."""
    core, _, _, _ = held()

    decide(core, decision, subject)

    assert refusals(core) == [reason]
