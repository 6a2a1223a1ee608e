"""OrderEvent: one line of orders.jsonl, the write-ahead life of every order and exit plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from trading_bot.domain.order import Leg, Side
from trading_bot.logging.checks import (
    check_choice,
    check_encodable,
    check_optional_text,
    check_symbol,
    check_text,
    check_texts,
    check_timestamp,
    check_uuid,
    check_whole,
)
from trading_bot.logging.line import decode, encode, refused, shape_of

OrderDatum: TypeAlias = str | int | bool | tuple[str, ...] | None

ORDER_KINDS: Final = frozenset(
    {
        "intent",
        "sent",
        "reply",
        "rejected",
        "unknown",
        "fill",
        "bust",
        "passed_on",
        "replaced",
        "cancel_requested",
        "cancelled",
        "expired",
        "withdrawn",
    }
)
"""What happens to one order of ours: ref_id, symbol, side, leg and trade are always known."""

OTHER_KINDS: Final = frozenset(
    {
        "plan",
        "plan_change",
        "protected",
        "unprotected",
        "closed",
        "reopened",
        "left_open",
        "foreign",
        "note",
    }
)
"""What concerns a position, an order that is not ours, or the account."""

KINDS: Final = ORDER_KINDS | OTHER_KINDS
_SIDES: Final = frozenset(side.value for side in Side)
_LEGS: Final = frozenset(leg.value for leg in Leg)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """One fact about an order or a plan, complete without its neighbours.

    `seq` counts the file's events from the home's first. `correlation_id` is the trade's id, the
    ref_id of its entry. `data` is flat: texts, whole numbers, flags, lists of text; amounts as
    text, so that nothing is rounded on the way. Only a note may lack its symbol, and only a foreign
    order's may be one we would not trade. Raises RecordError.
    """

    seq: int
    timestamp: str
    session_id: str
    kind: str
    ref_id: str | None = None
    broker_order_id: str | None = None
    symbol: str | None = None
    side: str | None = None
    leg: str | None = None
    correlation_id: str | None = None
    data: Mapping[str, OrderDatum]

    def __post_init__(self) -> None:
        check_whole("seq", self.seq, 0)
        check_timestamp("timestamp", self.timestamp)
        check_uuid("session_id", self.session_id)
        check_choice("kind", self.kind, KINDS)
        check_optional_text("broker_order_id", self.broker_order_id)
        _check_subject(self)
        object.__setattr__(self, "data", _flat(self.data))

    def to_jsonl_line(self) -> str:
        """The record's line, without LF."""
        return encode(self)

    @classmethod
    def from_jsonl_line(cls, line: str | bytes) -> Self:
        """The record in `line`; RecordError says what is wrong."""
        return decode(cls, _SHAPE, line)


_SHAPE: Final = shape_of(OrderEvent)


def _check_subject(event: OrderEvent) -> None:
    if event.kind in ORDER_KINDS:
        check_text("ref_id", event.ref_id)
        check_text("correlation_id", event.correlation_id)
        check_choice("side", event.side, _SIDES)
        check_choice("leg", event.leg, _LEGS)
    else:
        check_optional_text("ref_id", event.ref_id)
        check_optional_text("correlation_id", event.correlation_id)
        if event.side is not None:
            check_choice("side", event.side, _SIDES)
        if event.leg is not None:
            check_choice("leg", event.leg, _LEGS)
    if event.kind == "foreign":
        check_text("symbol", event.symbol)
    elif event.kind != "note" or event.symbol is not None:
        check_symbol("symbol", event.symbol)


def _flat(data: object) -> dict[str, OrderDatum]:
    if type(data) is not dict and not isinstance(data, Mapping):
        raise refused("data", "an object", data)
    kept: dict[str, OrderDatum] = {}
    for name, value in data.items():
        if type(name) is not str or not name.isidentifier():
            check_text("data", name)
        # What nearly every datum is, first: a text in ASCII, a whole number, nothing.
        kind = type(value)
        if (kind is str and value.isascii()) or kind is int or value is None:
            kept[name] = value
        else:
            kept[name] = _datum(f"data.{name}", value)
    return kept


def _datum(field: str, value: object) -> OrderDatum:
    if value is None or isinstance(value, bool) or type(value) is int:
        return value
    if isinstance(value, str):
        check_encodable(field, value)
        return str(value)
    if isinstance(value, list | tuple):
        return check_texts(field, value)
    raise refused(field, "text, a whole number, true, false, null or a list of texts", value)
