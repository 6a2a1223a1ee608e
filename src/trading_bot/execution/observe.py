"""What a reading of the broker's order adds to what we know: order events' kinds and data."""

from dataclasses import dataclass

from trading_bot.domain.order import BrokerOrder, OrderState
from trading_bot.execution.trade import TrackedOrder
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

    A fill is news even on an order that was final: brokers report late fills after a cancel.
    """
    facts: list[Fact] = []
    if _state_is_news(order, seen):
        facts.append(Fact(kind="reply", data={"state": seen.state.value}))
    for execution in seen.executions:
        if execution.execution_id not in order.executions:
            data: dict[str, OrderDatum] = {
                "execution_id": execution.execution_id,
                "executed_at": execution.at.isoformat(),
                "quantity": execution.quantity,
                "price": str(execution.price),
                "fees": str(execution.fees),
            }
            if execution.note:
                data["note"] = execution.note
            facts.append(Fact(kind="fill", data=data))
    if not order.state.is_final and seen.state in _FINAL_KIND:
        facts.append(Fact(kind=_FINAL_KIND[seen.state], data={"reason": seen.reject_reason}))
    return facts


def _state_is_news(order: TrackedOrder, seen: BrokerOrder) -> bool:
    if order.state.is_final or seen.state.is_final:
        return False
    return order.state is not seen.state or order.order_id != seen.order_id
