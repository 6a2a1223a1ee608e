"""The fees of a sell, by their tables."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.domain.fees import (
    SEC_FEE_PER_MILLION,
    TAF_PER_SHARE,
    sec_fee,
    sell_fees,
    taf_fee,
)


@pytest.mark.parametrize(
    ("day", "fee"),
    [
        (date(2016, 4, 15), "0.22"),
        (date(2023, 5, 25), "0.08"),
        (date(2025, 5, 13), "0.28"),
        (date(2025, 5, 14), "0.00"),
        (date(2026, 4, 3), "0.00"),
        (date(2026, 4, 4), "0.21"),
        (date(2026, 11, 23), "0.21"),
    ],
)
def test_the_sec_fee_of_ten_thousand_dollars(day: date, fee: str) -> None:
    """The rate of the trade's day, on the dollars sold, rounded up to the cent."""
    assert sec_fee(Decimal(10_000), day) == Decimal(fee)


@pytest.mark.parametrize(
    ("day", "fee"),
    [
        (date(2011, 1, 3), "0.08"),
        (date(2016, 4, 15), "0.12"),
        (date(2023, 5, 25), "0.15"),
        (date(2025, 12, 31), "0.17"),
        (date(2026, 9, 30), "0.20"),
        (date(2026, 10, 1), "0"),
        (date(2026, 12, 31), "0"),
        (date(2027, 1, 1), "0.24"),
    ],
)
def test_the_trading_activity_fee_of_a_thousand_shares(day: date, fee: str) -> None:
    """The rate of the trade's day, on the shares sold, rounded up to the cent."""
    assert taf_fee(1000, day) == Decimal(fee)


def test_the_trading_activity_fee_has_a_cap() -> None:
    """A very large sale pays the most there is."""
    assert taf_fee(1_000_000, date(2026, 9, 30)) == Decimal("9.79")


def test_a_tiny_sale_pays_a_cent_each() -> None:
    """Nothing charged is less than a cent, as Robinhood rounds."""
    fees = sell_fees(quantity=1, price=Decimal("1.00"), trade_day=date(2026, 9, 30))
    assert fees == Decimal("0.02")


def test_the_tables_are_in_order() -> None:
    """Each row begins later than the one before, so a day has one rate."""
    for table in (SEC_FEE_PER_MILLION, TAF_PER_SHARE):
        days = [row[0] for row in table]
        assert days == sorted(set(days))


@given(
    quantity=st.integers(1, 10_000),
    price=st.decimals(Decimal("0.0001"), Decimal(2000), places=4),
    day=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
)
def test_fees_are_whole_cents_and_never_negative(quantity: int, price: Decimal, day: date) -> None:
    """Whatever is sold whenever, the fee is a number of cents from 0 up."""
    fees = sell_fees(quantity=quantity, price=price, trade_day=day)

    assert fees >= 0
    assert fees == fees.quantize(Decimal("0.01"))
    assert fees <= quantity * price * Decimal("0.00003") + Decimal("11.61") + Decimal("0.02")
