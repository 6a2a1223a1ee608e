"""The benchmark's job: five symbols of bars, as rows and as the core takes them."""

import csv
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from trading_bot.core.events import MinuteRecorded
from trading_bot.domain.bar import Bar
from trading_bot.market.calendar import NyseCalendar, Session

SYMBOLS = tuple(f"SYM{i}" for i in range(5))
FAST, SLOW, SHARES, CASH = 9, 20, 10, 1_000_000
FIRST_DAY, LAST_DAY = date(2023, 1, 3), date(2024, 12, 31)
SEED = 7
MINUTE = timedelta(minutes=1)

Row = tuple[str, float, float, float, float, int]


def minutes(calendar: NyseCalendar) -> Iterator[datetime]:
    """The starts of every minute of the exchange's sessions."""
    for session in calendar.sessions(FIRST_DAY, LAST_DAY):
        at = session.open
        while at < session.close:
            yield at
            at += MINUTE


def made_up(
    calendar: NyseCalendar, count: int, symbols: Sequence[str] = SYMBOLS
) -> dict[str, list[Row]]:
    """A seeded random walk for each symbol: four steps a bar, to the cent."""
    starts = [at.isoformat() for at, _ in zip(minutes(calendar), range(count), strict=False)]
    found = {}
    for number, symbol in enumerate(symbols):
        chance = random.Random(SEED * 1000 + number)
        price, rows = 50.0 + 40 * number, []
        for at in starts:
            path = [price]
            for _ in range(3):
                path.append(max(1.0, path[-1] * (1 + chance.gauss(0, 0.0004))))
            price = path[-1]
            prices = [round(p, 2) for p in (path[0], max(path), min(path), price)]
            rows.append((at, *prices, chance.randint(500, 50_000)))
        found[symbol] = rows
    return found


def from_files(folder: Path, count: int) -> dict[str, list[Row]]:
    """The bars of SYM0.csv to SYM4.csv: timestamp, open, high, low, close, volume."""
    found = {}
    for symbol in SYMBOLS:
        with (folder / f"{symbol}.csv").open(newline="") as file:
            lines = csv.reader(file)
            next(lines)
            kept = [x for x, _ in zip(lines, range(count), strict=False)]
        found[symbol] = [
            (x[0], float(x[1]), float(x[2]), float(x[3]), float(x[4]), int(x[5])) for x in kept
        ]
    return found


@dataclass(frozen=True, slots=True)
class Minute:
    """A minute as a recorded source hands it over: its start, its end, its bars as an event."""

    start: datetime
    end: datetime
    event: MinuteRecorded


@dataclass(frozen=True, slots=True)
class Day:
    session: Session
    minutes: tuple[Minute, ...]


def load(data: dict[str, list[Row]], calendar: NyseCalendar) -> list[Day]:
    """The same bars as the core takes them, a minute at a time."""
    days: dict[date, list[Minute]] = {}
    for rows in zip(*data.values(), strict=True):
        start = datetime.fromisoformat(rows[0][0]).astimezone(UTC)
        end = start + MINUTE
        bars = tuple(
            Bar(symbol, start, end, *row[1:], "recorded")
            for symbol, row in zip(data, rows, strict=True)
        )
        minute = Minute(start, end, MinuteRecorded(at=end, bars=bars))
        days.setdefault(calendar.new_york_date(start), []).append(minute)
    found = []
    for day, played in days.items():
        session = calendar.session(day)
        assert session is not None, f"bars on {day}, a day without a session"
        found.append(Day(session, tuple(played)))
    return found
