"""The answer of one rule, in the words of the record, and the sentence that explains it."""

import string
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any, Final, TypeAlias

from trading_bot.domain.money import text_of
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.rule_check import RuleCheck

Check: TypeAlias = RuleCheck
"""What a rule answers is what decisions record: value and limit are texts, written here."""

UNKNOWN: Final = str(b"unknown", "ascii")
"""The text of a value that was not known, which never holds.

Made when this module is, so that no other text is this very object: the gate asks by `is`.
"""

AN_ANSWER: Final = str(b"an answer", "ascii")
"""The limit of a rule that raised instead of answering; told apart in the same way."""

_NOTHING: Final = "none"
_SHOWN_DIGITS: Final = Decimal("0.000001")
_CENT_DIGITS: Final = 2
_FINER_DIGITS: Final = 4
_AMOUNT_DIGITS_MAX: Final = 18
_MOMENTS_KEPT: Final = 64
_SECONDS_END: Final = len("2026-11-23T15:00:00")

_PARSE: Final = string.Formatter().parse
_SENTENCES_KEPT: Final = 128


def fill(sentence: str, **fields: object) -> str:
    """`sentence` with its fields, `{name}` or `{name.attribute}`, written as `shown` writes them.

    A field that asks for a format (`{value:.1f}`) is written as that says.
    """
    said = ""
    for words, name, attribute, spec in _pieces(sentence):
        said += words
        if name:
            value = fields[name]
            if attribute:
                value = getattr(value, attribute)
            said += format(value, spec) if spec else shown(value)
    return said


# Taken apart once: the rules have few sentences, and refuse with them all day.
@lru_cache(maxsize=_SENTENCES_KEPT)
def _pieces(sentence: str) -> tuple[tuple[str, str, str, str], ...]:
    """Words, and the field that follows them: its name, its attribute, its format."""
    pieces = []
    for words, field, spec, _ in _PARSE(sentence):
        name, _, attribute = (field or "").partition(".")
        pieces.append((words, name, attribute, spec or ""))
    return tuple(pieces)


def shown(value: object) -> str:
    """`value` as a person reads it: amounts plain and short, times in UTC, None as "unknown".

    By exact type, the commonest first. Who knows the type calls its writer: a decision writes some
    fifty of them.
    """
    if type(value) is str:
        return value or _NOTHING
    write = _BY_TYPE.get(type(value))
    return _other(value) if write is None else write(value)


def _other(value: object) -> str:
    """Enumerations' members and other kinds of the types that have a writer."""
    if isinstance(value, str):
        return str(value) or _NOTHING
    for kind, write in _BY_TYPE.items():
        if isinstance(value, kind):
            return write(value)
    return str(value) or _NOTHING


def _unknown(_: None) -> str:
    return UNKNOWN


def _flag(value: bool) -> str:
    return "yes" if value else "no"


def seconds(value: float) -> str:
    """A length of time, to the millisecond."""
    return f"{value:.3f}"


def _parts(value: tuple[object, ...]) -> str:
    return ", ".join(map(shown, value)) or _NOTHING


# A decision writes the session's hours and its own moment twice; equal moments have one text.
@lru_cache(maxsize=_MOMENTS_KEPT)
def moment(value: datetime) -> str:
    """A time in UTC, to the second."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return format_timestamp(value)[:_SECONDS_END] + "Z"


def amount(value: Decimal) -> str:
    """At least two decimals where there are any, at most six: 2000.00, 0.0104, 3."""
    if not value:
        return "0"
    text = str(value)
    if text[-3:-2] == ".":
        return text  # Dollars and cents, as most are, stay as they are.
    cents_end = text.find(".") + 1 + _CENT_DIGITS
    if cents_end > _CENT_DIGITS:
        kept = text.rstrip("0")
        if len(kept) <= cents_end:
            return text[:cents_end]
        if len(kept) <= cents_end + _FINER_DIGITS and "E" not in kept:
            return kept
    elif text.isdecimal() or not value.is_finite():
        return text
    if value.adjusted() < _AMOUNT_DIGITS_MAX and int(value.as_tuple().exponent) < -_CENT_DIGITS:
        value = value.quantize(_SHOWN_DIGITS, rounding=ROUND_HALF_EVEN)
    whole, _, decimals = text_of(value).partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(_CENT_DIGITS, '0')}" if decimals else whole


_BY_TYPE: Final[dict[type, Callable[[Any], str]]] = {
    type(None): _unknown,
    bool: _flag,
    float: seconds,
    datetime: moment,
    tuple: _parts,
    Decimal: amount,
    int: str,
}
