"""The exchange's own fees, on days whose rates are known."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from trading_bot.domain import fees
from trading_bot.rehearsal.sell_fees import sec_fee, sec_rate, taf_fee, taf_rate


@pytest.mark.parametrize(
    ("day", "sec", "taf"),
    [
        (date(2023, 5, 25), "0.80", "0.15"),
        (date(2024, 7, 2), "2.78", "0.17"),
        (date(2025, 5, 13), "2.78", "0.17"),
        (date(2025, 5, 14), "0.00", "0.17"),
        (date(2026, 4, 3), "0.00", "0.20"),
        (date(2026, 4, 4), "2.06", "0.20"),
        (date(2026, 9, 30), "2.06", "0.20"),
        (date(2026, 10, 1), "2.06", "0.00"),
        (date(2027, 1, 4), "2.06", "0.24"),
    ],
)
def test_a_thousand_shares_for_a_hundred_thousand_dollars(day: date, sec: str, taf: str) -> None:
    """Each fee rounded up to the cent, by the rates of the day."""
    assert (sec_fee(Decimal(100_000), day), taf_fee(Decimal(1_000), day)) == (
        Decimal(sec),
        Decimal(taf),
    )
    assert sec_rate(day) * 100_000 <= sec_fee(Decimal(100_000), day)
    assert taf_rate(day) * 1_000 <= taf_fee(Decimal(1_000), day)


def test_the_trading_activity_fee_has_a_most() -> None:
    """A million shares pay no more than the cap."""
    assert taf_fee(Decimal(1_000_000), date(2024, 7, 2)) == Decimal("8.30")


def test_a_part_of_a_cent_is_a_cent() -> None:
    """One share for a dollar pays a cent of each."""
    day = date(2024, 7, 2)

    assert sec_fee(Decimal(1), day) == taf_fee(Decimal(1), day) == Decimal("0.01")


def test_two_tables_made_apart_agree() -> None:
    """On every day since 2011 the exchange charges what the daemon expects for whole shares."""
    day = date(2011, 1, 3)
    while day < date(2027, 3, 1):
        theirs = fees.sell_fees(quantity=1_234, price=Decimal("56.78"), trade_day=day)
        ours = sec_fee(1_234 * Decimal("56.78"), day) + taf_fee(Decimal(1_234), day)
        assert ours == theirs, day
        day += timedelta(days=1)
