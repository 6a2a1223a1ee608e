"""Made-up days: whole sessions, the scenes they promise, and the same bytes for a seed."""

import os
import subprocess
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from support.rehearsal import CALENDAR
from trading_bot.domain.errors import DataError
from trading_bot.domain.symbol import is_symbol
from trading_bot.rehearsal.bar_file import MinuteBar
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.generator import DEFAULT_DAYS, MADE_UP_SYMBOLS, made_up_days

SRC = Path(__file__).resolve().parents[3] / "src"
# The bars of seed 7. A change here changes every made-up rehearsal: say so in the changelog.
DIGEST_OF_SEED_7 = "8372d8f10a43359d"


def _digest(days: tuple[PlayedDay, ...]) -> str:
    rows = [
        (b.symbol, b.start.isoformat(), *map(str, (b.open, b.high, b.low, b.close)), b.volume)
        for day in days
        for one in day.symbols.values()
        for b in one.bars
    ]
    return sha256(repr(rows).encode()).hexdigest()[:16]


def _regular(symbol: str, seed: int = 7) -> tuple[MinuteBar, ...]:
    return made_up_days(seed, CALENDAR, symbols=[symbol])[0].symbols[symbol].regular_bars


def test_all_days_are_labelled() -> None:
    """Every symbol's day says that it is made up."""
    days = made_up_days(1, CALENDAR)

    assert all(one.is_made_up for day in days for one in day.symbols.values())
    assert all(day.is_made_up for day in days)


def test_the_default_days_hold_an_early_close() -> None:
    """One full session, one that ends at 13:00 New York time."""
    full, early = made_up_days(1, CALENDAR)

    assert [full.day, early.day] == list(DEFAULT_DAYS)
    assert (full.session.is_early_close, early.session.is_early_close) == (False, True)
    assert early.symbols["ZZA"].regular_bars[-1].start < early.session.close


def test_symbols_are_valid_tickers() -> None:
    """Every made-up symbol can be in a watchlist and a record."""
    assert all(is_symbol(symbol) for symbol in MADE_UP_SYMBOLS)


@pytest.mark.parametrize("seed", range(12))
def test_every_bar_is_possible(seed: int) -> None:
    """Prices are positive cents in order, volume is positive, times ascend, days are whole."""
    for day in made_up_days(seed, CALENDAR):
        for one in day.symbols.values():
            starts = [bar.start for bar in one.bars]
            assert starts == sorted(set(starts))
            assert len(one.missing) <= one.session.minutes // 10
            for bar in one.bars:
                assert 0 < bar.low <= min(bar.open, bar.close)
                assert max(bar.open, bar.close) <= bar.high
                assert bar.close == round(bar.close, 2)
                assert bar.volume > 0


def _poles(bars: tuple[MinuteBar, ...], gain_percent: int) -> int:
    """Rises of at least that much in six minutes, then a shallow pullback, then a new high."""
    found, i = 0, 6
    while i < len(bars) - 12:
        base, top = bars[i - 6].low, bars[i].high
        flag = bars[i + 1 : i + 6]
        is_pole = (top - base) * 100 >= base * gain_percent and top >= max(b.high for b in flag)
        held = min(b.low for b in flag) > base + (top - base) / 2
        if is_pole and held and max(b.high for b in bars[i + 6 : i + 12]) > top:
            found += 1
            i += 12
        i += 1
    return found


@pytest.mark.parametrize(("symbol", "gain_percent"), [("ZZA", 1), ("ZZB", 4)])
def test_flags_are_there_to_trade(symbol: str, gain_percent: int) -> None:
    """The flag symbols hold poles, shallow flags and breakouts of the promised size."""
    assert _poles(_regular(symbol), gain_percent) >= 2


def test_a_breakout_comes_with_volume() -> None:
    """In the flag symbol the busiest minutes trade many times the quietest ones."""
    volumes = sorted(bar.volume for bar in _regular("ZZA")[60:330])

    assert volumes[-10] > 4 * volumes[10]


