"""The lines of the paper broker's ledger: each a change of its state, in order, numbered.

Structs and not dataclasses, because the reader chooses the type by the line's `kind`.
"""

from decimal import Decimal
from typing import Final

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.domain.order import OrderType, Side, TimeInForce


class _Entry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag=str.lower,
):
    """`seq` counts the ledger's lines from 0; `at` is when the broker did it."""

    seq: int
    at: str


class Opened(_Entry, frozen=True, kw_only=True):
    """The account's first line."""

    cash: Decimal


class Placed(_Entry, frozen=True, kw_only=True):
    """An order was taken.

    `price_bound` is the most a buy pays a share, by which it holds cash; None for sells.
    `expires_at` is the close that ends a gfd order; None for gtc.
    """

    order_id: str
    ref_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    price_bound: Decimal | None
    expires_at: str | None


class Watched(_Entry, frozen=True, kw_only=True):
    """Good quotes of every working order's symbol were seen up to now: no gap begins earlier."""


class _OrderEntry(_Entry, frozen=True, kw_only=True):
    order_id: str


class Rested(_OrderEntry, frozen=True, kw_only=True):
    """A quote was seen at which the limit order cannot trade: from now on it waits in the book."""


class Triggered(_OrderEntry, frozen=True, kw_only=True):
    """The stop was reached: the order is a market order now."""


class Filled(_OrderEntry, frozen=True, kw_only=True):
    """An execution.

    `executed_at` is earlier than `at` when a gap was settled; `settles_on` is the date from which
    the proceeds of a sell may be spent.
    """

    execution_id: str
    executed_at: str
    quantity: int
    price: Decimal
    fees: Decimal
    settles_on: str
    note: str


class CancelRequested(_OrderEntry, frozen=True, kw_only=True):
    """The owner of the order asked for its cancel."""


class Cancelled(_OrderEntry, frozen=True, kw_only=True):
    """The cancel took effect."""


class Expired(_OrderEntry, frozen=True, kw_only=True):
    """Its session closed."""


PaperEvent = (
    Opened | Watched | Placed | Rested | Triggered | Filled | CancelRequested | Cancelled | Expired
)

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(PaperEvent)


def encode(event: PaperEvent) -> str:
    """The event's line, without LF."""
    return _ENCODER.encode(event).decode()


def decode(line: str | bytes) -> PaperEvent:
    """The event in `line`; DataError when it is none."""
    try:
        event: PaperEvent = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise DataError(f"paper broker's ledger: expected one of its lines: {error}") from error
    return event
