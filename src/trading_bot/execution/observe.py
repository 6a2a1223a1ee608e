"""What a reading of the broker's order adds to what we know: order events' kinds and data."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.domain.money import ZERO, text_of
from trading_bot.domain.order import (
    QUANTITY_MAX,
    BrokerOrder,
    Execution,
    Leg,
    OrderIntent,
    OrderState,
    OrderType,
)
from trading_bot.domain.order_table import News, after, is_news
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.logging.checks import check_money, check_price
from trading_bot.logging.line import RecordError, iso_text
from trading_bot.logging.order_event import OrderDatum

_END_KINDS = {
    OrderState.CANCELLED: "cancelled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
}
_WORKING = {
    OrderState.UNCONFIRMED: News.UNCONFIRMED,
    OrderState.OPEN: News.OPEN,
    OrderState.PART_FILLED: News.PART_FILLED,
    # It stands in the broker's history, so it is there; what it does there is taken for the worst.
    OrderState.NONE: News.OPEN,
    OrderState.UNKNOWN: News.OPEN,
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
    it sold meanwhile must not be sold again. What was taken back comes first, see `taken_back`;
    an edit is not here, see `edit_of`: it must be booked before this is asked. Of an order that the
    owner replaced only the executions still count.
    """
    busts = [
        Fact(
            kind="bust",
            data=execution_data(order.executions[name]) | {"seen_at": iso_text(seen.updated_at)},
        )
        for name in taken_back(order, seen)
    ]
    fills = [Fact(kind="fill", data=execution_data(e)) for e in fresh_executions(order, seen)]
    is_former = seen.order_id in order.former_ids
    replies = []
    if not is_former and _state_is_news(order, seen):
        replies.append(Fact(kind="reply", data={"state": _WORKING[seen.state].value}))
    if order.intent.leg is Leg.ENTRY:
        # What was bought may be sold: shares that took its place come first.
        facts = [*replies, *fills, *busts]
    else:
        facts = [*busts, *replies, *fills]
    if not is_former and _is_end(order, seen):
        facts.append(_end(seen))
    return facts


def is_correction(facts: Sequence[Fact]) -> bool:
    """True when executions were taken back and as many shares told instead, in one reading."""
    shares = {"bust": 0, "fill": 0}
    for fact in facts:
        if fact.kind in shares:
            shares[fact.kind] += int(str(fact.data["quantity"]))
    return shares["bust"] == shares["fill"] > 0


def fresh_executions(order: TrackedOrder, seen: BrokerOrder) -> list[Execution]:
    """The executions in `seen` that are not booked, each once."""
    fresh: dict[str, Execution] = {}
    is_old = _is_older(order, seen)
    for execution in seen.executions:
        name = execution.execution_id
        is_known = name in order.executions or name in order.passed_on
        if not is_known and not (is_old and name in order.busted):
            fresh.setdefault(name, execution)
    return list(fresh.values())


def _is_older(order: TrackedOrder, seen: BrokerOrder) -> bool:
    """True for a reading from before the broker edited the order or took something back."""
    return order.turned_at is not None and seen.updated_at <= order.turned_at


def taken_back(order: TrackedOrder, seen: BrokerOrder) -> tuple[str, ...]:
    """Booked executions that the broker's order no longer has: busts.

    Only a reading that is whole in itself and later than the execution can tell that. An order that
    the owner edited has its executions in two places, so nothing is missed there.
    """
    if order.former_ids or not order.executions or _is_older(order, seen):
        return ()
    listed = {e.execution_id: e.quantity for e in seen.executions}
    missing = [
        e for name, e in order.executions.items() if name not in listed and seen.updated_at > e.at
    ]
    booked = (*order.executions, *order.passed_on)
    known = order.filled + sum(q for name, q in listed.items() if name not in booked)
    if not missing or sum(listed.values()) != seen.filled_quantity or seen.filled_quantity >= known:
        return ()
    return tuple(e.execution_id for e in missing)


def edit_of(order: TrackedOrder, seen: BrokerOrder) -> Fact | None:
    """The owner's edit of `order` that `seen` tells of; None when there is none to follow.

    The app replaces the order by another, which names it; an order whose own numbers changed is
    taken the same way.
    """
    is_other = bool(seen.replaces) and seen.replaces == order.order_id != seen.order_id
    if (seen.symbol, seen.side) != (order.intent.symbol, order.intent.side):
        return None
    is_possible = isinstance(after(order.state, News.REPLACED), OrderState)
    if seen.unlike_ours or not is_possible or seen.state.is_final:
        return None
    is_same = seen.order_id == order.order_id and not _is_older(order, seen)
    if not is_other and not (is_same and _differs(order.intent, seen)):
        return None
    quantity = seen.quantity + (order.filled if is_other else 0)
    if not order.filled < quantity <= QUANTITY_MAX or not _is_priced(seen):
        return None
    data: dict[str, OrderDatum] = {
        "former_order_id": order.order_id,
        "seen_at": iso_text(seen.updated_at),
        "type": seen.type.value,
        "quantity": quantity,
        "limit_price": _text_if(seen.limit_price, seen.type is OrderType.LIMIT),
        "stop_price": _text_if(seen.stop_price, seen.type is OrderType.STOP),
    }
    return Fact(kind="replaced", data=data)


