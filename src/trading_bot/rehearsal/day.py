"""The days an exchange plays: minute bars by symbol and session, whole or refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from trading_bot.domain.errors import DataError
from trading_bot.domain.symbol import is_symbol
from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.rehearsal.bar_file import MinuteBar, new_york_day, read_bars

REGULAR_PERCENT_MIN = 90
"""A day plays when at least this share of its regular minutes has a bar; the rest count as gaps."""
_MINUTE = timedelta(minutes=1)


class ShortSessionError(DataError):
    """A day has too few regular-session bars to be played."""

    def __init__(self, symbol: str, session: Session, got: int, where: str) -> None:
        needed = _minutes_needed(session)
        super().__init__(
            f"{where}: {symbol} on {session.day}: expected {session.minutes} regular minutes "
            f"(at least {needed}, {REGULAR_PERCENT_MIN}%), got {got}"
        )
        self.symbol = symbol
        self.day = session.day
        self.expected = session.minutes
        self.got = got


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Trading in a symbol stood still over [start, end), UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolDay:
    """One symbol's bars of one session, oldest first, extended hours included.

    `missing` are the regular minutes without a bar that no halt explains. `spread_bps` widens the
    synthetic spread beyond the usual one; 0 leaves it alone.
    """

    symbol: str
    session: Session
    bars: tuple[MinuteBar, ...]
    halts: tuple[Halt, ...] = ()
    spread_bps: int = 0
    is_made_up: bool = False
    missing: tuple[datetime, ...] = ()

    @property
    def regular_bars(self) -> tuple[MinuteBar, ...]:
        """The bars that start inside the regular session."""
        session = self.session
        return tuple(bar for bar in self.bars if session.open <= bar.start < session.close)

    @property
    def regular_close(self) -> Decimal:
        """The last price of the regular session."""
        return self.regular_bars[-1].close


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedDay:
    """All symbols of one session, by symbol in alphabetical order."""

    session: Session
    symbols: Mapping[str, SymbolDay]

    @property
    def day(self) -> date:
        """The New York date."""
        return self.session.day

    @property
    def is_made_up(self) -> bool:
        """True when any of its bars come from the generator."""
        return any(symbol.is_made_up for symbol in self.symbols.values())


def symbol_day(
    symbol: str,
    session: Session,
    bars: Sequence[MinuteBar],
    *,
    where: str,
    halts: tuple[Halt, ...] = (),
    spread_bps: int = 0,
    is_made_up: bool = False,
) -> SymbolDay:
    """`bars` checked against the session; `where` names their source in errors.

    Raises ShortSessionError when fewer than REGULAR_PERCENT_MIN of the regular minutes have a bar
    (minutes of a halt need none).
    """
    present = {bar.start for bar in bars}
    regular = [session.open + _MINUTE * i for i in range(session.minutes)]
    got = sum(1 for minute in regular if minute in present)
    excused = sum(1 for minute in regular if minute not in present and _in_halt(minute, halts))
    if got + excused < _minutes_needed(session) or not got:
        raise ShortSessionError(symbol, session, got, where)
    missing = tuple(m for m in regular if m not in present and not _in_halt(m, halts))
    return SymbolDay(
        symbol=symbol,
        session=session,
        bars=tuple(bars),
        halts=halts,
        spread_bps=spread_bps,
        is_made_up=is_made_up,
        missing=missing,
    )


def session_on(day: date, calendar: NyseCalendar, where: str = "") -> Session:
    """The session of `day`; DataError, which `where` begins, when there is none to be known."""
    try:
        session = calendar.session(day)
    except ValueError as error:
        raise DataError(f"{where}{error}") from error
    if session is None:
        reason = calendar.closure_reason(day)
        raise DataError(f"{where}the exchange is closed on {day} ({reason})")
    return session


def played_days(symbol_days: Iterable[SymbolDay]) -> tuple[PlayedDay, ...]:
    """Symbol days grouped by session, oldest first; DataError on a symbol twice in one session."""
    by_day: dict[date, dict[str, SymbolDay]] = {}
    for one in symbol_days:
        day = by_day.setdefault(one.session.day, {})
        if one.symbol in day:
            raise DataError(
                f"expected one set of bars for {one.symbol} on {one.session.day}, got two"
            )
        day[one.symbol] = one
    return tuple(
        PlayedDay(
            session=next(iter(symbols.values())).session,
            symbols=dict(sorted(symbols.items())),
        )
        for _, symbols in sorted(by_day.items())
    )


def load_days(
    paths: Sequence[Path], calendar: NyseCalendar, only: Sequence[str] = ()
) -> tuple[PlayedDay, ...]:
    """The sessions held by the bar files, oldest first; `only` keeps just these symbols.

    Files of one date play together. Raises DataError (its kinds: a bad line, a day the exchange was
    closed, a symbol twice in a day, ShortSessionError) and OSError.
    """
    for name in only:
        if not is_symbol(name):
            raise DataError(f"expected a symbol of 1-5 upper-case letters and digits, got {name!r}")
    found: list[SymbolDay] = []
    held: set[str] = set()
    for path in paths:
        for (symbol, day), bars in _grouped(read_bars(path)).items():
            held.add(symbol)
            if only and symbol not in only:
                continue
            session = session_on(day, calendar, f"{path}: {symbol}: ")
            found.append(symbol_day(symbol, session, bars, where=str(path)))
    if strange := sorted(set(only) - held):
        there = ", ".join(sorted(held)) or "none"
        raise DataError(f"expected symbols out of {there}, got {', '.join(strange)}")
    if not found:
        raise DataError("expected at least one bar file with bars of a session, got none")
    return played_days(found)


def _grouped(bars: Iterable[MinuteBar]) -> dict[tuple[str, date], list[MinuteBar]]:
    groups: dict[tuple[str, date], list[MinuteBar]] = {}
    for bar in bars:
        groups.setdefault((bar.symbol, new_york_day(bar.start)), []).append(bar)
    return groups


def _in_halt(minute: datetime, halts: Iterable[Halt]) -> bool:
    return any(halt.start <= minute < halt.end for halt in halts)


def _minutes_needed(session: Session) -> int:
    return -(-session.minutes * REGULAR_PERCENT_MIN // 100)
