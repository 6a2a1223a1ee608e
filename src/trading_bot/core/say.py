"""Writing down: order events, decisions, risk events.

Each with its number, once where once is enough.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from trading_bot.core.effects import Alert, Record
from trading_bot.core.events import SessionInfo
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import ZERO
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.order_event import OrderDatum, OrderEvent
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.ports.records import STREAM_ORDERS, STREAM_RISK
from trading_bot.risk.breaker import CONSECUTIVE_LOSSES
from trading_bot.risk.risk_events import DayReading

Numbers = Mapping[str, str | int | float | bool | None]
Data = dict[str, OrderDatum]


def info_of(state: CoreState) -> SessionInfo:
    """The session every record names; a bug when nothing was started."""
    assert state.info is not None, "the first event must be Started"
    return state.info


def say_order(
    state: CoreState,
    out: Out,
    kind: str,
    trade: Trade,
    order: TrackedOrder,
    at: datetime,
    data: Data,
    *,
    order_id: str = "",
) -> None:
    """Record a fact about one order and apply it to the book; `order_id` when that is news too."""
    write_order_event(
        state,
        out,
        OrderEvent(
            seq=state.order_seq,
            timestamp=format_timestamp(at),
            session_id=info_of(state).session_id,
            kind=kind,
            ref_id=order.intent.ref_id,
            broker_order_id=order_id or order.order_id or None,
            symbol=trade.symbol,
            side=order.intent.side.value,
            leg=order.intent.leg.value,
            correlation_id=trade.trade_id,
            data=data,
        ),
    )


def say_trade(
    state: CoreState, out: Out, kind: str, trade: Trade, at: datetime, data: Data
) -> None:
    """Record a fact about a trade as a whole and apply it to the book."""
    write_order_event(
        state,
        out,
        OrderEvent(
            seq=state.order_seq,
            timestamp=format_timestamp(at),
            session_id=info_of(state).session_id,
            kind=kind,
            symbol=trade.symbol,
            correlation_id=trade.trade_id,
            data=data,
        ),
    )


def write_order_event(state: CoreState, out: Out, event: OrderEvent) -> None:
    """Apply first, then record: an event the book refuses is a bug and must not be on disk."""
    state.book.apply(event)
    state.resting.discard(event.correlation_id or "")
    state.order_seq += 1
    out.append(Record(STREAM_ORDERS, event))


def note(state: CoreState, out: Out, at: datetime, data: dict[str, OrderDatum]) -> None:
    """Record a fact about the account or the day."""
    event = OrderEvent(
        seq=state.order_seq,
        timestamp=format_timestamp(at),
        session_id=info_of(state).session_id,
        kind="note",
        data=data,
    )
    state.order_seq += 1
    out.append(Record(STREAM_ORDERS, event))


def open_pnl(state: CoreState) -> Decimal | None:
    """Open profit and loss of all trades at their latest marks, in dollars.

    None when a mark is missing; frozen symbols count for nothing.
    """
    total = ZERO
    for trade in state.book.trades.values():
        held = trade.held
        if not held or trade.symbol in state.reconciled.frozen:
            continue
        symbol = state.symbols.get(trade.symbol)
        mark = None if symbol is None else symbol.latest()
        if mark is None:
            return None
        total += mark * held - trade.lots.cost
    return total


def day_pnl(state: CoreState) -> Decimal | None:
    """Realised today and open, in dollars; None when it cannot be known."""
    opened = open_pnl(state)
    return None if opened is None else state.day.realised + opened


def streak(state: CoreState) -> int:
    """Losing round trips in a row since the streak's breaker was last reset."""
    reset_at = state.breaker.reset_at(CONSECUTIVE_LOSSES)
    return len(state.losses) if reset_at is None else sum(1 for at in state.losses if at > reset_at)


def book_result(state: CoreState, net: Decimal, closed_at: datetime) -> None:
    """A round trip closed: the window, and the streak that its breaker watches."""
    state.window.take(net)
    if net > ZERO:
        state.losses.clear()
    elif net < ZERO:
        state.losses.append(closed_at)


def reading_of(state: CoreState, at: datetime) -> DayReading:
    """The day's result as it is known now."""
    return DayReading(
        at=at,
        trading_day=state.trading_day,
        realised_pnl=state.day.realised,
        day_pnl=day_pnl(state),
        opening_equity=state.day.opening_equity,
        consecutive_losses=streak(state),
    )


def risk_event(
    state: CoreState,
    at: datetime,
    event_type: str,
    severity: str,
    action: str,
    numbers: Numbers,
) -> RiskEvent:
    """A risk event with the day's numbers filled in."""
    reading = reading_of(state, at)
    return RiskEvent(
        timestamp=format_timestamp(at),
        event_type=event_type,
        severity=severity,
        daily_pnl=reading.known_pnl,
        daily_pnl_pct=reading.known_pnl_pct,
        consecutive_losses=reading.consecutive_losses or 0,
        action_taken=action,
        config_snapshot=numbers,
    )


def warn(
    state: CoreState,
    out: Out,
    at: datetime,
    event_type: str,
    action: str,
    numbers: Numbers,
) -> None:
    """Record a warning of the risk side."""
    out.append(Record(STREAM_RISK, risk_event(state, at, event_type, "WARNING", action, numbers)))


def alarm(
    state: CoreState,
    out: Out,
    at: datetime,
    event_type: str,
    action: str,
    numbers: Numbers,
) -> None:
    """Record a critical event of the risk side and tell the owner."""
    out.append(Record(STREAM_RISK, risk_event(state, at, event_type, "CRITICAL", action, numbers)))
    shown = ", ".join(f"{name} {value}" for name, value in numbers.items())
    out.append(Alert(severity="CRITICAL", subject=event_type, text=f"{action}: {shown}"))


def is_news(state: CoreState, *what: str) -> bool:
    """True the first time in a streak; `over` ends the streak."""
    if what in state.said:
        return False
    state.said.add(what)
    return True


def over(state: CoreState, *what: str) -> bool:
    """End the streak; true when there was one."""
    if what not in state.said:
        return False
    state.said.discard(what)
    return True
