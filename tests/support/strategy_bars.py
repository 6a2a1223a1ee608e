"""Bars made by hand for the strategies' tests."""

import gzip
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trading_bot.domain.bar import Bar

OPEN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def bar(
    close: float,
    *,
    high: float | None = None,
    low: float | None = None,
    open_: float | None = None,
    volume: int = 1000,
) -> Bar:
    """A one-minute bar without its place in the day; `day` gives it one."""
    return Bar(
        symbol="ACME",
        start=OPEN,
        end=OPEN + MINUTE,
        open=close if open_ is None else open_,
        high=close + 0.02 if high is None else high,
        low=close - 0.02 if low is None else low,
        close=close,
        volume=volume,
    )


def day(bars: Iterable[Bar]) -> list[Bar]:
    """The bars one after the other from the open on."""
    placed = list(bars)
    for number, each in enumerate(placed):
        each.start = OPEN + number * MINUTE
        each.end = each.start + MINUTE
    return placed


def five_minutes(close: float, volume: int) -> Bar:
    """One bar of today's history from before the start."""
    return Bar(
        symbol="ACME",
        start=OPEN - 5 * MINUTE,
        end=OPEN,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=volume,
        volume_source="historical",
    )


def flat(count: int, price: float = 100.0) -> list[Bar]:
    """Quiet bars around `price`, ten cents high."""
    return [bar(price, high=price + 0.05, low=price - 0.05) for _ in range(count)]


def flag_day(
    *,
    flag: tuple[float, ...] = (100.90, 100.85, 100.80),
    breakout: float = 101.05,
    volume: int | None = None,
) -> list[Bar]:
    """Twenty quiet bars, a pole from 99.95 to 101.02 in six bars, a flag, one breakout bar.

    The flag's bars reach 5 cents above and below their close; `volume`, given, is every bar's.
    """
    pole = [bar(100.0 + 0.2 * step, volume=3000) for step in range(1, 6)]
    quiet = [bar(close, high=close + 0.05, low=close - 0.05, volume=800) for close in flag]
    last = bar(breakout, open_=flag[-1], volume=4000)
    bars = day([*flat(20), *pole, *quiet, last])
    if volume is not None:
        for each in bars:
            each.volume = volume
    return bars


def pullback_day(
    *, entry: float = 101.40, entry_open: float = 101.25, volume: int | None = None
) -> list[Bar]:
    """Thirty bars up by 5 cents to 101.50, three down to 101.25, one bar up.

    Each bar reaches 2 cents beyond its open and close; `volume`, given, is every bar's.
    """
    closes = [100.0 + 0.05 * step for step in range(1, 31)] + [101.40, 101.30, 101.25]
    bars = []
    before = 100.0
    for close in closes:
        bars.append(_between(before, close, 1000))
        before = close
    bars[29].high = 101.53  # the one highest high
    bars = day([*bars, _between(entry_open, entry, 2500)])
    if volume is not None:
        for each in bars:
            each.volume = volume
    return bars


def _between(open_: float, close: float, volume: int) -> Bar:
    high, low = max(open_, close) + 0.02, min(open_, close) - 0.02
    return bar(close, open_=open_, high=high, low=low, volume=volume)


def real_days(market_data: Path) -> Iterator[list[Bar]]:
    """The regular session of each full one-minute day, 13:30 or 14:30 UTC to 390 minutes later."""
    for path in sorted((market_data / "1min").glob("*/*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            bars = [_parsed(line) for line in list(lines)[1:]]
        hour = 14 if path.name < "2012" else 13  # winter days are those of 2011
        bars = [each for each in bars if _minute_of_session(each, hour) in range(390)]
        if len(bars) > 380:
            yield bars


def _minute_of_session(each: Bar, hour: int) -> int:
    return (each.start.hour - hour) * 60 + each.start.minute - 30


def _parsed(line: str) -> Bar:
    symbol, start, open_, high, low, close, volume = line.strip().split(",")
    at = datetime.fromisoformat(start)
    prices = float(open_), float(high), float(low), float(close)
    return Bar(symbol, at, at + MINUTE, *prices, int(volume), "recorded")
