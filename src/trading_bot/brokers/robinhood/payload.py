"""An intent as the form Robinhood takes: pure, exact, and only what we ever send."""

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact
from typing import Final
from uuid import UUID

from trading_bot.domain.errors import RejectedError
from trading_bot.domain.money import text_of, tick_size
from trading_bot.domain.order import Leg, OrderIntent, OrderType, Side, TimeInForce
from trading_bot.domain.symbol import is_symbol

API: Final = "https://api.robinhood.com"

FORM_VERSION: Final = "7"
"""Forms below version 2 are refused as coming from an outdated app."""

PRICE_LIMIT: Final = Decimal(100_000_000)
"""Prices have at most 8 digits before the point."""

_EXACT: Final = Context(prec=40, traps=[Inexact])

_SENT: Final = frozenset(
    {
        (Leg.ENTRY, OrderType.LIMIT, TimeInForce.GFD),
        (Leg.STOP, OrderType.STOP, TimeInForce.GTC),
        # Where a stop may not rest over night.
        (Leg.STOP, OrderType.STOP, TimeInForce.GFD),
        (Leg.EXIT, OrderType.LIMIT, TimeInForce.GFD),
        (Leg.EXIT, OrderType.MARKET, TimeInForce.GFD),
    }
)


def order_form(intent: OrderIntent, account_number: str, instrument_id: str) -> Mapping[str, str]:
    """The fields of POST /orders/ in a fixed order.

    RejectedError, before anything is sent, for whatever we never send: another kind of order, a
    price off its tick, an instrument or ref_id that is no UUID. Nothing is rounded here.
    """
    if (intent.leg, intent.type, intent.time_in_force) not in _SENT:
        kind = f"{intent.leg} {intent.type} {intent.time_in_force}"
        raise RejectedError(f"not sent: {kind} is no order of ours")
    if not is_symbol(intent.symbol):
        raise RejectedError(f"not sent: expected a symbol, got {intent.symbol[:12]!r}")
    for what, text in (("instrument", instrument_id), ("ref_id", intent.ref_id)):
        if not is_uuid(text):
            raise RejectedError(f"not sent: expected a UUID as {what}, got {text[:40]!r}")
    form = {
        "account": account_link(account_number),
        "instrument": instrument_link(instrument_id),
        "symbol": intent.symbol,
        "side": "buy" if intent.side is Side.BUY else "sell",
        "type": "limit" if intent.type is OrderType.LIMIT else "market",
        "trigger": "stop" if intent.type is OrderType.STOP else "immediate",
    }
    if intent.limit_price is not None:
        form["price"] = price_text(intent.limit_price)
    if intent.stop_price is not None:
        form["stop_price"] = price_text(intent.stop_price)
    return form | {
        "quantity": str(intent.quantity),
        "time_in_force": intent.time_in_force.value,
        "ref_id": intent.ref_id,
        "order_form_version": FORM_VERSION,
        # The two must agree, or the form is refused.
        "market_hours": "regular_hours",
        "extended_hours": "False",
    }


def account_link(account_number: str) -> str:
    """The address that names the account in forms."""
    return f"{API}/accounts/{account_number}/"


def instrument_link(instrument_id: str) -> str:
    """The address that names the instrument in forms, and tells of it."""
    return f"{API}/instruments/{instrument_id}/"


def price_text(price: Decimal) -> str:
    """`price` with the decimals of its tick; RejectedError when it is off it or out of range."""
    if not price.is_finite() or not 0 < price < PRICE_LIMIT:
        raise RejectedError(f"not sent: expected a price below {PRICE_LIMIT}, got {price}")
    try:
        return text_of(price.quantize(tick_size(price), context=_EXACT))
    except Inexact:
        raise RejectedError(
            f"not sent: expected a price on its tick of {tick_size(price)}, got {text_of(price)}"
        ) from None


def is_uuid(text: str) -> bool:
    """True for the canonical, lower-case text of a UUID: it goes into addresses and comparisons."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
