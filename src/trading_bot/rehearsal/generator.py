"""Made-up days: scenes a day trader knows, told minute by minute from a seed.

Everything is integers (prices in thousandths of a cent while a day is told, whole cents in its
bars) and draws of `random.Random.getrandbits`, so one seed gives the same bars in every process and
on every Python. Each symbol has a character:

- ZZA: bull flags on a 48-dollar stock, most of them break out, some fail
- ZZB: a 7-dollar low float: poles of several percent, failures as big
- ZZC: a steady uptrend with pullbacks
- ZZD: opens with a gap up and fades, then tries flags
- ZZE: spikes into trading halts and reopens with gaps
- ZZF: thin and wide: a spread of 60 basis points, few shares, minutes without a trade
- ZZG: quiet: nothing to trade all day
- ZZH: a sell-off with bounces that fail

The default days are a full session and the early close before Independence Day 2024.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from types import MappingProxyType

from trading_bot.domain.errors import DataError
from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.rehearsal.bar_file import MinuteBar
from trading_bot.rehearsal.day import (
    Halt,
    PlayedDay,
    SymbolDay,
    played_days,
    session_on,
    symbol_day,
)

DEFAULT_DAYS = (date(2024, 7, 2), date(2024, 7, 3))

_CENT = 1000  # thousandths of a cent
_BPS = 10_000
_DRAW_BITS = 53
_MINUTE = timedelta(minutes=1)
_OPENING_MINUTES = 30
_EXTENDED_MINUTES = 30
_EXTENDED_CHANCE = 25  # percent of the minutes around the session that trade
_EXTENDED_VOLUME_PERCENT = 5
_VOLUME_SPREAD = 60  # a minute's volume is within 30 percent of what its scene says


@dataclass(frozen=True, slots=True)
class Beat:
    """A stretch of a scene: each minute drifts and shakes by basis points of the price.

    `minutes` has a least and a most. `volume` is percent of the symbol's usual.
    """

    minutes: tuple[int, int]
    drift: int
    noise: int
    volume: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A trading halt of so many minutes; the price reopens `gap` basis points away."""

    minutes: int
    gap: int


Scene = tuple[Beat | Stop, ...]

_BASE = Beat((8, 14), 0, 6, 70)
_FLAG = (
    _BASE,
    Beat((5, 7), 22, 6, 320),
    Beat((5, 7), -5, 4, 55),
    Beat((3, 4), 20, 6, 380),
    Beat((8, 14), 6, 7, 150),
)
_FAILED_FLAG = (
    _BASE,
    Beat((5, 7), 20, 6, 300),
    Beat((5, 7), -4, 4, 60),
    Beat((2, 2), 9, 5, 260),
    Beat((7, 10), -17, 7, 170),
)
_BIG_FLAG = (
    Beat((8, 14), 0, 14, 60),
    Beat((5, 7), 85, 18, 520),
    Beat((5, 8), -17, 12, 60),
    Beat((3, 4), 75, 18, 560),
    Beat((6, 10), 12, 22, 180),
)
_BIG_FAILURE = (
    Beat((8, 14), 0, 14, 60),
    Beat((5, 7), 75, 18, 480),
    Beat((4, 6), -14, 12, 70),
    Beat((2, 2), 25, 15, 350),
    Beat((8, 12), -55, 22, 220),
)
_SETTLE = (Beat((15, 25), -5, 7, 80),)
_BIG_SETTLE = (Beat((15, 25), -22, 16, 70),)
_TREND_AND_PULLBACK = (
    Beat((12, 18), 5, 5, 130),
    Beat((4, 6), -7, 4, 60),
    Beat((8, 12), 7, 5, 150),
    Beat((8, 15), -3, 4, 80),
)
_FADE = (Beat((25, 40), -9, 9, 130), Beat((10, 15), 4, 6, 70))
_SPIKE_UP_AND_HALT = (
    Beat((10, 20), 0, 10, 60),
    Beat((5, 5), 160, 30, 700),
    Stop(5, 350),
    Beat((4, 6), 40, 40, 600),
    Beat((15, 25), -45, 25, 200),
)
_DROP_AND_HALT = (
    Beat((10, 20), 0, 10, 60),
    Beat((4, 4), -180, 30, 700),
    Stop(5, -400),
    Beat((6, 10), 45, 35, 400),
    Beat((10, 15), 0, 15, 120),
)
_DRIFTING = (Beat((20, 30), 0, 2, 100), Beat((5, 10), 1, 2, 100), Beat((5, 10), -1, 2, 100))
_SELLING = (Beat((15, 25), -9, 8, 160), Beat((6, 9), 9, 6, 110), Beat((4, 6), -14, 7, 220))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Character:
    """What a symbol is like; `gap` opens its first scene, in basis points of the last close."""

    start_cents: int
    volume: int
    scenes: Sequence[Scene]
    gap: tuple[int, int] = (-60, 60)
    spread_bps: int = 0
    silent_percent: int = 0


