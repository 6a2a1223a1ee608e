"""Open trades: what the broker said of their orders, what comes next, what is written of them."""

from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.core import protect
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
from trading_bot.core.say import (
    Data,
    Numbers,
    alarm,
    book_result,
    is_news,
    over,
    say_order,
    say_trade,
)
from trading_bot.core.state import CoreState, Out, SymbolState
from trading_bot.core.trader_words import plain
from trading_bot.domain.money import ZERO, price_from_float, text_of
from trading_bot.domain.order import BrokerOrder, Leg, OrderState
from trading_bot.domain.signal import ExitSignal
from trading_bot.execution.advance import Cancel, Sell, Step, View, is_done, next_steps
from trading_bot.execution.book import intent_data
from trading_bot.execution.observe import impossible, new_facts
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.execution.trade_records import trade_record
from trading_bot.performance.round_trips import round_trip
from trading_bot.ports.records import STREAM_PERFORMANCE, STREAM_TRADES
from trading_bot.risk.context import ExitContext
from trading_bot.risk.gate import Refused, judge_exit

TIMER = "orders"
_LOOKBACK = timedelta(hours=24)
_CONFIRMED = (OrderState.UNCONFIRMED, OrderState.OPEN, OrderState.PART_FILLED)
_ABSENT_READS = 3
_ABSENT_FOR = timedelta(seconds=60)
_LAST_MINUTE = timedelta(minutes=1)
_CLOSED_WAIT = timedelta(minutes=5)
_BARE_ALARM = timedelta(seconds=60)


def on_quotes(state: CoreState, at: datetime, out: Out) -> None:
    """Take targets and deadlines that the latest quotes reached; then move every trade on."""
    has_deadlines = state.settings.execution.max_hold_minutes is not None
    for trade in list(state.book.trades.values()):
        is_resting = trade.trade_id in state.resting
        if is_resting and trade.target is None and not has_deadlines:
            continue
        if not trade.exit_reason and trade.held:
            _look_for_exit(state, trade, at, out)
        advance(state, trade, at, out)


def _look_for_exit(state: CoreState, trade: Trade, at: datetime, out: Out) -> None:
    symbol = state.symbols.get(trade.symbol)
    bid = None if symbol is None else _bid_of(symbol, at, timedelta(0))
    if symbol is None or bid is None:
        return
    target = trade.target
    symbol.target_seen = symbol.target_seen + 1 if target is not None and bid >= target else 0
    settings = state.settings.execution
    if target is not None and symbol.target_seen >= settings.exit_confirmations:
        symbol.target_seen = 0
        leave(
            state, trade, f"target {text_of(target)} reached, bid {text_of(bid)}", target, at, out
        )
    elif settings.max_hold_minutes is not None and trade.opened_at is not None:
        held = at - trade.opened_at
        if held >= timedelta(minutes=settings.max_hold_minutes):
            leave(state, trade, f"held for {settings.max_hold_minutes} minutes", bid, at, out)


def leave(
    state: CoreState, trade: Trade, reason: str, expected: Decimal, at: datetime, out: Out
) -> None:
    """Decide to close `trade`: durable before the first cancel, so that a restart finishes it."""
    if trade.exit_reason or trade.symbol in state.reconciled.frozen:
        return
    data: Data = {
        "exit_reason": reason,
        "exit_expected": text_of(expected),
    }
    say_trade(state, out, "plan_change", trade, at, data)


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
    stands_still = state.stands_still(trade.symbol)
    for step in () if stands_still else next_steps(trade, _view(state, trade, at), state.maker):
        _perform(state, trade, step, at, out)
    _book_protection(state, trade, at, out)
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
    if trade.exit_reason and symbol is not None and not symbol.problem:
        age_max = timedelta(seconds=state.settings.quotes.quote_age_max_s)
        bid = _bid_of(symbol, at, age_max)
    return View(
        now=at,
        bid=bid,
        is_open=session is not None and session.open <= at < session.close,
        is_last_minute=session is not None and at >= session.close - _LAST_MINUTE,
        no_entries=_no_entries(state),
    )


