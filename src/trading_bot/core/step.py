"""The one entrance: an event in, effects out."""

from collections.abc import Callable
from typing import Any

from trading_bot.core import (
    answers,
    bars,
    broker_session,
    clocks,
    days,
    decisions,
    polls,
    reconcile,
    recorded,
    stopping,
    timers,
)
from trading_bot.core.effects import Effect
from trading_bot.core.events import (
    AccountArrived,
    BarRecorded,
    CallFailed,
    CancelAnswered,
    ClockJumped,
    Event,
    HistoricalsArrived,
    HoursArrived,
    JournalFailed,
    MinuteRecorded,
    OrderFailed,
    OrderPlaced,
    OrdersArrived,
    PersonDecided,
    PollArrived,
    ReconcileArrived,
    ServerClockSeen,
    SessionKnown,
    Started,
    StopRequested,
    StrategyLoadFailed,
    TimerFired,
)
from trading_bot.core.state import CoreState, Out

_HANDLERS: dict[type[Event], Callable[[CoreState, Any, Out], None]] = {
    Started: days.on_started,
    TimerFired: timers.on_timer,
    PollArrived: polls.on_poll,
    CallFailed: answers.on_call_failed,
    HistoricalsArrived: bars.on_historicals,
    HoursArrived: answers.on_hours,
    AccountArrived: answers.on_account,
    OrdersArrived: answers.on_orders,
    ReconcileArrived: reconcile.on_reconcile,
    ClockJumped: clocks.on_jump,
    ServerClockSeen: clocks.on_skew,
    PersonDecided: decisions.on_decided,
    OrderPlaced: answers.on_placed,
    OrderFailed: answers.on_order_failed,
    CancelAnswered: answers.on_cancel,
    StrategyLoadFailed: bars.on_load_failed,
    JournalFailed: answers.on_journal_failed,
    SessionKnown: broker_session.on_session_known,
    StopRequested: stopping.on_stop,
    BarRecorded: recorded.on_bar,
    MinuteRecorded: recorded.on_minute,
}


def step(state: CoreState, event: Event) -> list[Effect]:
    """Apply `event` to `state`, in place, and say what is to be done, in order.

    The state belongs to the caller and moves through: the same state and the same events always
    give the same effects. Raises only on a bug; what the world may send becomes effects.
    """
    out: Out = []
    _HANDLERS[type(event)](state, event, out)
    return out
