"""Stopping: no new signals, entries cancelled, stops stay, what is left open is written down."""

from datetime import datetime, timedelta

from trading_bot.core import trades
from trading_bot.core.effects import Finish, SetTimer
from trading_bot.core.events import StopRequested
from trading_bot.core.say import Data, say_trade
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import text_of
from trading_bot.domain.order import Leg, OrderState

TIMER = "stop_deadline"


def on_stop(state: CoreState, event: StopRequested, out: Out) -> None:
    """Cancel working entries at once; finish when they are settled, or at the deadline."""
    if state.stopping:
        return
    state.stopping = event.reason
    for trade in list(state.book.trades.values()):
        trades.advance(state, trade, event.at, out)
    set_deadline(state, event.at, out)
    trades.ask_orders(state, out)
    finish_if_settled(state, event.at, out)


def set_deadline(state: CoreState, at: datetime, out: Out) -> None:
    """Finish after the settings' time whatever is settled by then."""
    wait = timedelta(seconds=state.settings.stop_settle_s)
    out.append(SetTimer(name=TIMER, at=at + wait))


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
