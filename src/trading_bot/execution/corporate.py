"""Corporate actions in the book: a split, in which what was paid stays the same; a new symbol."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from msgspec.structs import replace as changed

from trading_bot.domain.order import Execution, Leg
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.performance.round_trips import Lots

_PRICE_STEP = Decimal("0.000001")
"""Finer than any execution: what was paid must come out the same to the cent."""


def apply_split(trade: Trade, ratio: Fraction, held_after: int) -> None:
    """Count the trade's executions in new shares; `held_after` of them are left.

    Fractions of a share are paid out in cash by the broker and are not counted.
    """
    entries = [o for o in trade.orders.values() if o.intent.leg is Leg.ENTRY]
    exits = [o for o in trade.orders.values() if o.intent.leg is not Leg.ENTRY]
    sold = int(trade.sold * ratio)
    _scale(exits, trade.sold, sold)
    _scale(entries, trade.bought, sold + held_after)
    trade.sold, trade.bought = sold, sold + held_after
    trade.lots = Lots()
    for execution in trade.executions(of_entry=True):
        trade.lots.buy(execution)
    for execution in trade.executions(of_entry=False):
        trade.lots.sell(execution)


def _scale(orders: Iterable[TrackedOrder], before: int, after: int) -> None:
    done = counted = 0
    for order in orders:
        for name, execution in order.executions.items():
            done += execution.quantity
            quantity = done * after // before - counted
            counted += quantity
            if quantity:
                order.executions[name] = _in_new_shares(execution, quantity)


def _in_new_shares(execution: Execution, quantity: int) -> Execution:
    price = (execution.price * execution.quantity / quantity).quantize(_PRICE_STEP)
    return replace(execution, quantity=quantity, price=price)


def apply_new_symbol(trade: Trade, symbol: str) -> None:
    """The trade and its orders go on under `symbol`; orders keep the names they were sent by."""
    trade.symbol = symbol
    for order in trade.orders.values():
        order.intent = changed(order.intent, symbol=symbol)


def price_after(price: Decimal, ratio: Fraction) -> Decimal:
    """What a price of an old share is for a new one, unrounded."""
    return price * ratio.denominator / ratio.numerator
