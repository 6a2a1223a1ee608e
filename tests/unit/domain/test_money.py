"""Decimal money: what is read, how it is rounded, how it is written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.domain.money import (
    cents,
    cents_up,
    parse_decimal,
    price_from_float,
    round_buy,
    round_nearest,
    round_sell,
    text_of,
    tick_size,
    trimmed,
    whole_shares,
)

prices = st.decimals(min_value="0.0001", max_value="99999", places=6)


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1_000", "1e3", "NaN", "Infinity", "--1", "1.2.3", "\uff11"]
)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    """Exponents, spaces, underscores, words and other digits are not money."""
    with pytest.raises(ValueError, match="expected a plain decimal number"):
        parse_decimal(text)


@pytest.mark.parametrize("value", [1.5, 1, None, True])
def test_what_is_no_text_is_refused(value: object) -> None:
    """A float has lost its cents before we see it."""
    with pytest.raises(ValueError, match="as text"):
        parse_decimal(value)  # type: ignore[arg-type]


@given(prices)
def test_text_and_back_is_the_same_number(price: Decimal) -> None:
    """What is written is read again as the same amount, without an exponent."""
    assert parse_decimal(text_of(price)) == price
    assert "E" not in text_of(price)


@given(prices)
def test_a_buy_never_pays_more_and_a_sell_never_takes_less(price: Decimal) -> None:
    """Limits are rounded to our side, by less than a tick, onto the tick."""
    tick = tick_size(price)
    buy, sell = round_buy(price), round_sell(price)

    assert buy <= price <= sell
    assert price - buy < tick
    assert sell - price < tick
    assert buy % tick == sell % tick == 0


def test_the_tick_changes_at_one_dollar() -> None:
    """One cent from one dollar up, a hundredth of it below: rule 612."""
    assert tick_size(Decimal("1.00")) == Decimal("0.01")
    assert tick_size(Decimal("0.9999")) == Decimal("0.0001")
    assert round_buy(Decimal("0.99999")) == Decimal("0.9999")
    assert round_sell(Decimal("149.555")) == Decimal("149.56")
    assert round_buy(Decimal("149.559")) == Decimal("149.55")


def test_ties_go_to_even_and_fees_go_up() -> None:
    """The two roundings of amounts, by example."""
    assert round_nearest(Decimal("2.675")) == Decimal("2.68")
    assert round_nearest(Decimal("2.665")) == Decimal("2.66")
    assert cents(Decimal("0.125")) == Decimal("0.12")
    assert cents_up(Decimal("0.0001")) == Decimal("0.01")
    assert cents_up(Decimal("0.01")) == Decimal("0.01")


@given(st.integers(min_value=1, max_value=10_000_000).map(lambda n: n / 100))
def test_a_float_on_the_cent_becomes_that_cent(value: float) -> None:
    """The one crossing from floats to money does not move a price that is on the tick."""
    assert price_from_float(value) == Decimal(repr(value))


@given(prices)
def test_trimming_keeps_the_number(price: Decimal) -> None:
    """Padding zeros go, two decimals stay, the amount is the same."""
    shown = trimmed(price)

    assert shown == price
    assert int(shown.as_tuple().exponent) <= -2 or shown == shown.to_integral_value()
    assert text_of(trimmed(Decimal("192.210000"))) == "192.21"


def test_a_negative_zero_is_written_as_zero() -> None:
    """Nobody should read -0.00 in a record."""
    assert text_of(Decimal("-0.00")) == "0.00"


def test_shares_are_cut_not_rounded() -> None:
    """More shares than the money pays for must not come of rounding."""
    assert whole_shares(Decimal("1.999")) == 1
