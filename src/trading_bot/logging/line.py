"""The line: how a record becomes one line of JSON and how that line becomes the record again.

Compact, keys in the record's order, nulls kept, Decimals as text, other than ASCII as plain UTF-8,
no line feed at the end (a text's own line feeds are escaped). A line holds at most the characters
U+0085, U+2028, U+2029 raw, so files of lines are split at LF only, never by `str.splitlines`.
"""

import difflib
import json
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from trading_bot.domain.errors import DataError

_GOT_LENGTH_MAX: Final = 80
_MOMENTS_KEPT: Final = 512
_SECONDS_END: Final = len("2026-11-23T15:00:00")
_MILLISECONDS_END: Final = len("2026-11-23T15:00:00.123")
_TIMESTAMP: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z", re.ASCII
).fullmatch
_MONEY: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,8})?").fullmatch
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder()

_Record = TypeVar("_Record")


class RecordError(DataError, ValueError):
    """A record that must not exist, or a line that is not one; names field, expected and got."""


def refused(field: str, expected: str, got: object) -> RecordError:
    """The error to raise: which field, what it must be, what it was (shortened)."""
    return RecordError(f"{field}: expected {expected}, got {shown(got)}")


def shown(value: object) -> str:
    """Type and value, short enough for a message and for a log."""
    text = repr(value)
    if len(text) > _GOT_LENGTH_MAX:
        text = text[:_GOT_LENGTH_MAX] + "..."
    return f"{type(value).__name__} {text}"


def format_timestamp(at: datetime) -> str:
    """`at` as the records write it: UTC, milliseconds (cut, not rounded), Z.

    Raises RecordError for a naive time: it would mean another instant on another machine.
    """
    if at.tzinfo is None:
        raise refused("timestamp", "an aware datetime", at)
    return _TEXTS.get(at) or _new_text(at.astimezone(UTC))


def iso_text(at: datetime) -> str:
    """`at.isoformat()`, in full; for whole seconds in UTC from the text that records have."""
    if at.tzinfo is UTC and not at.microsecond:
        return format_timestamp(at)[:_SECONDS_END] + "+00:00"
    return at.isoformat()


# An event's records all carry its time: the text of a moment is asked for some twenty times, and
# the moment of the text nearly as often. Both are kept, a bounded number, in plain dictionaries.
_TEXTS: Final[dict[datetime, str]] = {}
_MOMENTS: Final[dict[str, datetime]] = {}


def _new_text(at: datetime) -> str:
    text = at.isoformat(timespec="milliseconds")[:_MILLISECONDS_END] + "Z"
    if len(_TEXTS) >= _MOMENTS_KEPT:
        _TEXTS.clear()
    _TEXTS[at] = text
    if not at.microsecond:
        _remember(text, at)
    return text


def _remember(text: str, at: datetime) -> None:
    if len(_MOMENTS) >= _MOMENTS_KEPT:
        _MOMENTS.clear()
    _MOMENTS[text] = at


