"""The real robin_stocks orders at the exchange over HTTP and gets what it gets from Robinhood."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from robin_stocks import robinhood
from robin_stocks.robinhood import helper, urls

from support.library import Library
from support.rehearsal import after_open, order_form
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.faults import FaultRule

AT = after_open(30)
SOON = AT + timedelta(seconds=1)
NUMBER = "REH000001"


def _listed(library: Library) -> list[dict[str, Any]]:
    library.at(SOON)
    rows: list[dict[str, Any]] = robinhood.get_all_stock_orders(account_number=NUMBER)
    return rows


def test_a_market_buy_is_a_limit_with_a_preset(library: Library) -> None:
    """The library sends a collared limit at the ask, and the exchange fills it at the ask."""
    order = robinhood.order("AAPL", 2, "buy", account_number=NUMBER, timeInForce="gfd")

    (row,) = _listed(library)

    assert (order["type"], order["preset_percent_limit"]) == ("limit", "0.050000")
    assert order["order_form_version"] == 4
    assert (order["state"], row["state"]) == ("unconfirmed", "filled")
    assert row["executions"][0]["price"] == "100.01000000"


def test_a_limit_buy_rounds_its_price_as_floats_do(library: Library) -> None:
    """149.555 becomes 149.56 on the way: why the daemon writes its own payload."""
    order = robinhood.order_buy_limit("AAPL", 2, 149.555, account_number=NUMBER, timeInForce="gfd")

    assert order["price"] == "149.56000000"


def test_a_market_sell_by_default_is_refused(library: Library) -> None:
    """Its default gtc is an invalid order, which the library returns as if it were one."""
    answer = robinhood.order("AAPL", 1, "sell", account_number=NUMBER)

    assert answer == {"non_field_errors": ["Invalid Good Til Canceled order."]}
    assert _listed(library) == []


def test_a_market_sell_for_the_day_is_taken(library: Library) -> None:
    """With gfd it fills at the bid."""
    robinhood.order("AAPL", 1, "sell", account_number=NUMBER, timeInForce="gfd")

    (row,) = _listed(library)

    assert (row["type"], row["price"]) == ("market", None)
    assert row["executions"][0]["price"] == "99.99000000"


def test_a_stop_loss_stands(library: Library) -> None:
    """A gtc market order behind a stop; its shares are held."""
    order = robinhood.order_sell_stop_loss("AAPL", 3, 90.0, account_number=NUMBER)

    (row,) = _listed(library)
    positions = robinhood.get_open_stock_positions(NUMBER)

    assert (row["type"], row["trigger"], row["state"]) == ("market", "stop", "confirmed")
    assert (row["stop_price"], row["time_in_force"]) == ("90.00000000", "gtc")
    held = {row["symbol"]: row["shares_held_for_sells"] for row in positions}
    assert held == {"AAPL": "3.00000000", "MSFT": "0.00000000"}
    assert robinhood.get_stock_order_info(order["id"])["id"] == order["id"]


def test_hours_that_disagree_are_refused(library: Library) -> None:
    """What the library sends for extended hours is a mismatch today."""
    answer = robinhood.order_buy_limit(
        "AAPL", 1, 100.0, account_number=NUMBER, timeInForce="gfd", extendedHours=True
    )

    assert answer == {"non_field_errors": ["Extended hours and market hours mismatch."]}


def test_a_trailing_stop_is_refused(library: Library) -> None:
    """Without a form version the app is too old."""
    answer = robinhood.orders.order_trailing_stop("AAPL", 1, "sell", 5, account_number=NUMBER)

    assert "app version" in answer["non_field_errors"][0]


def test_a_cancel_is_taken_and_then_refused(library: Library) -> None:
    """An empty object while open; of a final order the refusal, which the library takes for one."""
    order = robinhood.order_buy_limit("AAPL", 1, 90.0, account_number=NUMBER, timeInForce="gfd")
    library.at(SOON)

    first = robinhood.cancel_stock_order(order["id"])
    library.at(SOON + timedelta(seconds=1))
    second = robinhood.cancel_stock_order(order["id"])

    assert (first, second) == ({}, {"detail": "Order cannot be cancelled at this time."})
    assert robinhood.get_stock_order_info(order["id"])["state"] == "cancelled"


def test_open_orders_are_those_with_a_cancel_link(library: Library) -> None:
    """The library finds them over the pages of the whole history."""
    for price in (90.0, 100.5, 91.0):
        robinhood.order_buy_limit("AAPL", 1, price, account_number=NUMBER, timeInForce="gfd")
    library.at(SOON)

    rows = robinhood.get_all_open_stock_orders(account_number=NUMBER)

    assert [row["price"] for row in rows] == ["91.00000000", "90.00000000"]


def test_own_payload_and_its_repeat(library: Library) -> None:
    """Our own form is taken once; sent again with its ref_id it is refused with a 400."""
    payload = order_form(quantity="1")

    first, second = (
        helper.request_post(urls.orders_url(account_number=NUMBER), payload, jsonify_data=False)
        for _ in range(2)
    )

    assert (first.status_code, second.status_code) == (201, 400)
    assert second.json() == {"ref_id": ["Order with this ref_id already exists."]}
    assert [row["ref_id"] for row in _listed(library)] == [payload["ref_id"]]


@pytest.mark.parametrize(
    "library",
    [(FaultRule(fault=faults.AcceptThenDrop()),), (FaultRule(fault=faults.AcceptThenError()),)],
    indirect=True,
    ids=["dropped", "error"],
)
def test_a_lost_answer_is_a_live_order(library: Library) -> None:
    """The library returns nothing, and the order is there: why ours has its own ref_id."""
    assert robinhood.order("AAPL", 1, "buy", account_number=NUMBER, timeInForce="gfd") is None
    assert len(_listed(library)) == 1


@pytest.mark.parametrize(
    "library",
    [(FaultRule(fault=menu.PageError(503), path="/orders/"),)],
    indirect=True,
    ids=["second page fails"],
)
def test_a_failing_page_of_orders_fools_the_library(library: Library) -> None:
    """The first page is returned as if it were all."""
    for _ in range(2):
        robinhood.order_buy_limit("AAPL", 1, 90.0, account_number=NUMBER, timeInForce="gfd")

    assert len(_listed(library)) == 1


def test_the_money_is_right_after_a_trade(library: Library) -> None:
    """Cash in the account is the start less what the executions say."""
    robinhood.order("AAPL", 2, "buy", account_number=NUMBER, timeInForce="gfd")
    (row,) = _listed(library)

    account = robinhood.load_account_profile(NUMBER)

    spent = sum(Decimal(one["rounded_notional"]) for one in row["executions"])
    assert Decimal(account["cash"]) == 25_000 - spent
    assert Decimal(account["buying_power"]) == 25_000 - spent
