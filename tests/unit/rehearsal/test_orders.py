"""The order requests as the API has them: the object, the lists, cancels, fees, the account."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.rehearsal import (
    MARKET_SELL,
    OPEN,
    STOP,
    Client,
    after_open,
    flat_day,
    order_form,
    session_of,
)
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.holdings import HeldShares
from trading_bot.rehearsal.wire import Request

AT = after_open(10, 1)
SOON = AT + timedelta(seconds=1)
NEXT_DAY = date(2023, 5, 26)


def _client(page_size: int = 100, **account: Any) -> Client:
    settings = ExchangeSettings(account=AccountSettings(**account), page_size=page_size)
    return Client(flat_day("AAPL"), flat_day("MSFT"), flat_day(day=NEXT_DAY), settings=settings)


def test_an_order_has_the_fields_of_the_api() -> None:
    """Numbers are text with eight decimals, links absolute; there is no symbol."""
    order = _client().place(AT)

    assert "symbol" not in order
    assert order["quantity"] == "100.00000000"
    assert order["price"] == "101.00000000"
    assert order["average_price"] is None
    assert order["cumulative_quantity"] == "0.00000000"
    assert order["account"] == "https://api.robinhood.com/accounts/REH000001/"
    assert order["instrument"].endswith(f"/instruments/{order['instrument_id']}/")
    assert order["created_at"] == "2023-05-25T13:40:01.000000Z"
    assert (order["state"], order["derived_state"]) == ("unconfirmed", "unconfirmed")
    assert order["last_update_version"] == -1
    assert order["total_notional"]["amount"] == "10100.00"
    assert order["executed_notional"] is None
    assert order["user_cancel_request_state"] == "no_cancel_requested"
    assert order["position_effect"] == "open"


def test_a_form_and_json_are_the_same() -> None:
    """An order may come as JSON, booleans included."""
    client = _client()
    body = {**order_form(), "extended_hours": False, "quantity": 3}
    headers = {"authorization": f"Bearer {client.token}", "content-type": "application/json"}

    reply = client.exchange.handle(
        Request("POST", "/orders/", headers, json.dumps(body).encode()), AT
    )

    assert reply.status == 201
    assert json.loads(reply.body)["quantity"] == "3.00000000"


def test_an_execution_has_the_fields_of_the_api() -> None:
    """A sell's execution carries its fees, its settlement date two sessions on in 2023."""
    held = (HeldShares(symbol="AAPL", quantity=Decimal(100), average_price=Decimal(90)),)
    client = _client(held=held)
    order = client.order(client.place(AT, **MARKET_SELL), SOON)
    (one,) = order["executions"]

    assert one["price"] == "99.99000000"
    assert one["rounded_notional"] == "9999.00000000"
    assert one["timestamp"] == "2023-05-25T13:40:01.400000Z"
    assert one["trade_execution_date"] == "2023-05-25"
    assert one["settlement_date"] == "2023-05-30"
    # 9,999 dollars at 8.00 a million, 100 shares at 0.000145, each up to the cent.
    assert (one["sec_fee"], one["taf_fee"], one["cat_fee"]) == ("0.08", "0.02", "0.00")
    assert one["fees"] == order["fees"] == "0.10"
    assert order["executed_notional"]["amount"] == "9999.00"
    assert order["last_transaction_at"] == one["timestamp"]


def test_the_average_price_follows_the_rounded_notional() -> None:
    """One share at 0.0435 is shown as 0.04: the truth is in the executions."""
    client = Client(flat_day(prices="0.0434 0.0434 0.0434 0.0434"))

    order = client.order(client.place(AT, quantity="1", price="0.0500"), SOON)

    assert order["executions"][0]["price"] == "0.04350000"
    assert order["average_price"] == "0.04000000"


def test_a_triggered_stop_shows_when_and_at_what_price() -> None:
    """Before its trigger a stop has no price; after it one is filled in."""
    held = (HeldShares(symbol="AAPL", quantity=Decimal(100), average_price=Decimal(90)),)
    client = _client(held=held)
    placed = client.place(AT, **STOP, stop_price="99.90")

    before, after = client.order(placed, SOON), client.order(placed, after_open(11))

    assert (before["price"], before["stop_triggered_at"]) == (None, None)
    assert before["state"] == "confirmed"
    assert after["price"] == "99.89000000"
    assert after["stop_triggered_at"] == "2023-05-25T13:40:15.000000Z"


def test_orders_are_listed_newest_first_in_pages() -> None:
    """Every order comes once over the pages, also when a new one arrives in between."""
    client = _client(page_size=2)
    placed = [client.place(AT, quantity="1")["id"] for _ in range(5)]

    page = client.json("/orders/?account_numbers=REH000001", AT)
    client.place(AT, quantity="1")
    seen = [row["id"] for row in page["results"]]
    assert page["previous"] is None
    while page["next"]:
        assert page["next"].startswith("https://api.robinhood.com/orders/?account_numbers=")
        page = client.json(page["next"].removeprefix("https://api.robinhood.com"), AT)
        seen += [row["id"] for row in page["results"]]

    assert seen == placed[::-1]
    back = client.json(page["previous"].removeprefix("https://api.robinhood.com"), AT)
    assert [row["id"] for row in back["results"]] == placed[1:3][::-1]
    assert client.get("/orders/?cursor=nonsense", AT).status == 404


