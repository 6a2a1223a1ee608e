"""From a signal to an order or a refusal, with every number."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from trading_bot.core.effects import PlaceOrder, Record, SetTimer
from trading_bot.core.say import day_pnl, info_of, say_order, streak
from trading_bot.core.state import CoreState, Out, StrategySlot, SymbolState
from trading_bot.core.trades import TIMER as ORDERS_TIMER
from trading_bot.domain.bar import Bar
from trading_bot.domain.money import ZERO, price_from_float
from trading_bot.domain.order import Leg, OrderIntent
from trading_bot.domain.signal import Signal
from trading_bot.execution.book import intent_data
from trading_bot.execution.trade import TrackedOrder, Trade, TradeContext
from trading_bot.logging.decision_record import DecisionRecord, QuoteSeen
from trading_bot.logging.line import format_timestamp
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_RISK
from trading_bot.risk.check import Check
from trading_bot.risk.context import EntryContext
from trading_bot.risk.gate import Refused, Verdict, judge_entry
from trading_bot.risk.risk_events import DayReading, rejection_event
from trading_bot.risk.sizing import Sizing, size_entry

_BAR_AGE_MAX = timedelta(seconds=90)
"""A bar closes at the first poll past its end; after an outage that is long past what it says.

The slowest poll is one a minute, and its answer may take its time.
"""


def consider(
    state: CoreState,
    symbol: SymbolState,
    slot: StrategySlot,
    signal: Signal,
    bar: Bar,
    at: datetime,
    out: Out,
) -> None:
    """Size the signal, ask the gate, write the verdict down, send what was approved."""
    maker = state.maker
    ref_id = maker.entry_ref_id(signal)
    context = entry_context(state, symbol, slot, signal, ref_id, bar, at)
    limit = maker.entry_limit(context.ask if context.ask is not None else signal.price)
    size = size_entry(
        price=limit,
        stop=signal.stop_loss,
        equity=context.equity,
        buying_power=context.buying_power,
        reserved_cash=context.reserved_cash,
        exposure=context.exposure,
        limits=state.settings.risk,
    )
    # A size of nothing is judged all the same, as one share: the decision then shows every rule.
    quantity = size.quantity or 1
    instrument = symbol.quote.quote.instrument_id if symbol.quote is not None else ""
    intent = maker.entry(
        signal, ref_id=ref_id, quantity=quantity, limit=limit, now=at, instrument_id=instrument
    )
    verdict = judge_entry(intent, context, state.settings.risk)
    said = _Said.of(size, verdict)
    _write_decision(state, signal, intent, said, symbol, context, out)
    if said.rule is not None or isinstance(verdict, Refused):
        return
    state.seen_ref_ids.add(intent.ref_id)
    trade = Trade(trade_id=intent.trade_id, symbol=signal.symbol, context=context_of(signal))
    order = TrackedOrder(
        intent=intent, purpose=f"entry: {signal.entry_type}", expected_price=signal.price
    )
    say_order(state, out, "intent", trade, order, at, intent_data(order, trade.context))
    out.append(PlaceOrder(order=verdict.order))
    out.append(
        SetTimer(
            name=ORDERS_TIMER, at=at + timedelta(seconds=state.settings.execution.order_poll_s)
        )
    )


def context_of(signal: Signal) -> TradeContext:
    """Why the trade was taken, as its records will say."""
    return TradeContext(
        strategy_name=signal.strategy_name,
        entry_type=signal.entry_type,
        bar_end=signal.bar_end,
        signal_price=signal.price,
        stop_loss=signal.stop_loss,
        target=signal.target,
        risk_reward_ratio=signal.risk_reward_ratio,
        reasons=signal.reasons,
        indicators_used=signal.indicators_used,
    )


def entry_context(
    state: CoreState,
    symbol: SymbolState,
    slot: StrategySlot,
    signal: Signal,
    ref_id: str,
    bar: Bar,
    at: datetime,
) -> EntryContext:
    """Everything the gate looks at; None where it is not known. `ref_id` names the entry."""
    account, day = state.account, state.day
    # Most entries are asked for with nothing open at all: then there is nothing to add up.
    trades = state.book.trades
    held = working = unbought = 0
    if trades:
        own = state.book.in_symbol(signal.symbol)
        held = sum([t.held for t in own])
        working = sum([1 for t in own for o in t.orders.values() if o.is_working])
        unbought = sum([1 for t in trades.values() if not t.bought])
    bid, ask, last, age_s = _market(symbol, bar, at)
    return EntryContext(
        now=at,
        session=state.session,
        hours_agree=day.hours_agree,
        bid=bid,
        ask=ask,
        last=last,
        quote_age_s=age_s,
        quote_problem=symbol.problem or None,
        equity=account.equity if account is not None else None,
        opening_equity=day.opening_equity,
        buying_power=spendable(state),
        account_age_s=(at - account.at).total_seconds() if account is not None else None,
        reserved_cash=reserved_cash(state) if trades else ZERO,
        position_quantity=held,
        foreign_quantity=foreign_quantity(state, signal.symbol),
        working_orders=working,
        open_positions=len(trades),
        exposure=exposure(state) if trades else ZERO,
        trades_today=day.trades + unbought,
        is_duplicate=ref_id in state.seen_ref_ids,
        day_pnl=day_pnl(state),
        consecutive_losses=streak(state),
        trips=state.breaker.names,
        protect_only=state.protect_only or _closing(state) or None,
        strategy_stopped=slot.stopped or _untimely(state, bar, at) or None,
        stop=signal.stop_loss,
        target=signal.target,
        reference_price=signal.price,
    )


def spendable(state: CoreState) -> Decimal | None:
    """What entries may spend: settled cash, or all buying power where margin is used."""
    account = state.account
    if account is None:
        return None
    if state.settings.execution.use_margin:
        return account.buying_power
    return min(account.buying_power, account.settled_cash)


def _market(
    symbol: SymbolState, bar: Bar, at: datetime
) -> tuple[Decimal | None, Decimal | None, Decimal | None, float | None]:
    """Bid, ask and last, and how many seconds old they are."""
    quote = symbol.quote
    if quote is not None:
        updated_at = quote.quote.updated_at
        age_s = None if updated_at is None else (at - updated_at).total_seconds()
        return quote.bid, quote.ask, quote.last, age_s
    if symbol.problem or bar.volume_source != "recorded":
        return None, None, None, None
    # A recorded bar has no book: its close stands for all three, the fill model adds the costs.
    close = price_from_float(bar.close)
    return close, close, close, (at - bar.end).total_seconds()


def _closing(state: CoreState) -> str:
    if state.stopping:
        return f"stopping: {state.stopping}"
    if state.day.is_flattening:
        return "positions are being closed for the end of the day"
    return ""


def _untimely(state: CoreState, bar: Bar, at: datetime) -> str:
    if state.started_at is not None and bar.start < state.started_at:
        return "the bar began before this start"
    if at - bar.end > _BAR_AGE_MAX:
        return f"the bar ended {(at - bar.end).total_seconds():.0f} s ago"
    return ""


def reserved_cash(state: CoreState) -> Decimal:
    """Dollars that working entries may still take, and that fills took since the last reading."""
    read_at = state.account.at if state.account is not None else None
    total = ZERO
    for trade in state.book.trades.values():
        for order in trade.orders.values():
            if order.intent.leg is not Leg.ENTRY:
                continue
            if order.intent.limit_price is not None:
                total += order.intent.limit_price * order.remaining
            for execution in order.executions.values():
                if read_at is None or execution.at >= read_at:
                    total += execution.price * execution.quantity
    return total


def exposure(state: CoreState) -> Decimal:
    """What our open shares have cost and what working entries may, at their limit; dollars."""
    total = ZERO
    for trade in state.book.trades.values():
        total += trade.lots.cost
        for order in trade.orders.values():
            intent = order.intent
            if intent.leg is Leg.ENTRY and intent.limit_price is not None:
                total += intent.limit_price * order.remaining
    return total


def foreign_quantity(state: CoreState, symbol: str) -> Decimal | None:
    """Shares of `symbol` at the broker that are not ours; None when the account was never read."""
    if state.positions is None or state.account is None:
        return None
    at_broker = ZERO
    for position in state.positions:
        if position.symbol == symbol:
            at_broker = position.quantity
            break
    if not state.book.trades:
        return at_broker
    read_at = state.account.at
    ours = 0
    for trade in state.book.in_symbol(symbol):
        for is_entry, sign in ((True, 1), (False, -1)):
            ours += sign * sum(
                e.quantity for e in trade.executions(of_entry=is_entry) if e.at <= read_at
            )
    return at_broker - ours


class _Said(msgspec.Struct, frozen=True, gc=False):
    """The answer as it is written: the gate's refusal first, then a size of nothing."""

    rule: str | None
    reason: str
    checks: tuple[Check, ...]
    quantity: int | None

    @classmethod
    def of(cls, size: Sizing, verdict: Verdict) -> "_Said":
        if isinstance(verdict, Refused):
            return cls(verdict.rule, verdict.reason, verdict.checks, size.quantity or None)
        if size.code:
            return cls(size.code, size.reason, verdict.checks, None)
        return cls(None, f"{verdict.reason}; {size.reason}", verdict.checks, size.quantity)


