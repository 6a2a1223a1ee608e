"""The New York Stock Exchange's holidays and early closes as rules, known from 2000 on.

Source: NYSE Rule 7.2 and the exchange's yearly notices; checked against exchange_calendars.
"""

from datetime import date, time, timedelta
from functools import cache

FIRST_YEAR = 2000
"""The rules are checked from this year on; earlier dates are refused."""

REGULAR_OPEN = time(9, 30)
REGULAR_CLOSE = time(16, 0)
EARLY_CLOSE = time(13, 0)

_MONDAY, _WEDNESDAY, _THURSDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 2, 3, 4, 5, 6
_JUNETEENTH_SINCE = 2022
_WEDNESDAY_BEFORE_JULY_4_SINCE = 2013

_ONE_OFF_CLOSURES = {
    date(2001, 9, 11): "attacks of September 11",
    date(2001, 9, 12): "attacks of September 11",
    date(2001, 9, 13): "attacks of September 11",
    date(2001, 9, 14): "attacks of September 11",
    date(2004, 6, 11): "mourning for President Reagan",
    date(2007, 1, 2): "mourning for President Ford",
    date(2012, 10, 29): "hurricane Sandy",
    date(2012, 10, 30): "hurricane Sandy",
    date(2018, 12, 5): "mourning for President G. H. W. Bush",
    date(2025, 1, 9): "mourning for President Carter",
}
_ONE_OFF_EARLY_CLOSES = {
    date(2002, 7, 5): "day after Independence Day",
    date(2003, 12, 26): "day after Christmas",
}


@cache
def closures(year: int) -> dict[date, str]:
    """Weekdays of `year` on which the exchange is closed, with the reason, by date.

    The result is shared: read it, never change it.
    """
    days = {
        _nth_weekday(year, 1, _MONDAY, 3): "Martin Luther King Day",
        _nth_weekday(year, 2, _MONDAY, 3): "Washington's Birthday",
        good_friday(year): "Good Friday",
        _last_monday_of_may(year): "Memorial Day",
        _observed(date(year, 7, 4)): "Independence Day",
        _nth_weekday(year, 9, _MONDAY, 1): "Labor Day",
        _thanksgiving(year): "Thanksgiving",
        _observed(date(year, 12, 25)): "Christmas",
    }
    new_year = date(year, 1, 1)
    # A New Year's Day on a Saturday is not moved to Friday: the year's books close that day.
    if new_year.weekday() != _SATURDAY:
        days[_observed(new_year)] = "New Year's Day"
    if year >= _JUNETEENTH_SINCE:
        days[_observed(date(year, 6, 19))] = "Juneteenth"
    days.update(_of_year(_ONE_OFF_CLOSURES, year))
    return dict(sorted(days.items()))


@cache
def early_closes(year: int) -> dict[date, str]:
    """Sessions of `year` that end at 13:00 New York time, with the reason, by date.

    The result is shared: read it, never change it.
    """
    days = {_thanksgiving(year) + timedelta(days=1): "day after Thanksgiving"}
    july_3 = date(year, 7, 3)
    july_3_is_short = july_3.weekday() < _FRIDAY and (
        july_3.weekday() != _WEDNESDAY or year >= _WEDNESDAY_BEFORE_JULY_4_SINCE
    )
    if july_3_is_short:
        days[july_3] = "day before Independence Day"
    christmas_eve = date(year, 12, 24)
    if christmas_eve.weekday() < _FRIDAY:
        days[christmas_eve] = "Christmas Eve"
    days.update(_of_year(_ONE_OFF_EARLY_CLOSES, year))
    return dict(sorted(days.items()))


@cache
def bank_holidays(year: int) -> frozenset[date]:
    """Sessions of `year` on which the banks rest, so that nothing settles.

    Columbus Day and Veterans Day; the exchange is open on both. A Veterans Day on a Saturday is
    not moved, one on a Sunday is kept on Monday (5 U.S.C. 6103 and the Federal Reserve's practice).
    """
    veterans_day = date(year, 11, 11)
    if veterans_day.weekday() == _SUNDAY:
        veterans_day += timedelta(days=1)
    return frozenset({_nth_weekday(year, 10, _MONDAY, 2), veterans_day})


def good_friday(year: int) -> date:
    """Two days before Easter Sunday; Gregorian computus (Meeus, Astronomical Algorithms, ch. 8)."""
    century, year_of_century = divmod(year, 100)
    golden = year % 19
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - moon + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (year_of_century // 4) - epact) - year_of_century % 4
    weekday %= 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1) - timedelta(days=2)


def _observed(day: date) -> date:
    """A Saturday holiday is kept on Friday, a Sunday one on Monday."""
    if day.weekday() == _SATURDAY:
        return day - timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() == _SUNDAY else day


def _nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _thanksgiving(year: int) -> date:
    return _nth_weekday(year, 11, _THURSDAY, 4)


def _of_year(days: dict[date, str], year: int) -> dict[date, str]:
    return {day: reason for day, reason in days.items() if day.year == year}
