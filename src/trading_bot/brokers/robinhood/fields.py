"""Reading one field of a JSON object; DataError names the field, what was expected, what came."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from trading_bot.domain.errors import DataError
from trading_bot.domain.money import parse_decimal, trimmed

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2999, 12, 31, tzinfo=UTC)
"""At either end of the calendar a time cannot be told in another zone."""

Row = Mapping[str, object]

_TEXT_MAX = 40
_NUMBER_MAX = 26
"""Characters of a number: within the digits that decimal arithmetic keeps without rounding."""


def as_row(value: object, what: str) -> Row:
    """`value` as a JSON object."""
    if not isinstance(value, dict):
        raise DataError(f"{what}: expected an object, got {_shown(value)}")
    return value


def as_rows(value: object, what: str) -> list[object]:
    """The `results` of an object."""
    results = as_row(value, what).get("results")
    if not isinstance(results, list):
        raise DataError(f"{what}: expected a list in results, got {_shown(results)}")
    return results


def text(row: Row, field: str) -> str:
    """A text that is not empty."""
    value = row.get(field)
    if not isinstance(value, str) or not value:
        raise _wrong(field, "text", value)
    return value


def decimal(row: Row, field: str) -> Decimal:
    """An exact number written as text; JSON numbers are refused, they have been floats."""
    value = row.get(field)
    if isinstance(value, str) and len(value) <= _NUMBER_MAX:
        try:
            return trimmed(parse_decimal(value))
        except ValueError:
            pass
    raise _wrong(field, "a decimal number as text", value)


def optional_decimal(row: Row, field: str) -> Decimal | None:
    """`decimal`, None where the field is null, missing or empty."""
    return None if row.get(field) in (None, "") else decimal(row, field)


def integer(row: Row, field: str) -> int:
    """A whole number of JSON, not negative."""
    value = row.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(field, "a whole number", value)
    return value


def optional_shares(row: Row, field: str) -> int | None:
    """Whole shares as text ("1234567.000000") or as a number; None where null or missing."""
    value = row.get(field)
    if value is None or isinstance(value, int):
        return None if value is None else integer(row, field)
    shares = decimal(row, field)
    if shares < 0:
        raise _wrong(field, "shares", value)
    return int(shares)


def flag(row: Row, field: str) -> bool:
    """True or false."""
    value = row.get(field)
    if not isinstance(value, bool):
        raise _wrong(field, "true or false", value)
    return value


def moment(row: Row, field: str) -> datetime:
    """An ISO 8601 time with its zone, as UTC; digits past the microsecond are dropped."""
    value = row.get(field)
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
            if at.tzinfo is not None and _EARLIEST <= at <= _LATEST:
                return at.astimezone(UTC)
        except ValueError:
            pass
    raise _wrong(field, "an ISO 8601 time with a zone", value)


def optional_moment(row: Row, field: str) -> datetime | None:
    """`moment`, None where the field is null, missing or empty."""
    return None if row.get(field) in (None, "") else moment(row, field)


def instrument_id(row: Row) -> str:
    """The instrument's id: from `instrument_id`, else the last part of the `instrument` URL."""
    stated = row.get("instrument_id")
    if isinstance(stated, str) and stated:
        return stated
    return id_of_url(text(row, "instrument"))


def id_of_url(url: str) -> str:
    """The id at the end of a link; DataError when there is none."""
    found = url.rstrip("/").rpartition("/")[2]
    if not found or "?" in found:
        raise DataError(f"expected a link that ends in an id, got {url[:_TEXT_MAX]!r}")
    return found


def _wrong(field: str, expected: str, value: object) -> DataError:
    return DataError(f"{field}: expected {expected}, got {_shown(value)}")


def _shown(value: object) -> str:
    """Short, and never the inside of a container: it may hold what nobody should read."""
    if isinstance(value, dict | list):
        return f"{type(value).__name__} of {len(value)}"
    return "null" if value is None else f"{type(value).__name__} {str(value)[:_TEXT_MAX]!r}"
