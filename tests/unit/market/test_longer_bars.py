"""Longer bars from shorter ones, and bars from the source's history."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.domain.bar import Bar, VolumeSource
from trading_bot.domain.errors import DataError
from trading_bot.domain.quote import BarSession, HistoricalBar
from trading_bot.market.bars import BarAggregator, bars_from_historicals
from trading_bot.market.calendar import NyseCalendar, Session

CALENDAR = NyseCalendar()
MINUTE = timedelta(minutes=1)


def session_of(text: str = "2026-11-23") -> Session:
    session = CALENDAR.session(date.fromisoformat(text))
    assert session is not None
    return session


SESSION = session_of()


def minute_bar(
    minute: int,
    close: float = 10.0,
    *,
    high: float | None = None,
    low: float | None = None,
    volume: int = 100,
    source: VolumeSource = "cumulative",
    session: Session = SESSION,
) -> Bar:
    """The bar `minute` minutes after the open."""
    start = session.open + minute * MINUTE
    top, bottom = high or close, low or close
    return Bar("AAPL", start, start + MINUTE, close, top, bottom, close, volume, source)


def gathered(aggregator: BarAggregator, *bars: Bar) -> list[Bar]:
    return [longer for bar in bars for longer in aggregator.take(bar)]


def test_five_minutes_make_a_bar() -> None:
    """First open, highest high, lowest low, last close, all volume; closed by the last minute."""
    aggregator = BarAggregator(SESSION, 5)
    minutes = [
        minute_bar(0, 10.0),
        minute_bar(1, 11.0, high=15.0),
        minute_bar(2, 9.0, low=7.0),
        minute_bar(3, 9.5),
    ]

    assert gathered(aggregator, *minutes) == []
    assert aggregator.close_due(SESSION.open + 4 * MINUTE) is None
    assert gathered(aggregator, minute_bar(4, 12.0)) == [
        Bar("AAPL", SESSION.open, SESSION.open + 5 * MINUTE, 10.0, 15.0, 7.0, 12.0, 500)
    ]
    assert aggregator.close_due(SESSION.close) is None


def test_one_minute_bars_pass_through() -> None:
    """Groups of one are the bars themselves."""
    bars = [minute_bar(i, 10.0 + i) for i in range(3)]

    assert gathered(BarAggregator(SESSION, 1), *bars) == bars


def test_a_longer_bar_with_an_unknown_part_has_no_volume() -> None:
    """One minute without a volume, or a missing minute of a live bar, leaves the whole unknown."""
    unknown, missing, late = (BarAggregator(SESSION, 3) for _ in range(3))

    results = [
        *gathered(unknown, minute_bar(0), minute_bar(1, source="none"), minute_bar(2)),
        *gathered(missing, minute_bar(0), minute_bar(2)),
        *gathered(late, minute_bar(1), minute_bar(2)),
    ]

    assert [(bar.volume, bar.volume_source) for bar in results] == [(0, "none")] * 3


def test_a_minute_missing_from_a_file_had_no_trade() -> None:
    """Recorded bars leave out minutes without a trade: the volume is known all the same."""
    aggregator = BarAggregator(SESSION, 3)

    bars = gathered(aggregator, minute_bar(0, source="recorded"), minute_bar(2, source="recorded"))

    assert [(bar.volume, bar.volume_source) for bar in bars] == [(200, "recorded")]


def test_a_group_without_its_last_minute_closes_with_the_next_bar() -> None:
    """After a gap the next bar closes the group before, and its own if it is that group's last."""
    aggregator = BarAggregator(SESSION, 2)

    bars = gathered(aggregator, minute_bar(0, 10.0), minute_bar(3, 11.0), minute_bar(6, 12.0))

    assert [(bar.start - SESSION.open) // MINUTE for bar in bars] == [0, 2]
    assert [bar.close for bar in bars] == [10.0, 11.0]
    assert [bar.has_volume for bar in bars] == [False, False]


def test_a_group_without_its_last_minute_closes_when_its_time_is_over() -> None:
    """`close_due` hands out a group whose last bars never came, once."""
    aggregator = BarAggregator(SESSION, 5)
    aggregator.take(minute_bar(0))

    assert aggregator.close_due(SESSION.open + 4 * MINUTE) is None
    bar = aggregator.close_due(SESSION.open + 5 * MINUTE)

    assert bar is not None
    assert bar.end == SESSION.open + 5 * MINUTE
    assert not bar.has_volume
    assert aggregator.close_due(SESSION.close) is None


@pytest.mark.parametrize("text", ["2026-11-23", "2026-11-27"])
def test_the_last_group_ends_with_the_session(text: str) -> None:
    """What is left of the session makes a shorter last bar, with its volume."""
    session = session_of(text)
    aggregator = BarAggregator(session, 60)

    bars = gathered(aggregator, *(minute_bar(i, session=session) for i in range(session.minutes)))

    assert bars[-1].end == session.close
    assert bars[-1].end - bars[-1].start == 30 * MINUTE
    assert bars[-1].volume == 3_000
    assert sum(bar.volume for bar in bars) == session.minutes * 100


def test_bars_that_do_not_fit_are_refused() -> None:
    """A repeated, overlapping or outside bar is a mistake of the caller."""
    aggregator = BarAggregator(SESSION, 5)
    aggregator.take(minute_bar(1))

    for minute in (1, 0, -1, 390):
        with pytest.raises(ValueError, match="expected a bar in"):
            aggregator.take(minute_bar(minute))
    with pytest.raises(ValueError, match="expected bars inside"):
        BarAggregator(SESSION, 5).take(
            Bar("AAPL", SESSION.open, SESSION.open + 10 * MINUTE, 1.0, 1.0, 1.0, 1.0, 1)
        )


@given(
    st.sets(st.integers(0, 389), min_size=1).map(sorted),
    st.sampled_from([1, 2, 3, 5, 7, 15, 60, 390]),
)
def test_longer_bars_hold_every_shorter_one(minutes: list[int], n: int) -> None:
    """Whatever is missing, groups are aligned, in order, and nothing is lost or counted twice."""
    aggregator = BarAggregator(SESSION, n)
    shorter = [minute_bar(m, 10.0 + m, volume=m + 1, source="recorded") for m in minutes]

    longer = gathered(aggregator, *shorter)
    last = aggregator.close_due(SESSION.close)
    longer += [] if last is None else [last]

    assert sum(bar.volume for bar in longer) == sum(bar.volume for bar in shorter)
    assert [bar.start for bar in longer] == sorted({bar.start for bar in longer})
    for bar in longer:
        inside = [b for b in shorter if bar.start <= b.start < bar.end]
        assert (bar.start - SESSION.open) % (n * MINUTE) == timedelta()
        assert bar.open == inside[0].open
        assert bar.close == inside[-1].close
        assert bar.high == max(b.high for b in inside)
        assert bar.low == min(b.low for b in inside)


# History.


def historical(
    minute: int,
    *,
    low: str = "9",
    high: str = "11",
    volume: int = 500,
    session: BarSession = "reg",
    is_interpolated: bool = False,
) -> HistoricalBar:
    """A five-minute bar of the history, `minute` minutes after the open."""
    return HistoricalBar(
        symbol="AAPL",
        start=SESSION.open + minute * MINUTE,
        open=Decimal(10),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal("10.5"),
        volume=volume,
        session=session,
        is_interpolated=is_interpolated,
    )


def test_history_becomes_bars() -> None:
    """Prices as floats, the interval's end, and a volume that says it comes from history."""
    assert bars_from_historicals([historical(0)]) == [
        Bar(
            "AAPL",
            SESSION.open,
            SESSION.open + 5 * MINUTE,
            10.0,
            11.0,
            9.0,
            10.5,
            500,
            "historical",
        )
    ]
    assert bars_from_historicals([]) == []


def test_history_leaves_out_what_was_not_traded_or_is_not_over() -> None:
    """No extended hours, nothing made up by the source, no bar still being built."""
    history = [
        historical(-5, session="pre"),
        historical(0),
        historical(5, is_interpolated=True, volume=0),
        historical(10),
        historical(15),
    ]

    bars = bars_from_historicals(history, ended_by=SESSION.open + 15 * MINUTE)

    assert [(bar.start - SESSION.open) // MINUTE for bar in bars] == [0, 10]


@pytest.mark.parametrize(
    "bad",
    [
        historical(5, low="12", high="13"),
        historical(5, high="10.4"),
        historical(5, low="0"),
        historical(5, high="NaN"),
        historical(5, volume=-1),
        historical(0),
        historical(4),
    ],
)
def test_history_that_makes_no_sense_is_refused(bad: HistoricalBar) -> None:
    """Impossible prices, negative volumes and bars out of order are named, not used."""
    with pytest.raises(DataError, match="history of AAPL"):
        bars_from_historicals([historical(0), bad])


def test_history_without_a_time_zone_is_refused() -> None:
    """A start that could be any zone's is no start."""
    bar = historical(0)
    naive = HistoricalBar(
        symbol="AAPL",
        start=datetime(2026, 11, 23, 9, 30),
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=1,
    )

    with pytest.raises(DataError, match="aware start"):
        bars_from_historicals([naive])
