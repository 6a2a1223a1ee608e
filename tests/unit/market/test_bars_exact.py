"""What the rehearsal exchange plays is what the builder builds, and no volume goes astray."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

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


def prices(bar: Bar) -> tuple[float, float, float, float]:
    return bar.open, bar.high, bar.low, bar.close


def play(bars: Sequence[Bar], session: Session) -> list[Bar]:
    """Poll four quotes a minute (open, two extremes, close) with the volume so far."""
    builder = BarBuilder(bars[0].symbol, session)
    built: list[Bar] = []
    total = 0
    for source in bars:
        for i, price in enumerate((source.open, source.high, source.low, source.close)):
            now = source.start + i * timedelta(seconds=15)
            builder.take(price, now, now)
            bar = builder.close_due(now, total + source.volume * i // 4)
            built += [] if bar is None else [bar]
        total += source.volume
    bar = builder.close_due(session.close, total)
    return built if bar is None else [*built, bar]


def regular_bars(path: Path, session: Session) -> Iterator[Bar]:
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            start = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
            if session.is_open_at(start):
                o, h, low, c = (float(row[name]) for name in ("open", "high", "low", "close"))
                volume = int(float(row["volume"]))
                yield Bar(row["symbol"], start, start + MINUTE, o, h, low, c, volume)


def test_real_sessions_are_rebuilt_exactly(market_data: Path) -> None:
    """Every complete recorded session comes back bar by bar, prices and volumes equal."""
    played = 0
    for path in sorted(market_data.glob("1min/*/*.csv.gz")):
        session = session_of(path.name.removesuffix(".csv.gz"))
        bars = list(regular_bars(path, session))
        if len(bars) == session.minutes:
            assert play(bars, session) == bars
            played += len(bars)

    assert played > 10_000


PRICE = st.integers(1, 10_000).map(lambda c: c / 100)


@st.composite
def made_up_bars(draw: st.DrawFn) -> list[Bar]:
    """Consecutive one-minute bars from the open on."""
    bars = []
    for i, (four, volume) in enumerate(
        draw(
            st.lists(
                st.tuples(st.lists(PRICE, min_size=4, max_size=4), st.integers(0, 10**7)),
                min_size=1,
                max_size=30,
            )
        )
    ):
        low, o, c, high = sorted(four)
        bars.append(Bar("AAPL", at(60 * i), at(60 * i + 60), o, high, low, c, volume))
    return bars


@given(made_up_bars())
def test_made_up_bars_are_rebuilt_exactly(bars: list[Bar]) -> None:
    """Four quotes a minute and the day's volume say all there is to say; the last bar waits."""
    built = play(bars, SESSION)

    # The last reading, at the session's close, is too late for the last bar's volume.
    assert built[:-1] == bars[:-1]
    assert prices(built[-1]) == prices(bars[-1])


@given(
    st.lists(
        st.tuples(
            st.integers(1, 50),
            st.none() | PRICE,
            st.none() | st.integers(0, 900),
            st.integers(0, 90),
        ),
        max_size=120,
    )
)
def test_no_volume_is_lost_doubled_or_moved(
    polls: list[tuple[int, float | None, int | None, int]],
) -> None:
    """Bars are in order, whole, inside the session; a known volume is what its two ends read."""
    builder, bars = BarBuilder("AAPL", SESSION), list[Bar]()
    seconds, total = -20, 0
    readings: dict[int, int] = {}
    for step, last, traded, age in polls:
        seconds += step
        reading = None
        if traded is not None:
            total += traded
            reading = readings[seconds] = total
        if last is not None:
            builder.take(last, at(seconds), at(seconds - age))
        while (closed := builder.close_due(at(seconds), reading)) is not None:
            bars.append(closed)

    for before, bar in zip([None, *bars], bars, strict=False):
        assert SESSION.open <= bar.start
        assert bar.end - bar.start == MINUTE
        assert before is None or before.end <= bar.start
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        if bar.has_volume:
            first, second = (
                next(v for s, v in sorted(readings.items()) if at(s) >= edge)
                for edge in (bar.start, bar.end)
            )
            assert bar.volume == second - first
