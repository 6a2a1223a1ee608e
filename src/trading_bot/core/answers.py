"""What came back of requests and orders."""

from datetime import datetime, timedelta

from trading_bot.core import absent, orders, polls, protect, reconcile_asks, stopping, trades
from trading_bot.core.effects import SetTimer
from trading_bot.core.events import (
    AccountArrived,
    CallFailed,
    CancelAnswered,
    HoursArrived,
    JournalFailed,
    OrderFailed,
    OrderPlaced,
    OrdersArrived,
)
from trading_bot.core.say import Data, Numbers, alarm, is_news, note, over, say_order, warn
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import text_of
from trading_bot.domain.order import BrokerOrder, Leg

_UNSEEN = timedelta(seconds=30)
"""How long after its time an entry may be unread before a person hears that it may be filled."""

_FAILED_KIND = {"rejected": "rejected", "not_sent": "withdrawn", "unknown": "unknown"}


def on_hours(state: CoreState, event: HoursArrived, out: Out) -> None:
    """Compare the broker's hours with the calendar; a difference keeps entries off."""
    session = state.session
    over(state, "hours_down")
    if event.hours.day != state.trading_day:
        return
    if session is None:
        state.day.hours_agree = not event.hours.is_open
    else:
        own = (session.open, session.close)
        state.day.hours_agree = (
            event.hours.is_open and (event.hours.opens_at, event.hours.closes_at) == own
        )
    if not state.day.hours_agree:
        numbers: Numbers = {
            "day": event.hours.day.isoformat(),
            "broker_open": str(event.hours.opens_at),
            "broker_close": str(event.hours.closes_at),
            "calendar_open": str(session.open if session else None),
            "calendar_close": str(session.close if session else None),
        }
        alarm(state, out, event.at, "hours_disagree", "entries_paused", numbers)


def on_account(state: CoreState, event: AccountArrived, out: Out) -> None:
    """Keep the reading; the first of the day is its opening equity, on record."""
    state.calls.account = False
    over(state, "account_down")
    state.account, state.positions = event.account, event.positions
    absent.keep_reading(state, event.account, event.positions)
    if state.day.opening_equity is None and _is_day_at_hand(state, event.at):
        state.day.opening_equity = event.account.equity
        note(
            state,
            out,
            event.at,
            {
                "what": "day_opened",
                "trading_day": state.trading_day.isoformat(),
                "opening_equity": text_of(event.account.equity),
            },
        )


def _is_day_at_hand(state: CoreState, at: datetime) -> bool:
    """False on the evening before, when positions may still be marked anew."""
    session = state.session
    return session is not None and at >= session.open - polls.PREPARE


def on_call_failed(state: CoreState, event: CallFailed, out: Out) -> None:
    """Keep what is known, say so once, ask again later."""
    if event.what == "poll":
        polls.on_poll_failed(state, event, out)
        return
    if event.what == "reconcile":
        reconcile_asks.on_failed(state, event, out)
        return
    if event.what == "orders":
        state.calls.orders = False
        _orders_unread(state, event.reason, event.at, out)
        _again(state, event, trades.TIMER, out)
        _move_on(state, event.at, out)
        return
    numbers: Numbers = {"family": event.family, "reason": event.reason}
    if is_news(state, f"{event.what}_down"):
        warn(state, out, event.at, f"{event.what}_failed", "kept_last_reading", numbers)
    if event.what == "account":
        state.calls.account = False
    elif event.what in ("hours", "historicals"):
        _again(state, event, event.what, out)


def _again(state: CoreState, event: CallFailed, timer: str, out: Out) -> None:
    wait = max(timedelta(seconds=state.settings.poll.interval_s), polls.asked_wait(event))
    out.append(SetTimer(name=timer, at=event.at + wait))


def on_orders(state: CoreState, event: OrdersArrived, out: Out) -> None:
    """Book what is new of our orders, then move every trade on."""
    state.calls.orders = False
    if event.problem:
        _orders_unread(state, event.problem, event.at, out, but=event.orders)
        wait = timedelta(seconds=state.settings.execution.order_poll_s)
        out.append(SetTimer(name=trades.TIMER, at=event.at + wait))
    else:
        over(state, "orders_down")
        protect.end(state, out, event.at, protect.Cause.ORDERS_UNREAD)
    # An order that took another's place comes first: the other's end is not the end of it.
    for order in sorted(event.orders, key=lambda seen: not seen.replaces):
        orders.take_order(state, order, event.at, out)
    if not event.problem:
        absent.miss_orders(state, event.orders, event.at, out)
    _move_on(state, event.at, out)
    stopping.finish_if_settled(state, event.at, out)


