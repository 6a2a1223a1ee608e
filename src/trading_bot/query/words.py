"""How times, amounts and tables are written for people."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
_MINUTE_S = 60
_HOUR_S = 3600


def new_york(at: datetime) -> datetime:
    """The same instant on the exchange's clock."""
    return at.astimezone(NEW_YORK)


def day_time(at: datetime) -> str:
    """Date and time in New York: 2026-11-23 09:45:00."""
    return f"{new_york(at):%Y-%m-%d %H:%M:%S}"


def time_of(at: datetime) -> str:
    """Time of day in New York: 09:45:00."""
    return f"{new_york(at):%H:%M:%S}"


def utc_text(at: datetime) -> str:
    """Date and time in UTC: 2026-11-23 14:45:00Z."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def dollars(amount: Decimal) -> str:
    """A result with its sign, in dollars and cents: +12.34."""
    return f"{amount:+,.2f}" if amount else "0.00"


def duration(seconds: float) -> str:
    """How long: 4.2 s, 3 min 20 s, 2 h 5 min."""
    whole = timedelta(seconds=round(seconds))
    total = int(whole.total_seconds())
    if total < _MINUTE_S:
        return f"{seconds:.1f} s"
    if total < _HOUR_S:
        return f"{total // _MINUTE_S} min {total % _MINUTE_S} s"
    return f"{total // _HOUR_S} h {total % _HOUR_S // _MINUTE_S} min"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 trade`, `2 trades`, `no trades`."""
    word = one if count == 1 else many or one + "s"
    return f"{count:,} {word}" if count else f"no {word}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int]) -> list[str]:
    """Lines with columns two blanks apart; columns in `right` end together."""
    every = [head, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
    lines = []
    for row in every:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def cut(line: str, width: int | None) -> str:
    """The line in `width` characters at most; None leaves it whole."""
    if width is None or len(line) <= width:
        return line
    return line[: max(width - 3, 0)] + "..."
