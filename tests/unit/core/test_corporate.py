"""Splits and changed instruments overnight: nothing is done until a person accepts them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from msgspec import structs

from support.core_builders import (
    CLOSE,
    ENTRY_AT,
    SYMBOL,
    Core,
    broker_order,
    execution,
    hours_of,
    make_quote,
    with_position,
)
from trading_bot.core.corporate import split_ratio
from trading_bot.core.events import HoursArrived, PersonDecided
from trading_bot.core.say import open_pnl
from trading_bot.domain.order import BrokerOrder, OrderState, Side
from trading_bot.ports.records import STREAM_RISK

TOMORROW = ENTRY_AT + timedelta(days=1)
BEFORE_OPEN = CLOSE + timedelta(hours=17, minutes=25)


def overnight(**start: Any) -> tuple[Core, BrokerOrder, BrokerOrder, int]:
    """The next morning, before the open: a position of yesterday, its stop cancelled overnight."""
    core, entry, stop = with_position()
    bought = broker_order(
        entry, OrderState.FILLED, execution("fill-entry", entry.quantity, "100.02", ENTRY_AT)
    )
    cancelled = broker_order(stop, OrderState.CANCELLED, at=BEFORE_OPEN)
    other = core.again(BEFORE_OPEN, reconciles=True, **start)
    session = other.state.session
    assert session is not None
    other.send(HoursArrived(at=BEFORE_OPEN, hours=hours_of(session)))
    return other, bought, cancelled, entry.quantity


def decide(core: Core, **changes: Any) -> list[Any]:
    values = {"at": core.now, "decision": "accept", "by": "eve", "why": "read the notice"}
    return core.send(PersonDecided(**(values | changes)))


def test_a_split_overnight_freezes_the_symbol() -> None:
    """Twice the shares and a cancelled stop: no new stop at the old price, an alarm instead."""
    core, bought, cancelled, shares = overnight()

    effects = core.reconcile(BEFORE_OPEN, bought, cancelled, AAPL=2 * shares)

    assert not core.placed(effects)
    assert "reconcile_difference" in [a.subject for a in core.alerts()]
    (found,) = core.state.reconciled.open.values()
    assert found.difference.key == f"corporate_action:{SYMBOL}:2"


def test_without_a_split_the_cancelled_stop_is_placed_again() -> None:
    """Control: the same morning with the same shares protects them again."""
    core, bought, cancelled, shares = overnight()

    effects = core.reconcile(BEFORE_OPEN, bought, cancelled, AAPL=shares)

    assert [i.quantity for i in core.placed(effects)] == [shares]
    assert not core.state.reconciled.open


def test_a_reading_of_the_orders_alone_places_nothing_overnight() -> None:
    """The cancelled stop is seen before the shares are: it waits for the whole reading."""
    core, bought, cancelled, _ = overnight()

    effects = core.read(BEFORE_OPEN, bought, cancelled)

    assert not core.placed(effects)


def test_a_frozen_symbol_is_sold_by_nothing() -> None:
    """Target reached, end of day: no exit, no stop, and no part in the day's loss."""
    core, bought, cancelled, shares = overnight()
    core.reconcile(BEFORE_OPEN, bought, cancelled, AAPL=2 * shares)
    core.account(BEFORE_OPEN)

    for minute in range(3):
        core.quote(TOMORROW + timedelta(minutes=minute), "50.00")
    core.fire("flatten")

    assert not core.placed()
    assert open_pnl(core.state) == 0


