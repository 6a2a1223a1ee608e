"""The book of trades: changed by order events alone."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from trading_bot.domain.errors import DataError
from trading_bot.domain.money import text_of
from trading_bot.domain.order import (
    Execution,
    Leg,
    OrderIntent,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.execution.split import apply_split
from trading_bot.execution.trade import TrackedOrder, Trade, TradeContext
from trading_bot.logging.line import iso_text, parse_timestamp
from trading_bot.logging.order_event import OrderDatum, OrderEvent

_FINAL_KINDS = {
    "rejected": OrderState.REJECTED,
    "withdrawn": OrderState.REJECTED,
    "cancelled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
}


class TradeBook:
    """Every trade that is not closed, by trade id, and the orders in them by ref_id."""

    __slots__ = ("orders", "trades")

    def __init__(self) -> None:
        self.trades: dict[str, Trade] = {}
        self.orders: dict[str, tuple[Trade, TrackedOrder]] = {}

    def restore(self, events: Iterable[OrderEvent]) -> list[str]:
        """Apply a record's events; returns what could not be, for the record may be damaged.

        An intent without any answer becomes UNKNOWN: it may have been sent.
        """
        problems = []
        for event in events:
            try:
                self.apply(event)
            except (DataError, LookupError, ValueError, ArithmeticError) as error:
                problems.append(f"order event {event.seq}: {type(error).__name__}: {error}")
        for _, order in self.orders.values():
            if order.state is OrderState.NONE:
                order.state = OrderState.UNKNOWN
        return problems

    def in_symbol(self, symbol: str) -> list[Trade]:
        """The open trades of `symbol`, oldest first."""
        return [t for t in self.trades.values() if t.symbol == symbol]

    def apply(self, event: OrderEvent) -> None:
        """Change the book as `event` says.

        DataError when the event names an order nobody intended.
        """
        kind = event.kind
        if kind == "intent":
            self._intend(event)
            return
        trade = self.trades.get(event.correlation_id or "")
        if trade is None:
            raise DataError(
                f"order event {event.seq} ({kind}): trade {event.correlation_id} is not open"
            )
        if kind == "closed":
            self._close(trade)
        elif kind in ("plan", "plan_change"):
            _apply_plan(trade, event)
        elif kind == "unprotected":
            trade.unprotected_since = _time(event.data.get("since", event.timestamp))
        elif kind == "protected":
            trade.unprotected_since = None
            trade.covered_at = parse_timestamp(event.timestamp)
        elif kind not in ("note", "left_open", "foreign"):
            self._apply_to_order(trade, event)

    def _intend(self, event: OrderEvent) -> None:
        intent = intent_of(event)
        trade = self.trades.get(event.correlation_id or "")
        if trade is None:
            if intent.leg is not Leg.ENTRY:
                raise DataError(
                    f"order event {event.seq} is a {intent.leg} of a trade that was never entered"
                )
            trade = Trade(
                trade_id=intent.trade_id, symbol=intent.symbol, context=_context_of(event)
            )
            trade.stop_price, trade.target = trade.context.stop_loss, trade.context.target
            self.trades[trade.trade_id] = trade
        order = TrackedOrder(
            intent=intent,
            purpose=str(event.data["purpose"]),
            expected_price=Decimal(str(event.data["expected_price"])),
        )
        trade.orders[intent.ref_id] = order
        trade.generations[intent.leg] = trade.generations.get(intent.leg, 0) + 1
        self.orders[intent.ref_id] = (trade, order)

    def _apply_to_order(self, trade: Trade, event: OrderEvent) -> None:
        order = trade.orders.get(event.ref_id or "")
        if order is None:
            raise DataError(
                f"order event {event.seq} ({event.kind}) names order {event.ref_id} nobody intended"
            )
        kind = event.kind
        if event.broker_order_id:
            order.order_id = event.broker_order_id
        if kind == "fill":
            _book_fill(trade, order, _execution_of(event))
        elif kind == "cancel_requested":
            order.cancel_asked_at = parse_timestamp(event.timestamp)
        elif order.state.is_final:
            return  # An answer that came late does not bring an ended order back.
        elif kind in _FINAL_KINDS:
            order.state = _FINAL_KINDS[kind]
            order.ended_at = parse_timestamp(event.timestamp)
        elif kind == "unknown":
            order.state = OrderState.UNKNOWN
        elif kind == "reply":
            order.state = OrderState(str(event.data["state"]))

    def _close(self, trade: Trade) -> None:
        trade.is_closed = True
        del self.trades[trade.trade_id]
        for ref_id in trade.orders:
            del self.orders[ref_id]


def _apply_plan(trade: Trade, event: OrderEvent) -> None:
    data = event.data
    if "split_ratio" in data:
        apply_split(trade, Fraction(str(data["split_ratio"])), int(str(data["held_after"])))
    if "stop_price" in data:
        trade.stop_price = Decimal(str(data["stop_price"]))
    if "target" in data:
        trade.target = None if data["target"] is None else Decimal(str(data["target"]))
    if "exit_reason" in data:
        trade.exit_reason = str(data["exit_reason"])
        trade.exit_expected = Decimal(str(data["exit_expected"]))


def _book_fill(trade: Trade, order: TrackedOrder, execution: Execution) -> None:
    if execution.execution_id in order.executions:
        return
    order.executions[execution.execution_id] = execution
    order.filled += execution.quantity
    if order.intent.leg is Leg.ENTRY:
        trade.bought += execution.quantity
        trade.lots.buy(execution)
        trade.opened_at = trade.opened_at or execution.at
    else:
        trade.matches[execution.execution_id] = trade.lots.sell(execution)
        trade.sold += execution.quantity
    if order.filled >= order.intent.quantity:
        order.state = OrderState.FILLED
    elif not order.state.is_final:
        order.state = OrderState.PART_FILLED


def _execution_of(event: OrderEvent) -> Execution:
    data = event.data
    return Execution(
        execution_id=str(data["execution_id"]),
        at=_time(data["executed_at"]),
        quantity=int(str(data["quantity"])),
        price=Decimal(str(data["price"])),
        fees=Decimal(str(data["fees"])),
        note=str(data.get("note", "")),
    )


def intent_of(event: OrderEvent) -> OrderIntent:
    """The intent that an `intent` event holds."""
    data = event.data
    return OrderIntent(
        ref_id=_given(event, "ref_id", event.ref_id),
        trade_id=_given(event, "correlation_id", event.correlation_id),
        symbol=_given(event, "symbol", event.symbol),
        side=Side(event.side or ""),
        leg=Leg(event.leg or ""),
        type=OrderType(str(data["type"])),
        quantity=int(str(data["quantity"])),
        time_in_force=TimeInForce(str(data["time_in_force"])),
        limit_price=_price(data["limit_price"]),
        stop_price=_price(data["stop_price"]),
        created_at=_time(data.get("created_at", event.timestamp)),
        valid_until=_time(data["valid_until"]),
        instrument_id=str(data["instrument_id"]),
    )


def _context_of(event: OrderEvent) -> TradeContext:
    data = event.data
    ratio = data["risk_reward_ratio"]
    used = data["indicators_used"]
    return TradeContext(
        strategy_name=str(data["strategy_name"]),
        entry_type=str(data["entry_type"]),
        bar_end=_time(data["bar_end"]),
        signal_price=Decimal(str(data["signal_price"])),
        stop_loss=Decimal(str(data["stop_loss"])),
        target=_price(data["target"]),
        risk_reward_ratio=None if ratio is None else float(str(ratio)),
        reasons=str(data["reasons"]),
        indicators_used=tuple(used) if isinstance(used, (list, tuple)) else (),
    )


def _given(event: OrderEvent, name: str, value: str | None) -> str:
    if value is None:
        raise DataError(f"order event {event.seq} ({event.kind}) has no {name}")
    return value


def _price(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _time(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def intent_data(order: TrackedOrder, context: TradeContext | None) -> dict[str, OrderDatum]:
    """The data of an `intent` event: all of the order, and of an entry also why."""
    intent = order.intent
    data: dict[str, OrderDatum] = {
        "type": intent.type.value,
        "quantity": intent.quantity,
        "time_in_force": intent.time_in_force.value,
        "limit_price": _text(intent.limit_price),
        "stop_price": _text(intent.stop_price),
        "valid_until": iso_text(intent.valid_until),
        "instrument_id": intent.instrument_id,
        "purpose": order.purpose,
        "expected_price": text_of(order.expected_price),
    }
    if context is not None:
        ratio = context.risk_reward_ratio
        data |= {
            "strategy_name": context.strategy_name,
            "entry_type": context.entry_type,
            "bar_end": iso_text(context.bar_end),
            "signal_price": text_of(context.signal_price),
            "stop_loss": text_of(context.stop_loss),
            "target": _text(context.target),
            "risk_reward_ratio": None if ratio is None else str(ratio),
            "reasons": context.reasons,
            "indicators_used": context.indicators_used,
        }
    return data


def _text(price: Decimal | None) -> str | None:
    return None if price is None else text_of(price)
