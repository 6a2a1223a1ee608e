"""Symbols changed overnight: the same instrument, nothing sent until a person accepts its name."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.core_builders import (
    CLOSE,
    ENTRY_AT,
    SYMBOL,
    Core,
    broker_order,
    execution,
    hours_of,
    make_account,
    with_position,
)
from trading_bot.core.events import HoursArrived, PersonDecided, ReconcileArrived
from trading_bot.domain.order import BrokerOrder, OrderState
from trading_bot.domain.position import BrokerPosition
from trading_bot.ports.records import STREAM_ORDERS, STREAM_RISK, STREAM_TRADES

TOMORROW = ENTRY_AT + timedelta(days=1)
BEFORE_OPEN = CLOSE + timedelta(hours=17, minutes=25)
SECONDS = timedelta(seconds=10)
NEW = "APPL"
KEY = f"corporate_action:{SYMBOL}:symbol:{NEW}"
INSTRUMENT = "450dfc6d-5510-4d40-abfb-f633b7d9be3e"


def overnight() -> tuple[Core, BrokerOrder, BrokerOrder, int]:
    """The next morning: yesterday's position and its stop, which the broker calls otherwise."""
    core, entry, stop = with_position()
    orders = core.lines[STREAM_ORDERS]
    named = [
        line.replace('"instrument_id":""', f'"instrument_id":"{INSTRUMENT}"') for line in orders
    ]
    core.lines[STREAM_ORDERS] = named
    bought = replace(
        broker_order(
            entry, OrderState.FILLED, execution("fill-entry", entry.quantity, "100.02", ENTRY_AT)
        ),
        symbol=NEW,
        instrument_id=INSTRUMENT,
    )
    standing = replace(
        broker_order(stop, OrderState.OPEN, at=BEFORE_OPEN), symbol=NEW, instrument_id=INSTRUMENT
    )
    other = core.again(BEFORE_OPEN, reconciles=True)
    session = other.state.session
    assert session is not None
    other.send(HoursArrived(at=BEFORE_OPEN, hours=hours_of(session)))
    return other, bought, standing, entry.quantity


def reconcile(core: Core, *orders: BrokerOrder, shares: int, instrument: str = INSTRUMENT) -> Any:
    """A reading of everything: our shares stand under the new symbol."""
    held = BrokerPosition(
        symbol=NEW,
        quantity=Decimal(shares),
        held_for_sells=Decimal(sum(o.quantity for o in orders if not o.state.is_final)),
        average_price=None,
        instrument_id=instrument,
    )
    at = core.now + SECONDS
    return core.send(
        ReconcileArrived(
            at=at,
            since=at - timedelta(days=4),
            orders=orders,
            positions=(held,) if shares else (),
            account=make_account(at),
        )
    )


def accept(core: Core, **changes: Any) -> Any:
    values = {"at": core.now, "decision": "accept", "by": "eve", "why": "read the notice"}
    return core.send(PersonDecided(**(values | {"subject": KEY} | changes)))


def test_a_changed_symbol_freezes_what_is_held() -> None:
    """One difference with both names; nothing is sent, nothing is called impossible or missing."""
    core, bought, standing, shares = overnight()

    effects = [
        *reconcile(core, bought, standing, shares=shares),
        *reconcile(core, bought, standing, shares=shares),
    ]

    (found,) = core.state.reconciled.open.values()
    assert (found.difference.key, found.difference.broker) == (KEY, NEW)
    assert found.difference.text == "AAPL is called APPL now: it is the instrument that we bought"
    assert not core.placed(effects)
    assert SYMBOL in core.state.reconciled.frozen
    assert set(core.state.protection) == {"DIFFERENCE"}


def test_a_reading_of_the_orders_alone_finds_it_too() -> None:
    """The stop comes back under the new symbol before any position was read."""
    core, bought, standing, _ = overnight()

    core.read(core.now, bought, standing)

    assert list(core.state.reconciled.open) == [KEY]
    assert "BROKER_IMPOSSIBLE" not in core.state.protection


def test_another_instrument_under_another_symbol_is_no_rename() -> None:
    """Control: our shares gone and somebody's of another instrument there is a difference."""
    core, bought, standing, shares = overnight()
    ours = [replace(o, symbol=SYMBOL) for o in (bought, standing)]

    for _ in range(2):
        reconcile(core, *ours, shares=shares, instrument="another")

    assert list(core.state.reconciled.open) == [f"shares:{SYMBOL}:{shares}:0"]