def test_the_owner_who_sold_half_is_no_split() -> None:
    """Half the shares with a sale among the orders is a sale."""
    core, bought, cancelled, shares = overnight()
    owners = replace(
        bought,
        order_id="owner",
        ref_id="7c1d2a86-5a0e-4c9b-9b6e-0f5c4f0f8a11",
        side=Side.SELL,
        executions=(execution("owner-1", shares // 2, "101", BEFORE_OPEN),),
    )

    core.reconcile(BEFORE_OPEN, bought, cancelled, owners, AAPL=shares - shares // 2)

    assert not core.state.reconciled.frozen


@pytest.mark.parametrize(
    ("changes", "freezes"),
    [
        ({"adjusted_previous_close": Decimal("50.00")}, True),
        ({"adjusted_previous_close": Decimal("99.40")}, False),
        ({"instrument_id": "another"}, True),
        ({"instrument_id": "the-one"}, False),
    ],
)
def test_a_quote_of_other_shares_freezes_the_symbol(changes: Any, freezes: bool) -> None:
    """Another instrument, or a previous close that was adjusted by more than a dividend."""
    core, bought, cancelled, shares = overnight()
    core.reconcile(BEFORE_OPEN, bought, cancelled, AAPL=shares)
    order = next(iter(core.state.book.orders.values()))[1]
    order.intent = structs.replace(order.intent, instrument_id="the-one")

    core.poll(TOMORROW, make_quote("100.00", at=TOMORROW, **changes))

    assert (SYMBOL in core.state.reconciled.frozen) is freezes
    assert bool(core.notes("difference")) is freezes


def test_the_freeze_holds_over_a_restart() -> None:
    """Another process finds it on record and does nothing in the symbol either."""
    core, bought, cancelled, shares = overnight()
    core.reconcile(BEFORE_OPEN, bought, cancelled, AAPL=2 * shares)

    other = core.again(BEFORE_OPEN + timedelta(minutes=1), reconciles=True)
    effects = other.reconcile(other.now, bought, cancelled, AAPL=2 * shares)

    assert SYMBOL in other.state.reconciled.frozen
    assert not other.placed(effects)


def test_an_accepted_split_goes_on_in_new_shares() -> None:
    """Twice the shares at half the price: the stop follows, what was paid stays the same."""
    core, bought, cancelled, shares = overnight()
    core.reconcile(BEFORE_OPEN, bought, cancelled, AAPL=2 * shares)
    (trade,) = core.state.book.trades.values()
    paid, stop_price = trade.lots.cost, trade.stop_price

    effects = decide(core, subject=f"corporate_action:{SYMBOL}:2", ratio="2")
    after = core.reconcile(core.now + timedelta(seconds=10), bought, cancelled, AAPL=2 * shares)
    other = core.again(core.now + timedelta(minutes=1))

    assert trade.held == 2 * shares
    assert abs(trade.lots.cost - paid) < Decimal("0.01")
    (placed,) = core.placed(effects)
    assert (placed.quantity, placed.stop_price) == (2 * shares, stop_price / 2)
    assert not core.notes("difference", after)
    assert next(iter(other.state.book.trades.values())).held == 2 * shares
    assert not other.state.reconciled.frozen


def test_a_sale_after_a_split_closes_the_trade_to_the_cent() -> None:
    """Sold in new shares, the result is what was got less what was paid."""
    core, bought, cancelled, shares = overnight()
    core.reconcile(BEFORE_OPEN, bought, cancelled, AAPL=2 * shares)
    (stop,) = core.placed(decide(core, subject=f"corporate_action:{SYMBOL}:2", ratio="2"))
    at = TOMORROW
    sold = broker_order(stop, OrderState.FILLED, execution("out", 2 * shares, "49.00", at))

    core.read(at, bought, cancelled, sold)

    assert not core.state.book.trades
    result = core.state.day.realised
    assert abs(result - (2 * shares * 49 - shares * Decimal("100.02"))) < Decimal("0.01")


def test_a_ratio_that_is_none_is_refused() -> None:
    """Nothing changes and the record says why."""
    core, bought, cancelled, shares = overnight()
    core.reconcile(BEFORE_OPEN, bought, cancelled, AAPL=2 * shares)

    decide(core, subject=f"corporate_action:{SYMBOL}:2", ratio="two")

    assert SYMBOL in core.state.reconciled.frozen
    assert core.records(STREAM_RISK)[-1].event_type == "decision_refused"


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [
        (100, "200", Fraction(2)),
        (100, "150", Fraction(3, 2)),
        (105, "10", Fraction(1, 10)),
        (100, "10", Fraction(1, 10)),
        (100, "100", None),
        (100, "0", None),
        (100, "137", None),
    ],
)
def test_a_split_is_known_by_its_ratio(before: int, after: str, ratio: Fraction | None) -> None:
    """Usual ratios and their inverses, fractions of a share paid out; nothing else."""
    assert split_ratio(before, Decimal(after)) == ratio
