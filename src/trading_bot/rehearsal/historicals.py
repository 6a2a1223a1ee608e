"""Historical bars as the API writes them, made from the minute bars of the days played.

Only bars that have ended by the time asked for are shown. Five- and ten-minute bars are counted
from the session's open (or from 7:00 in extended bounds), hour bars stand on full hours inside the
session, so a day has six; daily bars begin at midnight UTC of their date and weekly ones on their
Monday. A stretch without a trade is shown as an interpolated bar: the last price, no volume.
History older than the first day played does not exist here.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from trading_bot.market.calendar import Session
from trading_bot.rehearsal.bar_file import MinuteBar
from trading_bot.rehearsal.day import SymbolDay
from trading_bot.rehearsal.market_data import instrument_link
from trading_bot.rehearsal.tape_quotes import SymbolTape, today_of
from trading_bot.rehearsal.wire import (
    Reply,
    Request,
    detail,
    dump,
    invalid,
    price,
    seconds_text,
)

SYMBOLS_MAX = 75
"""Symbols in one historicals request."""
_MINUTES = {"5minute": 5, "10minute": 10, "hour": 60}
_HOUR = 60
_SPANS_OF = {
    "5minute": ("day", "week"),
    "10minute": ("day", "week"),
    "hour": ("day", "week", "month", "3month"),
    "day": ("week", "month", "3month", "year", "5year"),
    "week": ("month", "3month", "year", "5year"),
}
_SPAN_DAYS = {"day": 1, "week": 7, "month": 30, "3month": 91, "year": 365, "5year": 1826}
_EXTENDED = ("extended", "trading")
_BOUNDS = ("regular", *_EXTENDED)


@dataclass(frozen=True, slots=True)
class _Told:
    """One bar's JSON, shown from `ends` on."""

    ends: datetime
    fragment: bytes


@dataclass(frozen=True, slots=True)
class _Window:
    """The minutes [start, end) of a session that one bar covers."""

    start: datetime
    end: datetime
    session: str


class Historicals:
    """Answers GET /quotes/historicals/ and GET /marketdata/historicals/."""

    def __init__(self, tapes: Mapping[str, SymbolTape]) -> None:
        self._tapes = tapes
        self._kept: dict[tuple[str, str, bool, date], tuple[_Told, ...]] = {}

    def answer(self, request: Request, now: datetime) -> Reply:
        """The bars of every known symbol, in the request's order; unknown symbols have no row."""
        query = request.query
        symbols = query.get("symbols", "").upper()
        interval, span = query.get("interval", "5minute"), query.get("span", "day")
        bounds = query.get("bounds", "regular")
        if not symbols:
            return invalid(symbols="This field is required.")
        if symbols.count(",") >= SYMBOLS_MAX:
            return detail(400, f"Too many symbols: at most {SYMBOLS_MAX}.")
        if span not in _SPANS_OF.get(interval, ()):
            return invalid(interval=f"Invalid interval {interval} for span {span}.")
        if bounds not in _BOUNDS or (bounds in _EXTENDED and span != "day"):
            return invalid(bounds=f"Invalid bounds {bounds} for span {span}.")
        known = [self._tapes[symbol] for symbol in symbols.split(",") if symbol in self._tapes]
        rows = [self._row(tape, interval, span, bounds, now) for tape in known]
        return Reply(200, b'{"results":[' + b",".join(rows) + b"]}")

    def _row(self, tape: SymbolTape, interval: str, span: str, bounds: str, now: datetime) -> bytes:
        days = _days_of_span(tape, span, now, is_extended=bounds in _EXTENDED)
        if interval == "week":
            told = _weeks(days)
        elif interval == "day":
            told = [self._day(tape, day) for day in days]
        else:
            told = [
                bar for day in days for bar in self._bars(tape, day, interval, bounds in _EXTENDED)
            ]
        shown = told[: bisect_right(told, now, key=lambda bar: bar.ends)]
        head = dump(
            {
                "quote": f"https://api.robinhood.com/quotes/{tape.symbol}/",
                "symbol": tape.symbol,
                "interval": interval,
                "span": span,
                "bounds": bounds,
                "previous_close_price": _previous_close(tape, days, span),
                "previous_close_time": None,
                "open_price": price(days[0].regular_bars[0].open) if shown else None,
                "open_time": seconds_text(days[0].session.open) if shown else None,
                "instrument": instrument_link(tape.symbol),
            }
        )
        return head[:-1] + b',"historicals":[' + b",".join(b.fragment for b in shown) + b"]}"

    def _bars(
        self,
        tape: SymbolTape,
        day: SymbolDay,
        interval: str,
        is_extended: bool,
    ) -> tuple[_Told, ...]:
        key = (tape.symbol, interval, is_extended, day.session.day)
        if key not in self._kept:
            windows = _windows(day.session, _MINUTES[interval], is_extended=is_extended)
            last = tape.previous_close(day.session.day)
            self._kept[key] = tuple(_intraday(day, windows, last))
        return self._kept[key]

    def _day(self, tape: SymbolTape, day: SymbolDay) -> _Told:
        key = (tape.symbol, "day", False, day.session.day)
        if key not in self._kept:
            begins = datetime.combine(day.session.day, datetime.min.time(), UTC)
            bars = day.regular_bars
            self._kept[key] = (_Told(day.session.close, _fragment(begins, bars, "reg")),)
        return self._kept[key][0]


