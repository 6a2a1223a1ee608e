"""What a person decided about a difference or about protect-only: booked, on record with a name."""

from datetime import datetime
from decimal import Decimal

from trading_bot.core import corporate_accepted, orders, protect, reconcile_notes, trades
from trading_bot.core.events import PersonDecided
from trading_bot.core.reconcile import known
from trading_bot.core.say import Data, Numbers, say_order, warn
from trading_bot.core.state import CoreState, Out
from trading_bot.execution.adopt import (
    Booking,
    adopted_bookings,
    adopted_context,
    sale_bookings,
    sale_executions,
    shares_short,
)
from trading_bot.execution.book import intent_data
from trading_bot.execution.differences import Difference, DifferenceKind
from trading_bot.execution.lost import find_lost
from trading_bot.execution.trade import Trade, TradeContext
from trading_bot.logging.line import iso_text


def on_decided(state: CoreState, event: PersonDecided, out: Out) -> None:
    """Do it, or say why it cannot be done; what is booked comes from the broker's own orders."""
    problem = _decide(state, event, out)
    if problem:
        numbers: Numbers = {
            "decision": event.decision,
            "subject": event.subject,
            "reason": problem,
        }
        warn(state, out, event.at, "decision_refused", "nothing_changed", numbers)


def _decide(state: CoreState, event: PersonDecided, out: Out) -> str:
    if event.decision == "end":
        return _end(state, event, out)
    held = state.reconciled.open.get(event.subject)
    if held is None:
        return "there is no such difference"
    difference = held.difference
    match event.decision:
        case "adopt":
            return _adopt(state, event, difference, out)
        case "book_sale":
            return _book_sale(state, event, difference, out)
        case "not_ours":
            return _not_ours(state, event, difference, out)
        case "accept":
            return _accept(state, event, difference, out)
        case _:
            return "there is no such decision"


def _end(state: CoreState, event: PersonDecided, out: Out) -> str:
    if event.subject not in protect.Cause.__members__:
        return "there is no such cause"
    cause = protect.Cause(event.subject)
    if not protect.RULES[cause].is_kept:
        return f"it ends otherwise: {protect.RULES[cause].ends}"
    is_over = protect.end(state, out, event.at, cause, by=event.by, why=event.why)
    return "" if is_over else "it does not hold"


def _close(state: CoreState, event: PersonDecided, out: Out, shares: str = "") -> None:
    """Before the bookings: what a crash leaves unwritten is found by the last event on record."""
    reconcile_notes.close_difference(
        state,
        event.subject,
        event.at,
        out,
        how=event.decision,
        by=event.by,
        why=event.why,
        shares=shares,
    )


def _adopt(state: CoreState, event: PersonDecided, difference: Difference, out: Out) -> str:
    if difference.kind is not DifferenceKind.MISSING_TRADE:
        return f"only a {DifferenceKind.MISSING_TRADE} can be adopted"
    about = known(state, event.at)
    recorded = {*about.ref_ids, *state.book.orders}
    lost, _ = find_lost(event.orders, recorded, about.identity, about.strategies)
    trade = next((t for t in lost if t.entry.order_id == difference.order_ids[0]), None)
    if trade is None or not trade.entry.executions:
        return "the broker's orders do not hold that trade, with its executions"
    _close(state, event, out)
    context = adopted_context(trade, state.settings.execution.orphan_stop_pct)
    empty = Trade(trade_id=trade.entry.ref_id, symbol=trade.entry.symbol, context=context)
    bookings = adopted_bookings(trade)
    for booking in bookings:
        _intend(state, empty, booking, context, event.at, out)
    _fill_in(state, bookings, event.at, out)
    return ""


def _intend(
    state: CoreState,
    trade: Trade,
    booking: Booking,
    context: TradeContext | None,
    at: datetime,
    out: Out,
) -> None:
    order = booking.order
    is_entry = order.intent.ref_id == trade.trade_id
    data: Data = intent_data(order, context if is_entry else None)
    data["created_at"] = iso_text(order.intent.created_at)
    say_order(state, out, "intent", trade, order, at, data)


def _fill_in(state: CoreState, bookings: list[Booking], at: datetime, out: Out) -> None:
    """Only once every order is intended: no share is sold twice in between."""
    for booking in bookings:
        ref_id = booking.order.intent.ref_id
        state.seen_ref_ids.add(ref_id)
        orders.take_order(state, booking.seen, at, out, ref_id=ref_id)


def _book_sale(state: CoreState, event: PersonDecided, difference: Difference, out: Out) -> str:
    if difference.kind is not DifferenceKind.SHARES:
        return f"only missing {DifferenceKind.SHARES} can have been sold"
    short = shares_short(difference.ours, difference.broker)
    sold = sale_executions(event.orders, difference.symbol, short)
    if not short or not sold:
        return "the broker's orders hold no sale of that many shares that is not ours"
    _close(state, event, out)
    own = state.book.in_symbol(difference.symbol)
    bookings = sale_bookings(own, sold, state.settings.identity)
    for booking in bookings:
        trade = state.book.trades[booking.order.intent.trade_id]
        _intend(state, trade, booking, None, event.at, out)
    _fill_in(state, bookings, event.at, out)
    return ""


def _not_ours(state: CoreState, event: PersonDecided, difference: Difference, out: Out) -> str:
    if difference.kind is DifferenceKind.SHARES:
        more = Decimal(difference.broker) - Decimal(difference.ours)
        if more <= 0:
            return "the broker has fewer shares, not more: book what became of ours"
        _close(state, event, out, shares=f"{more:f}")
        return ""
    if difference.kind is DifferenceKind.CORPORATE_ACTION:
        return "a corporate action is accepted with its ratio"
    _close(state, event, out)
    return ""


def _accept(state: CoreState, event: PersonDecided, difference: Difference, out: Out) -> str:
    match difference.kind:
        case DifferenceKind.CORPORATE_ACTION:
            return corporate_accepted.accept(state, event, difference, out)
        case DifferenceKind.MISSING_ORDER:
            _close(state, event, out)
            _end_order(state, event, difference, out)
            return ""
        case DifferenceKind.ORDER_CHANGED:
            _close(state, event, out)
            return ""
        case _:
            return "say what it is: adopted, a sale, or not ours"


def _end_order(state: CoreState, event: PersonDecided, difference: Difference, out: Out) -> None:
    """The broker does not have it: it is over, and what it protected needs another."""
    found = [p for p in state.book.orders.values() if p[1].order_id in difference.order_ids]
    for trade, order in found:
        data: Data = {"reason": f"not at the broker, accepted by {event.by}"}
        say_order(state, out, "cancelled", trade, order, event.at, data)
        trades.advance(state, trade, event.at, out)