def test_orders_are_found_by_their_times_and_marks() -> None:
    """updated_at, created_at, instrument and is_closed narrow the list."""
    client = _client()
    old = client.place(AT, price="90.00")
    new = client.place(AT + timedelta(minutes=5), symbol="MSFT")
    at = AT + timedelta(minutes=10)

    def found(query: str) -> list[str]:
        return [row["id"] for row in client.json(f"/orders/?{query}", at)["results"]]

    assert found("created_at[gte]=2023-05-25T13:42:00Z") == [new["id"]]
    assert found("updated_at[gte]=2023-05-25T13:40:01.200000Z") == [new["id"], old["id"]]
    assert found("updated_at[gte]=2023-05-25T13:40:01.300000%2B00:00") == [new["id"]]
    assert found("updated_at[gte]=2023-05-26") == []
    assert found(f"instrument={old['instrument']}") == [old["id"]]
    assert found("is_closed=true") == [new["id"]]
    assert found("is_closed=false") == [old["id"]]
    assert client.get("/orders/?updated_at[gte]=yesterday", at).status == 400


def test_an_order_is_found_by_its_id() -> None:
    """The address of an order is the order; another is not found."""
    client = _client()
    order = client.place(AT)

    assert client.order(order, AT) == order
    assert client.get("/orders/none/", AT).status == 404
    assert client.post("/orders/none/cancel/", {}, AT).status == 404


@pytest.mark.parametrize(
    ("method", "target"),
    [("PUT", "/orders/"), ("GET", "/orders/fees/"), ("GET", "/orders/x/cancel/")],
)
def test_other_methods_are_refused(method: str, target: str) -> None:
    """405 where an address does not know the method."""
    client = _client()
    headers = {"authorization": f"Bearer {client.token}"}

    assert client.exchange.handle(Request(method, target, headers), AT).status == 405


def test_a_cancel_takes_its_time() -> None:
    """Answered at once with an empty object, it takes effect 0.3 s later."""
    client = _client()
    placed = client.place(AT, price="90.00")

    reply = client.cancel(placed, SOON)
    states = {ms: client.order(placed, SOON + timedelta(milliseconds=ms)) for ms in (0, 299, 300)}

    assert (reply.status, reply.body) == (200, b"{}")
    assert {ms: order["state"] for ms, order in states.items()} == {
        0: "confirmed",
        299: "confirmed",
        300: "cancelled",
    }
    assert states[0]["pending_cancel_open_agent"] == "user"
    assert states[300]["user_cancel_request_state"] == "order_finalized"


def test_a_fill_may_beat_a_cancel_by_timing_alone() -> None:
    """A quote that crosses the order within the cancel's 0.3 s fills it."""
    client = _client()
    placed = client.place(AT, price="99.91")

    assert client.cancel(placed, after_open(10, 14.8)).status == 200

    assert client.order(placed, after_open(10, 16))["state"] == "filled"


def test_a_cancel_just_in_time_wins() -> None:
    """A cancel that takes effect at the very moment of the quote goes first."""
    client = _client()
    placed = client.place(AT, price="99.91")

    client.cancel(placed, after_open(10, 14.7))

    assert client.order(placed, after_open(10, 16))["state"] == "cancelled"


def test_a_part_filled_order_keeps_its_part() -> None:
    """Cancelled after a partial fill it says so, and has an average price."""
    client = _client(cash=Decimal(200_000))
    placed = client.place(AT, quantity="800", price="100.01")

    client.cancel(placed, SOON)
    order = client.order(placed, after_open(10, 10))

    assert order["state"] == "cancelled"
    assert order["derived_state"] == "partially_filled_rest_cancelled"
    assert order["cumulative_quantity"] == "500.00000000"
    assert order["average_price"] == "100.01000000"


@pytest.mark.parametrize("price", ["101.00", "90.00"])
def test_a_final_order_cannot_be_cancelled(price: str) -> None:
    """Filled or cancelled, another cancel is a 400 in the API's words."""
    client = _client()
    placed = client.place(AT, price=price)
    client.cancel(placed, AT)

    reply = client.cancel(placed, SOON)

    assert reply.status == 400
    assert reply.body == b'{"detail":"Order cannot be cancelled at this time."}'


def test_fees_are_told_beforehand() -> None:
    """A sell's fees by name, with their rates; a buy has none."""
    client = _client()
    asked = {"quantity": "100", "price": "99.99", "instrument_id": "x", "is_otc": "False"}

    sell = json.loads(client.post("/orders/fees/", {**asked, "side": "sell"}, AT).body)
    buy = json.loads(client.post("/orders/fees/", {**asked, "side": "buy"}, AT).body)

    assert sell["total_fee"] == "0.10"
    assert {row["name"]: row["amount"] for row in sell["fees"]} == {
        "sec_fee": "0.08",
        "taf_fee": "0.02",
    }
    assert buy == {"fees": [], "total_fee": "0.00"}
    assert client.post("/orders/fees/", {"side": "sell"}, AT).status == 400