def _write_decision(
    state: CoreState,
    signal: Signal,
    intent: OrderIntent,
    said: _Said,
    symbol: SymbolState,
    context: EntryContext,
    out: Out,
) -> None:
    at = context.now
    record = DecisionRecord(
        seq=state.decision_seq,
        timestamp=format_timestamp(at),
        session_id=info_of(state).session_id,
        symbol=signal.symbol,
        strategy_name=signal.strategy_name,
        entry_type=signal.entry_type,
        signal_id=intent.ref_id,
        ref_id=None if said.rule else intent.ref_id,
        verdict="refused" if said.rule else "approved",
        rule=said.rule,
        reason=said.reason,
        signal_price=signal.price,
        signal_reasons=signal.reasons,
        quantity=said.quantity,
        limit_price=intent.limit_price,
        stop_loss=signal.stop_loss,
        target=signal.target,
        bar_end=format_timestamp(signal.bar_end),
        checks=said.checks,
        quote=_quote_seen(symbol),
    )
    state.decision_seq += 1
    out.append(Record(STREAM_DECISIONS, record))
    if said.rule:
        event = rejection_event(
            rule=said.rule,
            reason=said.reason,
            symbol=signal.symbol,
            reading=DayReading(
                at=at,
                trading_day=state.trading_day,
                realised_pnl=state.day.realised,
                day_pnl=context.day_pnl,
                opening_equity=context.opening_equity,
                consecutive_losses=context.consecutive_losses,
            ),
            limits=state.settings.risk,
        )
        out.append(Record(STREAM_RISK, event))


def _quote_seen(symbol: SymbolState) -> QuoteSeen | None:
    checked = symbol.quote
    if checked is None:
        return None
    at = checked.quote.updated_at
    return QuoteSeen(
        bid=checked.bid,
        ask=checked.ask,
        last=checked.last,
        at=None if at is None else format_timestamp(at),
    )