def parse_timestamp(text: str, field: str = "timestamp") -> datetime:
    """The aware UTC instant of a record's time; RecordError names `field`.

    The contract's form, with a fraction of none to six digits: older records may lack milliseconds.
    """
    if type(text) is str:
        known = _MOMENTS.get(text)
        if known is not None:
            return known
        if _TIMESTAMP(text):
            try:
                at = datetime.fromisoformat(text)
            except ValueError as error:
                raise refused(field, "a time that exists", text) from error
            _remember(text, at)
            return at
    raise refused(field, 'ISO 8601 UTC such as "2025-10-26T14:32:15.123Z"', text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the reader must know of a record: its keys, which may be missing, how texts convert.

    `converters` turn a key's JSON value (never null) into the record's type or raise ValueError.
    """

    record: str
    names: tuple[str, ...]
    optional: frozenset[str]
    converters: tuple[tuple[str, Callable[[Any], object]], ...]


def shape_of(
    record: type,
    *,
    decimals: tuple[str, ...] = (),
    converters: dict[str, Callable[[Any], object]] | None = None,
) -> Shape:
    """The shape of a record class; fields with a default may be missing from a line."""
    names, optional = _fields_of(record)
    return Shape(
        record=record.__name__,
        names=names,
        optional=optional,
        converters=(
            *((name, _money) for name in decimals),
            *(converters or {}).items(),
        ),
    )


def _fields_of(record: type) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names of a dataclass's or a struct's fields, and which of them have a default."""
    if issubclass(record, msgspec.Struct):
        structs = msgspec.structs.fields(record)
        return (
            tuple(field.name for field in structs),
            frozenset(field.name for field in structs if not field.required),
        )
    assert is_dataclass(record), f"{record.__name__} is neither"
    own = fields(record)
    return (
        tuple(field.name for field in own),
        frozenset(
            field.name
            for field in own
            if field.default is not MISSING or field.default_factory is not MISSING
        ),
    )


def _money(text: object) -> Decimal:
    """A Decimal from a text that is written as a Decimal is: no leading zeros, no bare dot."""
    if type(text) is str and _MONEY(text):
        return Decimal(text)
    raise ValueError(f'expected an amount as text such as "150.25", got {shown(text)}')


def encode(record: object) -> str:
    """The record's line, without LF."""
    return _ENCODER.encode(record).decode()


def decode(record: Callable[..., _Record], shape: Shape, line: str | bytes) -> _Record:
    """The record in `line`; RecordError when it is anything but exactly that record.

    Unknown, missing and doubled keys are refused. JSON that says the same with other spacing or
    escapes is accepted.
    """
    values = _object_in(line, shape)
    for name, convert in shape.converters:
        value = values.get(name)
        if value is not None:
            values[name] = _converted(shape, name, convert, value)
    try:
        made = record(**values)
    except RecordError as error:
        raise RecordError(f"{shape.record}.{error}") from error
    # A line of our own writer comes back byte for byte, which proves that no key was doubled;
    # only other lines pay for the slower look.
    raw = line.encode() if isinstance(line, str) else line
    if _ENCODER.encode(made) != raw:
        _refuse_doubled_keys(shape, raw)
    return made


def _object_in(line: str | bytes, shape: Shape) -> dict[str, Any]:
    try:
        values = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RecordError(f"{shape.record}: expected one line of JSON: {error}") from error
    if not isinstance(values, dict):
        raise refused(shape.record, "a JSON object", values)
    if len(values) != len(shape.names) or tuple(values) != shape.names:
        _refuse_other_keys(values, shape)
    return values


def _refuse_other_keys(values: dict[str, Any], shape: Shape) -> None:
    known = frozenset(shape.names)
    for name in values:
        if name not in known:
            nearest = difflib.get_close_matches(name, shape.names, n=1, cutoff=0.0)[0]
            raise RecordError(f"{shape.record}: unknown key {name!r}, the nearest is {nearest!r}")
    missing = [n for n in shape.names if n not in values and n not in shape.optional]
    if missing:
        raise RecordError(f"{shape.record}: missing {', '.join(missing)}")


def _converted(shape: Shape, name: str, convert: Callable[[Any], object], value: object) -> object:
    try:
        return convert(value)
    except RecordError as error:
        raise RecordError(f"{shape.record}.{name}.{error}") from error
    except ValueError as error:
        raise RecordError(f"{shape.record}.{name}: {error}") from error


def _refuse_doubled_keys(shape: Shape, raw: bytes) -> None:
    def check(pairs: list[tuple[str, object]]) -> dict[str, object]:
        values = dict(pairs)
        if len(values) != len(pairs):
            names = [name for name, _ in pairs]
            doubled = next(name for name in names if names.count(name) > 1)
            raise RecordError(f"{shape.record}: key {doubled!r} occurs more than once")
        return values

    json.loads(raw, object_pairs_hook=check)
