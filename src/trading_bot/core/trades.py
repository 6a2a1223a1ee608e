"""Open trades: what comes next for each of them, and what becomes of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace as changed

from trading_bot.core import protect, results
from trading_bot.core.bare import book_protection
from trading_bot.core.breakers import check_day
from trading_bot.core.effects import (
    Alert,
    CancelOrder,
    PlaceOrder,
    Record,
    RequestAccount,
    RequestOrders,
    SetTimer,
)
from trading_bot.core.exits import bid_of, leave, look_for_exit
from trading_bot.core.say import (
    Data,
    Numbers,
    alarm,
    is_news,
    over,
    say_order,
    say_trade,
)
from trading_bot.core.state import CoreState, Out
from trading_bot.core.trader_words import plain
from trading_bot.domain.money import ZERO, text_of
from trading_bot.domain.order import Leg
from trading_bot.domain.signal import ExitSignal
from trading_bot.execution import ratchet
from trading_bot.execution.advance import Cancel, Leave, Sell, Step, View, is_done, next_steps
from trading_bot.execution.book import intent_data
from trading_bot.execution.evidence import CONFIRMED
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.execution.trade_records import entry_order_id
from trading_bot.logging.line import format_timestamp
from trading_bot.market.quote_check import QuoteCode
from trading_bot.performance.round_trips import round_trip
from trading_bot.ports.records import STREAM_PERFORMANCE
from trading_bot.risk.context import ExitContext
from trading_bot.risk.exit_rules import free_quantity
from trading_bot.risk.gate import Refused, judge_exit

TIMER = "orders"
_LOOKBACK = timedelta(hours=24)
_LAST_MINUTE = timedelta(minutes=1)
_CLOSED_WAIT = timedelta(minutes=5)
_WATCH_EVERY = timedelta(minutes=1)
"""How often the orders are read while nothing is open and closed trades alone are watched."""

_READ_AGAIN = timedelta(seconds=15)
"""How old a reading of the account may be when the gate refuses a sell for what it shows."""


def on_quotes(state: CoreState, at: datetime, out: Out) -> None:
    """Take targets and deadlines that the latest quotes reached; then move every trade on."""
    settings = state.settings.execution
    looks_always = settings.max_hold_minutes is not None or ratchet.is_on(settings)
    for trade in list(state.book.trades.values()):
        is_resting = trade.trade_id in state.resting
        if is_resting and trade.target is None and not looks_always:
            continue
        if not trade.exit_reason and trade.held:
            look_for_exit(state, trade, at, out)
        advance(state, trade, at, out)


def leave_on_signal(state: CoreState, signal: ExitSignal, at: datetime, out: Out) -> None:
    """A strategy wants out of what it took."""
    # However badly it is said: who wants out gets out.
    reasons = plain(signal.reasons, "the strategy wants out and does not say why")
    for trade in state.book.in_symbol(signal.symbol):
        if trade.context.strategy_name == signal.strategy_name and trade.held:
            symbol = state.symbols[signal.symbol]
            leave(state, trade, reasons, symbol.latest() or trade.stop_price, at, out)
            advance(state, trade, at, out)


def flatten(state: CoreState, reason: str, at: datetime, out: Out) -> None:
    """Close every trade."""
    for trade in list(state.book.trades.values()):
        symbol = state.symbols.get(trade.symbol)
        mark = symbol.latest() if symbol is not None else None
        leave(state, trade, reason, mark or trade.stop_price, at, out)
        advance(state, trade, at, out)


def advance(state: CoreState, trade: Trade, at: datetime, out: Out) -> None:
    """Perform the next steps of `trade`, book its protection, close it when it is done."""
    view = _view(state, trade, at)
    stands_still = state.stands_still(trade.symbol)
    for step in () if stands_still else next_steps(trade, view, state.maker):
        _perform(state, trade, step, view, out)
    book_protection(state, trade, at, out)
    if is_done(trade):
        _close(state, trade, at, out)
    elif _is_busy(trade):
        out.append(SetTimer(name=TIMER, at=at + _order_wait(state, at)))
    elif not trade.exit_reason:
        state.resting.add(trade.trade_id)


def _order_wait(state: CoreState, at: datetime) -> timedelta:
    """Until the next reading of the orders: nothing is urgent while the exchange is closed."""
    session = state.session
    is_open = session is not None and session.open <= at < session.close + _LAST_MINUTE
    wait = timedelta(seconds=state.settings.execution.order_poll_s)
    return wait if is_open else max(wait, _CLOSED_WAIT)


def _view(state: CoreState, trade: Trade, at: datetime) -> View:
    symbol = state.symbols.get(trade.symbol)
    session = state.session
    bid = None
    if symbol is not None and not symbol.problem and _needs_bid(state, trade):
        age_max = timedelta(seconds=state.settings.quotes.quote_age_max_s)
        bid = bid_of(state, symbol, at, age_max)
    return View(
        now=at,
        bid=bid,
        is_open=session is not None and session.open <= at < session.close,
        is_last_minute=session is not None and at >= session.close - _LAST_MINUTE,
        no_entries=_no_entries(state),
        is_halted=symbol is not None and symbol.problem == QuoteCode.HALTED.value,
        is_closing=state.day.is_flattening,
    )


def _needs_bid(state: CoreState, trade: Trade) -> bool:
    return (
        bool(trade.exit_reason)
        or trade.held > trade.working_sells
        or ratchet.is_on(state.settings.execution)
    )


def _no_entries(state: CoreState) -> str:
    if state.stopping:
        return f"stopping: {state.stopping}"
    # One reading that failed is no reason to give up an entry that ends in seconds by itself.
    causes = [p.text for c, p in state.protection.items() if c != protect.Cause.ORDERS_UNREAD]
    return f"protect only: {'; '.join(causes)}" if causes else ""


def _is_busy(trade: Trade) -> bool:
    return (
        any(
            o.is_working
            and (
                o.intent.leg is not Leg.STOP
                or o.state not in CONFIRMED
                or o.cancel_asked_at is not None
            )
            for o in trade.orders.values()
        )
        or trade.held > trade.working_sells
    )


def _perform(state: CoreState, trade: Trade, step: Step, view: View, out: Out) -> None:
    at = view.now
    if isinstance(step, Cancel):
        say_order(state, out, "cancel_requested", trade, step.order, at, {"reason": step.reason})
        out.append(CancelOrder(ref_id=step.order.intent.ref_id, order_id=step.order.order_id))
    elif isinstance(step, Leave):
        leave(state, trade, step.reason, step.expected, at, out)
        for following in next_steps(trade, view, state.maker):
            if not isinstance(following, Leave):
                _perform(state, trade, following, view, out)
    else:
        _sell(state, trade, step, at, out)


def _sell(state: CoreState, trade: Trade, step: Sell, at: datetime, out: Out) -> None:
    own = state.book.in_symbol(trade.symbol)
    working = sum(t.working_sells for t in own)
    # A late bust opens a trade again beside another: neither may sell the other's shares.
    may_hold = trade.held + working - trade.working_sells
    context = ExitContext(
        held_quantity=min(may_hold, sum(t.held for t in own)),
        working_sells=working,
        broker_sellable=_broker_sellable(state, trade.symbol, own),
        is_duplicate=step.intent.ref_id in trade.orders,
    )
    free = free_quantity(context)
    if free is not None and 0 < free < step.intent.quantity:
        # Somebody sold some of them: what is still there must not go bare for what is not.
        step = replace(step, intent=changed(step.intent, quantity=free))
    verdict = judge_exit(step.intent, context)
    if isinstance(verdict, Refused):
        # What the broker held at its last reading may be the reason: the next may say otherwise.
        if state.account is None or at - state.account.at >= _READ_AGAIN:
            ask_account(state, out)
        if is_news(state, "exit_refused", trade.trade_id, verdict.rule):
            numbers: Numbers = {
                "symbol": trade.symbol,
                "rule": verdict.rule,
                "reason": verdict.reason,
            }
            alarm(state, out, at, "exit_refused", "sell_rejected", numbers)
        return
    order = TrackedOrder(
        intent=step.intent, purpose=step.purpose, expected_price=step.expected_price
    )
    say_order(state, out, "intent", trade, order, at, intent_data(order, None))
    out.append(PlaceOrder(order=verdict.order))


def _broker_sellable(state: CoreState, symbol: str, own: list[Trade]) -> Decimal | None:
    """What the broker holds of `symbol` and others do not offer; None while it may be old news.

    A reading from before our last fill knows nothing of those shares. What backs sells is ours or
    others' for certain only in a reading from after the latest word of our own orders.
    """
    account, booked = state.account, state.fills_booked.get(symbol)
    if account is None or state.positions is None:
        return None
    if booked is not None and account.at <= booked:
        return None
    at_broker = next((p for p in state.positions if p.symbol == symbol), None)
    if at_broker is None:
        return ZERO
    orders = [o for t in own for o in t.orders.values() if o.intent.leg is not Leg.ENTRY]
    if any(o.changed_at is not None and o.changed_at >= account.at for o in orders):
        return at_broker.quantity
    working = sum(o.remaining for o in orders if o.state in CONFIRMED)
    return at_broker.quantity - max(at_broker.held_for_sells - working, ZERO)


def _close(state: CoreState, trade: Trade, at: datetime, out: Out) -> None:
    over(state, "exit_refused", trade.trade_id)
    state.closed_ref_ids.update(trade.orders)
    if trade.symbol in state.symbols:
        # The next trade's target needs its own quotes in a row.
        symbol = state.symbols[trade.symbol]
        symbol.target_seen, symbol.stop_wanted, symbol.stop_seen = 0, None, 0
    data: Data = {"quantity": 0, "watch_until": _watch_until(state)}
    if not trade.bought:
        say_trade(state, out, "closed", trade, at, data)
        return
    entries, exits = trade.executions(of_entry=True), trade.executions(of_entry=False)
    trip = round_trip(trade.trade_id, trade.symbol, entries, exits)
    data |= {
        "quantity": trip.quantity,
        "net_profit_loss": text_of(trip.net_profit_loss),
        "unprotected_ms": trade.unprotected_ms,
    }
    say_trade(state, out, "closed", trade, at, data)
    results.book(state, entry_order_id(trade), trip.net_profit_loss, trip.closed_at)
    write_metric(state, at, out)
    ask_account(state, out)
    check_day(state, at, out, is_new_quote=False)


def _watch_until(state: CoreState) -> str:
    """The close of the next session: until then a fill may still come to light."""
    calendar = state.settings.calendar
    following = calendar.session(calendar.next_session(state.trading_day))
    assert following is not None, "the calendar names sessions only"
    return format_timestamp(following.close)


def write_metric(state: CoreState, at: datetime, out: Out) -> None:
    """Record how the latest round trips did, and tell when that is bad."""
    equity = (state.day.opening_equity or ZERO) + state.day.realised
    metric = state.window.metric(at=at, equity=equity)
    out.append(Record(STREAM_PERFORMANCE, metric))
    if metric.alert_triggered and metric.alert_message:
        out.append(Alert(severity="WARNING", subject="performance", text=metric.alert_message))


def ask_account(state: CoreState, out: Out) -> None:
    """Read the account, unless a reading is under way."""
    if not state.calls.account:
        state.calls.account = True
        out.append(RequestAccount())


def ask_orders(state: CoreState, out: Out, *, at: datetime | None = None) -> None:
    """Read the broker's orders from a day before our oldest on, unless that is under way.

    Orders of closed trades that are watched are not urgent: given `at`, they widen the reading, or
    cause one, once a minute; else they wait for the next poll. One that is doubted is read at once.
    """
    calls, book = state.calls, state.book
    if calls.orders:
        return
    created = [order.intent.created_at for _, order in book.orders.values()]
    if calls.look_from is not None:
        created.append(calls.look_from)
        calls.look_from = None
    oldest = min(created, default=None)
    watched = book.watched_since
    if watched is not None and _is_time_to_watch(state, at):
        oldest = watched if oldest is None else min(oldest, watched)
        calls.watched_at = at
    if oldest is None:
        return
    calls.orders, calls.orders_since = True, oldest - _LOOKBACK
    out.append(RequestOrders(since=calls.orders_since))


def _is_time_to_watch(state: CoreState, at: datetime | None) -> bool:
    last = state.calls.watched_at
    return at is not None and (last is None or at - last >= _WATCH_EVERY)
