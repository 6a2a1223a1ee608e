"""The form of an order: exact, complete, and only what we ever send."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.paper import make_ref
from support.robinhood_orders import AAPL, ACCOUNT, API, make_intent
from trading_bot.brokers.robinhood.payload import order_form, price_text
from trading_bot.domain.errors import RejectedError
from trading_bot.domain.money import tick_size
from trading_bot.domain.order import Leg, OrderType, TimeInForce

COMMON = {
    "account": f"{API}/accounts/{ACCOUNT}/",
    "instrument": f"{API}/instruments/{AAPL}/",
    "symbol": "AAPL",
    "quantity": "10",
    "order_form_version": "7",
    "market_hours": "regular_hours",
    "extended_hours": "False",
}


def form_of(leg: Leg = Leg.ENTRY, **changes: Any) -> dict[str, str]:
    return dict(order_form(make_intent(leg, **changes), ACCOUNT, AAPL))


def test_an_entry_is_a_limit_order_for_the_day() -> None:
    """Exactly these fields; no collar of the broker's on top of our limit."""
    assert form_of() == COMMON | {
        "side": "buy",
        "type": "limit",
        "trigger": "immediate",
        "price": "100.50",
        "time_in_force": "gfd",
        "ref_id": make_ref("entry"),
    }


def test_a_protective_stop_is_a_market_order_that_stays() -> None:
    """A stop-limit could be gapped through."""
    assert form_of(Leg.STOP) == COMMON | {
        "side": "sell",
        "type": "market",
        "trigger": "stop",
        "stop_price": "95.00",
        "time_in_force": "gtc",
        "ref_id": make_ref("stop"),
    }


def test_an_exit_is_a_limit_or_a_market_order_for_the_day() -> None:
    """A market order names no price at all."""
    limit, market = form_of(Leg.EXIT), form_of(Leg.EXIT, type=OrderType.MARKET)

    assert (limit["type"], limit["price"], limit["time_in_force"]) == ("limit", "99.00", "gfd")
    assert (market["type"], market["trigger"], market["time_in_force"]) == (
        "market",
        "immediate",
        "gfd",
    )
    assert "price" not in market
    assert "stop_price" not in market


@pytest.mark.parametrize(
    ("leg", "changes"),
    [
        (Leg.ENTRY, {"time_in_force": TimeInForce.GTC}),
        (Leg.ENTRY, {"type": OrderType.MARKET}),
        (Leg.ENTRY, {"type": OrderType.STOP}),
        (Leg.EXIT, {"time_in_force": TimeInForce.GTC}),
        (Leg.EXIT, {"type": OrderType.STOP}),
        (Leg.STOP, {"type": OrderType.LIMIT}),
        (Leg.STOP, {"type": OrderType.MARKET}),
    ],
)
def test_any_other_kind_of_order_is_refused_before_it_is_sent(
    leg: Leg, changes: dict[str, Any]
) -> None:
    """What we never send cannot be sent by mistake."""
    with pytest.raises(RejectedError, match="no order of ours"):
        form_of(leg, **changes)


@pytest.mark.parametrize(
    "price", ["100.505", "0.99999", "1.001", "149.5550000001", "100000000", "1E+9"]
)
def test_a_price_off_its_tick_is_refused_and_never_rounded(price: str) -> None:
    """149.555 sent as 149.56 would be a price nobody approved."""
    with pytest.raises(RejectedError, match="not sent"):
        form_of(limit_price=Decimal(price))


@pytest.mark.parametrize(
    ("price", "text"),
    [("100.5", "100.50"), ("1", "1.00"), ("0.5", "0.5000"), ("1E+2", "100.00"), ("2.500", "2.50")],
)
def test_a_price_has_the_decimals_of_its_tick(price: str, text: str) -> None:
    """Two from a dollar up, four below; never an exponent."""
    assert price_text(Decimal(price)) == text


@given(steps=st.integers(min_value=1, max_value=9_999_999_999), is_below=st.booleans())
def test_every_price_on_its_tick_survives_the_form(steps: int, is_below: bool) -> None:
    """What the broker reads is the number that was approved, to the last digit."""
    price = Decimal(steps % 9_999 + 1) / 10_000 if is_below else Decimal(steps) / 100
    price = price if price % tick_size(price) == 0 else Decimal(1)

    sent = parse_qs(urlencode(form_of(limit_price=price)))["price"][0]

    assert Decimal(sent) == price
    assert "E" not in sent
    assert len(sent.partition(".")[2]) == (2 if price >= 1 else 4)


@given(
    price=st.decimals(
        min_value="0.0001", max_value="99999999", places=8, allow_nan=False, allow_infinity=False
    )
)
def test_a_price_is_told_exactly_or_not_at_all(price: Decimal) -> None:
    """There is no third way in which it is rounded."""
    try:
        text = price_text(price)
    except RejectedError:
        assert price % tick_size(price) != 0
    else:
        assert Decimal(text) == price


@given(quantity=st.integers(min_value=1, max_value=10_000))
def test_quantity_is_whole_shares(quantity: int) -> None:
    """No point, no exponent, the number itself."""
    assert form_of(quantity=quantity)["quantity"] == str(quantity)


@pytest.mark.parametrize(
    "changes",
    [
        {"ref_id": "not a uuid"},
        {"ref_id": make_ref("entry").upper()},
        {"ref_id": f"{{{make_ref('entry')}}}"},
        {"symbol": "AAPL&side=sell"},
    ],
)
def test_names_that_could_change_the_form_are_refused(changes: dict[str, Any]) -> None:
    """A ref_id the broker writes differently could not be looked up."""
    with pytest.raises(RejectedError, match="not sent"):
        form_of(**changes)


def test_an_instrument_that_is_no_uuid_is_refused() -> None:
    """It becomes part of an address."""
    with pytest.raises(RejectedError, match="instrument"):
        order_form(make_intent(), ACCOUNT, "../accounts")
