"""Bars from polled quotes."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest

from trading_bot.domain.bar import Bar
from trading_bot.market.bars import BarBuilder
from trading_bot.market.calendar import NyseCalendar, Session

CALENDAR = NyseCalendar()
MINUTE = timedelta(minutes=1)


def session_of(text: str = "2026-11-23") -> Session:
    session = CALENDAR.session(date.fromisoformat(text))
    assert session is not None
    return session


SESSION = session_of()


def at(seconds: float) -> datetime:
    """`seconds` after the open."""
    return SESSION.open + timedelta(seconds=seconds)


class Polls:
    """A builder and the bars it closed, driven poll by poll in seconds after the open."""

    def __init__(self, session: Session = SESSION, interval_minutes: int = 1) -> None:
        self.builder = BarBuilder("AAPL", session, interval_minutes)
        self.opened = session.open
        self.bars: list[Bar] = []

    def poll(
        self,
        seconds: float,
        last: float | None,
        volume: int | None = None,
        traded: float | None = None,
    ) -> None:
        now = self.opened + timedelta(seconds=seconds)
        if last is not None:
            traded_at = None if traded is None else self.opened + timedelta(seconds=traded)
            self.builder.take(last, now, traded_at)
        while (bar := self.builder.close_due(now, volume)) is not None:
            self.bars.append(bar)


def prices(bar: Bar) -> tuple[float, float, float, float]:
    return bar.open, bar.high, bar.low, bar.close


def volumes(bars: Sequence[Bar]) -> list[int | None]:
    return [bar.volume if bar.has_volume else None for bar in bars]


def test_a_bar_closes_at_the_first_poll_past_its_end() -> None:
    """Open, high, low and close of the quotes, and the difference of two readings as volume."""
    polls = Polls()
    for seconds, last, volume in [(0, 10.0, 5_000), (15, 12.0, 5_100), (30, 9.0, 5_200)]:
        polls.poll(seconds, last, volume)
    polls.poll(59.9, 11.0, 5_300)

    assert polls.bars == []
    polls.poll(60, 11.5, 5_900)

    assert polls.bars == [
        Bar("AAPL", at(0), at(60), 10.0, 12.0, 9.0, 11.0, 900, "cumulative"),
    ]


def test_the_reading_may_come_after_the_next_quote() -> None:
    """A bar waits for the reading of its poll while the next bar is already being built."""
    builder = BarBuilder("AAPL", SESSION)
    builder.take(10.0, at(0))
    builder.close_due(at(0), 0)
    builder.take(20.0, at(60))
    builder.take(21.0, at(63))

    bar = builder.close_due(at(63), 700)

    assert bar is not None
    assert prices(bar) == (10.0, 10.0, 10.0, 10.0)
    assert bar.volume == 700
    assert builder.close_due(at(63), 700) is None


def test_a_closed_bar_is_never_rewritten() -> None:
    """What was handed out stays as it was, whatever trades come late."""
    polls = Polls()
    polls.poll(0, 10.0, 0)
    polls.poll(60, 10.5, 100)
    first = prices(polls.bars[0])

    polls.poll(62, 99.0, 100, traded=58)
    polls.poll(120, 11.0, 300)

    assert prices(polls.bars[0]) == first
    assert prices(polls.bars[1]) == (10.5, 10.5, 10.5, 10.5)


def test_a_missing_reading_costs_two_bars_their_volume() -> None:
    """Neither the bar without a reading nor the one after it has a volume; nothing is lumped."""
    polls = Polls()
    for minute, reading in enumerate([0, 100, None, 900, 1_000, 1_100]):
        polls.poll(minute * 60, 10.0, reading)

    assert volumes(polls.bars) == [100, None, None, 100, 100]
    assert [bar.volume for bar in polls.bars] == [100, 0, 0, 100, 100]


def test_a_decreasing_reading_is_not_believed() -> None:
    """A reading below the one before spoils its bar and the next, which began with it."""
    polls = Polls()
    for minute, reading in enumerate([500, 600, 50, 800, 900]):
        polls.poll(minute * 60, 10.0, reading)

    assert volumes(polls.bars) == [100, None, None, 100]


def test_a_late_reading_is_no_reading() -> None:
    """A reading 20 s after the bar's end still counts, one after that holds too much."""
    polls = Polls()
    for seconds, reading in [(0, 0), (80, 100), (140, 200), (201, 300), (240, 400), (300, 500)]:
        polls.poll(seconds, 10.0, reading)

    assert volumes(polls.bars) == [100, 100, None, None, 100]


