"""What a reading of the broker's orders adds to what we know of ours."""

from datetime import datetime, timedelta

from trading_bot.core import corporate, protect, reconcile_asks, results, trades
from trading_bot.core.effects import Alert, Record, SetTimer
from trading_bot.core.say import (
    Data,
    Numbers,
    alarm,
    is_news,
    note,
    say_order,
    say_trade,
    warn,
)
from trading_bot.core.state import CoreState, LateSale, Out, SymbolState
from trading_bot.domain.money import ZERO, text_of
from trading_bot.domain.order import BrokerOrder, Execution, Leg, OrderState, TimeInForce
from trading_bot.execution.booking import corrections_of
from trading_bot.execution.lifetime import has_lived_out
from trading_bot.execution.observe import (
    Fact,
    edit_of,
    impossible,
    is_correction,
    new_facts,
    oversold,
    taken_back,
)
from trading_bot.execution.ownership import whose
from trading_bot.execution.retries import (
    STOPS_REFUSED_MAX,
    may_stop_again,
    refuses_gtc,
    wants_shares,
)
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.execution.trade_records import entry_order_id, trade_record
from trading_bot.market.bars import BarBuilder
from trading_bot.market.quote_check import QuoteTracker
from trading_bot.ports.records import STREAM_TRADES

_STANDING = frozenset({OrderState.OPEN, OrderState.PART_FILLED, OrderState.FILLED})
_REOPENING = frozenset({"fill", "bust", "reply"})


def take_order(
    state: CoreState, seen: BrokerOrder, at: datetime, out: Out, *, ref_id: str = ""
) -> None:
    """Book what a reading of one of our orders adds, then move its trade on.

    `ref_id` is the order's name where we know it from elsewhere: brokers need not echo it.
    """
    found = state.book.find(ref_id or seen.ref_id, seen.order_id)
    if found is None and seen.replaces:
        found = state.book.find("", seen.replaces)
    if found is None:
        _look_at_stranger(state, seen, at, out)
        return
    trade, order = found
    seen = corporate.in_our_words(state, trade, order, seen, at, out)
    if seen.replaces and seen.replaces == order.order_id and seen.unlike_ours:
        _lose_to_owner(state, trade, order, seen, at, out)
        return
    _follow_edit(state, trade, order, seen, at, out)
    _look_at_fees(state, order, seen, at, out)
    if _is_doubtful(order, seen):
        _look_again(state, order, at, out)
        return
    waiting = state.late_sales.pop(order.intent.ref_id, None)
    if problem := impossible(trade, order, seen):
        if problem == oversold(trade, order, seen) and not _is_judged(state, trade, problem):
            late = waiting or LateSale(problem=problem, seen=seen)
            late.problem, late.seen = problem, seen
            state.late_sales[order.intent.ref_id] = late
        else:
            disbelieve(state, trade, problem, at, out)
    else:
        _take_facts(state, trade, order, seen, at, out)
    if not trade.is_closed:
        trades.advance(state, trade, at, out)


def _is_judged(state: CoreState, trade: Trade, problem: str) -> bool:
    """True when no reading of the account is to come that could explain it, or it came already."""
    was_told = ("impossible", trade.trade_id, problem) in state.said
    is_accepted = protect.problem_key(trade.trade_id, problem) in state.reconciled.accepted
    return not state.reconciles or was_told or is_accepted


def _take_facts(
    state: CoreState, trade: Trade, order: TrackedOrder, seen: BrokerOrder, at: datetime, out: Out
) -> None:
    facts = new_facts(order, seen)
    was_counted = False
    if trade.is_closed:
        if not any(fact.kind in _REOPENING for fact in facts):
            return
        was_counted = reopen(state, trade, order, _kinds(facts), at, out)
    is_corrected = is_correction(facts)
    for fact in facts:
        _book(state, trade, order, seen, fact, at, out, is_corrected=is_corrected)
    if was_counted:
        trades.write_metric(state, at, out)


