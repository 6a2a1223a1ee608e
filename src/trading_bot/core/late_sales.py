"""Sales that come to light late, of more than their trade held: whose shares were they?

The order and its execution are ours by name. Where the broker's position shows that the shares were
there and are gone, they were another trade's of ours, or the owner's, and are booked as that. Until
the whole of the account was read nothing is opened; where it does not explain them, a person looks.
"""

from dataclasses import dataclass
from datetime import datetime

from trading_bot.core import orders, protect, reconcile_asks, trades
from trading_bot.core.events import ReconcileArrived
from trading_bot.core.say import Data, Numbers, alarm, note, say_order, warn
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import ZERO
from trading_bot.domain.order import BrokerOrder
from trading_bot.execution.adopt import sale_bookings
from trading_bot.execution.book import intent_data
from trading_bot.execution.observe import execution_data, fresh_executions
from trading_bot.execution.trade import TrackedOrder, Trade

WHAT = "oversold"
_LOOKS = 2
"""Positions at a broker follow its executions: one reading may be too early."""


def ask(state: CoreState, at: datetime, out: Out) -> None:
    """Read the whole account once for each sale that is not explained yet."""
    news = [late for late in state.late_sales.values() if not late.is_asked]
    for late in news:
        late.is_asked = True
        protect.restate(state, at, protect.Cause.NOT_RECONCILED, f"a late sale: {late.problem}")
    if news:
        reconcile_asks.ask(state, at, out)


def settle(state: CoreState, event: ReconcileArrived, out: Out) -> None:
    """Book what the positions explain; of what two readings do not, say that it cannot be."""
    for ref_id, late in list(state.late_sales.items()):
        late.is_asked = True
        late.looks += 1
        trade, order = state.book.order(ref_id)
        sale = _shares_of(state, trade, order, late.seen, event)
        if sale is not None:
            del state.late_sales[ref_id]
            _book(state, sale, event.at, out)
        elif late.looks >= _LOOKS:
            del state.late_sales[ref_id]
            orders.disbelieve(state, trade, late.problem, event.at, out)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sale:
    """What was sold under `order` that was not its trade's: by trade, and of the owner's."""

    trade: Trade
    order: TrackedOrder
    seen: BrokerOrder
    others: tuple[Trade, ...]
    quantity: int
    of_owner: int


def _shares_of(
    state: CoreState, trade: Trade, order: TrackedOrder, seen: BrokerOrder, event: ReconcileArrived
) -> _Sale | None:
    """Whose shares they were; None when the position does not show that they were there.

    Only a trade that holds nothing any more is looked at: what an open one sold is its own first.
    """
    symbol = trade.symbol
    if trade.held or symbol in state.reconciled.lost or symbol in state.reconciled.frozen:
        return None
    others = tuple(state.book.in_symbol(symbol))
    foreign = state.reconciled.foreign.get(symbol, ZERO)
    ours = sum(other.held for other in others)
    quantity = sum(e.quantity for e in fresh_executions(order, seen))
    theirs = sum((p.quantity for p in event.positions if p.symbol == symbol), ZERO)
    of_owner = max(quantity - ours, 0)
    if theirs != ours + foreign - quantity or of_owner > foreign:
        return None
    return _Sale(
        trade=trade, order=order, seen=seen, others=others, quantity=quantity, of_owner=of_owner
    )


def _book(state: CoreState, sale: _Sale, at: datetime, out: Out) -> None:
    trade, order, seen = sale.trade, sale.order, sale.seen
    fresh = fresh_executions(order, seen)
    reason = f"sold by a late fill of the {order.intent.leg} of a trade that was over"
    if trade.is_closed:
        orders.reopen(state, trade, order, "a sale of others' shares", at, out)
    for execution in fresh:
        data: Data = execution_data(execution) | {"reason": reason}
        say_order(state, out, "passed_on", trade, order, at, data, order_id=seen.order_id)
    bookings = sale_bookings(
        sale.others, [(seen, e) for e in fresh], state.settings.identity, reason
    )
    for booking in bookings:
        theirs = state.book.trades[booking.order.intent.trade_id]
        say_order(state, out, "intent", theirs, booking.order, at, intent_data(booking.order, None))
        own = theirs.orders[booking.order.intent.ref_id]
        for execution in booking.seen.executions:
            say_order(state, out, "fill", theirs, own, at, execution_data(execution) | {})
            orders.record_fill(state, theirs, own, execution.execution_id, out)
    state.fills_booked[trade.symbol] = at
    _tell(state, sale, reason, at, out)
    for one in (trade, *sale.others):
        trades.advance(state, one, at, out)


def _tell(state: CoreState, sale: _Sale, reason: str, at: datetime, out: Out) -> None:
    symbol = sale.trade.symbol
    numbers: Numbers = {"symbol": symbol, "quantity": sale.quantity, "reason": reason}
    if not sale.of_owner:
        warn(state, out, at, "late_sale_booked", "booked_to_the_trade_that_held_them", numbers)
        return
    data: Data = {"what": WHAT, "subject": symbol, "shares": str(sale.of_owner), "reason": reason}
    note(state, out, at, data)
    state.reconciled.foreign[symbol] -= sale.of_owner
    text = f"{sale.of_owner} {symbol} of the owner's were {reason}"
    protect.begin(state, out, at, protect.Cause.BROKER_IMPOSSIBLE, text)
    alarm(state, out, at, "owners_shares_sold", "protect_only", numbers)
