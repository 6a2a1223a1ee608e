"""What the exchange charges a sell: the regulators' fees, by the New York date of the trade.

Worked out here once more, on purpose: the daemon's own figures are judged by these. Each fee is
rounded up to the cent for each execution. Robinhood's waivers for small sales are not applied.
Sources: SEC fee rate advisories under Section 31; FINRA By-Laws, Schedule A, section 1.
"""

from datetime import date
from decimal import ROUND_UP, Decimal

_CENT = Decimal("0.01")
_MILLION = 1_000_000

# Newest first. Dollars for a million dollars sold, from that trade date on.
_SECTION_31 = (
    ("2026-04-04", "20.60"),
    ("2025-05-14", "0"),
    ("2024-05-22", "27.80"),
    ("2023-02-27", "8.00"),
    ("2022-05-14", "22.90"),
    ("2021-02-25", "5.10"),
    ("2020-02-18", "22.10"),
    ("2019-04-16", "20.70"),
    ("2018-05-22", "13.00"),
    ("2017-07-04", "23.10"),
    ("2016-02-16", "21.80"),
    ("2015-02-14", "18.40"),
    ("2014-03-18", "22.10"),
    ("2013-05-25", "17.40"),
    ("2012-04-01", "22.40"),
    ("2012-02-21", "18.00"),
    ("2011-01-21", "19.20"),
    ("0001-01-01", "16.90"),
)
# Newest first. Dollars a share sold and the most for one trade, from that trade date on.
_TRADING_ACTIVITY = (
    ("2027-01-01", "0.000232", "11.61"),
    ("2026-10-01", "0", "0"),
    ("2026-01-01", "0.000195", "9.79"),
    ("2024-01-01", "0.000166", "8.30"),
    ("2023-01-01", "0.000145", "7.27"),
    ("2022-01-01", "0.000130", "6.49"),
    ("2012-07-01", "0.000119", "5.95"),
    ("2012-03-01", "0.000095", "4.75"),
    ("2011-07-01", "0.000090", "4.50"),
    ("0001-01-01", "0.000075", "3.75"),
)


def sec_fee(dollars: Decimal, day: date) -> Decimal:
    """The fee under Section 31 of selling for so many `dollars`."""
    rate = next(rate for since, rate in _SECTION_31 if day.isoformat() >= since)
    return (dollars * Decimal(rate) / _MILLION).quantize(_CENT, rounding=ROUND_UP)


def taf_fee(shares: Decimal, day: date) -> Decimal:
    """The trading activity fee of selling so many `shares` in one trade."""
    rate, most = next(
        (rate, most) for since, rate, most in _TRADING_ACTIVITY if day.isoformat() >= since
    )
    return min((shares * Decimal(rate)).quantize(_CENT, rounding=ROUND_UP), Decimal(most))


def sec_rate(day: date) -> Decimal:
    """Dollars for a dollar sold."""
    return Decimal(next(rate for since, rate in _SECTION_31 if day.isoformat() >= since)) / _MILLION


def taf_rate(day: date) -> Decimal:
    """Dollars for a share sold."""
    return Decimal(next(rate for since, rate, _ in _TRADING_ACTIVITY if day.isoformat() >= since))