def _look_at_fees(
    state: CoreState, order: TrackedOrder, seen: BrokerOrder, at: datetime, out: Out
) -> None:
    """Fees that the broker told otherwise later: the trade record stays, the note says by how much.

    A record is written once; regulatory fees are cents, and the tax statement has the last word.
    """
    for execution in seen.executions:
        booked = order.executions.get(execution.execution_id)
        if booked is None or booked.fees == execution.fees:
            continue
        if is_news(state, "fees", execution.execution_id, text_of(execution.fees)):
            data: Data = {
                "what": "fees_changed",
                "subject": order.intent.symbol,
                "execution_id": execution.execution_id,
                "booked": text_of(booked.fees),
                "fees": text_of(execution.fees),
            }
            note(state, out, at, data)


def _is_doubtful(order: TrackedOrder, seen: BrokerOrder) -> bool:
    """True when executions are gone for the first time: the next reading must say so too."""
    doubted, order.doubted = order.doubted, taken_back(order, seen)
    return bool(order.doubted) and order.doubted != doubted


def _look_again(state: CoreState, order: TrackedOrder, at: datetime, out: Out) -> None:
    """Soon, also when its trade is over and its orders are hardly watched any more."""
    state.calls.look_from = order.intent.created_at
    wait = timedelta(seconds=state.settings.execution.order_poll_s)
    out.append(SetTimer(name=trades.TIMER, at=at + wait))


def _look_at_stranger(state: CoreState, seen: BrokerOrder, at: datetime, out: Out) -> None:
    """An order that works under our tag and that no record knows: records were lost.

    One that is over may be older than what is watched, and whatever is foreign is not our matter.
    """
    if seen.state.is_final or whose(seen, state.book, state.maker.identity) != "ours_unknown":
        return
    reason = f"an order of ours is on no record: {seen.side} {seen.quantity} {seen.symbol}"
    if state.reconciles:
        # The comparison of everything judges it, and protects what it bought.
        if is_news(state, "on_no_record", seen.ref_id):
            protect.restate(state, at, protect.Cause.NOT_RECONCILED, reason)
            reconcile_asks.ask(state, at, out)
        return
    protect.begin(state, out, at, protect.Cause.BROKER_IMPOSSIBLE, reason)
    if is_news(state, "on_no_record", seen.ref_id):
        numbers: Numbers = {"symbol": seen.symbol, "reason": reason}
        alarm(state, out, at, "order_on_no_record", "protect_only", numbers)


def _lose_to_owner(
    state: CoreState,
    trade: Trade,
    order: TrackedOrder,
    seen: BrokerOrder,
    at: datetime,
    out: Out,
) -> None:
    """The owner made our order into one we cannot follow; ours ends by its own reading."""
    if is_news(state, "lost_to_owner", order.intent.ref_id):
        numbers: Numbers = {
            "symbol": trade.symbol,
            "leg": order.intent.leg.value,
            "reason": seen.unlike_ours,
        }
        alarm(state, out, at, "order_edited_by_owner", "not_followed", numbers)


def _follow_edit(
    state: CoreState,
    trade: Trade,
    order: TrackedOrder,
    seen: BrokerOrder,
    at: datetime,
    out: Out,
) -> None:
    edit = edit_of(order, seen)
    if edit is None:
        return
    if trade.is_closed:
        reopen(state, trade, order, _kinds([edit]), at, out)
    data = dict(edit.data)
    numbers: Numbers = {
        "symbol": trade.symbol,
        "leg": order.intent.leg.value,
        "quantity": seen.quantity,
        "price": str(data["stop_price"] or data["limit_price"]),
    }
    say_order(state, out, "replaced", trade, order, at, data, order_id=seen.order_id)
    alarm(state, out, at, "order_edited_by_owner", "followed", numbers)


