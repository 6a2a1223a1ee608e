"""Stopping: no new signals, entries cancelled, stops stay, what is left open is written down."""

from datetime import datetime, timedelta

from trading_bot.core import trades
from trading_bot.core.effects import CancelOrder, Finish, SetTimer
from trading_bot.core.events import StopRequested
from trading_bot.core.say import Data, say_order, say_trade
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import text_of
from trading_bot.domain.order import Leg, OrderState

TIMER = "stop_deadline"
_SETTLE = timedelta(seconds=4)
_SENDABLE = (OrderState.UNCONFIRMED, OrderState.OPEN, OrderState.PART_FILLED)


def on_stop(state: CoreState, event: StopRequested, out: Out) -> None:
    """Cancel working entries at once; finish when they are settled, or at the deadline."""
    if state.stopping:
        return
    state.stopping = event.reason
    for trade in list(state.book.trades.values()):
        for order in trade.working(Leg.ENTRY):
            if order.state in _SENDABLE and order.cancel_asked_at is None:
                data = {"reason": f"stopping: {event.reason}"}
                say_order(state, out, "cancel_requested", trade, order, event.at, dict(data))
                out.append(CancelOrder(ref_id=order.intent.ref_id, order_id=order.order_id))
    out.append(SetTimer(name=TIMER, at=event.at + _SETTLE))
    trades.ask_orders(state, out)
    finish_if_settled(state, event.at, out)


def finish_if_settled(state: CoreState, at: datetime, out: Out) -> None:
    """Finish a stop once no entry works and no sell is in flight."""
    if not state.stopping or state.is_finished:
        return
    unsettled = any(
        o.is_working and (o.intent.leg is Leg.ENTRY or o.state is OrderState.NONE)
        for t in state.book.trades.values()
        for o in t.orders.values()
    )
    bare = any(t.held > t.working_sells for t in state.book.trades.values())
    if not unsettled and not bare:
        finish(state, at, out)


def finish(state: CoreState, at: datetime, out: Out) -> None:
    """Write down what stays open and let the shell stop."""
    if state.is_finished:
        return
    state.is_finished = True
    for trade in state.book.trades.values():
        data: Data = {
            "held": trade.held,
            "stop_price": text_of(trade.stop_price),
            "working_orders": sum(1 for o in trade.orders.values() if o.is_working),
        }
        say_trade(state, out, "left_open", trade, at, data)
    out.append(Finish(reason=state.stopping))