_CHARACTERS: dict[str, _Character] = {
    "ZZA": _Character(
        start_cents=4800, volume=40_000, scenes=(_FLAG, _FLAG, _SETTLE, _FAILED_FLAG, _SETTLE)
    ),
    "ZZB": _Character(
        start_cents=740,
        volume=60_000,
        scenes=(_BIG_FLAG, _BIG_SETTLE, _BIG_FAILURE, _BIG_SETTLE),
        spread_bps=8,
    ),
    "ZZC": _Character(start_cents=13_200, volume=90_000, scenes=(_TREND_AND_PULLBACK, _SETTLE)),
    "ZZD": _Character(
        start_cents=2300, volume=70_000, scenes=(_FADE, _FLAG, _FADE, _FAILED_FLAG), gap=(500, 800)
    ),
    "ZZE": _Character(
        start_cents=1500,
        volume=50_000,
        scenes=(_SPIKE_UP_AND_HALT, _SETTLE, _DROP_AND_HALT, (_BASE,)),
        spread_bps=12,
    ),
    "ZZF": _Character(
        start_cents=3100, volume=900, scenes=(_FLAG, _SETTLE), spread_bps=60, silent_percent=4
    ),
    "ZZG": _Character(start_cents=8800, volume=30_000, scenes=(_DRIFTING,)),
    "ZZH": _Character(
        start_cents=20_500, volume=80_000, scenes=(_SELLING, _FAILED_FLAG), gap=(-250, -120)
    ),
}
MADE_UP_SYMBOLS = tuple(_CHARACTERS)
NO_GAPS: Mapping[tuple[str, date], int] = MappingProxyType({})


def made_up_days(
    seed: int,
    calendar: NyseCalendar,
    *,
    days: Sequence[date] = DEFAULT_DAYS,
    symbols: Sequence[str] = MADE_UP_SYMBOLS,
    gaps: Mapping[tuple[str, date], int] = NO_GAPS,
) -> tuple[PlayedDay, ...]:
    """The made-up `days` of `symbols`, labelled as made up.

    `gaps` lets a symbol open a day so many basis points from the close before, negative for down.
    A symbol's bars depend on the seed, the symbol, its gaps and the days up to theirs alone. Raises
    DataError for a symbol without a character or a day without a session.
    """
    unknown = [symbol for symbol in symbols if symbol not in _CHARACTERS]
    if unknown:
        known = ", ".join(MADE_UP_SYMBOLS)
        raise DataError(f"expected made-up symbols out of {known}, got {', '.join(unknown)}")
    sessions = [session_on(day, calendar) for day in sorted(set(days))]
    return played_days(
        one
        for symbol in dict.fromkeys(symbols)
        for one in _symbol_days(seed, symbol, sessions, gaps)
    )


def _symbol_days(
    seed: int, symbol: str, sessions: Sequence[Session], gaps: Mapping[tuple[str, date], int]
) -> Iterator[SymbolDay]:
    usual = _CHARACTERS[symbol]
    price = usual.start_cents * _CENT
    for session in sessions:
        gap = gaps.get((symbol, session.day))
        character = usual if gap is None else replace(usual, gap=(gap, gap))
        teller = _Teller(seed, symbol, session, character, price)
        yield teller.day()
        price = teller.regular_close