def test_the_first_bar_needs_a_reading_at_the_open() -> None:
    """The baseline is the first reading from the open on, if it comes within 20 s."""
    soon, late, before = Polls(), Polls(), Polls()
    soon.poll(3, 10.0, None)
    soon.poll(6, 10.0, 40)
    late.poll(3, 10.0, None)
    late.poll(21, 10.0, 40)
    before.poll(-3, 10.0, 7)
    before.poll(0, 10.0, 40)

    for polls in (soon, late, before):
        polls.poll(60, 10.0, 100)
        polls.poll(120, 10.0, 200)

    assert volumes(soon.bars) == [60, 100]
    assert volumes(late.bars) == [None, 100]
    assert volumes(before.bars) == [60, 100]


def test_a_start_in_the_middle_of_the_session_knows_no_volume_at_first() -> None:
    """The first, partly seen bar has no volume; the next one does."""
    polls = Polls()
    for seconds, reading in [(5_537, 1_000), (5_580, 1_100), (5_640, 1_300)]:
        polls.poll(seconds, 10.0, reading)

    assert volumes(polls.bars) == [None, 200]
    assert polls.bars[0].start == at(5_520)
    assert polls.builder.gaps == 0


def test_a_minute_without_a_poll_has_no_bar() -> None:
    """A gap is counted, made up by nothing, and lends its volume to nobody."""
    polls = Polls()
    for seconds, reading in [(0, 0), (50, 50), (190, 900), (240, 1_000), (300, 1_100)]:
        polls.poll(seconds, 10.0, reading)

    assert [bar.start for bar in polls.bars] == [at(0), at(180), at(240)]
    assert volumes(polls.bars) == [None, None, 100]
    assert polls.builder.gaps == 2


def test_polls_without_a_checked_quote_make_no_bar() -> None:
    """While the quotes are not believed only readings come: bars end, none begins."""
    polls = Polls()
    for seconds, last in [(0, 10.0), (60, None), (75, None), (120, None), (180, 12.0), (240, 12.0)]:
        polls.poll(seconds, last, int(seconds))

    assert [bar.start for bar in polls.bars] == [at(0), at(180)]
    assert volumes(polls.bars) == [60, None]
    assert polls.builder.gaps == 2


def test_bars_that_waited_too_long_have_no_volume() -> None:
    """When nobody asked for two minutes both bars are due, oldest first, and share no reading."""
    builder = BarBuilder("AAPL", SESSION)
    builder.close_due(at(0), 0)
    for seconds, last in [(0, 10.0), (60, 11.0), (125, 12.0)]:
        builder.take(last, at(seconds))

    first, second = builder.close_due(at(125), 400), builder.close_due(at(125), 400)

    assert first is not None
    assert second is not None
    assert (first.close, second.close) == (10.0, 11.0)
    assert volumes([first, second]) == [None, None]
    assert builder.close_due(at(125), 400) is None


def test_an_old_trade_repeats_the_price_and_makes_no_extreme() -> None:
    """Quotes whose last trade is from before give a flat bar, and the first new trade opens it."""
    polls = Polls()
    polls.poll(0, 10.0, 0, traded=0)
    polls.poll(50, 12.0, 40, traded=49)
    polls.poll(60, 12.0, 50, traded=49)
    polls.poll(90, 12.0, 50, traded=49)
    polls.poll(120, 12.0, 50, traded=49)
    polls.poll(140, 8.0, 60, traded=139)
    polls.poll(155, 9.0, 60, traded=150)
    polls.poll(180, 9.0, 70, traded=150)

    assert [prices(bar) for bar in polls.bars] == [
        (10.0, 12.0, 10.0, 12.0),
        (12.0, 12.0, 12.0, 12.0),
        (8.0, 9.0, 8.0, 9.0),
    ]
    assert volumes(polls.bars) == [50, 0, 20]


def test_a_late_trade_belongs_to_the_bar_that_is_still_open() -> None:
    """A trade of the last second, first seen after the minute, is that bar's close."""
    polls = Polls()
    polls.poll(0, 10.0, 0, traded=0)
    polls.poll(57, 10.5, 0, traded=57)
    polls.poll(60, 13.0, 100, traded=59.5)
    polls.poll(75, 11.0, 100, traded=75)
    polls.poll(120, 11.0, 200, traded=75)

    assert [prices(bar) for bar in polls.bars] == [
        (10.0, 13.0, 10.0, 13.0),
        (11.0, 11.0, 11.0, 11.0),
    ]


def test_a_late_trade_may_be_the_only_one_of_its_bar() -> None:
    """A bar that only repeated a price is all the late trade's when that was in it."""
    polls = Polls()
    polls.poll(30, 10.0, traded=30)
    polls.poll(60, 10.0, traded=30)
    polls.poll(120, 13.0, traded=119)

    polls.poll(125, 14.0, traded=120)
    polls.poll(180, 15.0, traded=179)

    assert [prices(bar) for bar in polls.bars] == [
        (10.0, 10.0, 10.0, 10.0),
        (13.0, 13.0, 13.0, 13.0),
        (14.0, 15.0, 14.0, 15.0),
    ]