def _book(
    state: CoreState,
    trade: Trade,
    order: TrackedOrder,
    seen: BrokerOrder,
    fact: Fact,
    at: datetime,
    out: Out,
    *,
    is_corrected: bool,
) -> None:
    data = dict(fact.data)
    if fact.kind == "bust":
        _book_bust(state, trade, order, data, at, out, is_corrected=is_corrected)
        return
    was_asked = order.cancel_asked_at is not None
    if fact.kind == "cancelled" and not was_asked:
        calendar = state.settings.calendar
        if has_lived_out(order.intent, seen.updated_at, calendar):
            data["lived_out"] = True
    say_order(state, out, fact.kind, trade, order, at, data, order_id=seen.order_id)
    if fact.kind == "fill":
        state.fills_booked[trade.symbol] = at
        record_fill(state, trade, order, str(fact.data["execution_id"]), out)
    elif fact.kind == "cancelled" and not was_asked:
        _tell_cancel(state, trade, order, at, out)
    elif fact.kind == "rejected":
        after_refusal(state, trade, order, seen.reject_reason, at, out)
    if order.intent.leg is Leg.STOP and order.state in _STANDING:
        state.stops_refused = 0
        protect.end(state, out, at, protect.Cause.STOPS_REFUSED, why="a stop was accepted")


def after_refusal(
    state: CoreState, trade: Trade, order: TrackedOrder, reason: str, at: datetime, out: Out
) -> None:
    """A broker that takes no stop that is good until cancelled gets them for the day from now on.

    The position cannot be held overnight then; the day's end closes it as it closes every other.
    Whatever the reason, the account is read: that somebody sold the shares shows there.
    """
    if order.intent.leg is not Leg.ENTRY:
        trades.ask_account(state, out)
    if order.intent.leg is not Leg.STOP:
        return
    if order.intent.time_in_force is not TimeInForce.GTC or not refuses_gtc(reason):
        if not wants_shares(reason):
            _count_refusal(state, trade, reason, at, out)
        return
    if trade.stop_life is TimeInForce.GTC:
        life = TimeInForce.GFD.value
        say_trade(state, out, "plan_change", trade, at, {"stop_life": life})
        numbers: Numbers = {"symbol": trade.symbol, "reason": reason}
        warn(state, out, at, "stop_until_cancelled_refused", "stop_for_the_day", numbers)


def _count_refusal(state: CoreState, trade: Trade, reason: str, at: datetime, out: Out) -> None:
    """Stops that do not come to stand, one after the other: what is bought would stay bare too."""
    state.stops_refused += 1
    if state.stops_refused <= STOPS_REFUSED_MAX:
        return
    text = f"{state.stops_refused} stops in a row came to nothing: {reason}"
    if protect.begin(state, out, at, protect.Cause.STOPS_REFUSED, text):
        numbers: Numbers = {"symbol": trade.symbol, "reason": text}
        alarm(state, out, at, "stops_refused", "entries_paused", numbers)


def _tell_cancel(
    state: CoreState, trade: Trade, order: TrackedOrder, at: datetime, out: Out
) -> None:
    """Somebody cancelled our order: an entry is over, a stop is placed once more.

    One whose time was up is placed as often as it takes.
    """
    numbers: Numbers = {"symbol": trade.symbol, "leg": order.intent.leg.value}
    if order.has_lived_out:
        warn(state, out, at, "order_lived_out", "followed", numbers)
        return
    if order.intent.leg is Leg.STOP and trade.held:
        action = "placed_once_more" if may_stop_again(trade) else "left_without"
        alarm(state, out, at, "stop_cancelled_by_others", action, numbers)
        return
    warn(state, out, at, "order_cancelled_by_others", "followed", numbers)
    text = f"{order.intent.leg} of {trade.symbol} was cancelled, not by the bot"
    out.append(Alert(severity="WARNING", subject="order_cancelled_by_others", text=text))


