"""What the paper broker makes of a new order: refusals, bound, name, end. Pure."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Final

from trading_bot.brokers.paper_settings import PaperSettings
from trading_bot.domain.errors import RejectedError
from trading_bot.domain.money import round_buy, tick_size
from trading_bot.domain.order import (
    BrokerOrder,
    OrderIntent,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.market.calendar import NyseCalendar

_HUNDRED: Final = Decimal(100)


def make_id(*parts: str) -> str:
    """An id in UUID shape, the same for the same parts: a replayed day has the same ids."""
    digits = sha256("|".join(("paper", *parts)).encode()).hexdigest()[:32]
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def check_order(intent: OrderIntent) -> None:
    """RejectedError for what Robinhood refuses whatever the account holds."""
    for name, price in (("limit", intent.limit_price), ("stop", intent.stop_price)):
        if price is not None and price % tick_size(price):
            raise RejectedError(f"the {name} price {price} is not a multiple of {tick_size(price)}")
    if intent.type is OrderType.MARKET and intent.time_in_force is TimeInForce.GTC:
        raise RejectedError("a market order cannot be good until cancelled")


def price_bound(
    intent: OrderIntent, ask: Decimal | None, settings: PaperSettings
) -> Decimal | None:
    """The most a buy pays a share: its limit, or the collar above its stop or the ask.

    None for sells, and for a market buy without a fresh ask, which cannot be priced.
    """
    if intent.side is Side.SELL:
        return None
    if intent.limit_price is not None:
        return intent.limit_price
    base = ask if intent.stop_price is None else intent.stop_price
    if base is None:
        return None
    return round_buy(base * (1 + settings.market_collar_pct / _HUNDRED))


def expiry(intent: OrderIntent, now: datetime, calendar: NyseCalendar) -> datetime | None:
    """When a gfd order ends: the close of the session it is in or waits for; None for gtc."""
    if intent.time_in_force is TimeInForce.GTC:
        return None
    day = calendar.new_york_date(now)
    session = calendar.session(day)
    if session is None or now >= session.close:
        session = calendar.session(calendar.next_session(day))
    assert session is not None
    return session.close


def as_just_taken(order: BrokerOrder) -> BrokerOrder:
    """How the answer to a new order tells it: taken, not yet confirmed, nothing traded."""
    return replace(order, state=OrderState.UNCONFIRMED, filled_quantity=0, executions=())
