"""When an order trades, at what price, how much: decisions over one quote.

A limit fills at the quote's other side when that is at or inside the limit, so never through it. A
stop triggers when the last regular trade is at or through it, and then takes what the quote offers:
a gap through the stop fills at the bid beyond the gap. Nothing trades in a halt, nor before the
day's first print of the hours it is in: until then bid and ask stand on yesterday's close.
"""

from datetime import datetime
from decimal import Decimal

from trading_bot.market.calendar import Session
from trading_bot.rehearsal.order import Order, Terms
from trading_bot.rehearsal.tape_quotes import Phase, QuoteState


def is_open_for(terms: Terms, session: Session | None, now: datetime) -> bool:
    """True when the market is open for an order of these terms in the New York day's `session`."""
    if session is None:
        return False
    if terms.is_extended:
        return session.pre_open <= now < session.post_close
    return session.is_open_at(now)


def ends_at(terms: Terms, session: Session) -> datetime:
    """When a good-for-day order of these terms ends in `session`."""
    return session.post_close if terms.is_extended else session.close


def is_tradable(quote: QuoteState) -> bool:
    """True when the quote can be traded against."""
    if quote.is_halted or quote.bid <= 0 or quote.ask <= 0:
        return False
    if quote.phase is Phase.REGULAR:
        return quote.has_traded
    return quote.phase is not Phase.OFF and quote.extended is not None


def is_triggered(terms: Terms, quote: QuoteState) -> bool:
    """True when the last trade of the regular hours is at or through the stop."""
    if quote.phase is not Phase.REGULAR or terms.stop_price is None:
        return False
    if terms.side == "sell":
        return quote.last <= terms.stop_price
    return quote.last >= terms.stop_price


def fill_price(terms: Terms, quote: QuoteState) -> Decimal | None:
    """What a share costs or brings now; None when the quote is beyond the order's bound."""
    bound = terms.bound
    if terms.side == "buy":
        return quote.ask if bound is None or quote.ask <= bound else None
    return quote.bid if bound is None or quote.bid >= bound else None


def piece(order: Order, left: Decimal) -> Decimal:
    """How many shares fill now out of `left` on offer; a fault may cut the order into pieces."""
    if order.effects.pieces <= 1:
        return min(order.remaining, left)
    share = max(Decimal(1), order.terms.quantity // order.effects.pieces)
    is_last = len(order.executions) + 1 >= order.effects.pieces
    return min(order.remaining, left) if is_last else min(order.remaining, left, share)
