"""The exchange's calendar."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.market.calendar import NyseCalendar

CALENDAR = NyseCalendar()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.filterwarnings("ignore:Series.values")
def test_every_session_equals_the_oracle() -> None:
    """Sessions, opens and closes of 2004 to the oracle's end are those of exchange_calendars."""
    oracle = pytest.importorskip("exchange_calendars", reason="exchange_calendars is not installed")
    xnys = oracle.get_calendar("XNYS", start="2004-01-02")
    table = xnys.schedule[["open", "close"]]
    expected = [
        (index.date(), row.open.to_pydatetime(), row.close.to_pydatetime())
        for index, row in zip(table.index, table.itertuples(), strict=True)
    ]

    ours = [(s.day, s.open, s.close) for s in CALENDAR.sessions(date(2004, 1, 1), expected[-1][0])]

    assert len(ours) > 5_900
    assert ours == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-07-03", "Independence Day"),
        ("2026-11-26", "Thanksgiving"),
        ("2027-06-18", "Juneteenth"),
        ("2027-07-05", "Independence Day"),
        ("2027-12-24", "Christmas"),
        ("2026-04-03", "Good Friday"),
        ("2025-01-09", "mourning for President Carter"),
        ("2026-11-21", "weekend"),
        ("2023-01-02", "New Year's Day"),
    ],
)
def test_closed_days_say_why(text: str, reason: str) -> None:
    """A closed day has no session and names its reason."""
    assert CALENDAR.session(day(text)) is None
    assert CALENDAR.closure_reason(day(text)) == reason


@pytest.mark.parametrize("text", ["2021-12-31", "2021-06-18", "2026-10-12", "2026-11-11"])
def test_days_that_look_like_holidays_are_sessions(text: str) -> None:
    """A Saturday New Year, Juneteenth before 2022 and bank holidays do not close the exchange."""
    assert CALENDAR.is_session(day(text))
    assert CALENDAR.closure_reason(day(text)) is None


def test_a_regular_session_in_winter_and_summer() -> None:
    """Hours are New York's: the UTC times move with daylight saving time."""
    winter = CALENDAR.session(day("2026-11-23"))
    summer = CALENDAR.session(day("2026-07-06"))

    assert winter is not None
    assert summer is not None
    assert (winter.open, winter.close) == (at("2026-11-23T14:30"), at("2026-11-23T21:00"))
    assert (winter.pre_open, winter.post_close) == (at("2026-11-23T12:00"), at("2026-11-24T01:00"))
    assert summer.open == at("2026-07-06T13:30")
    assert winter.minutes == 390
    assert winter.open.tzinfo is UTC
    assert winter.post_close.tzinfo is UTC
    assert winter.is_open_at(winter.open)
    assert not winter.is_open_at(winter.close)
    assert not winter.is_early_close


def test_an_early_close_ends_everything_earlier() -> None:
    """The day after Thanksgiving closes at 13:00, extended hours at 17:00."""
    session = CALENDAR.session(day("2026-11-27"))

    assert session is not None
    assert session.is_early_close
    assert session.close == at("2026-11-27T18:00")
    assert session.post_close == at("2026-11-27T22:00")
    assert session.minutes == 210


def test_neighbours_skip_closed_days() -> None:
    """The next and previous sessions step over weekends and holidays, from any day."""
    assert CALENDAR.next_session(day("2026-11-25")) == day("2026-11-27")
    assert CALENDAR.next_session(day("2026-11-25"), 2) == day("2026-11-30")
    assert CALENDAR.next_session(day("2026-11-28")) == day("2026-11-30")
    assert CALENDAR.previous_session(day("2026-11-30"), 2) == day("2026-11-25")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        CALENDAR.next_session(day("2026-11-25"), 0)


def test_the_trading_day_turns_after_20_05() -> None:
    """20:05:00 New York still belongs to the session, the next instant to the following one."""
    assert CALENDAR.trading_day(at("2026-11-25T01:05:00")) == day("2026-11-24")
    assert CALENDAR.trading_day(at("2026-11-25T01:05:00.000001")) == day("2026-11-25")
    assert CALENDAR.trading_day(at("2026-11-26T01:05:01")) == day("2026-11-27")
    assert CALENDAR.trading_day(at("2026-11-26T18:00")) == day("2026-11-27")
    assert CALENDAR.trading_day(at("2026-11-28T01:05:01")) == day("2026-11-30")
    assert CALENDAR.trading_day(at("2026-11-29T12:00")) == day("2026-11-30")


