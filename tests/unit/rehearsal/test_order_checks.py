"""Each refusal the API is known for, in its words; and that a refused order leaves nothing."""

from datetime import timedelta
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
    minute_bar,
    order_form,
)
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.holdings import HeldShares

EXTENDED = {"extended_hours": "True", "market_hours": "extended_hours"}
AT = after_open(10, 1)


def _client(**account: Any) -> Client:
    held = (HeldShares(symbol="AAPL", quantity=Decimal(100), average_price=Decimal(90)),)
    settings = AccountSettings(**{"held": held, **account})
    return Client(flat_day(), settings=ExchangeSettings(account=settings))


def _general(text: str) -> dict[str, list[str]]:
    return {"non_field_errors": [text]}


def test_no_price_over_a_dollar_in_fractions_of_a_cent() -> None:
    """A limit of 100.005 is refused by its field; a stop price likewise."""
    said = "Prices above $1.00 can't have subpenny increments."

    assert _client().refused(AT, price="100.005") == {"price": [said]}
    assert _client().refused(AT, **STOP, stop_price="99.001") == {"stop_price": [said]}
    assert _client().place(AT, price="0.0435")["price"] == "0.04350000"


def test_no_price_off_the_instruments_own_tick() -> None:
    """Where an instrument has a minimum tick, its multiples alone are taken."""
    client = _client(ticks={"AAPL": Decimal("0.05")})

    assert list(client.refused(AT, price="100.02")) == ["price"]
    assert client.place(AT, price="100.05")["state"] == "unconfirmed"
    (row,) = client.json("/instruments/?symbol=AAPL", AT)["results"]
    assert row["min_tick_size"] == "0.05"


@pytest.mark.parametrize("version", [None, "1", "0", "x"])
def test_an_old_form_is_refused(version: str | None) -> None:
    """Without a form version, or with one under 2, the app is too old."""
    assert _client().refused(AT, order_form_version=version) == _general(
        "Your app version is missing important stock trading updates. "
        "You can still place orders on the web."
    )


def test_the_second_form_is_taken() -> None:
    """Version 2 is new enough."""
    assert _client().place(AT, order_form_version="2")["order_form_version"] == 2


@pytest.mark.parametrize(
    "hours",
    [
        {"extended_hours": "True"},
        {"extended_hours": "true", "market_hours": None},
        {"market_hours": "extended_hours"},
        {"market_hours": "all_day_hours", "extended_hours": "False"},
    ],
)
def test_hours_must_agree(hours: dict[str, str | None]) -> None:
    """Extended hours and market hours that say different things are refused."""
    assert _client().refused(AT, **hours) == _general("Extended hours and market hours mismatch.")


def test_no_fractions_in_a_limit_order() -> None:
    """A limit for one and a half shares is refused; a market order for them is not."""
    assert _client().refused(AT, quantity="1.5") == _general(
        "Limit order quantity cannot include fractional shares."
    )
    assert _client().place(AT, type="market", price="100.00", quantity="1.5")


def test_no_good_til_cancelled_market_sell() -> None:
    """What the library sends by default for a market sell is refused; a stop may be gtc."""
    client = _client()

    assert client.refused(AT, **{**MARKET_SELL, "time_in_force": "gtc"}) == _general(
        "Invalid Good Til Canceled order."
    )
    assert client.place(AT, **STOP, stop_price="90.00")["time_in_force"] == "gtc"


def test_a_stop_limit_needs_its_stop() -> None:
    """A limit behind a stop without a stop price is refused."""
    assert _client().refused(AT, trigger="stop") == _general(
        "Stop limit order requested, but no stop price provided."
    )


def test_a_market_buy_needs_a_price() -> None:
    """The collar hangs on it."""
    assert _client().refused(AT, type="market", price=None) == _general(
        "Market buy order requested, but no price provided."
    )


def test_no_dollars_in_extended_hours() -> None:
    """An order in dollars is refused outside the regular hours."""
    (said,) = _client().refused(AT, **EXTENDED, dollar_based_amount="100")["non_field_errors"]

    assert said.startswith("Only some stocks and ETFs are available to trade in dollars")
    assert said.endswith("during extended hours.")


@pytest.mark.parametrize("field", ["price", "quantity"])
def test_no_more_than_eight_digits(field: str) -> None:
    """A number of nine digits is refused by its field."""
    assert _client().refused(AT, **{field: "123456789"}) == {
        field: ["Ensure that there are no more than 8 digits before the decimal point."]
    }


