"""Four quotes a bar: their order, their sums, their times, and nothing from the future."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.rehearsal import CALENDAR, DAY, OPEN, after_open, flat_day, minute_bar, together
from trading_bot.rehearsal.bar_file import MinuteBar
from trading_bot.rehearsal.day import Halt, PlayedDay, played_days, symbol_day
from trading_bot.rehearsal.tape_quotes import (
    Phase,
    QuoteState,
    SymbolTape,
    bid_and_ask,
    told_prices,
    told_volume,
)


def _tape(*days: PlayedDay) -> SymbolTape:
    return SymbolTape("AAPL", together(*days), CALENDAR)


def _at(tape: SymbolTape, at: datetime, today: date = DAY) -> QuoteState:
    return tape.at(at, today)


def test_an_up_bar_shows_its_low_first() -> None:
    """Open, low, high, close."""
    bar = minute_bar(OPEN, "10.00 10.40 9.90 10.20")

    assert [str(price) for price in told_prices(bar)] == ["10.00", "9.90", "10.40", "10.20"]


def test_a_down_bar_shows_its_high_first() -> None:
    """Open, high, low, close."""
    bar = minute_bar(OPEN, "10.20 10.40 9.90 10.00")

    assert [str(price) for price in told_prices(bar)] == ["10.20", "10.40", "9.90", "10.00"]


def test_quotes_are_told_at_the_quarters_of_the_minute() -> None:
    """Each quote stands from its second to the next one's, and carries its own time."""
    tape = _tape(flat_day(special={5: "10.00 10.40 9.90 10.20"}))

    told = {second: _at(tape, after_open(5, second)) for second in (0, 14.9, 15, 30, 45, 59.9)}

    assert {second: str(quote.last) for second, quote in told.items()} == {
        0: "10.00",
        14.9: "10.00",
        15: "9.90",
        30: "10.40",
        45: "10.20",
        59.9: "10.20",
    }
    assert told[59.9].last_at == told[45].last_at == after_open(5, 45)


def test_between_prints_a_quote_is_refreshed() -> None:
    """Every five seconds the quote's own time moves on, so a poll never finds it much older."""
    tape = _tape(flat_day())

    ages = [(at := after_open(5, second)) - _at(tape, at).updated_at for second in range(0, 600, 1)]

    assert max(ages) == timedelta(seconds=4)


def test_nothing_has_traded_before_the_open() -> None:
    """Before the first regular trade the last price is the previous close, has_traded false."""
    before = minute_bar(OPEN - timedelta(minutes=30), "105.00 105.00 105.00 105.00")
    tape = _tape(flat_day(day=date(2023, 5, 24)), flat_day(extended=[before]))

    quote = _at(tape, after_open(-1))

    assert not quote.has_traded
    assert quote.phase is Phase.PRE
    assert quote.last == quote.previous_close == Decimal("100.10")
    assert quote.extended == Decimal("105.00")
    assert quote.bid <= Decimal("105.00") <= quote.ask
    assert _at(tape, OPEN).has_traded
    assert _at(tape, OPEN).extended is None


def test_the_previous_close_is_the_last_session_played() -> None:
    """The second day knows the first one's regular close; the first day's own open stands in."""
    friday = date(2023, 5, 26)
    late = minute_bar(OPEN + timedelta(hours=7), "90.00 90.00 90.00 90.00")
    tape = _tape(flat_day(extended=[late]), flat_day(day=friday))

    first, second = _at(tape, OPEN), _at(tape, OPEN + timedelta(days=1), friday)

    assert (first.previous_close, first.previous_close_date) == (
        Decimal("100.00"),
        date(2023, 5, 24),
    )
    assert (second.previous_close, second.previous_close_date) == (Decimal("100.10"), DAY)


def test_after_the_close_the_regular_price_stays() -> None:
    """An after-hours trade moves the extended price and the bid and ask, not the last one."""
    late = minute_bar(OPEN + timedelta(hours=7), "90.00 90.00 90.00 90.00")
    tape = _tape(flat_day(extended=[late]))

    quote = _at(tape, OPEN + timedelta(hours=7, minutes=3))

    assert quote.phase is Phase.POST
    assert (quote.last, quote.extended) == (Decimal("100.10"), Decimal("90.00"))
    assert quote.bid <= Decimal(90) <= quote.ask
    assert quote.has_traded


@pytest.mark.parametrize("at", [OPEN - timedelta(hours=5), OPEN + timedelta(hours=12)])
def test_at_night_there_is_no_bid(at: datetime) -> None:
    """Outside the extended hours bid and ask are zero."""
    quote = _at(_tape(flat_day()), at, at.date() if at < OPEN else DAY)

    assert quote.phase is Phase.OFF
    assert (quote.bid, quote.ask, quote.size) == (0, 0, 0)


def test_a_gap_leaves_the_old_quote() -> None:
    """In a minute without a bar the last quote stays, with its old time."""
    day = flat_day().symbols["AAPL"]
    bars = [bar for bar in day.bars if bar.start != after_open(6)]

    tape = _tape(*played_days([symbol_day("AAPL", day.session, bars, where="x")]))

    assert _at(tape, after_open(6, 50)).updated_at == after_open(5, 55)
    assert _at(tape, after_open(7)).updated_at == after_open(7)