def _days_of_span(
    tape: SymbolTape, span: str, now: datetime, *, is_extended: bool
) -> Sequence[SymbolDay]:
    """The days played that the span covers, up to the latest one that has begun."""
    begun = [
        day
        for day in tape.days
        if (day.session.pre_open if is_extended else day.session.open) <= now
    ]
    if not begun:
        return ()
    if span == "day":
        return begun[-1:]
    after = today_of(now) - timedelta(days=_SPAN_DAYS[span])
    return [day for day in begun if day.session.day > after]


def _previous_close(tape: SymbolTape, days: Sequence[SymbolDay], span: str) -> str | None:
    if not days or span not in ("day", "week"):
        return None
    return price(tape.previous_close(days[0].session.day))


def _windows(session: Session, minutes: int, *, is_extended: bool) -> Iterator[_Window]:
    """The bars of a session, each inside one of its parts."""
    parts = [(session.open, session.close, "reg")]
    if is_extended:
        parts.insert(0, (session.pre_open, session.open, "pre"))
        parts.append((session.close, session.post_close, "post"))
    step = timedelta(minutes=minutes)
    for begins, ends, name in parts:
        start = begins
        if minutes == _HOUR and start.minute:
            start += timedelta(minutes=_HOUR - start.minute)
        while start < ends:
            yield _Window(start, min(start + step, ends), name)
            start += step


def _intraday(day: SymbolDay, windows: Iterator[_Window], last: Decimal) -> Iterator[_Told]:
    index = 0
    bars = day.bars
    for window in windows:
        while index < len(bars) and bars[index].start < window.start:
            last = bars[index].close
            index += 1
        first = index
        while index < len(bars) and bars[index].start < window.end:
            index += 1
        inside = bars[first:index]
        if inside:
            last = inside[-1].close
            yield _Told(window.end, _fragment(window.start, inside, window.session))
        else:
            yield _Told(window.end, _interpolated(window.start, last, window.session))


def _weeks(days: Sequence[SymbolDay]) -> list[_Told]:
    """One bar a week, shown from the close of its last day played."""
    weeks: dict[date, list[SymbolDay]] = {}
    for day in days:
        monday = day.session.day - timedelta(days=day.session.day.weekday())
        weeks.setdefault(monday, []).append(day)
    told = []
    for monday, members in weeks.items():
        bars = [bar for day in members for bar in day.regular_bars]
        begins = datetime.combine(monday, datetime.min.time(), UTC)
        told.append(_Told(members[-1].session.close, _fragment(begins, bars, "reg")))
    return told


def _fragment(begins: datetime, bars: Sequence[MinuteBar], session: str) -> bytes:
    return _bar_json(
        begins,
        (bars[0].open, bars[-1].close, max(b.high for b in bars), min(b.low for b in bars)),
        volume=sum(bar.volume for bar in bars),
        session=session,
        interpolated=False,
    )


def _interpolated(begins: datetime, last: Decimal, session: str) -> bytes:
    return _bar_json(begins, (last, last, last, last), volume=0, session=session, interpolated=True)


def _bar_json(
    begins: datetime,
    prices: tuple[Decimal, Decimal, Decimal, Decimal],
    *,
    volume: int,
    session: str,
    interpolated: bool,
) -> bytes:
    open_price, close_price, high_price, low_price = prices
    return dump(
        {
            "begins_at": seconds_text(begins),
            "open_price": price(open_price),
            "close_price": price(close_price),
            "high_price": price(high_price),
            "low_price": price(low_price),
            "volume": volume,
            "session": session,
            "interpolated": interpolated,
        }
    )
