"""Order objects as domain orders."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.paper import TEN, make_ref
from support.robinhood_orders import AAPL, ACCOUNT, API, execution_row, order_row, stamp
from trading_bot.brokers.robinhood.order_parsing import STATES, parse_order
from trading_bot.domain.errors import DataError
from trading_bot.domain.order import BrokerOrder, OrderState, OrderType, Side, TimeInForce


def parsed(**changes: Any) -> BrokerOrder:
    return parse_order(order_row(**changes), ACCOUNT, "AAPL")


def test_an_order_tells_everything_we_track() -> None:
    """Ids, prices and times come from the order itself, its symbol from the instrument."""
    order = parsed(
        state="partially_filled", cumulative_quantity="5.00000000", executions=[execution_row()]
    )

    assert (order.order_id, order.ref_id) == (make_ref("order entry"), make_ref("entry"))
    assert (order.symbol, order.instrument_id) == ("AAPL", AAPL)
    assert (order.side, order.type, order.state) == (
        Side.BUY,
        OrderType.LIMIT,
        OrderState.PART_FILLED,
    )
    assert (order.quantity, order.filled_quantity) == (10, 5)
    assert (order.limit_price, order.stop_price) == (Decimal("100.50"), None)
    assert order.time_in_force is TimeInForce.GFD
    assert (order.created_at, order.updated_at) == (TEN, TEN)
    assert [(e.quantity, e.price) for e in order.executions] == [(5, Decimal("100.01"))]
    assert (order.unlike_ours, order.replaces, order.reject_reason) == ("", "", "")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("unconfirmed", OrderState.UNCONFIRMED),
        ("queued", OrderState.OPEN),
        ("confirmed", OrderState.OPEN),
        ("partially_filled", OrderState.PART_FILLED),
        ("filled", OrderState.FILLED),
        ("cancelled", OrderState.CANCELLED),
        ("canceled", OrderState.CANCELLED),
        ("partially_filled_rest_cancelled", OrderState.CANCELLED),
        ("voided", OrderState.CANCELLED),
        ("expired", OrderState.EXPIRED),
        ("rejected", OrderState.REJECTED),
        ("failed", OrderState.REJECTED),
        ("locate_failed", OrderState.REJECTED),
    ],
)
def test_state_is_the_brokers_word(word: str, state: OrderState) -> None:
    """Both spellings of cancelled; a queued order works as soon as the market opens."""
    assert parsed(state=word).state is state


@given(word=st.text(min_size=1).filter(lambda word: word not in STATES))
def test_an_unknown_state_is_never_final(word: str) -> None:
    """An order that is believed dead is forgotten, and may still trade."""
    assert parsed(state=word).state is OrderState.OPEN
    traded = parsed(state=word, cumulative_quantity="1.00000000")
    assert traded.state is OrderState.PART_FILLED


def test_a_triggered_stop_stays_a_stop() -> None:
    """Robinhood fills the price in when a stop triggers; that makes no limit order of it."""
    order = parsed(
        side="sell", type="market", trigger="stop", stop_price="95.00000000", price="94.9800"
    )

    assert (order.type, order.stop_price, order.limit_price) == (
        OrderType.STOP,
        Decimal("95.00"),
        None,
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quantity": "1.50000000"}, "fraction"),
        ({"quantity": "0.30000000", "cumulative_quantity": "0.3"}, "fraction"),
        ({"quantity": None}, "fraction"),
        ({"cumulative_quantity": "0.50000000"}, "fraction"),
        ({"executions": [execution_row(quantity="0.5")]}, "fraction"),
        ({"dollar_based_amount": {"amount": "50.00", "currency_code": "USD"}}, "dollars"),
        ({"type": "limit", "trigger": "stop", "stop_price": "95.00"}, "stop limit"),
        ({"trailing_peg": {"type": "price"}}, "trailing"),
        ({"type": "pegged"}, "pegged"),
        ({"type": None}, "type"),
    ],
)
def test_what_we_never_send_is_unlike_ours(changes: dict[str, Any], why: str) -> None:
    """It says why, counts whole shares upwards, and tells no executions to book."""
    changes = {"executions": [execution_row()]} | changes

    order = parsed(**changes)

    assert why in order.unlike_ours
    assert order.executions == ()
    assert order.quantity >= Decimal(changes.get("quantity", "10") or 0)


def test_an_owners_edit_names_the_order_it_replaced() -> None:
    """As an id or as a link."""
    old = make_ref("order old")

    assert parsed(replaces=old).replaces == old
    assert parsed(replaces=f"{API}/orders/{old}/").replaces == old


@pytest.mark.parametrize(
    "account", [f"{API}/accounts/5OTHER999/", None, "", {"url": f"{API}/accounts/{ACCOUNT}/"}]
)
def test_an_order_of_another_account_is_refused_without_naming_it(account: object) -> None:
    """A reading that mixes accounts is no reading."""
    with pytest.raises(DataError, match="our account") as caught:
        parsed(account=account)
    assert "5OTHER" not in str(caught.value)
    assert ACCOUNT not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"side": "short"},
        {"state": None},
        {"created_at": "yesterday"},
        {"updated_at": None},
        {"executions": None},
        {"executions": {}},
        {"quantity": 10},
        {"executions": [execution_row(price=None)]},
        {"executions": [execution_row(timestamp=None)]},
        {"executions": [execution_row(), execution_row(price="1.00")]},
        {"executions": [execution_row(fees="-1.00")]},
    ],
)
def test_an_order_that_cannot_be_read_is_an_error(changes: dict[str, Any]) -> None:
    """Never part of it: half an order could be taken for all that was traded."""
    with pytest.raises(DataError):
        parsed(**changes)


def test_the_average_is_never_believed() -> None:
    """The broker rounds it; what was traded are the executions."""
    order = parsed(average_price="100.00000000", executions=[execution_row()])

    assert [e.price for e in order.executions] == [Decimal("100.01")]


def test_an_execution_told_twice_counts_once() -> None:
    """The same id with the same content is the same fill."""
    order = parsed(executions=[execution_row(), execution_row()])

    assert order.filled_quantity == 5
    assert len(order.executions) == 1


def test_executions_come_in_the_order_they_happened() -> None:
    """However the broker lists them."""
    later = execution_row("later", timestamp=stamp(TEN + timedelta(seconds=9)))

    order = parsed(executions=[later, execution_row()])

    assert [e.execution_id for e in order.executions] == [
        make_ref("execution one"),
        make_ref("execution later"),
    ]


def sold(*executions: dict[str, Any], **changes: Any) -> list[Decimal]:
    order = parsed(side="sell", executions=list(executions), **changes)
    return [e.fees for e in order.executions]


def test_fees_are_the_executions_own_word() -> None:
    """As a whole, or in its parts; a stated zero is a zero."""
    whole = execution_row("a", fees="0.02", sec_fee="0.01", taf_fee="0.01")
    parts = execution_row("b", sec_fee="0.03", taf_fee="0.00", cat_fee="0.01")
    none = execution_row("c", fees="0.00")

    fees = sold(whole, parts, none, quantity="20")

    assert sorted(fees) == [Decimal("0.00"), Decimal("0.02"), Decimal("0.04")]


def test_fees_of_the_order_are_spread_to_the_cent() -> None:
    """The last execution takes what is left, so the sum is what the broker says."""
    first = execution_row("a")
    last = execution_row("b", timestamp=stamp(TEN + timedelta(seconds=5)))

    assert sold(first, last, fees="0.05") == [Decimal("0.02"), Decimal("0.03")]
    assert sold(first, last, fees="0.01") == [Decimal("0.01"), Decimal(0)]
    assert sold(first, last, sec_fees="0.03", taf_fees="0.01") == [
        Decimal("0.02"),
        Decimal("0.02"),
    ]


@given(total=st.integers(min_value=0, max_value=500), count=st.integers(min_value=1, max_value=6))
def test_spread_fees_always_add_up(total: int, count: int) -> None:
    """Whatever the order was charged, its executions were charged together."""
    rows = [
        execution_row(str(n), quantity="1", timestamp=stamp(TEN + timedelta(seconds=n)))
        for n in range(count)
    ]

    fees = sold(*rows, fees=f"{Decimal(total) / 100:.2f}")

    assert sum(fees) == Decimal(total) / 100
    assert all(fee >= 0 for fee in fees)


def test_an_earlier_executions_fee_stands_when_one_more_comes() -> None:
    """A fill is recorded once, so what it cost must not change afterwards."""
    first = execution_row("a")
    last = execution_row("b", timestamp=stamp(TEN + timedelta(seconds=5)))

    assert sold(first, last, fees="0.04")[0] == sold(first, fees="0.02")[0]


def test_unstated_fees_are_those_of_the_table_on_that_day() -> None:
    """The SEC's fee on 500.05 dollars in November 2026; a buy pays none."""
    assert sold(execution_row()) == [Decimal("0.02")]
    assert [e.fees for e in parsed(executions=[execution_row()]).executions] == [0]


def test_the_day_of_a_fee_is_new_yorks() -> None:
    """An evening's execution there is the next day's in UTC."""
    eve = datetime(2026, 4, 4, 1, 0, tzinfo=UTC)

    before = sold(execution_row(timestamp=stamp(eve)))
    after = sold(execution_row(timestamp=stamp(eve + timedelta(days=1))))

    assert after[0] - before[0] == Decimal("0.02")