def test_a_halt_is_said_and_freezes_the_quote() -> None:
    """During a halt trading_halted is true and the quote grows old; it ends with the halt."""
    halt = Halt(start=after_open(10), end=after_open(15))
    tape = _tape(flat_day(halts=(halt,)))

    assert not _at(tape, after_open(9, 59)).is_halted
    assert _at(tape, after_open(10)).is_halted
    assert _at(tape, after_open(14, 59)).updated_at == after_open(9, 55)
    assert not _at(tape, after_open(15)).is_halted


def test_volume_is_whole_at_the_end_of_a_minute_and_until_the_next_prints() -> None:
    """From second 45 to the next bar's second 15 the day's volume is the sum of the bars so far."""
    tape = _tape(flat_day(volume=1000))

    volumes = [tape.figures(after_open(0, s), DAY).volume for s in (0, 15, 30, 45, 60, 74.9, 75)]

    assert volumes == [0, 333, 666, 1000, 1000, 1000, 1333]


def test_figures_know_nothing_of_the_future() -> None:
    """High and low grow as prices are told."""
    tape = _tape(flat_day(special={0: "10.00 10.40 9.90 10.20"}))

    seen = [tape.figures(after_open(0, s), DAY) for s in (-1, 0, 15, 30)]

    assert [(f.high, f.low) for f in seen] == [
        (None, None),
        (Decimal("10.00"), Decimal("10.00")),
        (Decimal("10.00"), Decimal("9.90")),
        (Decimal("10.40"), Decimal("9.90")),
    ]


def test_volume_starts_again_each_day() -> None:
    """The next morning's volume is zero; over the weekend the last day's stays."""
    friday, saturday = date(2023, 5, 26), date(2023, 5, 27)
    tape = _tape(flat_day(volume=10), flat_day(day=friday, volume=20))

    assert tape.figures(OPEN + timedelta(hours=20), friday).volume == 0
    weekend = tape.figures(OPEN + timedelta(days=2), saturday)
    assert (weekend.day, weekend.volume) == (friday, 390 * 20)


@given(
    cents=st.integers(min_value=1, max_value=9_999_999),
    sub=st.integers(min_value=0, max_value=99),
    spread_bps=st.integers(min_value=0, max_value=500),
)
def test_bid_and_ask_hold_the_last_price(cents: int, sub: int, spread_bps: int) -> None:
    """Bid <= last <= ask, both positive and on ticks, and the spread is at least what is stated."""
    last = Decimal(cents * 100 + sub) / 10_000

    bid, ask = bid_and_ask(last, spread_bps)

    tick = Decimal("0.01") if last >= 1 else Decimal("0.0001")
    assert 0 < bid <= last <= ask
    assert bid % tick == ask % tick == 0
    assert max(tick, last * max(2, spread_bps) / 10_000) <= ask - bid
    assert ask - bid < last * max(2, spread_bps) / 10_000 + 2 * tick


_PRICE = st.integers(min_value=1, max_value=50_000).map(lambda cents: Decimal(cents).scaleb(-2))


@st.composite
def _bars(draw: st.DrawFn) -> list[MinuteBar]:
    count = draw(st.integers(min_value=1, max_value=12))
    bars = []
    for i in range(count):
        low, first, second, high = sorted(draw(st.tuples(_PRICE, _PRICE, _PRICE, _PRICE)))
        open_, close = draw(st.permutations((first, second)))
        volume = draw(st.integers(min_value=0, max_value=10**7))
        bars.append(MinuteBar("AAPL", after_open(i), open_, high, low, close, volume))
    return bars


@given(bars=_bars())
def test_the_four_quotes_hold_the_whole_bar(bars: list[MinuteBar]) -> None:
    """First, highest, lowest and last told price and the told volumes are the bar itself."""
    for bar in bars:
        told = told_prices(bar)
        assert (told[0], max(told), min(told), told[-1]) == (bar.open, bar.high, bar.low, bar.close)
        steps = [told_volume(bar, leg) for leg in range(4)]
        assert steps[0] == 0
        assert steps[-1] == bar.volume
        assert all(before <= after for before, after in pairwise(steps))


@settings(max_examples=30)
@given(minute=st.integers(0, 389), seconds=st.integers(0, 59), later=st.integers(1, 390))
def test_a_quote_does_not_depend_on_the_future(minute: int, seconds: int, later: int) -> None:
    """Changing every bar after a moment changes nothing shown at that moment."""
    changed = dict.fromkeys(range(minute + 1, minute + 1 + later), "50.00 60.00 40.00 55.00")
    moment = after_open(minute, seconds)
    one, other = _tape(flat_day()), _tape(flat_day(special=changed))

    assert one.at(moment, DAY) == other.at(moment, DAY)
    assert one.figures(moment, DAY) == other.figures(moment, DAY)
