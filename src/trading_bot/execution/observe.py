"""What a reading of the broker's order adds to what we know: order events' kinds and data."""

from dataclasses import dataclass

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import BrokerOrder, Execution, Leg, OrderState
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.logging.checks import check_money, check_price
from trading_bot.logging.line import RecordError, iso_text
from trading_bot.logging.order_event import OrderDatum

_FINAL_KIND = {
    OrderState.CANCELLED: "cancelled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that became known of an order."""

    kind: str
    data: dict[str, OrderDatum]


def new_facts(order: TrackedOrder, seen: BrokerOrder) -> list[Fact]:
    """Facts in `seen` that `order` does not hold yet: state, fills by execution id, then the end.

    A fill is news even on an order that was final: brokers report late fills after a cancel. The
    end of an order is believed only together with all the executions it is said to have had: what
    it sold meanwhile must not be sold again.
    """
    facts: list[Fact] = []
    if _state_is_news(order, seen):
        facts.append(Fact(kind="reply", data={"state": seen.state.value}))
    counted, filled = set(order.executions), order.filled
    for execution in seen.executions:
        if execution.execution_id not in counted:
            counted.add(execution.execution_id)
            filled += execution.quantity
            data: dict[str, OrderDatum] = {
                "execution_id": execution.execution_id,
                "executed_at": iso_text(execution.at),
                "quantity": execution.quantity,
                "price": str(execution.price),
                "fees": str(execution.fees),
            }
            if execution.note:
                data["note"] = execution.note
            facts.append(Fact(kind="fill", data=data))
    is_end = not order.state.is_final and seen.state in _FINAL_KIND
    if is_end and filled >= seen.filled_quantity:
        facts.append(Fact(kind=_FINAL_KIND[seen.state], data={"reason": seen.reject_reason}))
    return facts


def _state_is_news(order: TrackedOrder, seen: BrokerOrder) -> bool:
    if order.state.is_final or seen.state.is_final:
        return False
    return order.state is not seen.state or order.order_id != seen.order_id


def impossible(trade: Trade, order: TrackedOrder, seen: BrokerOrder) -> str:
    """Why `seen` cannot be a reading of `order`, in a sentence; empty when it can.

    Such a reading is not booked: it would make a position out of somebody's mistake.
    """
    intent = order.intent
    if (seen.symbol, seen.side) != (intent.symbol, intent.side):
        return f"expected {intent.side} {intent.symbol}, the broker says {seen.side} {seen.symbol}"
    if not seen.order_id:
        return "the broker's order has no id"
    fresh: dict[str, Execution] = {}
    for execution in seen.executions:
        if execution.execution_id not in order.executions:
            fresh.setdefault(execution.execution_id, execution)
    for execution in fresh.values():
        if execution.quantity <= 0 or not _can_be_recorded(execution):
            return (
                f"an execution of {execution.quantity} at {execution.price}, fees {execution.fees}"
            )
    traded = sum(e.quantity for e in fresh.values())
    if order.filled + traded > intent.quantity:
        return f"filled {order.filled + traded} of an order of {intent.quantity} {intent.symbol}"
    if intent.leg is not Leg.ENTRY and traded > trade.held:
        return f"sold {traded} {intent.symbol}, only {trade.held} were held"
    return ""


def _can_be_recorded(execution: Execution) -> bool:
    try:
        check_price("price", execution.price)
        return check_money("fees", execution.fees) >= ZERO
    except RecordError:
        return False
