"""What happened to working orders while nobody watched: read from bars, the worst of it. Pure.

A bar that reached an order's price filled it: a stop at the bar's low (a buy stop at its high), a
limit order at its limit once the market went through it, a market order at the worst of its first
bar. In the bar during which the order was taken only the close is certain to be later than the
order, so only the close counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.brokers.paper_book import PaperOrder
from trading_bot.domain.order import OrderType, Side
from trading_bot.domain.quote import HistoricalBar


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The time nobody watched: `start` exclusive (None: since each order was taken), to `end`."""

    start: datetime | None
    end: datetime
    bar_length: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class GapFill:
    """The whole rest of an order traded at `price`, known at the end of a bar (or of the gap)."""

    order: PaperOrder
    at: datetime
    price: Decimal
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GapReport:
    """Ids of the orders that were filled, and symbols with working orders but without any bar."""

    filled: tuple[str, ...]
    uncovered: tuple[str, ...]


def worst_fill(order: PaperOrder, bars: Sequence[HistoricalBar], gap: Gap) -> GapFill | None:
    """How `order` was filled during the gap, or None; `bars` are its symbol's, oldest first."""
    for bar in bars:
        ends = min(bar.start + gap.bar_length, gap.end)
        if bar.session != "reg" or bar.is_interpolated or ends <= order.created_at:
            continue
        if (gap.start is not None and ends <= gap.start) or bar.start >= gap.end:
            continue
        if order.expires_at is not None and bar.start >= order.expires_at:
            return None
        price = _price_in(order, bar, only_close=bar.start < order.created_at)
        if price is not None:
            note = (
                "settled over a gap: worst price of the bar"
                f" {bar.start:%Y-%m-%dT%H:%MZ}, low {bar.low}, high {bar.high}"
            )
            return GapFill(order=order, at=ends, price=price, note=note)
    return None


def _price_in(order: PaperOrder, bar: HistoricalBar, *, only_close: bool) -> Decimal | None:
    low, high = (bar.close, bar.close) if only_close else (bar.low, bar.high)
    is_buy = order.side is Side.BUY
    worst = high if is_buy else low
    if order.type is OrderType.LIMIT:
        limit = order.limit_price
        assert limit is not None
        return limit if (low < limit if is_buy else high > limit) else None
    if order.type is OrderType.STOP and not order.is_triggered:
        stop = order.stop_price
        assert stop is not None
        if high < stop if is_buy else low > stop:
            return None
    bound = order.price_bound
    if bound is None:
        return worst
    return min(worst, bound) if low <= bound else None