@given(st.integers(0, 31 * 365 * 86_400))
def test_every_moment_is_inside_its_trading_day(seconds: int) -> None:
    """A moment lies after the previous session's rotation and not after its own session's."""
    now = at("2004-01-05") + timedelta(seconds=seconds)

    found = CALENDAR.trading_day(now)

    assert CALENDAR.is_session(found)
    assert CALENDAR.rotation_time(CALENDAR.previous_session(found)) < now
    assert now <= CALENDAR.rotation_time(found)
    assert found == NyseCalendar().trading_day(now)


def test_rotation_time_is_20_05_in_new_york() -> None:
    """The rotation moves with daylight saving time and New York's date with New York's midnight."""
    assert CALENDAR.rotation_time(day("2026-11-23")) == at("2026-11-24T01:05")
    assert CALENDAR.rotation_time(day("2026-07-06")) == at("2026-07-07T00:05")
    assert CALENDAR.new_york_date(at("2026-11-24T04:59:59")) == day("2026-11-23")
    assert CALENDAR.new_york_date(at("2026-11-24T05:00")) == day("2026-11-24")


@pytest.mark.parametrize(
    ("traded", "settled"),
    [
        ("2026-11-23", "2026-11-24"),
        ("2026-11-25", "2026-11-27"),
        ("2024-05-28", "2024-05-29"),
        ("2024-05-24", "2024-05-29"),
        ("2017-09-05", "2017-09-07"),
        ("2017-09-01", "2017-09-07"),
        ("2024-10-11", "2024-10-15"),
        ("2024-10-14", "2024-10-15"),
        ("2026-11-10", "2026-11-12"),
        ("2018-11-08", "2018-11-13"),
    ],
)
def test_settlement_counts_business_days(traded: str, settled: str) -> None:
    """Three, two, then one business day; bank holidays trade but do not settle."""
    assert CALENDAR.settlement_date(day(traded)) == day(settled)


def test_settlement_needs_a_session() -> None:
    """A trade on a closed day is a mistake and says so."""
    with pytest.raises(ValueError, match="expected a session, got 2026-11-26 \\(Thanksgiving\\)"):
        CALENDAR.settlement_date(day("2026-11-26"))


def test_the_owner_can_add_days() -> None:
    """An extra closure closes a day and an extra early close shortens one; both change the hash."""
    calendar = NyseCalendar({day("2026-12-09"): "mourning"}, {day("2026-12-10"): "12:00"})
    short = calendar.session(day("2026-12-10"))

    assert calendar.closure_reason(day("2026-12-09")) == "mourning"
    assert calendar.next_session(day("2026-12-08")) == day("2026-12-10")
    assert short is not None
    assert short.is_early_close
    assert short.close == at("2026-12-10T17:00")
    hashes = {
        CALENDAR.calendar_hash(),
        calendar.calendar_hash(),
        NyseCalendar({day("2026-12-09"): "mourning"}).calendar_hash(),
    }
    assert len(hashes) == 3


@pytest.mark.parametrize("text", ["16:00", "09:30", "noon", "13:00+00:00"])
def test_a_senseless_early_close_is_refused(text: str) -> None:
    """An early close must be a plain time inside the regular hours."""
    with pytest.raises(ValueError, match="early close of 2026-12-10"):
        NyseCalendar({}, {day("2026-12-10"): text})


def test_the_hash_names_the_rules() -> None:
    """The same rules give the same hash, in every process."""
    assert NyseCalendar().calendar_hash() == CALENDAR.calendar_hash()
    assert len(CALENDAR.calendar_hash()) == 64


def test_years_before_the_rules_are_refused() -> None:
    """A date the rules were never checked for has no answer."""
    with pytest.raises(ValueError, match="from 2000 on, got 1999-12-31"):
        CALENDAR.is_session(date(1999, 12, 31))


@pytest.mark.parametrize("year", range(2000, 2100))
def test_every_year_has_a_plausible_number_of_sessions(year: int) -> None:
    """The rules go on without an end: 248 to 253 sessions a year, at most four closed days."""
    sessions = CALENDAR.sessions(date(year, 1, 1), date(year, 12, 31))
    gaps = [b.day - a.day for a, b in pairwise(sessions)]

    assert 248 <= len(sessions) <= 253
    assert max(gaps) <= timedelta(days=5 if year != 2001 else 7)