def test_an_answer_overtaken_by_another_does_not_close_the_bar() -> None:
    """An older trade of the same minute may be an extreme, never the last price."""
    polls = Polls()
    polls.poll(10, 10.0, traded=10)
    polls.poll(20, 11.0, traded=20)
    polls.poll(25, 9.0, traded=15)
    polls.poll(60, 8.0, traded=17)
    polls.poll(120, None)

    assert prices(polls.bars[0]) == (10.0, 11.0, 9.0, 11.0)
    assert prices(polls.bars[1]) == (11.0, 11.0, 11.0, 11.0)


def test_a_source_clock_ahead_of_ours_does_not_reach_into_the_next_bar() -> None:
    """A trade stamped after its poll counts as traded at the poll."""
    polls = Polls()
    polls.poll(59, 10.0, traded=60.5)
    polls.poll(60, 11.0, traded=60.6)

    assert polls.bars[0].start == at(0)
    assert prices(polls.bars[0]) == (10.0, 10.0, 10.0, 10.0)


def test_a_trade_time_far_ahead_does_not_silence_later_trades() -> None:
    """A senseless trade time counts as the poll's, so that the next trade is the last one again."""
    polls = Polls()
    polls.poll(10, 10.0, traded=9_000)
    polls.poll(20, 11.0, traded=20)
    polls.poll(60, None)

    assert prices(polls.bars[0]) == (10.0, 11.0, 10.0, 11.0)


def test_two_trades_of_one_time_are_two_trades() -> None:
    """A source that stamps whole seconds loses no trade, even one seen after the minute."""
    polls = Polls()
    polls.poll(57, 10.0, traded=57)
    polls.poll(58, 12.0, traded=57)
    polls.poll(60, 9.0, traded=57)

    assert prices(polls.bars[0]) == (10.0, 12.0, 9.0, 9.0)


def test_a_trade_too_late_for_its_bar_is_the_price_to_repeat() -> None:
    """When the bar is closed a late trade only says where the next, still empty bar stands."""
    polls = Polls()
    polls.poll(57, 10.0, traded=57)
    polls.poll(60, None)
    polls.poll(62, 12.0, traded=59)
    polls.poll(63, 11.0, traded=58)
    polls.poll(120, None)

    assert [prices(bar) for bar in polls.bars] == [
        (10.0, 10.0, 10.0, 10.0),
        (12.0, 12.0, 12.0, 12.0),
    ]


def test_no_bar_before_the_first_trade_of_the_session() -> None:
    """Yesterday's last price and the morning's are repeated in no bar."""
    polls = Polls()
    for seconds in (-600, -3, 0, 3, 60, 120):
        polls.poll(seconds, 50.0, 0, traded=-60_000)
    polls.poll(-1, 50.0, 0)
    polls.poll(150, 55.0, 10, traded=149)
    polls.poll(180, 55.0, 10, traded=149)

    assert [bar.start for bar in polls.bars] == [at(120)]
    assert prices(polls.bars[0]) == (55.0, 55.0, 55.0, 55.0)
    assert polls.builder.gaps == 0


@pytest.mark.parametrize("text", ["2026-11-23", "2026-11-27"])
def test_bars_end_with_the_session(text: str) -> None:
    """The last bar closes at the first poll past the session's end; later quotes make none."""
    session = session_of(text)
    end = session.minutes * 60
    polls = Polls(session)
    polls.poll(end - 60, 10.0, 100)
    polls.poll(end - 1, 11.0, 100)
    polls.poll(end, 99.0, 300)
    polls.poll(end + 3, 98.0, 400)
    polls.poll(end + 60, 97.0, 500)
    polls.poll(end + 600, 96.0, 500)

    assert len(polls.bars) == 1
    assert polls.bars[0].end == session.close
    assert prices(polls.bars[0]) == (10.0, 11.0, 10.0, 11.0)
    assert polls.builder.gaps == 0


def test_a_gap_up_to_the_close_is_counted() -> None:
    """Minutes without a quote at the end of the session are gaps too."""
    polls = Polls()
    polls.poll(23_400 - 200, 10.0)
    polls.poll(23_400 + 605, 10.0)

    assert len(polls.bars) == 1
    assert polls.builder.gaps == 3


def test_longer_bars_are_aligned_to_the_open() -> None:
    """A builder of 60-minute bars ends its last one with the session, after 30 minutes."""
    polls = Polls(interval_minutes=60)
    for seconds in range(0, 23_401, 15):
        polls.poll(seconds, 10.0 + seconds / 1_000, seconds)

    assert [(bar.end - bar.start) // MINUTE for bar in polls.bars] == [60] * 6 + [30]
    assert volumes(polls.bars) == [3_600] * 6 + [1_800]


def test_an_interval_of_nothing_is_refused() -> None:
    """Bars have a length."""
    with pytest.raises(ValueError, match="at least 1 minute, got 0"):
        BarBuilder("AAPL", SESSION, 0)