def _bid_of(symbol: SymbolState, at: datetime, age_max: timedelta) -> Decimal | None:
    """What could be sold at, as known at most `age_max` before `at`; None when nothing is."""
    bar, quote = symbol.recorded, symbol.quote
    if bar is not None:
        return price_from_float(bar.close) if at - bar.end <= age_max else None
    if quote is None:
        return None
    return quote.bid if at - quote.checked_at <= age_max else None


def _no_entries(state: CoreState) -> str:
    if state.stopping:
        return f"stopping: {state.stopping}"
    return f"protect only: {state.protect_only}" if state.protect_only else ""


def _is_busy(trade: Trade) -> bool:
    return (
        any(
            o.is_working
            and (
                o.intent.leg is not Leg.STOP
                or o.state not in _CONFIRMED
                or o.cancel_asked_at is not None
            )
            for o in trade.orders.values()
        )
        or trade.held > trade.working_sells
    )


def _perform(state: CoreState, trade: Trade, step: Step, at: datetime, out: Out) -> None:
    if isinstance(step, Cancel):
        say_order(state, out, "cancel_requested", trade, step.order, at, {"reason": step.reason})
        out.append(CancelOrder(ref_id=step.order.intent.ref_id, order_id=step.order.order_id))
        return
    _sell(state, trade, step, at, out)


def _sell(state: CoreState, trade: Trade, step: Sell, at: datetime, out: Out) -> None:
    own = state.book.in_symbol(trade.symbol)
    context = ExitContext(
        held_quantity=trade.held,
        working_sells=sum(t.working_sells for t in own),
        broker_sellable=None,
        is_duplicate=step.intent.ref_id in trade.orders,
    )
    verdict = judge_exit(step.intent, context)
    if isinstance(verdict, Refused):
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


def _book_protection(state: CoreState, trade: Trade, at: datetime, out: Out) -> None:
    covered = sum(
        o.remaining
        for o in trade.orders.values()
        if o.intent.leg is not Leg.ENTRY and o.state in _CONFIRMED
    )
    bare = trade.held - covered
    if bare > 0 and trade.unprotected_since is None:
        since = _bare_since(trade, at)
        data: Data = {"quantity": bare, "since": since.isoformat()}
        say_trade(state, out, "unprotected", trade, at, data)
    elif bare > 0:
        _tell_if_long_bare(state, trade, bare, at, out)
    elif trade.unprotected_since is not None:
        over(state, "bare", trade.trade_id)
        seconds = (at - trade.unprotected_since).total_seconds()
        state.day.peak_unprotected_s = max(state.day.peak_unprotected_s, seconds)
        say_trade(state, out, "protected", trade, at, {"unprotected_ms": round(seconds * 1000)})


def _tell_if_long_bare(state: CoreState, trade: Trade, bare: int, at: datetime, out: Out) -> None:
    """A stop that is refused again and again is a matter for a person."""
    since = trade.unprotected_since
    if since is None or at - since < _BARE_ALARM or not is_news(state, "bare", trade.trade_id):
        return
    numbers: Numbers = {
        "symbol": trade.symbol,
        "quantity": bare,
        "unprotected_s": round((at - since).total_seconds()),
    }
    alarm(state, out, at, "position_unprotected", "stop_tried_again", numbers)


def _bare_since(trade: Trade, at: datetime) -> datetime:
    """When the shares without a stop were bought, which we learn later; else now."""
    covered_at = trade.covered_at
    bought = (
        execution.at
        for execution in trade.executions(of_entry=True)
        if covered_at is None or execution.at > covered_at
    )
    return min(bought, default=at)


