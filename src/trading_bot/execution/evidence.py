"""Did an order whose answer was lost reach the broker? Its other figures say, beside its history.

A history can be late. What an order holds (shares, cash) and what it traded show in the account and
the positions, so an order is presumed absent only when those show nothing of it either.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import BrokerOrder, Leg, OrderState, Side
from trading_bot.domain.order_table import Asked
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.execution.book import TradeBook
from trading_bot.execution.trade import Traces, TrackedOrder

CONFIRMED: Final = (OrderState.UNCONFIRMED, OrderState.OPEN, OrderState.PART_FILLED)
"""The states in which the broker is known to hold an order that may trade."""

_HALF: Final = Decimal("0.5")


def traces_of(
    symbol: str,
    book: TradeBook,
    account: AccountSnapshot,
    positions: Iterable[BrokerPosition],
) -> Traces:
    """What a reading shows of `symbol` beyond the orders that the broker is known to hold."""
    at_broker = next((p for p in positions if p.symbol == symbol), None)
    ours, in_sells, in_buys = 0, 0, ZERO
    for trade in book.trades.values():
        is_same = trade.symbol == symbol
        ours += trade.held if is_same else 0
        for order in trade.orders.values():
            if order.state not in CONFIRMED:
                continue
            if order.intent.leg is Leg.ENTRY:
                in_buys += order.remaining * (order.intent.limit_price or ZERO)
            elif is_same:
                in_sells += order.remaining
    held_cash = account.held_for_orders
    return Traces(
        shares=(at_broker.quantity if at_broker else ZERO) - ours,
        held_shares=(at_broker.held_for_sells if at_broker else ZERO) - in_sells,
        held_cash=None if held_cash is None else held_cash - in_buys,
    )


def is_quiet(symbol: str, book: TradeBook) -> bool:
    """True when no entry in `symbol` works, and no order is in flight, unknown or being cancelled.

    Only then is a reading a true picture of what was there before the next order: of an entry's
    fills the account tells sooner than we learn.
    """
    return not any(
        order.is_working
        and (
            order.intent.leg is Leg.ENTRY
            or order.state not in CONFIRMED
            or order.asked is not Asked.NOTHING
        )
        for trade in book.in_symbol(symbol)
        for order in trade.orders.values()
    )


def traded_by_others(
    symbol: str, orders: Iterable[BrokerOrder], since: datetime, until: datetime
) -> Decimal:
    """Shares that these orders brought after `since`, up to `until`; negative when they went."""
    return sum(
        (
            Decimal(execution.quantity if order.side is Side.BUY else -execution.quantity)
            for order in orders
            if order.symbol == symbol
            for execution in order.executions
            if since < execution.at <= until
        ),
        ZERO,
    )


def shows_nothing_of(order: TrackedOrder, now: Traces) -> bool:
    """True when the reading is what it was before the order was sent.

    Without a picture from before (the process is a new one), when our known orders explain all of
    it. Of a sell that also counts beside a picture from before, which may have been behind: had it
    stood or traded, shares would back it or be missing. Held cash is compared to half of what the
    order would hold: brokers add a cushion to it.
    """
    before = order.traces_before or Traces(held_cash=ZERO)
    if order.intent.leg is not Leg.ENTRY and now.held_shares == ZERO <= now.shares:
        return now.shares == before.shares or before.shares <= ZERO == now.shares
    if (now.shares, now.held_shares) != (before.shares, before.held_shares):
        return False
    if order.intent.leg is not Leg.ENTRY or now.held_cash is None:
        return True
    would_hold = order.intent.quantity * (order.intent.limit_price or ZERO)
    return now.held_cash - (before.held_cash or ZERO) < would_hold * _HALF