def _orders_unread(
    state: CoreState, reason: str, at: datetime, out: Out, *, but: tuple[BrokerOrder, ...] = ()
) -> None:
    """While fills cannot be seen nothing is opened; an entry that may be filled is told.

    `but` are the orders that were read one by one.
    """
    if is_news(state, "orders_down"):
        numbers: Numbers = {"reason": reason}
        warn(state, out, at, "orders_failed", "entries_paused", numbers)
    text = f"the broker's orders cannot be read: {reason}"
    protect.restate(state, at, protect.Cause.ORDERS_UNREAD, text)
    seen = {order.order_id for order in but}
    late = timedelta(seconds=state.settings.execution.entry_timeout_s) + _UNSEEN
    for trade in state.book.trades.values():
        for order in trade.working(Leg.ENTRY):
            is_late = at - order.intent.created_at > late and order.order_id not in seen
            if is_late and is_news(state, "fills_unseen", order.intent.ref_id):
                unseen: Numbers = {
                    "symbol": trade.symbol,
                    "quantity": order.remaining,
                    "reason": "it may be filled, and without a stop: " + text,
                }
                alarm(state, out, at, "fills_unseen", "look_in_the_app", unseen)


def _move_on(state: CoreState, at: datetime, out: Out) -> None:
    for trade in list(state.book.trades.values()):
        if trade.trade_id not in state.resting:
            trades.advance(state, trade, at, out)


def on_placed(state: CoreState, event: OrderPlaced, out: Out) -> None:
    """The broker has the order."""
    orders.take_order(state, event.order, event.at, out, ref_id=event.ref_id)
    stopping.finish_if_settled(state, event.at, out)


def on_order_failed(state: CoreState, event: OrderFailed, out: Out) -> None:
    """Refused, never sent, or unknown: written; an unknown is looked up, never sent again."""
    found = state.book.orders.get(event.ref_id)
    if found is None:
        return
    trade, order = found
    if order.order_id or order.state.is_final:
        # A reading of the orders was faster: the broker has it, whatever became of our call.
        data: Data = {"state": order.state.value, "place_failed": event.reason}
        say_order(state, out, "reply", trade, order, event.at, data)
        return
    say_order(
        state, out, _FAILED_KIND[event.outcome], trade, order, event.at, {"reason": event.reason}
    )
    numbers: Numbers = {
        "symbol": trade.symbol,
        "leg": order.intent.leg.value,
        "reason": event.reason,
    }
    if event.outcome == "unknown":
        absent.remember_before(state, order)
        alarm(state, out, event.at, "order_unknown", "looked_up_never_resent", numbers)
    else:
        warn(state, out, event.at, f"order_{event.outcome}", "order_dead", numbers)
        orders.after_refusal(state, trade, order, event.reason, event.at, out)
    trades.advance(state, trade, event.at, out)
    stopping.finish_if_settled(state, event.at, out)


def on_cancel(state: CoreState, event: CancelAnswered, out: Out) -> None:
    """Asked is not done: the orders' next reading tells."""
    found = state.book.orders.get(event.ref_id)
    if found is None:
        return
    if not event.accepted:
        trade, order = found
        what = "cancel_lost" if event.outcome == "lost" else "cancel_refused"
        data: Data = {"state": order.state.value, what: event.reason}
        say_order(state, out, "reply", trade, order, event.at, data)
    trades.ask_orders(state, out, at=event.at)


def on_journal_failed(state: CoreState, event: JournalFailed, out: Out) -> None:
    """Nothing may be opened that cannot be recorded."""
    state.is_journal_dead = event.is_dead
    cause = protect.Cause.JOURNAL_DEAD if event.is_dead else protect.Cause.DISK_FULL
    protect.begin(state, out, event.at, cause, f"the record cannot be written: {event.reason}")
    alarm(state, out, event.at, "journal_failed", "protect_only", {"reason": event.reason})
