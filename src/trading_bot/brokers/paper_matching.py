"""Would this order have traded at this quote, and at what price? Pure; the answer is a guess told.

The model. What takes liquidity (a limit order that could trade when it came, a market order, a
triggered stop) trades at the far side of the quote plus slippage, a limit order never beyond its
limit and never more than the displayed size that is ours. A limit order that once could not trade
rests: it trades only when the market goes through its limit, and then at its limit, for to be
touched means to stand in a queue behind others. A market order always trades in full: shares beyond
the displayed size pay the depth's slippage on top.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from trading_bot.brokers.paper_book import PaperOrder
from trading_bot.brokers.paper_settings import PaperSettings
from trading_bot.domain.money import round_buy, round_sell, tick_size
from trading_bot.domain.order import OrderType, Side
from trading_bot.domain.quote import Quote

_BPS: Final = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Trade:
    """Shares that trade now, at dollars a share."""

    quantity: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """The sides of a quote that was checked; `size` is what of the far side is left for us."""

    bid: Decimal
    ask: Decimal
    size: int


def is_triggered_by(order: PaperOrder, quote: Quote) -> bool:
    """True when a stop is reached: by the far side of the quote, or by a trade since it came."""
    stop = order.stop_price
    assert stop is not None
    assert quote.bid is not None
    assert quote.ask is not None
    is_sell = order.side is Side.SELL
    seen = [quote.bid if is_sell else quote.ask]
    if quote.last is not None and quote.last_at is not None and quote.last_at >= order.created_at:
        seen.append(quote.last)
    return min(seen) <= stop if is_sell else max(seen) >= stop


def is_out_of_reach(order: PaperOrder, prices: Prices) -> bool:
    """True when a limit order cannot trade at this quote: it rests."""
    assert order.limit_price is not None
    if order.side is Side.BUY:
        return prices.ask > order.limit_price
    return prices.bid < order.limit_price


def trades_of(order: PaperOrder, prices: Prices, settings: PaperSettings) -> list[Trade]:
    """What of `order` trades at this quote; a stop must have been triggered."""
    if order.type is OrderType.LIMIT:
        return _limit_trades(order, prices, settings)
    return _market_trades(order, prices, settings)


def _limit_trades(order: PaperOrder, prices: Prices, settings: PaperSettings) -> list[Trade]:
    limit = order.limit_price
    assert limit is not None
    far = prices.ask if order.side is Side.BUY else prices.bid
    quantity = min(order.remaining, prices.size)
    if is_out_of_reach(order, prices) or quantity <= 0 or (order.rests and far == limit):
        return []
    if order.rests:
        return [Trade(quantity, limit)]
    slipped = _slipped(order.side, far, settings.slippage_bps)
    price = min(slipped, limit) if order.side is Side.BUY else max(slipped, limit)
    return [Trade(quantity, price)]


def _market_trades(order: PaperOrder, prices: Prices, settings: PaperSettings) -> list[Trade]:
    far = prices.ask if order.side is Side.BUY else prices.bid
    bound = order.price_bound
    if bound is not None and far > bound:
        # A buy without a limit is collared, at the broker as here: it waits for the ask to return.
        return []
    displayed = min(order.remaining, max(prices.size, 0))
    deep_bps = settings.slippage_bps + settings.depth_slippage_bps
    parts = ((displayed, settings.slippage_bps), (order.remaining - displayed, deep_bps))
    trades = []
    for quantity, bps in parts:
        if quantity:
            price = _slipped(order.side, far, bps)
            trades.append(Trade(quantity, price if bound is None else min(price, bound)))
    return trades


def _slipped(side: Side, price: Decimal, bps: Decimal) -> Decimal:
    """`price` worsened by `bps` and rounded to the tick against us."""
    if side is Side.BUY:
        return round_sell(price * (1 + bps / _BPS))
    return max(round_buy(price * (1 - bps / _BPS)), tick_size(price))
