"""Minute bars from a CSV file, gzipped or not, each line checked.

Columns: symbol,timestamp,open,high,low,close,volume. The timestamp is the start of the minute, UTC,
as 2023-05-25T13:30:00Z; prices are plain decimals in dollars, volume whole shares.
"""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from trading_bot.domain.errors import DataError
from trading_bot.domain.money import parse_decimal
from trading_bot.domain.symbol import parse_symbol
from trading_bot.market.calendar import NEW_YORK

COLUMNS = ("symbol", "timestamp", "open", "high", "low", "close", "volume")
_GZIP_MAGIC = b"\x1f\x8b"
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_TIME_LENGTH = len("2023-05-25T13:30:00Z")
_ZONE = ZoneInfo(NEW_YORK)


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """One minute of one symbol; `start` aware UTC, prices in dollars, volume in shares."""

    symbol: str
    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


class BarFileError(DataError):
    """A bar file's line is not what it must be: file, line (from 1), expected, got."""

    def __init__(self, path: Path, line: int, expected: str, got: str) -> None:
        super().__init__(f"{path}, line {line}: expected {expected}, got {got}")
        self.path = path
        self.line = line


def new_york_day(at: datetime) -> date:
    """The New York date at that moment."""
    return at.astimezone(_ZONE).date()


def read_bars(path: Path) -> list[MinuteBar]:
    """All bars of the file in its order; each symbol's times must ascend. Raises BarFileError."""
    lines = _text_of(path).split("\n")
    header = lines[0].rstrip("\r")
    if tuple(header.split(",")) != COLUMNS:
        raise BarFileError(path, 1, f"the columns {','.join(COLUMNS)}", repr(header[:200]))
    return list(_bars(path, lines))


def _text_of(path: Path) -> str:
    raw = path.read_bytes()
    if raw.startswith(_GZIP_MAGIC):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise BarFileError(path, 1, "a whole gzip file", str(error)) from error
    # Spreadsheets put a byte order mark before what they save.
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BarFileError(path, line, "plain ASCII text", str(error)) from error


def _bars(path: Path, lines: list[str]) -> Iterator[MinuteBar]:
    last_start: dict[str, datetime] = {}
    for number, text in enumerate(lines[1:], start=2):
        line = text.rstrip("\r")
        if not line and number == len(lines):
            return
        try:
            bar = _bar_of(line)
            _check_order(bar, last_start.get(bar.symbol))
        except _LineError as error:
            raise BarFileError(path, number, error.expected, error.got) from error
        last_start[bar.symbol] = bar.start
        yield bar


class _LineError(Exception):
    def __init__(self, expected: str, got: str) -> None:
        super().__init__(expected, got)
        self.expected = expected
        self.got = got


def _bar_of(line: str) -> MinuteBar:
    fields = line.split(",")
    if len(fields) != len(COLUMNS):
        raise _LineError(f"{len(COLUMNS)} fields", f"{len(fields)}: {line[:200]!r}")
    try:
        symbol = parse_symbol(fields[0])
    except ValueError as error:
        raise _LineError("a symbol", str(error)) from error
    open_, high, low, close = (
        _price(name, text) for name, text in zip(COLUMNS[2:6], fields[2:6], strict=True)
    )
    bar = MinuteBar(symbol, _start(fields[1]), open_, high, low, close, _volume(fields[6]))
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise _LineError("low <= open and close <= high", repr(line[:200]))
    return bar


def _check_order(bar: MinuteBar, last: datetime | None) -> None:
    if last is not None and bar.start <= last:
        raise _LineError(
            f"{bar.symbol} after {last.strftime(_TIME_FORMAT)}", bar.start.strftime(_TIME_FORMAT)
        )


def _start(text: str) -> datetime:
    expected = "the start of a minute such as 2023-05-25T13:30:00Z"
    if len(text) != _TIME_LENGTH:
        raise _LineError(expected, repr(text[:50]))
    try:
        start = datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise _LineError(expected, repr(text)) from error
    if start.second:
        raise _LineError(expected, repr(text))
    return start


def _price(name: str, text: str) -> Decimal:
    try:
        price = parse_decimal(text)
    except ValueError as error:
        raise _LineError(f"a price as {name}", repr(text[:50])) from error
    if not price > 0:
        raise _LineError(f"a positive price as {name}", repr(text[:50]))
    return price


def _volume(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _LineError("whole shares as volume", repr(text[:50]))
    return int(text)