def take_order(
    state: CoreState, seen: BrokerOrder, at: datetime, out: Out, *, ref_id: str = ""
) -> None:
    """Book what a reading of one of our orders adds, then move its trade on.

    `ref_id` is the order's name where we know it from elsewhere: brokers need not echo it.
    """
    found = _find(state, seen, ref_id or seen.ref_id)
    if found is None:
        return
    trade, order = found
    if problem := impossible(trade, order, seen):
        _disbelieve(state, trade, problem, at, out)
    else:
        for fact in new_facts(order, seen):
            data = dict(fact.data)
            say_order(state, out, fact.kind, trade, order, at, data, order_id=seen.order_id)
            if fact.kind == "fill":
                _record_fill(state, trade, order, str(fact.data["execution_id"]), out)
    advance(state, trade, at, out)


def _disbelieve(state: CoreState, trade: Trade, problem: str, at: datetime, out: Out) -> None:
    text = f"the broker says what cannot be: {problem}"
    protect.begin(state, out, at, protect.Cause.BROKER_IMPOSSIBLE, text)
    if is_news(state, "impossible", trade.trade_id, problem):
        numbers: Numbers = {"symbol": trade.symbol, "reason": problem}
        alarm(state, out, at, "broker_answer_impossible", "protect_only", numbers)


def miss_unknown(state: CoreState, seen: tuple[BrokerOrder, ...], at: datetime, out: Out) -> None:
    """Count readings that lack an unknown order; after enough of them it is presumed never placed.

    It is withdrawn, never sent again: what it was for is decided anew.
    """
    there = {order.ref_id for order in seen}
    for ref_id, (trade, order) in list(state.book.orders.items()):
        if order.state is not OrderState.UNKNOWN or ref_id in there:
            order.missed_since, order.missed_reads = None, 0
            continue
        order.missed_since = order.missed_since or at
        order.missed_reads += 1
        if order.missed_reads >= _ABSENT_READS and at - order.missed_since >= _ABSENT_FOR:
            reason = f"absent from {order.missed_reads} whole readings of the broker's orders"
            say_order(state, out, "withdrawn", trade, order, at, {"reason": reason})


def _find(state: CoreState, seen: BrokerOrder, ref_id: str) -> tuple[Trade, TrackedOrder] | None:
    if ref_id:
        return state.book.orders.get(ref_id)
    return next(
        (pair for pair in state.book.orders.values() if pair[1].order_id == seen.order_id), None
    )


def _record_fill(
    state: CoreState, trade: Trade, order: TrackedOrder, execution_id: str, out: Out
) -> None:
    assert state.origin is not None, "the first event must be Started"
    execution = order.executions[execution_id]
    record = trade_record(trade, order, execution, state.origin)
    out.append(Record(STREAM_TRADES, record))
    if state.settings.calendar.trading_day(execution.at) != state.trading_day:
        return  # Learnt late: it counts for the day it happened on, as it will after a restart.
    if order.intent.leg is Leg.ENTRY and len(order.executions) == 1:
        state.day.trades += 1
    if record.net_profit_loss is not None:
        state.day.realised += record.net_profit_loss


def _close(state: CoreState, trade: Trade, at: datetime, out: Out) -> None:
    over(state, "exit_refused", trade.trade_id)
    state.closed_ref_ids.update(trade.orders)
    if trade.symbol in state.symbols:
        # The next trade's target needs its own quotes in a row.
        state.symbols[trade.symbol].target_seen = 0
    if not trade.bought:
        say_trade(state, out, "closed", trade, at, {"quantity": 0})
        return
    entries, exits = trade.executions(of_entry=True), trade.executions(of_entry=False)
    trip = round_trip(trade.trade_id, trade.symbol, entries, exits)
    data: Data = {"quantity": trip.quantity, "net_profit_loss": text_of(trip.net_profit_loss)}
    say_trade(state, out, "closed", trade, at, data)
    book_result(state, trip.net_profit_loss, trip.closed_at)
    write_metric(state, at, out)
    ask_account(state, out)
    check_day(state, at, out, is_new_quote=False)


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


def ask_orders(state: CoreState, out: Out) -> None:
    """Read the broker's orders from a day before our oldest on, unless that is under way."""
    if state.calls.orders or not state.book.orders:
        return
    state.calls.orders = True
    since = min(order.intent.created_at for _, order in state.book.orders.values()) - _LOOKBACK
    out.append(RequestOrders(since=since))
