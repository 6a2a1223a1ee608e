"""Days: which bars make one, and which are refused or flagged."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from support.rehearsal import CALENDAR, DAY, OPEN, flat_day, minute_bar, session_of, together
from trading_bot.domain.errors import DataError
from trading_bot.rehearsal.bar_file import MinuteBar
from trading_bot.rehearsal.day import Halt, ShortSessionError, load_days, symbol_day
from trading_bot.rehearsal.wire import seconds_text

HEADER = "symbol,timestamp,open,high,low,close,volume"


def _write(path: Path, bars: list[MinuteBar]) -> Path:
    lines = [
        f"{b.symbol},{seconds_text(b.start)},{b.open},{b.high},{b.low},{b.close},{b.volume}"
        for b in bars
    ]
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def _minutes(count: int, symbol: str = "AAPL") -> list[MinuteBar]:
    return [minute_bar(OPEN + timedelta(minutes=i), symbol=symbol) for i in range(count)]


def test_files_of_one_day_play_together(tmp_path: Path) -> None:
    """Two files of one date make one day with two symbols, in alphabetical order."""
    paths = [
        _write(tmp_path / "m.csv", _minutes(390, "MSFT")),
        _write(tmp_path / "a.csv", _minutes(390)),
    ]

    (day,) = load_days(paths, CALENDAR)

    assert day.day == DAY
    assert list(day.symbols) == ["AAPL", "MSFT"]
    assert not day.is_made_up
    assert list(load_days(paths, CALENDAR, only=["MSFT"])[0].symbols) == ["MSFT"]


def test_days_come_in_order() -> None:
    """Several days play oldest first, whatever order they were given in."""
    later, earlier = flat_day(day=date(2023, 5, 26)), flat_day(day=DAY)

    assert [day.day for day in together(later, earlier)] == [DAY, date(2023, 5, 26)]


@pytest.mark.parametrize("count", [0, 1, 100, 350])
def test_a_short_session_is_refused(count: int) -> None:
    """A day with less than the threshold of regular minutes is refused, with its numbers."""
    before = [minute_bar(OPEN - timedelta(minutes=60))]

    with pytest.raises(ShortSessionError) as caught:
        symbol_day("AAPL", session_of(), [*before, *_minutes(count)], where="x.csv")

    assert (caught.value.expected, caught.value.got) == (390, count)
    assert f"expected 390 regular minutes (at least 351, 90%), got {count}" in str(caught.value)


def test_missing_minutes_are_flagged() -> None:
    """A day above the threshold plays, and names each regular minute it lacks."""
    bars = [bar for i, bar in enumerate(_minutes(390)) if i not in (7, 200)]

    day = symbol_day("AAPL", session_of(), bars, where="x.csv")

    assert day.missing == (OPEN + timedelta(minutes=7), OPEN + timedelta(minutes=200))


def test_a_halt_is_no_gap() -> None:
    """Minutes of a halt need no bar and are not flagged."""
    halt = Halt(start=OPEN + timedelta(minutes=10), end=OPEN + timedelta(minutes=70))

    (day,) = flat_day(halts=(halt,)).symbols.values()

    assert len(day.regular_bars) == 330
    assert day.missing == ()


def test_an_early_close_needs_its_own_minutes_only() -> None:
    """On an early close 210 minutes are a whole session."""
    early = date(2024, 7, 3)

    assert len(flat_day(day=early).symbols["AAPL"].regular_bars) == 210


def test_a_closed_day_is_refused(tmp_path: Path) -> None:
    """Bars of a Saturday are refused with the reason."""
    bars = [minute_bar(OPEN + timedelta(days=2, minutes=i)) for i in range(390)]

    with pytest.raises(DataError, match=r"closed on 2023-05-27 \(weekend\)"):
        load_days([_write(tmp_path / "x.csv", bars)], CALENDAR)


def test_a_day_before_the_calendar_is_refused(tmp_path: Path) -> None:
    """In words with the file, not with a trace."""
    bars = [minute_bar(OPEN.replace(year=1999) + timedelta(minutes=i)) for i in range(390)]

    with pytest.raises(DataError, match=r"x.csv: AAPL: .* from 2000 on, got 1999-05-25"):
        load_days([_write(tmp_path / "x.csv", bars)], CALENDAR)


def test_a_symbol_that_no_file_holds_is_refused(tmp_path: Path) -> None:
    """Whoever asks for two symbols is not shown one as if it were both."""
    path = _write(tmp_path / "x.csv", _minutes(390))

    with pytest.raises(DataError, match="expected symbols out of AAPL, got MSFT"):
        load_days([path], CALENDAR, only=["AAPL", "MSFT"])


def test_a_symbol_twice_in_a_day_is_refused(tmp_path: Path) -> None:
    """Two files with the same symbol and date cannot both be true."""
    path = _write(tmp_path / "x.csv", _minutes(390))

    with pytest.raises(DataError, match="one set of bars for AAPL on 2023-05-25"):
        load_days([path, path], CALENDAR)


def test_nothing_to_play_is_refused(tmp_path: Path) -> None:
    """A file without bars, or without the symbol asked for, is an error."""
    empty = _write(tmp_path / "x.csv", [])
    with pytest.raises(DataError, match="at least one bar file"):
        load_days([empty], CALENDAR)
    with pytest.raises(DataError, match="expected a symbol"):
        load_days([empty], CALENDAR, only=["aapl"])
