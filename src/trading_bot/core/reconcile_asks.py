"""When the broker is asked for everything at once: at a start, on reconnect, every few minutes."""

from datetime import datetime, timedelta

from trading_bot.core import protect
from trading_bot.core.effects import RequestReconcile, SetTimer
from trading_bot.core.events import CallFailed
from trading_bot.core.say import Numbers, alarm, is_news, over, warn
from trading_bot.core.state import CoreState, Out

TIMER = "reconcile"
CLOSED_REFS_KEPT = timedelta(days=4)
"""How far back a start looks for orders that no record knows: over a long weekend."""

_DAMAGED_LOOKBACK = timedelta(days=90)
"""With a damaged record: as long as an order good until cancelled lives at the broker."""

_LOOKBACK = timedelta(hours=24)
_HUNG_AFTER = timedelta(seconds=120)
_RETRY_FIRST_S = 2
_RETRY_MAX_S = 60
_FAILURES_WARN = 3
_FAILURES_PROTECT = 5
"""Half a minute and more: nothing is opened beside an account that cannot be looked at."""

_FAILURES_ALARM = 10
_AFTER_CLOSE = timedelta(minutes=5)


def ask(state: CoreState, at: datetime, out: Out) -> None:
    """Ask for a reading of everything, unless one is under way; ask again after the interval."""
    if not state.reconciles:
        return
    session = state.session
    if session is not None and at < session.close + _AFTER_CLOSE:
        interval = timedelta(seconds=state.settings.poll.reconcile_interval_s)
        out.append(SetTimer(name=TIMER, at=at + interval))
    if state.calls.reconcile:
        _look_at_slow_call(state, at, out)
        return
    state.calls.reconcile = True
    state.reconciled.asked_at = at
    out.append(RequestReconcile(since=_since(state, at)))


def _since(state: CoreState, at: datetime) -> datetime:
    if state.reconciled.is_deep_done and not state.is_desk_only:
        back = _LOOKBACK
    elif protect.Cause.RECORD_DAMAGED in state.protection:
        back = _DAMAGED_LOOKBACK
    else:
        back = CLOSED_REFS_KEPT
    created = (order.intent.created_at for _, order in state.book.orders.values())
    return min(min(created, default=at) - _LOOKBACK, at - back)


def _look_at_slow_call(state: CoreState, at: datetime, out: Out) -> None:
    asked_at = state.reconciled.asked_at
    if asked_at is None or at - asked_at < _HUNG_AFTER or not is_news(state, "reconcile_hangs"):
        return
    numbers: Numbers = {"waited_s": round((at - asked_at).total_seconds())}
    alarm(state, out, at, "broker_hangs", "not_reconciled", numbers)


def on_failed(state: CoreState, event: CallFailed, out: Out) -> None:
    """Ask again soon; that the orders moved while it was read is no news, a row of that is."""
    reconciled = state.reconciled
    state.calls.reconcile = False
    over(state, "reconcile_hangs")
    reconciled.failures += 1
    numbers: Numbers = {
        "family": event.family,
        "reason": event.reason,
        "failures": reconciled.failures,
    }
    if reconciled.failures == _FAILURES_WARN:
        warn(state, out, event.at, "reconcile_failed", "asked_again", numbers)
    elif reconciled.failures == _FAILURES_ALARM:
        alarm(state, out, event.at, "reconcile_down", "asked_again", numbers)
    if reconciled.failures >= _FAILURES_PROTECT:
        text = f"the account cannot be compared: {event.reason}"
        protect.restate(state, event.at, protect.Cause.NOT_RECONCILED, text)
    doubled = _RETRY_FIRST_S * 2 ** min(reconciled.failures - 1, 10)
    wait_s = max(float(min(doubled, _RETRY_MAX_S)), min(event.retry_after_s or 0.0, 3600.0))
    out.append(SetTimer(name=TIMER, at=event.at + timedelta(seconds=wait_s)))