def test_an_open_buy_holds_its_money() -> None:
    """Held cash is the most the order may cost; cash itself moves with the fill."""
    client = _client()
    placed = client.place(AT, price="90.00")
    held = client.account(SOON)
    client.cancel(placed, SOON)
    freed = client.account(SOON + timedelta(seconds=1))

    assert held["cash"] == "25000.0000"
    assert held["cash_held_for_orders"] == "9000.0000"
    assert held["buying_power"] == "16000.0000"
    assert held["cash_balances"]["buying_power"] == "16000.0000"
    assert (freed["cash_held_for_orders"], freed["buying_power"]) == ("0.0000", "25000.0000")


def test_a_queued_market_buy_holds_five_percent_more() -> None:
    """Sent before the open it holds the collar too."""
    client = Client(flat_day(), start=after_open(-30))
    client.place(after_open(-30), type="market", price="100.00", quantity="10")

    assert client.account(after_open(-29))["cash_held_for_orders"] == "1050.0000"


def test_a_buy_becomes_a_position() -> None:
    """Cash goes, shares come, with what they cost and how many are of today."""
    client = _client()
    client.place(AT)

    account, row = client.account(SOON), client.position("AAPL", SOON)

    assert account["cash"] == account["buying_power"] == "14999.0000"
    assert row["quantity"] == row["intraday_quantity"] == "100.00000000"
    assert row["average_buy_price"] == row["intraday_average_buy_price"] == "100.0100"
    assert client.json("/portfolios/REH000001/", SOON)["equity"] == "24999.0000"


def test_an_open_sell_holds_its_shares() -> None:
    """A resting stop shows in shares_held_for_sells until it is gone."""
    client = _client()
    client.place(AT)
    stop = client.place(SOON, **STOP, stop_price="90.00", quantity="60")
    held = client.position("AAPL", SOON)
    client.cancel(stop, SOON)

    assert held["shares_held_for_sells"] == "60.00000000"
    later = client.position("AAPL", SOON + timedelta(seconds=1))
    assert later["shares_held_for_sells"] == "0.00000000"


def test_a_cash_account_waits_for_its_proceeds() -> None:
    """Proceeds are cash at once and may be spent when they have settled."""
    held = (HeldShares(symbol="AAPL", quantity=Decimal(100), average_price=Decimal(90)),)
    client = _client(held=held, cash=Decimal(100))
    client.place(AT, **MARKET_SELL)

    sold = client.account(SOON)
    settled = client.account(session_of(date(2023, 5, 30)).open)

    assert sold["cash"] == "10098.9000"
    assert sold["unsettled_funds"] == "9998.9000"
    assert sold["buying_power"] == sold["cash_available_for_withdrawal"] == "100.0000"
    assert (settled["unsettled_funds"], settled["buying_power"]) == ("0.0000", "10098.9000")


def test_a_margin_account_does_not_wait() -> None:
    """Its proceeds may be spent at once, though not withdrawn."""
    held = (HeldShares(symbol="AAPL", quantity=Decimal(100), average_price=Decimal(90)),)
    client = _client(held=held, cash=Decimal(100), kind="margin")
    client.place(AT, **MARKET_SELL)

    sold = client.account(SOON)

    assert sold["buying_power"] == "10098.9000"
    assert sold["unsettled_funds"] == "0.0000"
    assert sold["cash_available_for_withdrawal"] == "100.0000"


def test_shares_held_overnight_are_sold_first() -> None:
    """Of shares of yesterday and today the sell takes yesterday's; the cost goes by average."""
    held = (HeldShares(symbol="AAPL", quantity=Decimal(100), average_price=Decimal(90)),)
    client = _client(held=held)
    client.place(AT)
    client.place(SOON, **MARKET_SELL, quantity="150")

    row = client.position("AAPL", after_open(11))

    assert row["quantity"] == row["intraday_quantity"] == "50.00000000"
    assert row["average_buy_price"] == "95.0050"
    next_day = client.position("AAPL", session_of(NEXT_DAY).open)
    assert next_day["intraday_quantity"] == "0.00000000"


def test_an_emptied_position_is_still_listed() -> None:
    """With nonzero=true it is gone; without it stands with zero shares."""
    client = _client()
    client.place(AT)
    client.place(SOON, **MARKET_SELL)
    at = after_open(11)

    assert client.json("/positions/?nonzero=true", at)["results"] == []
    assert client.position("AAPL", at)["quantity"] == "0.00000000"
    assert client.position("AAPL", at)["average_buy_price"] == "0.0000"


def test_other_accounts_come_first_and_are_empty() -> None:
    """An owner with several accounts: ours is not the first of the list."""
    rows = _client(others=("REH000009",)).json("/accounts/", OPEN)["results"]

    assert [row["account_number"] for row in rows] == ["REH000009", "REH000001"]
    assert [row["buying_power"] for row in rows] == ["0.0000", "25000.0000"]
    assert [row["is_default"] for row in rows] == [False, True]