def _book_bust(
    state: CoreState,
    trade: Trade,
    order: TrackedOrder,
    data: Data,
    at: datetime,
    out: Out,
    *,
    is_corrected: bool,
) -> None:
    """The broker took an execution back: what it changed is changed back, and a person looks.

    Where as many shares stand in its place it was corrected, a price mostly: that is only told.
    """
    name = str(data["execution_id"])
    execution = order.executions[name]
    corrections = corrections_of(trade, order, name)
    total = sum((change for _, change in corrections), ZERO)
    of_day = sum((change for e, change in corrections if _is_todays(state, e)), ZERO)
    data["net_correction"] = text_of(total)
    if of_day != (total if _is_todays(state, execution) else ZERO):
        data["day_correction"] = text_of(of_day)
    say_order(state, out, "bust", trade, order, at, data)
    state.fills_booked[trade.symbol] = at
    state.day.realised += of_day
    if order.intent.leg is Leg.ENTRY and _is_todays(state, execution):
        state.day.trades -= not any(_is_todays(state, e) for e in order.executions.values())
    reason = f"the broker took back {execution.quantity} {trade.symbol} at {execution.price}"
    numbers: Numbers = {"symbol": trade.symbol, "reason": reason}
    if is_corrected:
        alarm(state, out, at, "execution_corrected", "followed", numbers)
        return
    protect.begin(state, out, at, protect.Cause.BROKER_IMPOSSIBLE, reason)
    alarm(state, out, at, "execution_taken_back", "protect_only", numbers)


def _kinds(facts: list[Fact]) -> str:
    return ", ".join(fact.kind for fact in facts)


def reopen(
    state: CoreState, trade: Trade, order: TrackedOrder, what: str, at: datetime, out: Out
) -> bool:
    """A closed trade has news that matters, `what`: it is looked after again.

    True when its result had been counted.
    """
    reason = f"late news of its {order.intent.leg}: {what}"
    say_trade(state, out, "reopened", trade, at, {"reason": reason})
    was_counted = results.take_back(state, entry_order_id(trade))
    poll_too(state, trade.symbol)
    numbers: Numbers = {"symbol": trade.symbol, "reason": reason}
    alarm(state, out, at, "trade_reopened", "protected_again", numbers)
    return was_counted


def poll_too(state: CoreState, name: str) -> None:
    """What is held is polled, also when no strategy watches it any more."""
    if name in state.symbols:
        return
    session = state.session
    state.symbols[name] = SymbolState(
        symbol=name,
        tracker=QuoteTracker(state.settings.quotes),
        builder=BarBuilder(name, session) if session is not None else None,
        slots=[],
        aggregators={},
    )
    state.symbols = dict(sorted(state.symbols.items()))


def disbelieve(state: CoreState, trade: Trade, problem: str, at: datetime, out: Out) -> None:
    """What the broker says is not booked; a person looks, and is not asked the same thing twice."""
    if protect.problem_key(trade.trade_id, problem) in state.reconciled.accepted:
        return
    text = f"the broker says what cannot be: {problem}"
    protect.begin(state, out, at, protect.Cause.BROKER_IMPOSSIBLE, text)
    if is_news(state, "impossible", trade.trade_id, problem):
        numbers: Numbers = {"symbol": trade.symbol, "reason": problem}
        alarm(state, out, at, "broker_answer_impossible", "protect_only", numbers)


def record_fill(
    state: CoreState, trade: Trade, order: TrackedOrder, execution_id: str, out: Out
) -> None:
    """Write the trade record of a booked execution and count it for its day."""
    assert state.origin is not None, "the first event must be Started"
    execution = order.executions[execution_id]
    record = trade_record(trade, order, execution, state.origin)
    out.append(Record(STREAM_TRADES, record))
    if not _is_todays(state, execution):
        return  # Learnt late: it counts for the day it happened on, as it will after a restart.
    is_first = sum(1 for e in order.executions.values() if _is_todays(state, e)) == 1
    if order.intent.leg is Leg.ENTRY and is_first:
        state.day.trades += 1
    if record.net_profit_loss is not None:
        state.day.realised += record.net_profit_loss


def _is_todays(state: CoreState, execution: Execution) -> bool:
    return state.settings.calendar.trading_day(execution.at) == state.trading_day
