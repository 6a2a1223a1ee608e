"""Shares that are provably ours and that no record knows: a stop all the same.

The broker's own history is the record here. What is ours is what orders under our names bought,
less what they and everybody else sold of it since; the stop's name follows from the entry's, so
that after any restart it is the same stop.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from trading_bot.core.effects import PlaceOrder
from trading_bot.core.events import ReconcileArrived
from trading_bot.core.say import Data, Numbers, alarm, is_news, note
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import text_of
from trading_bot.domain.order import BrokerOrder, Leg, OrderIntent, OrderType, Side, TimeInForce
from trading_bot.execution.intents import APPROVAL_LIFE
from trading_bot.execution.lost import LostTrade
from trading_bot.execution.ref_ids import is_ours
from trading_bot.risk.context import ExitContext
from trading_bot.risk.gate import Refused, judge_exit

_AGAIN_AFTER = timedelta(seconds=60)
"""A stop that did not show by then is sent again under its name, which the broker takes once."""


def guard(state: CoreState, lost: Sequence[LostTrade], event: ReconcileArrived, out: Out) -> None:
    """Place a stop for what no working sell covers; count what is held without a record."""
    state.reconciled.lost = {}
    for trade in lost:
        symbol = trade.entry.symbol
        held = state.reconciled.lost.get(symbol, 0) + max(trade.held, 0)
        state.reconciled.lost[symbol] = held
    if state.is_desk_only:
        return
    room = {p.symbol: int(p.quantity - p.held_for_sells) for p in event.positions}
    for own in state.book.trades.values():
        room[own.symbol] = room.get(own.symbol, 0) - max(own.held - own.working_sells, 0)
    sold = {order.order_id: order.filled_quantity for order in _sales_of_others(state, event)}
    for trade in lost:
        symbol = trade.entry.symbol
        bare = trade.held - trade.working_sells
        bare -= _take_sales(sold, trade, bare, event)
        quantity = min(bare, room.get(symbol, 0))
        if quantity > 0 and symbol not in state.reconciled.frozen:
            room[symbol] -= quantity
            _place(state, trade, quantity, event.at, out)


def _sales_of_others(state: CoreState, event: ReconcileArrived) -> list[BrokerOrder]:
    identity = state.settings.identity
    return [o for o in event.orders if o.side is Side.SELL and not is_ours(o.ref_id, identity)]


def _take_sales(sold: dict[str, int], trade: LostTrade, bare: int, event: ReconcileArrived) -> int:
    """Shares of `trade` that others sold since it was bought; a share sold is one trade's only."""
    taken = 0
    for order in event.orders:
        left = sold.get(order.order_id, 0)
        is_later = order.updated_at >= trade.entry.created_at
        if left and order.symbol == trade.entry.symbol and is_later:
            part = min(left, max(bare - taken, 0))
            sold[order.order_id] -= part
            taken += part
    return taken


def _place(state: CoreState, trade: LostTrade, quantity: int, at: datetime, out: Out) -> None:
    sent = state.reconciled.sent
    intent = _stop(state, trade, quantity, at)
    numbers: Numbers = {
        "symbol": trade.entry.symbol,
        "quantity": quantity,
        "entry": trade.entry.order_id,
    }
    if intent is None:
        _tell(state, out, at, "orphan", "position_unprotected", "no_stop_price_known", numbers)
        return
    ref_id = intent.ref_id
    if ref_id in sent and at - sent[ref_id] < _AGAIN_AFTER:
        return
    if ref_id in sent:
        _tell(state, out, at, "orphan_bare", "position_unprotected", "stop_tried_again", numbers)
    context = ExitContext(
        held_quantity=trade.held,
        working_sells=trade.working_sells,
        broker_sellable=None,
        is_duplicate=False,
    )
    verdict = judge_exit(intent, context)
    if isinstance(verdict, Refused):
        refused = {**numbers, "rule": verdict.rule, "reason": verdict.reason}
        _tell(state, out, at, "orphan_refused", "exit_refused", "sell_rejected", refused)
        return
    sent[ref_id] = at
    _write_stop(state, trade, intent, out)
    out.append(PlaceOrder(order=verdict.order))
    found = {**numbers, "stop_price": str(intent.stop_price)}
    _tell(state, out, at, "orphan_found", "position_without_record", "stop_placed", found)


def _tell(
    state: CoreState,
    out: Out,
    at: datetime,
    news: str,
    event_type: str,
    action: str,
    numbers: Numbers,
) -> None:
    """Once for each lost trade."""
    if is_news(state, news, str(numbers["entry"])):
        alarm(state, out, at, event_type, action, numbers)


def _stop(state: CoreState, trade: LostTrade, quantity: int, at: datetime) -> OrderIntent | None:
    """The stop under its own name; None when nothing tells where it should stand."""
    entry = trade.entry
    ref_id = trade.next_stop_ref_id(state.settings.identity)
    price = trade.stop_price(state.settings.execution.orphan_stop_pct)
    if price is None or not ref_id:
        return None
    return OrderIntent(
        ref_id=ref_id,
        trade_id=entry.ref_id,
        symbol=entry.symbol,
        side=Side.SELL,
        leg=Leg.STOP,
        type=OrderType.STOP,
        quantity=quantity,
        time_in_force=TimeInForce.GTC,
        limit_price=None,
        stop_price=price,
        created_at=at,
        valid_until=at + APPROVAL_LIFE,
        instrument_id=entry.instrument_id,
    )


def _write_stop(state: CoreState, trade: LostTrade, intent: OrderIntent, out: Out) -> None:
    assert intent.stop_price is not None, "a stop has a price"
    data: Data = {
        "what": "orphan_stop",
        "stop_ref_id": intent.ref_id,
        "entry_order_id": trade.entry.order_id,
        "subject": intent.symbol,
        "quantity": intent.quantity,
        "stop_price": text_of(intent.stop_price),
    }
    note(state, out, intent.created_at, data)