def _differs(intent: OrderIntent, seen: BrokerOrder) -> bool:
    if seen.quantity != intent.quantity:
        return True
    if intent.type is OrderType.STOP:
        # Once it is triggered the broker shows it as something else, at a price of its own.
        return seen.type is OrderType.STOP and seen.stop_price != intent.stop_price
    return seen.type is OrderType.LIMIT and seen.limit_price != intent.limit_price


def _is_priced(seen: BrokerOrder) -> bool:
    price = {OrderType.LIMIT: seen.limit_price, OrderType.STOP: seen.stop_price}.get(seen.type)
    if seen.type is OrderType.MARKET:
        return True
    return price is not None and price.is_finite() and price > ZERO


def _text_if(price: Decimal | None, is_wanted: bool) -> str | None:
    return text_of(price) if is_wanted and price is not None else None


def execution_data(execution: Execution) -> dict[str, OrderDatum]:
    """What a `fill` event holds of an execution."""
    data: dict[str, OrderDatum] = {
        "execution_id": execution.execution_id,
        "executed_at": iso_text(execution.at),
        "quantity": execution.quantity,
        "price": str(execution.price),
        "fees": str(execution.fees),
    }
    if execution.note:
        data["note"] = execution.note
    return data


def _state_is_news(order: TrackedOrder, seen: BrokerOrder) -> bool:
    news = _WORKING.get(seen.state)
    if news is None or not isinstance(after(order.state, news), OrderState):
        return False
    return is_news(order.state, news) or order.order_id != seen.order_id


def _is_end(order: TrackedOrder, seen: BrokerOrder) -> bool:
    state, has_lost = order.state, bool(order.busted)
    if taken_back(order, seen):
        # It is asked after what was taken back has been booked.
        moved, has_lost = after(state, News.BUST), True
        state = moved if isinstance(moved, OrderState) else state
    is_finished = has_lost and seen.state is OrderState.FILLED
    kind = "cancelled" if is_finished else _END_KINDS.get(seen.state)
    if kind is None or not is_news(state, News(kind)):
        return False
    listed = {e.execution_id: e.quantity for e in seen.executions}
    if order.former_ids or has_lost:
        return sum(listed.values()) >= seen.filled_quantity
    known = {name: e.quantity for name, e in order.executions.items()} | listed
    return sum(known.values()) >= seen.filled_quantity


def _end(seen: BrokerOrder) -> Fact:
    if seen.state is OrderState.FILLED:
        reason = f"over at the broker with {seen.filled_quantity} filled, the rest was taken back"
        return Fact(kind="cancelled", data={"reason": reason})
    return Fact(kind=_END_KINDS[seen.state], data={"reason": seen.reject_reason})


def impossible(trade: Trade, order: TrackedOrder, seen: BrokerOrder) -> str:
    """Why `seen` cannot be a reading of `order`, in a sentence; empty when it can.

    Such a reading is not booked: it would make a position out of somebody's mistake.
    """
    intent = order.intent
    if (seen.symbol, seen.side) != (intent.symbol, intent.side):
        return f"expected {intent.side} {intent.symbol}, the broker says {seen.side} {seen.symbol}"
    if not seen.order_id:
        return "the broker's order has no id"
    for execution in fresh_executions(order, seen):
        if execution.quantity <= 0 or not _can_be_recorded(execution):
            return (
                f"an execution of {execution.quantity} at {execution.price}, fees {execution.fees}"
            )
    traded = _newly_traded(order, seen)
    if order.filled + traded > intent.quantity:
        return f"filled {order.filled + traded} of an order of {intent.quantity} {intent.symbol}"
    if intent.leg is Leg.ENTRY and -traded > trade.held:
        return f"{-traded} {intent.symbol} were taken back, only {trade.held} are still held"
    return oversold(trade, order, seen)


def oversold(trade: Trade, order: TrackedOrder, seen: BrokerOrder) -> str:
    """That its trade had fewer shares than `seen` sold; it may be the only thing wrong with it."""
    if order.intent.leg is Leg.ENTRY:
        return ""
    traded = _newly_traded(order, seen)
    if traded <= trade.held:
        return ""
    return f"sold {traded} {order.intent.symbol}, only {trade.held} were held"


def _newly_traded(order: TrackedOrder, seen: BrokerOrder) -> int:
    """Shares in `seen` that are not booked, less those that were taken back."""
    lost = sum(order.executions[name].quantity for name in taken_back(order, seen))
    return sum(e.quantity for e in fresh_executions(order, seen)) - lost


def _can_be_recorded(execution: Execution) -> bool:
    try:
        check_price("price", execution.price)
        return check_money("fees", execution.fees) >= ZERO
    except RecordError:
        return False
