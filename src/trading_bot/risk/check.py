"""The answer of one rule, with its numbers kept raw and turned into text only when written down."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from string import Formatter
from typing import Any

import msgspec

from trading_bot.domain.money import text_of
from trading_bot.logging.decision_record import RuleCheck

UNKNOWN = "unknown"
_NOTHING = "none"
_SHOWN_DIGITS = Decimal("0.000001")
_SHOWN_DIGITS_MAX = 6
_CENT_DIGITS = 2
_AMOUNT_DIGITS_MAX = 18
_MOMENTS_KEPT = 64


class Check(msgspec.Struct, frozen=True, gc=False):
    """One rule that was asked: did it hold, for which value, against which limit.

    A `value` of None means that it was not known, which never holds. A struct for its speed: a
    decision makes some thirty of them.
    """

    rule: str
    ok: bool
    value: object
    limit: object

    @property
    def value_text(self) -> str:
        """The value as decisions record it."""
        return shown(self.value)

    @property
    def limit_text(self) -> str:
        """The limit as decisions record it."""
        return shown(self.limit)


def to_records(checks: Iterable[Check]) -> tuple[RuleCheck, ...]:
    """The checks as a DecisionRecord keeps them."""
    return tuple(
        [
            RuleCheck(rule=c.rule, ok=c.ok is True, value=shown(c.value), limit=shown(c.limit))
            for c in checks
        ]
    )


def shown(value: object) -> str:
    """`value` as a person reads it: amounts plain and short, times in UTC, None as "unknown".

    By exact type, the commonest first: a decision writes some fifty of them.
    """
    if type(value) is str:
        return value or _NOTHING
    if type(value) is Decimal:
        text = str(value)
        # Dollars and cents, as most are, stay as they are.
        return text if text[-3:-2] == "." and value else _amount(value)
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


def _fraction(value: float) -> str:
    return f"{value:.3f}"


def _parts(value: tuple[object, ...]) -> str:
    return ", ".join([shown(part) for part in value]) or _NOTHING


# A decision writes the session's hours and its own moment twice; equal moments have one text.
@lru_cache(maxsize=_MOMENTS_KEPT)
def _time(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(timespec="seconds")[:19] + "Z"


def _amount(value: Decimal) -> str:
    """At least two decimals where there are any, at most six: 2000.00, 0.0104, 3."""
    text = str(value)
    if value and "E" not in text:
        whole, _, decimals = text.partition(".")
        if len(decimals) <= _CENT_DIGITS:
            return text
        decimals = decimals.rstrip("0")
        if len(decimals) <= _SHOWN_DIGITS_MAX:
            return f"{whole}.{decimals.ljust(_CENT_DIGITS, '0')}"
    if not value.is_finite():
        return text
    if value.is_zero():
        return "0"
    if value.adjusted() < _AMOUNT_DIGITS_MAX and int(value.as_tuple().exponent) < -_CENT_DIGITS:
        value = value.quantize(_SHOWN_DIGITS, rounding=ROUND_HALF_EVEN)
    whole, _, decimals = text_of(value).partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(_CENT_DIGITS, '0')}" if decimals else whole


_BY_TYPE: dict[type, Callable[[Any], str]] = {
    type(None): _unknown,
    bool: _flag,
    float: _fraction,
    datetime: _time,
    tuple: _parts,
    Decimal: _amount,
    int: str,
}


class SentenceFormatter(Formatter):
    """Fills a rule's sentence: every field is written as `shown` writes it."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return shown(value) if not format_spec else super().format_field(value, format_spec)
