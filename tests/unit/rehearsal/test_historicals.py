"""Historical bars: spans, bounds, sums, and only what has ended."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.rehearsal import CALENDAR, DAY, OPEN, Client, after_open, flat_day, minute_bar
from trading_bot.rehearsal.day import Halt, PlayedDay

WEEK = [date(2023, 5, day) for day in (22, 23, 24, 25, 26)]
BAR_FIELDS = {
    "begins_at", "open_price", "close_price", "high_price", "low_price", "volume", "session",
    "interpolated",
}  # fmt: skip
ROW_FIELDS = {
    "quote", "symbol", "interval", "span", "bounds", "previous_close_price", "previous_close_time",
    "open_price", "open_time", "instrument", "historicals",
}  # fmt: skip


def _rows(client: Client, at: datetime, query: str) -> Any:
    return client.json(f"/quotes/historicals/?symbols=AAPL&{query}", at)["results"]


def _bars(client: Client, at: datetime, query: str) -> Any:
    (row,) = _rows(client, at, query)
    return row["historicals"]


def _week() -> Sequence[PlayedDay]:
    return [flat_day(day=day) for day in WEEK]


def test_five_minute_bars_add_up_the_minutes() -> None:
    """Open of the first minute, close of the last, extremes and volume of all five."""
    special = {5: "101.00 101.00 101.00 101.00", 7: "99.00 120.00 80.00 99.00"}
    client = Client(flat_day(special=special, volume=10))

    bars = _bars(client, after_open(10), "interval=5minute&span=day")

    assert set(bars[0]) == BAR_FIELDS
    assert bars[1] == {
        "begins_at": "2023-05-25T13:35:00Z",
        "open_price": "101.000000",
        "close_price": "100.100000",
        "high_price": "120.000000",
        "low_price": "80.000000",
        "volume": 50,
        "session": "reg",
        "interpolated": False,
    }
    assert len(bars) == 2


def test_a_bar_is_shown_only_when_it_has_ended() -> None:
    """A microsecond before its end a bar is not there."""
    client = Client(flat_day())
    end = after_open(5)

    assert _bars(client, end - timedelta(microseconds=1), "interval=5minute&span=day") == []
    assert len(_bars(client, end, "interval=5minute&span=day")) == 1


@pytest.mark.parametrize(
    ("interval", "span", "count"),
    [
        ("5minute", "day", 78),
        ("5minute", "week", 5 * 78),
        ("10minute", "day", 39),
        ("10minute", "week", 195),
        ("hour", "day", 6),
        ("hour", "week", 30),
        ("day", "week", 5),
        ("day", "year", 5),
        ("week", "month", 1),
    ],
)
def test_counts_of_a_whole_week(interval: str, span: str, count: int) -> None:
    """After Friday's close a week of sessions gives the counts the API gives."""
    client = Client(*_week())
    at = OPEN + timedelta(days=1, hours=7)

    bars = _bars(client, at, f"interval={interval}&span={span}")

    assert len(bars) == count
    starts = [bar["begins_at"] for bar in bars]
    assert starts == sorted(set(starts))


def test_volume_is_conserved_between_intervals() -> None:
    """Five- and ten-minute bars and the daily one hold the same shares."""
    client = Client(flat_day(volume=7))
    at = after_open(391)

    sums = {
        interval: sum(
            bar["volume"] for bar in _bars(client, at, f"interval={interval}&span={span}")
        )
        for interval, span in (("5minute", "day"), ("10minute", "day"), ("day", "week"))
    }

    assert sums == dict.fromkeys(sums, 390 * 7)


def test_the_week_forgets_what_is_older() -> None:
    """A week's span holds no session of a week ago."""
    days = [flat_day(day=date(2023, 5, 18)), flat_day(day=DAY)]

    bars = _bars(Client(*days), after_open(400), "interval=day&span=week")

    assert [bar["begins_at"] for bar in bars] == ["2023-05-25T00:00:00Z"]


def test_before_the_open_the_day_is_the_last_one() -> None:
    """In the morning a day's span still shows the session before."""
    client = Client(flat_day(), flat_day(day=date(2023, 5, 26)))

    bars = _bars(client, OPEN + timedelta(hours=23), "interval=5minute&span=day")

    assert len(bars) == 78
    assert bars[0]["begins_at"] == "2023-05-25T13:30:00Z"


def test_a_silent_stretch_is_interpolated() -> None:
    """Five minutes without a trade are one bar at the last price, volume 0, and say so."""
    halt = Halt(start=after_open(10), end=after_open(15))
    client = Client(flat_day(halts=(halt,)))

    bars = _bars(client, after_open(20), "interval=5minute&span=day")

    assert [bar["interpolated"] for bar in bars] == [False, False, True, False]
    assert bars[2]["volume"] == 0
    assert {bars[2][f"{name}_price"] for name in ("open", "high", "low", "close")} == {"100.100000"}


def test_extended_bounds_hold_the_morning_and_the_evening() -> None:
    """Extended bounds begin at seven and name each bar's part of the day."""
    before = minute_bar(OPEN - timedelta(minutes=30), "105.00 105.00 105.00 105.00", volume=5)
    client = Client(flat_day(extended=[before]))

    bars = _bars(client, OPEN + timedelta(hours=12), "interval=5minute&span=day&bounds=extended")

    assert bars[0]["begins_at"] == "2023-05-25T11:00:00Z"
    assert [bar["session"] for bar in bars].count("pre") == 30
    assert [bar["session"] for bar in bars].count("reg") == 78
    assert [bar["session"] for bar in bars].count("post") == 48
    assert sum(bar["volume"] for bar in bars if bar["session"] == "pre") == 5


def test_rows_name_what_they_are() -> None:
    """The row around the bars carries the request and the instrument; the twin path is the same."""
    client = Client(flat_day(day=date(2023, 5, 24)), flat_day())
    query = "symbols=AAPL,NOPE&interval=5minute&span=day"

    (row,) = client.json(f"/quotes/historicals/?{query}", after_open(30))["results"]

    assert set(row) == ROW_FIELDS
    assert (row["symbol"], row["bounds"]) == ("AAPL", "regular")
    assert Decimal(row["previous_close_price"]) == Decimal("100.10")
    assert client.json(f"/marketdata/historicals/?{query}", after_open(30))["results"] == [row]


@pytest.mark.parametrize(
    "query",
    [
        "interval=5minute&span=month",
        "interval=hour&span=year",
        "interval=day&span=day",
        "interval=week&span=week",
        "interval=minute&span=day",
        "interval=5minute&span=week&bounds=extended",
        "interval=5minute&span=day&bounds=all",
    ],
)
def test_other_pairs_are_refused(query: str) -> None:
    """An interval that does not go with its span, or bounds with theirs, is a 400."""
    reply = Client(flat_day()).get(f"/quotes/historicals/?symbols=AAPL&{query}")

    assert reply.status == 400


def test_too_many_symbols_are_refused() -> None:
    """Seventy-five symbols at most."""
    symbols = ",".join(f"S{i}" for i in range(76))

    assert Client(flat_day()).get(f"/quotes/historicals/?symbols={symbols}").status == 400


def test_an_early_close_is_short() -> None:
    """An early close has 42 five-minute bars and half a day's hours."""
    early = date(2024, 7, 3)
    session = CALENDAR.session(early)
    assert session is not None
    client = Client(flat_day(day=early), start=session.open)

    assert len(_bars(client, session.close, "interval=5minute&span=day")) == 42
    assert len(_bars(client, session.close, "interval=hour&span=day")) == 3
