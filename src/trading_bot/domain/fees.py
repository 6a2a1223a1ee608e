"""Regulatory fees of a sell, by the day of the trade. Buys pay none; the broker itself takes none.

Two fees, each rounded up to the cent as Robinhood does, each per execution:

- SEC, Section 31 of the Exchange Act: a rate on the dollars sold. Sources: the SEC's fee rate
  advisories; from 2026-04-04 Release 34-104909 (91 FR 10643).
- FINRA trading activity fee (TAF): a rate on the shares sold, with a cap. Sources: FINRA By-Laws,
  Schedule A, section 1; SR-FINRA-2024-019; for October to December 2026 SR-FINRA-2026-021
  (Release 34-106409). For 2027 two readings disagree; the higher one of the 2024 schedule stands
  here.

Where it is not certain that a fee was charged, it is: Robinhood's waivers for small sales are not
applied. The Consolidated Audit Trail's fee is left out: whether Robinhood passes it on is not
known, and it is under a cent for 3,000 shares. Days before the tables' first pay its rates, which
is good enough for a backtest and not for a tax form.
"""

from bisect import bisect_right
from datetime import date
from decimal import Decimal
from typing import Final

from trading_bot.domain.money import ZERO, cents_up

_MILLION: Final = Decimal(1_000_000)

SEC_FEE_PER_MILLION: Final = (
    (date(2010, 4, 1), Decimal("16.90")),
    (date(2011, 1, 21), Decimal("19.20")),
    (date(2012, 2, 21), Decimal("18.00")),
    (date(2012, 4, 1), Decimal("22.40")),
    (date(2013, 5, 25), Decimal("17.40")),
    (date(2014, 3, 18), Decimal("22.10")),
    (date(2015, 2, 14), Decimal("18.40")),
    (date(2016, 2, 16), Decimal("21.80")),
    (date(2017, 7, 4), Decimal("23.10")),
    (date(2018, 5, 22), Decimal("13.00")),
    (date(2019, 4, 16), Decimal("20.70")),
    (date(2020, 2, 18), Decimal("22.10")),
    (date(2021, 2, 25), Decimal("5.10")),
    (date(2022, 5, 14), Decimal("22.90")),
    (date(2023, 2, 27), Decimal("8.00")),
    (date(2024, 5, 22), Decimal("27.80")),
    (date(2025, 5, 14), Decimal("0.00")),
    (date(2026, 4, 4), Decimal("20.60")),
)
"""First trade day, dollars for a million dollars sold."""

TAF_PER_SHARE: Final = (
    (date(2011, 1, 1), Decimal("0.000075"), Decimal("3.75")),
    (date(2011, 7, 1), Decimal("0.000090"), Decimal("4.50")),
    (date(2012, 3, 1), Decimal("0.000095"), Decimal("4.75")),
    (date(2012, 7, 1), Decimal("0.000119"), Decimal("5.95")),
    (date(2022, 1, 1), Decimal("0.000130"), Decimal("6.49")),
    (date(2023, 1, 1), Decimal("0.000145"), Decimal("7.27")),
    (date(2024, 1, 1), Decimal("0.000166"), Decimal("8.30")),
    (date(2026, 1, 1), Decimal("0.000195"), Decimal("9.79")),
    (date(2026, 10, 1), Decimal("0.000000"), Decimal("0.00")),
    (date(2027, 1, 1), Decimal("0.000232"), Decimal("11.61")),
)
"""First trade day, dollars a share sold, most for one trade in dollars."""

_SEC_DAYS: Final = [day for day, _ in SEC_FEE_PER_MILLION]
_TAF_DAYS: Final = [day for day, _, _ in TAF_PER_SHARE]


def sell_fees(*, quantity: int, price: Decimal, trade_day: date) -> Decimal:
    """What selling `quantity` shares at `price` dollars costs in fees, in dollars and whole cents.

    `trade_day` is the New York date of the execution; days before the tables pay their first rates.
    """
    return sec_fee(quantity * price, trade_day) + taf_fee(quantity, trade_day)


def sec_fee(dollars: Decimal, trade_day: date) -> Decimal:
    """The Section 31 fee on a sale of that many dollars."""
    _, rate = SEC_FEE_PER_MILLION[_row(_SEC_DAYS, trade_day)]
    return cents_up(dollars * rate / _MILLION)


def taf_fee(shares: int, trade_day: date) -> Decimal:
    """The trading activity fee on a sale of that many shares."""
    _, rate, cap = TAF_PER_SHARE[_row(_TAF_DAYS, trade_day)]
    return min(cents_up(shares * rate), cap) if rate else ZERO


def _row(days: list[date], day: date) -> int:
    return max(bisect_right(days, day) - 1, 0)