def test_accepted_the_position_goes_on_under_its_new_symbol() -> None:
    """The standing stop stays, the new name is polled, the books agree, also after a restart."""
    core, bought, standing, shares = overnight()
    reconcile(core, bought, standing, shares=shares)

    effects = accept(core)
    effects += reconcile(core, bought, standing, shares=shares)
    other = core.again(core.now + timedelta(minutes=1), reconciles=True)
    effects += reconcile(other, bought, standing, shares=shares)
    other.quote(TOMORROW + timedelta(minutes=1))

    for one in (core, other):
        (trade,) = one.state.book.trades.values()
        assert (trade.symbol, trade.held, trade.working_sells) == (NEW, shares, shares)
        assert not one.state.protect_only
        assert not one.state.reconciled.frozen
        assert NEW in one.state.symbols
    assert not core.placed(effects), "the stop stood all the while"
    assert not other.placed()


def test_a_stop_that_ended_with_the_old_name_is_placed_under_the_new() -> None:
    """Brokers may end orders with a symbol: accepted, the next stop bears the new name."""
    core, bought, standing, shares = overnight()
    gone = replace(standing, state=OrderState.CANCELLED)
    before = reconcile(core, bought, gone, shares=shares)

    (placed,) = core.placed(accept(core))

    assert not core.placed(before)
    assert (placed.symbol, placed.quantity, placed.instrument_id) == (NEW, shares, INSTRUMENT)
    assert placed.stop_price == standing.stop_price


def sold(standing: BrokerOrder, shares: int) -> BrokerOrder:
    """The stop, filled on the next day."""
    return replace(
        standing,
        state=OrderState.FILLED,
        filled_quantity=shares,
        executions=(execution("out", shares, "99.00", TOMORROW),),
        updated_at=TOMORROW,
    )


def test_a_sale_under_the_new_symbol_closes_the_trade() -> None:
    """First in, first out against what was bought under the old symbol, to the cent."""
    core, bought, standing, shares = overnight()
    reconcile(core, bought, standing, shares=shares)
    accept(core)

    core.read(TOMORROW, bought, sold(standing, shares))

    (record,) = core.records(STREAM_TRADES)
    entry_id = bought.order_id
    assert (record.symbol, record.action, record.order_id) == (NEW, "SELL", entry_id)
    assert record.profit_loss == shares * (Decimal("99.00") - Decimal("100.02"))
    assert not core.state.book.trades


def test_a_stop_that_fills_while_the_symbol_is_frozen_is_booked() -> None:
    """What happened is on record at once; only sending waits for the person."""
    core, bought, standing, shares = overnight()
    reconcile(core, bought, standing, shares=shares)

    core.read(TOMORROW, bought, sold(standing, shares))

    (record,) = core.records(STREAM_TRADES)
    assert (record.symbol, record.quantity) == (SYMBOL, shares)
    assert not core.state.book.trades


def test_the_owners_shares_keep_being_his_under_the_new_symbol() -> None:
    """What a person had called not ours is left out under the new name as well."""
    core, bought, standing, shares = overnight()
    core.state.reconciled.foreign[SYMBOL] = Decimal(20)
    reconcile(core, bought, standing, shares=shares + 20)

    accept(core)
    reconcile(core, bought, standing, shares=shares + 20)

    assert core.state.reconciled.foreign == {NEW: Decimal(20)}
    assert not core.state.protect_only


@pytest.mark.parametrize(
    ("ratio", "new", "reason"),
    [
        ("2", NEW, "AAPL only changed its symbol, to APPL: leave the ratio out"),
        ("", "BRK.B", "the records take no symbol like BRK.B: sell the 467 in the app"),
    ],
)
def test_a_rename_that_cannot_be_taken_says_why(ratio: str, new: str, reason: str) -> None:
    """Nothing changes; the record holds what was wanted and why it was not done."""
    core, bought, standing, _ = overnight()
    orders = [replace(o, symbol=new) for o in (bought, standing)]
    core.read(core.now, *orders)

    accept(core, ratio=ratio, subject=f"corporate_action:{SYMBOL}:symbol:{new}")

    refused = [r for r in core.records(STREAM_RISK) if r.event_type == "decision_refused"]
    assert [r.config_snapshot["reason"] for r in refused] == [reason]
    assert SYMBOL in core.state.reconciled.frozen


def test_an_old_order_of_a_closed_trade_is_only_called_otherwise() -> None:
    """The broker's history shows yesterday's closed trade under today's name: no news at all."""
    core, bought, standing, shares = overnight()
    sold = replace(
        standing,
        state=OrderState.FILLED,
        filled_quantity=shares,
        executions=(execution("out", shares, "99.00", ENTRY_AT),),
    )
    core.read(core.now, *(replace(o, symbol=SYMBOL) for o in (bought, sold)))
    lines = len(core.lines[STREAM_ORDERS])

    core.read(core.now, bought, sold)

    assert not core.state.book.trades, "control: it is closed"
    assert len(core.lines[STREAM_ORDERS]) == lines
    assert not core.state.reconciled.open