class _Draws:
    """Whole numbers from one seeded stream, the same everywhere."""

    def __init__(self, *names: object) -> None:
        text = "/".join(str(name) for name in names)
        seed = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
        self._random = Random(seed)  # noqa: S311 - prices of a play, not secrets

    def below(self, count: int) -> int:
        """0 to `count` - 1."""
        return self._random.getrandbits(_DRAW_BITS) * count >> _DRAW_BITS

    def between(self, least: int, most: int) -> int:
        """`least` to `most`, both inclusive."""
        return least + self.below(most - least + 1)


class _Teller:
    """Tells one symbol's day."""

    def __init__(
        self, seed: int, symbol: str, session: Session, character: _Character, price: int
    ) -> None:
        self._draws = _Draws("made-up day", seed, symbol, session.day.isoformat())
        self._symbol = symbol
        self._session = session
        self._character = character
        self._price = price
        self._bars: list[MinuteBar] = []
        self._halts: list[Halt] = []
        self.regular_close = price

    def day(self) -> SymbolDay:
        session = self._session
        self._move(self._draws.between(*self._character.gap))
        self._tell_extended(session.open - _EXTENDED_MINUTES * _MINUTE)
        self._tell_session()
        self.regular_close = self._price
        self._tell_extended(session.close)
        return symbol_day(
            self._symbol,
            session,
            self._bars,
            where="made-up day",
            halts=tuple(self._halts),
            spread_bps=self._character.spread_bps,
            is_made_up=True,
        )

    def _tell_session(self) -> None:
        minute = 0
        total = self._session.minutes
        parts = self._parts()
        while minute < total:
            part = next(parts)
            if isinstance(part, Stop):
                if minute + part.minutes < total:
                    self._halt(minute, part)
                    minute += part.minutes
                continue
            length = min(self._draws.between(*part.minutes), total - minute)
            for _ in range(length):
                is_edge = minute in (0, total - 1)
                is_silent = self._draws.below(100) < self._character.silent_percent
                if is_edge or not is_silent:
                    volume = part.volume * _time_of_day_percent(minute, total) // 100
                    self._tell_minute(self._session.open + minute * _MINUTE, part, volume)
                minute += 1

    def _parts(self) -> Iterator[Beat | Stop]:
        while True:
            for scene in self._character.scenes:
                yield from scene

    def _halt(self, minute: int, stop: Stop) -> None:
        start = self._session.open + minute * _MINUTE
        self._halts.append(Halt(start=start, end=start + stop.minutes * _MINUTE))
        self._move(stop.gap)

    def _tell_extended(self, start: datetime) -> None:
        quiet = Beat((1, 1), 0, 5, _EXTENDED_VOLUME_PERCENT)
        for minute in range(_EXTENDED_MINUTES):
            if self._draws.below(100) < _EXTENDED_CHANCE:
                self._tell_minute(start + minute * _MINUTE, quiet, quiet.volume)

    def _tell_minute(self, start: datetime, beat: Beat, volume_percent: int) -> None:
        opened = self._price
        self._move(beat.drift + self._draws.between(-beat.noise, beat.noise))
        closed = self._price
        wick = max(1, beat.noise // 2)
        high = max(opened, closed) + self._draws.below(wick + 1) * opened // _BPS
        low = min(opened, closed) - self._draws.below(wick + 1) * opened // _BPS
        usual = self._character.volume * volume_percent // 100
        shake = 100 - _VOLUME_SPREAD // 2 + self._draws.below(_VOLUME_SPREAD + 1)
        self._bars.append(
            MinuteBar(
                self._symbol,
                start,
                _dollars(opened),
                _dollars(high),
                _dollars(low),
                _dollars(closed),
                max(1, usual * shake // 100),
            )
        )

    def _move(self, basis_points: int) -> None:
        """Move the price, never under ten cents."""
        self._price = max(10 * _CENT, self._price + self._price * basis_points // _BPS)


def _time_of_day_percent(minute: int, total: int) -> int:
    """The share of usual volume: three times at the open, twice into the close."""
    from_close = total - 1 - minute
    if minute < _OPENING_MINUTES:
        return 300 - 200 * minute // _OPENING_MINUTES
    if from_close < _OPENING_MINUTES:
        return 200 - 100 * from_close // _OPENING_MINUTES
    return 100


def _dollars(price: int) -> Decimal:
    """Thousandths of a cent as dollars, to the cent below."""
    return Decimal(price // _CENT).scaleb(-2)
