"""The rules of single fields, shared by the records; each raises RecordError naming the field.

A check that may have to correct a value (a list into a tuple, a negative zero) returns the value to
keep; the others return nothing.
"""

import math
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeAlias

from trading_bot.domain.symbol import is_symbol
from trading_bot.logging.line import parse_timestamp, refused

MONEY_DECIMALS_MAX: Final = 8
"""Robinhood writes at most eight decimals; more is a division nobody rounded."""

_MONEY_DIGITS_MAX: Final = 12

_PLAIN_MONEY: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,8})?").fullmatch
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
# Every record of a run carries the run's id.
_is_uuid: Final = lru_cache(maxsize=64)(_UUID)
_MD5: Final = re.compile(r"[0-9a-f]{32}").fullmatch
_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*").fullmatch
# The kinds of events are few.
_is_snake_case: Final = lru_cache(maxsize=128)(_SNAKE)
_RULE_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*").fullmatch
# The rules are few.
_is_rule_code: Final = lru_cache(maxsize=128)(_RULE_CODE)
# Semantic Versioning 2.0.0, section 2, 9 and 10.
_SEMVER: Final = re.compile(
    r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)"
    r"(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
).fullmatch


def check_text(field: str, value: object) -> None:
    """A text that says something and can be written as UTF-8."""
    if type(value) is not str or not value or value.isspace():
        raise refused(field, "a text that is not empty", value)
    if not value.isascii():
        check_encodable(field, value)


def check_optional_text(field: str, value: object) -> None:
    if value is not None:
        check_text(field, value)


def check_encodable(field: str, value: str) -> None:
    """A text, perhaps empty, that can be written as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise refused(field, "text without lone surrogates", value) from error


def check_texts(field: str, value: object) -> tuple[str, ...]:
    """A list or tuple of texts, kept as a tuple so that the record stays as it was checked."""
    if type(value) is not tuple:
        if type(value) is not list:
            raise refused(field, "a list of texts", value)
        value = tuple(value)
    for item in value:
        check_text(field, item)
    return value


def check_choice(field: str, value: object, choices: Collection[str]) -> None:
    # Not `type(value) is str`: a StrEnum of `domain` is its value, here and in the line.
    if not isinstance(value, str) or value not in choices:
        raise refused(field, "one of " + ", ".join(sorted(choices)), value)


def check_flag(field: str, value: object) -> None:
    if type(value) is not bool:
        raise refused(field, "true or false", value)


def check_whole(field: str, value: object, low: int, high: int | None = None) -> None:
    """A whole number (never a bool) from `low` to `high`, both inclusive."""
    if type(value) is not int or value < low or (high is not None and value > high):
        bounds = f"of {low} or more" if high is None else f"from {low} to {high}"
        raise refused(field, f"a whole number {bounds}", value)


def check_symbol(field: str, value: object) -> None:
    if type(value) is not str or not is_symbol(value):
        raise refused(field, "1-5 upper-case letters or digits", value)


def check_timestamp(field: str, value: object) -> datetime:
    """The instant the text names; the record keeps the text."""
    if type(value) is not str:
        raise refused(field, "a time as text", value)
    return parse_timestamp(value, field)


def check_uuid(field: str, value: object) -> None:
    if type(value) is not str or not _is_uuid(value):
        raise refused(field, "a UUID", value)


def check_version(field: str, value: object) -> None:
    if type(value) is not str or not _SEMVER(value):
        raise refused(field, 'a semantic version such as "1.0.0"', value)


def check_config_hash(field: str, value: object) -> None:
    if type(value) is not str or not _MD5(value):
        raise refused(field, "an MD5 hash of 32 lower-case hex digits", value)


def check_snake_case(field: str, value: object) -> None:
    if type(value) is not str or not _is_snake_case(value):
        raise refused(field, "a snake_case name", value)


def check_rule_code(field: str, value: object) -> None:
    if type(value) is not str or not _is_rule_code(value):
        raise refused(field, "a rule code such as POSITION_SIZE", value)


def check_ratio(field: str, value: object) -> float:
    """A finite float, not negative; an int is taken as the float of the same value."""
    if type(value) is int:
        value = float(value)
    if type(value) is not float or not math.isfinite(value) or value < 0:
        raise refused(field, "a finite number of 0 or more", value)
    return value


def check_money(field: str, value: object) -> Decimal:
    """A finite Decimal that is written plainly: at most 12 digits, a dot, 8 decimals.

    Returned as it came unless its text would carry an exponent or be a negative zero. A float is
    refused: it has lost the cents before it arrives here.
    """
    if type(value) is not Decimal:
        raise refused(field, "a Decimal", value)
    text = str(value)
    # A Decimal's own text with nothing but a few digits and a dot is plain: most are.
    if len(text) <= MONEY_DECIMALS_MAX and text.replace(".", "", 1).isdecimal():
        return value
    if _PLAIN_MONEY(text):
        return value if value or text[0] != "-" else -value
    return _plain(field, value)


def _plain(field: str, value: Decimal) -> Decimal:
    """The same number without an exponent, as "1E+3" and the "0E-8" of a parsed "0.00000000"."""
    if value.is_finite() and abs(value.adjusted()) <= _MONEY_DIGITS_MAX:
        text = format(value, "f") if value else "0"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        plain = Decimal(text)
        if _PLAIN_MONEY(str(plain)):
            return plain
    raise refused(
        field, f"a finite amount of at most 12 digits and {MONEY_DECIMALS_MAX} decimals", value
    )


def check_price(field: str, value: object) -> Decimal:
    """Money above zero."""
    price = check_money(field, value)
    if price <= 0:
        raise refused(field, "a price above 0", value)
    return price


def json_scalars(field: str, value: object) -> dict[str, str | int | float | bool | None]:
    """A copy of a mapping from text to JSON scalars; Decimals must come as text."""
    # A dict by its type first: asking whether a class is a Mapping takes long.
    if type(value) is not dict and not isinstance(value, Mapping):
        raise refused(field, "an object", value)
    return {
        _key(field, name): item
        if type(item) is str and item.isascii()
        else _scalar(f"{field}.{name}", item)
        for name, item in value.items()
    }


def _key(field: str, name: object) -> str:
    if type(name) is not str:
        raise refused(field, "keys that are text", name)
    if not name.isascii():
        check_encodable(field, name)
    return name


def _scalar(field: str, value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if type(value) is str:
        check_encodable(field, value)
        return value
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        return value
    raise refused(field, "text, a finite number, true, false or null", value)


JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"


def json_object(field: str, value: object) -> dict[str, JsonValue]:
    """A deep copy of a mapping of JSON values; Decimals must come as text."""
    if not isinstance(value, Mapping):
        raise refused(field, "an object", value)
    return {_key(field, name): _json(f"{field}.{name}", item) for name, item in value.items()}


def _json(field: str, value: object) -> JsonValue:
    if isinstance(value, Mapping):
        return json_object(field, value)
    if isinstance(value, list | tuple):
        return [_json(field, item) for item in value]
    return _scalar(field, value)