@pytest.mark.parametrize("text", ["many", "nan", "1,5", "Infinity"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """A text where a number belongs is refused by its field."""
    assert _client().refused(AT, price=text) == {"price": ["A valid number is required."]}


@pytest.mark.parametrize("text", ["0", "-1"])
def test_nothing_for_nothing(text: str) -> None:
    """Zero and less are no quantity."""
    assert list(_client().refused(AT, quantity=text)) == ["quantity"]


def test_no_more_shares_than_are_held() -> None:
    """A sell of more than is held and free is refused, before and behind a stop."""
    client = _client()
    said = {"detail": "Not enough shares to sell."}

    assert client.refused(AT, side="sell", quantity="101") == said
    client.place(AT, **STOP, stop_price="90.00", quantity="60")
    assert client.refused(AT, side="sell", quantity="41") == said
    assert client.place(AT, side="sell", quantity="40", price="200.00")


def test_no_more_than_money_buys() -> None:
    """A buy dearer than the buying power is refused with the count it would buy."""
    client = _client(cash=Decimal(1_000))

    assert client.refused(AT, quantity="10", price="100.01") == {
        "detail": "You can only purchase 9 shares of AAPL."
    }
    assert client.place(AT, quantity="9", price="100.01")
    assert client.refused(AT, quantity="1", price="100.00") == {
        "detail": "You can only purchase 0 shares of AAPL."
    }


def test_a_market_buy_needs_money_for_its_collar() -> None:
    """Five percent over the price must be there too."""
    client = _client(cash=Decimal(1_000))

    assert client.refused(AT, type="market", price="100.00", quantity="10")
    assert client.place(AT, type="market", price="95.23", quantity="10")


def _after_day_trades(count: int, **account: Any) -> Client:
    client = _client(kind="margin", cash=Decimal(5_000), has_pdt_rule=True, **account)
    for minute in range(1, count + 1):
        client.place(after_open(minute, 1), quantity="10")
        client.place(after_open(minute, 20), **MARKET_SELL, quantity="10")
    client.place(AT, quantity="10")
    return client


def test_a_fourth_day_trade_is_refused_under_the_old_rule() -> None:
    """A small margin account with three day trades may not sell what it bought today."""
    later = after_open(11)
    said = {"detail": "Sell may cause PDT designation."}

    assert _after_day_trades(3).refused(later, **MARKET_SELL, quantity="10") == said
    assert _after_day_trades(2).place(later, **MARKET_SELL, quantity="10")


def test_day_trades_are_counted() -> None:
    """Each buy and the sell that follows it the same day are one day trade."""
    client = _after_day_trades(3)

    said = client.json("/accounts/REH000001/recent_day_trades/", after_open(11))

    assert said["day_trade_count"] == len(said["equity_day_trades"]) == 3
    assert {row["date"] for row in said["equity_day_trades"]} == {"2023-05-25"}


def test_no_trailing_stop_limit() -> None:
    """A trailing limit is refused in the API's words."""
    peg = '{"type": "percentage", "percentage": 5}'

    assert _client().refused(AT, trailing_peg=peg) == _general(
        "Trailing stop limit orders not supported."
    )


def test_a_trailing_stop_is_refused_as_today() -> None:
    """As the library sends it, without a form version, it is too old; with one it is refused."""
    peg = '{"type": "percentage", "percentage": 5}'
    as_sent = {**STOP, "stop_price": "90.00", "trailing_peg": peg}

    old = _client().refused(AT, **as_sent, order_form_version=None, market_hours=None)
    assert "app version" in old["non_field_errors"][0]
    assert list(_client().refused(AT, **as_sent)) == ["non_field_errors"]


@pytest.mark.parametrize("field", ["account", "instrument"])
def test_what_does_not_exist_is_refused(field: str) -> None:
    """A link to nobody's account or instrument is refused by its field."""
    link = f"https://api.robinhood.com/{field}s/other/"

    assert _client().refused(AT, **{field: link}) == {
        field: ["Invalid hyperlink - Object does not exist."]
    }


@pytest.mark.parametrize("field", ["account", "instrument", "side", "quantity", "time_in_force"])
def test_what_is_needed_is_asked_for(field: str) -> None:
    """A field left out is named; the library leaves the account out when its read failed."""
    assert _client().refused(AT, **{field: None}) == {field: ["This field is required."]}


def test_what_is_no_choice_is_refused() -> None:
    """A word the field does not know is named."""
    assert _client().refused(AT, side="short") == {"side": ['"short" is not a valid choice.']}


def test_another_account_in_the_address_is_refused() -> None:
    """Orders of an account that is not there can neither be placed nor listed."""
    client = _client()

    assert client.post("/orders/?account_numbers=OTHER", order_form(), AT).status == 400
    assert client.get("/orders/?account_numbers=OTHER", AT).status == 400
    assert client.get("/orders/?account_numbers=REH000001", AT).status == 200


def test_a_repeated_ref_id_is_refused() -> None:
    """The second send with one ref_id is a 400 by that field, whatever became of the first."""
    client = _client()
    said = {"ref_id": ["Order with this ref_id already exists."]}
    first = client.place(AT)

    assert client.refused(AT, ref_id=first["ref_id"]) == said
    assert client.refused(AT + timedelta(seconds=9), ref_id=first["ref_id"]) == said
    assert len(client.json("/orders/", AT + timedelta(seconds=9))["results"]) == 1


def test_a_refused_ref_id_is_free_again() -> None:
    """A refused order leaves no order, no hold, and its ref_id may be used."""
    client = _client()
    ref_id = "9d2a3f9e-0000-4000-8000-000000000001"

    client.refused(AT, ref_id=ref_id, price="100.005")

    assert client.json("/orders/", AT)["results"] == []
    assert client.account(AT)["cash_held_for_orders"] == "0.0000"
    assert client.place(AT, ref_id=ref_id)["ref_id"] == ref_id


def test_an_extended_limit_may_wait_for_its_hours() -> None:
    """With hours that agree an extended order is taken, and says so."""
    early = after_open(-30, 1)
    day = flat_day(extended=[minute_bar(after_open(-30), "100.00 100.00 100.00 100.00")])
    client = Client(day, start=early)

    order = client.place(early, **EXTENDED)

    assert (order["extended_hours"], order["market_hours"]) == (True, "extended_hours")
    assert client.order(order, OPEN)["state"] == "filled"
