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
from trading_bot.domain.order import Leg, OrderIntent, OrderType, Side, TimeInForce
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
    for trade in lost:
        symbol = trade.entry.symbol
        bare = trade.held - trade.working_sells - _sold_by_others(state, trade, event)
        quantity = min(bare, room.get(symbol, 0))
        if quantity > 0 and symbol not in state.reconciled.frozen:
            room[symbol] -= quantity
            _place(state, trade, quantity, event.at, out)


def _sold_by_others(state: CoreState, trade: LostTrade, event: ReconcileArrived) -> int:
    identity = state.settings.identity
    return sum(
        o.filled_quantity
        for o in event.orders
        if o.side is Side.SELL
        and o.symbol == trade.entry.symbol
        and not is_ours(o.ref_id, identity)
        and o.updated_at >= trade.entry.created_at
    )


def _place(state: CoreState, trade: LostTrade, quantity: int, at: datetime, out: Out) -> None:
    entry, sent = trade.entry, state.reconciled.sent
    ref_id = trade.next_stop_ref_id(state.settings.identity)
    price = trade.stop_price(state.settings.execution.orphan_stop_pct)
    numbers: Numbers = {"symbol": entry.symbol, "quantity": quantity, "entry": entry.order_id}
    if price is None or not ref_id:
        if is_news(state, "orphan", entry.order_id):
            alarm(state, out, at, "position_unprotected", "no_stop_price_known", numbers)
        return
    if ref_id in sent and at - sent[ref_id] < _AGAIN_AFTER:
        return
    if ref_id in sent and is_news(state, "orphan_bare", entry.order_id):
        alarm(state, out, at, "position_unprotected", "stop_tried_again", numbers)
    intent = OrderIntent(
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
    context = ExitContext(
        held_quantity=trade.held,
        working_sells=trade.working_sells,
        broker_sellable=None,
        is_duplicate=False,
    )
    verdict = judge_exit(intent, context)
    if isinstance(verdict, Refused):
        if is_news(state, "orphan_refused", entry.order_id):
            refused = {**numbers, "rule": verdict.rule, "reason": verdict.reason}
            alarm(state, out, at, "exit_refused", "sell_rejected", refused)
        return
    sent[ref_id] = at
    data: Data = {
        "what": "orphan_stop",
        "stop_ref_id": ref_id,
        "entry_order_id": entry.order_id,
        "subject": entry.symbol,
        "quantity": quantity,
        "stop_price": text_of(price),
    }
    note(state, out, at, data)
    out.append(PlaceOrder(order=verdict.order))
    if is_news(state, "orphan_found", entry.order_id):
        numbers = {**numbers, "stop_price": text_of(price)}
        alarm(state, out, at, "position_without_record", "stop_placed", numbers)
