"""What a reading of an order adds to what is known."""

from dataclasses import replace
from decimal import Decimal

import pytest

from support.core_builders import (
    OPEN,
    broker_order,
    execution,
    with_entry,
    with_position,
)
from trading_bot.domain.order import Execution, OrderState, Side
from trading_bot.execution.observe import impossible, new_facts, oversold
from trading_bot.execution.trade import TrackedOrder, Trade

ONE = execution("one", 1, "100.00", OPEN)
TWO = execution("two", 2, "100.01", OPEN)


def tracked(
    state: OrderState = OrderState.NONE, *known: Execution, order_id: str = ""
) -> TrackedOrder:
    """An entry of 467 shares, with `known` executions."""
    core, entry = with_entry()
    order = core.state.book.orders[entry.ref_id][1]
    return replace(
        order,
        state=state,
        order_id=order_id,
        executions={e.execution_id: e for e in known},
        filled=sum(e.quantity for e in known),
    )


def kinds(order: TrackedOrder, state: OrderState, *seen: Execution, **changes: object) -> list[str]:
    reading = broker_order(order.intent, state, *seen, **changes)
    return [fact.kind for fact in new_facts(order, reading)]


S = OrderState


@pytest.mark.parametrize(
    ("known", "seen", "expected"),
    [
        (S.NONE, S.UNCONFIRMED, ["reply"]),
        (S.NONE, S.OPEN, ["reply"]),
        (S.UNKNOWN, S.OPEN, ["reply"]),
        (S.OPEN, S.OPEN, ["reply"]),  # the broker's id is news
        (S.UNCONFIRMED, S.OPEN, ["reply"]),
        (S.NONE, S.REJECTED, ["rejected"]),
        (S.OPEN, S.CANCELLED, ["cancelled"]),
        (S.UNKNOWN, S.CANCELLED, ["cancelled"]),
        (S.OPEN, S.EXPIRED, ["expired"]),
        (S.CANCELLED, S.OPEN, []),
        (S.CANCELLED, S.CANCELLED, []),
        (S.FILLED, S.CANCELLED, []),
        (S.REJECTED, S.UNKNOWN, []),
    ],
)
def test_states(known: OrderState, seen: OrderState, expected: list[str]) -> None:
    """State by state: news is told once, and an ended order is never opened again."""
    assert kinds(tracked(known), seen) == expected


def test_the_same_reading_twice_is_no_news() -> None:
    """A reading that says what is known adds nothing."""
    order = tracked(S.OPEN, ONE, order_id="order-1")

    assert kinds(order, S.OPEN, ONE, order_id="order-1") == []


def test_a_changed_order_id_is_news() -> None:
    """An order replaced at the broker goes by its new id."""
    assert kinds(tracked(S.OPEN, order_id="old"), S.OPEN, order_id="new") == ["reply"]


def test_fills_are_told_by_execution_id() -> None:
    """Of three executions the two unknown ones are news."""
    order = tracked(S.PART_FILLED, ONE, order_id="order-1")
    three = execution("three", 3, "100.02", OPEN)

    facts = new_facts(
        order, broker_order(order.intent, S.PART_FILLED, ONE, TWO, three, order_id="order-1")
    )

    assert [(f.kind, f.data["execution_id"]) for f in facts] == [("fill", "two"), ("fill", "three")]


def test_an_execution_listed_twice_is_one_fill() -> None:
    """A page read twice must not make two trade records."""
    assert kinds(tracked(S.OPEN), S.PART_FILLED, ONE, ONE) == ["reply", "fill"]


@pytest.mark.parametrize("ended", [S.CANCELLED, S.EXPIRED, S.FILLED])
def test_late_fill_of_an_ended_order_is_news(ended: OrderState) -> None:
    """The broker reports a fill after the end: it is booked."""
    assert kinds(tracked(ended, ONE), S.CANCELLED, ONE, TWO) == ["fill"]


def test_end_waits_for_its_executions() -> None:
    """Cancelled with three filled but two listed: not over yet, else three would be sold again."""
    order = tracked(S.OPEN, order_id="order-1")

    early = kinds(order, S.CANCELLED, TWO, filled_quantity=3, order_id="order-1")
    whole = kinds(order, S.CANCELLED, ONE, TWO, filled_quantity=3, order_id="order-1")

    assert early == ["fill"]
    assert whole == ["fill", "fill", "cancelled"]


def test_fills_come_before_the_end() -> None:
    """The end is told last, so that what was sold is known by then."""
    assert kinds(tracked(S.OPEN), S.CANCELLED, ONE)[-1] == "cancelled"


def stop_of() -> tuple[Trade, TrackedOrder]:
    core, _, stop = with_position()
    return core.state.book.orders[stop.ref_id]


def test_reading_of_the_right_order_is_possible() -> None:
    """Control: an honest reading has nothing against it."""
    trade, order = stop_of()

    filled = execution("x", order.intent.quantity, "98.90", OPEN)

    assert impossible(trade, order, broker_order(order.intent, S.FILLED, filled)) == ""


@pytest.mark.parametrize(
    ("changes", "sold", "says"),
    [
        ({"symbol": "MSFT"}, (), "MSFT"),
        ({"side": Side.BUY}, (), "BUY"),
        ({"order_id": ""}, (), "no id"),
        ({}, (execution("x", 468, "99.00", OPEN),), "filled 468 of an order of 467"),
        ({}, (execution("x", 467, "99.00", OPEN), ONE), "filled 468"),
        ({}, (execution("x", 1, "99.00", OPEN, "-1"),), "fees -1"),
        ({}, (execution("x", 1, "1E+20", OPEN),), "1E+20"),
        ({}, (execution("x", 0, "99.00", OPEN),), "an execution of 0"),
        ({}, (execution("x", 1, "0", OPEN),), "at 0"),
        ({}, (replace(ONE, price=Decimal("NaN")),), "NaN"),
    ],
)
def test_impossible_readings(
    changes: dict[str, object], sold: tuple[Execution, ...], says: str
) -> None:
    """Somebody else's order, a sale of what was never held, a price of nothing: named."""
    trade, order = stop_of()

    said = impossible(trade, order, broker_order(order.intent, S.OPEN, *sold, **changes))

    assert says in said


def test_more_sold_than_held_is_impossible() -> None:
    """A stop of 467 cannot sell 467 when another sell took 100 of them."""
    trade, order = stop_of()
    trade.sold = 100

    said = impossible(
        trade, order, broker_order(order.intent, S.FILLED, execution("x", 467, "99.00", OPEN))
    )

    assert said == "sold 467 AAPL, only 367 were held"


def test_only_a_sale_of_too_many_shares_is_called_that() -> None:
    """What is wrong otherwise as well is no sale that other shares could explain."""
    trade, order = stop_of()
    trade.sold = 100
    sale = broker_order(order.intent, S.FILLED, execution("x", 467, "99.00", OPEN))
    priceless = broker_order(order.intent, S.FILLED, execution("x", 467, "0", OPEN))

    assert impossible(trade, order, sale) == oversold(trade, order, sale) != ""
    assert impossible(trade, order, priceless) != oversold(trade, order, priceless)