def test_a_gap_opens_the_gap_symbol() -> None:
    """ZZD's second day opens at least four percent above the close before."""
    first, second = made_up_days(7, CALENDAR, symbols=["ZZD"])

    before = first.symbols["ZZD"].bars[-1].close
    opened = second.symbols["ZZD"].bars[0].open
    assert opened >= before * 104 / 100


def test_halts_stand_still_and_reopen_elsewhere() -> None:
    """ZZE is halted for five minutes, without a bar, and reopens two percent away or more."""
    (one,) = made_up_days(7, CALENDAR, symbols=["ZZE"], days=DEFAULT_DAYS[:1])[0].symbols.values()

    assert one.halts
    for halt in one.halts:
        assert (halt.end - halt.start).total_seconds() == 300
        assert not [bar for bar in one.bars if halt.start <= bar.start < halt.end]
        last = [bar for bar in one.bars if bar.start < halt.start][-1].close
        first = next(bar for bar in one.bars if bar.start >= halt.end).open
        assert abs(first - last) * 100 >= 2 * last


def test_the_thin_symbol_is_wide_and_has_gaps() -> None:
    """ZZF has a wide spread and minutes without a trade, which are flagged."""
    (one,) = made_up_days(7, CALENDAR, symbols=["ZZF"], days=DEFAULT_DAYS[:1])[0].symbols.values()

    assert one.spread_bps == 60
    assert one.missing


def test_a_symbol_does_not_depend_on_its_company() -> None:
    """A symbol's bars are the same alone and among others."""
    alone = made_up_days(3, CALENDAR, symbols=["ZZC"])
    among = made_up_days(3, CALENDAR)

    assert [day.symbols["ZZC"] for day in alone] == [day.symbols["ZZC"] for day in among]


def test_seeds_differ() -> None:
    """Another seed is another day."""
    assert _digest(made_up_days(1, CALENDAR)) != _digest(made_up_days(2, CALENDAR))


def test_the_bars_of_a_seed_are_pinned() -> None:
    """Seed 7 gives these bars on every Python this suite runs on."""
    assert _digest(made_up_days(7, CALENDAR)) == DIGEST_OF_SEED_7


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_hash_randomisation_changes_nothing(hash_seed: str) -> None:
    """Another process with another PYTHONHASHSEED tells the same days."""
    code = (
        "from trading_bot.market.calendar import NyseCalendar as C\n"
        "from trading_bot.rehearsal.generator import made_up_days\n"
        "from hashlib import sha256\n"
        "rows = [(b.symbol, b.start.isoformat(), *map(str, (b.open, b.high, b.low, b.close)),"
        " b.volume) for d in made_up_days(7, C()) for o in d.symbols.values() for b in o.bars]\n"
        "print(sha256(repr(rows).encode()).hexdigest()[:16])\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(SRC)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == DIGEST_OF_SEED_7


def test_an_unknown_symbol_is_refused() -> None:
    """A symbol without a character is named with those that have one."""
    with pytest.raises(DataError, match=r"out of ZZA, .* got AAPL"):
        made_up_days(1, CALENDAR, symbols=["ZZA", "AAPL"])


def test_a_holiday_is_refused() -> None:
    """A day the exchange is closed cannot be made up."""
    with pytest.raises(DataError, match="Independence Day"):
        made_up_days(1, CALENDAR, days=[date(2024, 7, 4)])


def test_a_day_before_the_calendar_is_refused() -> None:
    """In words, not with a trace."""
    with pytest.raises(DataError, match="from 2000 on, got 1900-01-02"):
        made_up_days(1, CALENDAR, days=[date(1900, 1, 2)])


def test_a_day_may_open_with_a_gap_of_choice() -> None:
    """Ten percent down against the close before; the day before is told as ever."""
    first, second = DEFAULT_DAYS
    plain = made_up_days(7, CALENDAR, symbols=["ZZA"])

    gapped = made_up_days(7, CALENDAR, symbols=["ZZA"], gaps={("ZZA", second): -1000})

    assert gapped[0] == plain[0]
    close = gapped[0].symbols["ZZA"].regular_close
    opened = gapped[1].symbols["ZZA"].regular_bars[0].open
    assert close * 88 / 100 < opened < close * 92 / 100
    assert first < second
