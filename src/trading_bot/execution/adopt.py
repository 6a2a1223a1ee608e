"""Bookings from the broker's history: a lost trade again, the owner's own sale of our shares."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from msgspec.structs import replace as changed

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import (
    BrokerOrder,
    Execution,
    Leg,
    OrderIntent,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.execution.lost import LostTrade
from trading_bot.execution.ref_ids import Identity, make_ref_id
from trading_bot.execution.trade import TrackedOrder, Trade, TradeContext

SOLD_BY_OWNER = "sold by the owner in the app"
FOUND_BY_NAME = "found at the broker by its name: it was sent while nothing could be written"
ADOPTED_REASONS = "adopted from the broker's history: its own records were lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An order to put into the book, and the broker's reading of it that fills it in."""

    order: TrackedOrder
    seen: BrokerOrder


def adopted_context(trade: LostTrade, stop_below_pct: Decimal) -> TradeContext:
    """What can be said of why a lost trade was taken: little."""
    price = _average(trade.entry.executions) or trade.entry.limit_price or ZERO
    return TradeContext(
        strategy_name=trade.strategy_name,
        entry_type="adopted",
        bar_end=trade.bar_end,
        signal_price=price,
        stop_loss=trade.stop_price(stop_below_pct) or price,
        target=None,
        risk_reward_ratio=None,
        reasons=ADOPTED_REASONS,
        indicators_used=(),
    )


def adopted_bookings(trade: LostTrade) -> list[Booking]:
    """The entry first, then its sells as they were made."""
    entry = trade.entry
    return [
        Booking(
            order=TrackedOrder(
                intent=_intent_of(seen, trade.entry.ref_id),
                purpose="entry: adopted" if seen is entry else "adopted",
                expected_price=_price_of(seen),
            ),
            seen=seen,
        )
        for seen in (entry, *trade.sells)
    ]


def found_by_name(trade: Trade, seen: BrokerOrder, leg: Leg) -> TrackedOrder | None:
    """A sell that left for `trade` and is on no record: as the broker's history has it.

    None when that is no order we could have sent.
    """
    try:
        intent = changed(_intent_of(seen, trade.trade_id), leg=leg)
    except ValueError:
        return None
    return TrackedOrder(
        intent=intent,
        purpose=FOUND_BY_NAME,
        expected_price=_price_of(seen),
    )


def _intent_of(seen: BrokerOrder, trade_id: str) -> OrderIntent:
    if seen.side is Side.BUY:
        leg = Leg.ENTRY
    else:
        leg = Leg.STOP if seen.type is OrderType.STOP else Leg.EXIT
    return OrderIntent(
        ref_id=seen.ref_id,
        trade_id=trade_id,
        symbol=seen.symbol,
        side=seen.side,
        leg=leg,
        type=seen.type,
        quantity=seen.quantity,
        time_in_force=seen.time_in_force or TimeInForce.GFD,
        limit_price=seen.limit_price if seen.type is OrderType.LIMIT else None,
        stop_price=seen.stop_price if seen.type is OrderType.STOP else None,
        created_at=seen.created_at,
        valid_until=seen.created_at,
        instrument_id=seen.instrument_id,
    )


def _price_of(seen: BrokerOrder) -> Decimal:
    return seen.stop_price or seen.limit_price or _average(seen.executions) or ZERO


def _average(executions: Sequence[Execution]) -> Decimal | None:
    quantity = sum(e.quantity for e in executions)
    if not quantity:
        return None
    return sum((e.price * e.quantity for e in executions), ZERO) / quantity


def sale_executions(
    orders: Sequence[BrokerOrder], symbol: str, quantity: int
) -> list[tuple[BrokerOrder, Execution]]:
    """The latest sells' executions that add up to `quantity`, oldest first; empty if they do not.

    The oldest of them is cut where it is more than what is left: the rest was not ours.
    """
    pairs = [
        (o, e) for o in orders if o.symbol == symbol and o.side is Side.SELL for e in o.executions
    ]
    pairs.sort(key=lambda pair: (pair[1].at, pair[1].execution_id), reverse=True)
    taken: list[tuple[BrokerOrder, Execution]] = []
    left = quantity
    for order, execution in pairs:
        if left <= 0:
            break
        part = min(left, execution.quantity)
        taken.append((order, _part(execution, part)))
        left -= part
    return [] if left else taken[::-1]


def _part(execution: Execution, quantity: int) -> Execution:
    if quantity == execution.quantity:
        return execution
    fees = (execution.fees * quantity / execution.quantity).quantize(Decimal("0.01"))
    return replace(execution, quantity=quantity, fees=fees)


def sale_bookings(
    trades: Sequence[Trade],
    sold: Sequence[tuple[BrokerOrder, Execution]],
    identity: Identity,
    purpose: str = SOLD_BY_OWNER,
) -> list[Booking]:
    """An exit in each trade, oldest first, for its part of what was sold; `purpose` says how."""
    bookings = []
    left = list(sold)
    for trade in trades:
        room = trade.held
        used = dict(trade.generations)
        while room > 0 and left:
            order, execution = left.pop(0)
            part = min(room, execution.quantity)
            rest = execution.quantity - part
            mine = _part(execution, part)
            if rest:
                other = replace(
                    execution,
                    execution_id=f"{execution.execution_id}/2",
                    quantity=rest,
                    fees=execution.fees - mine.fees,
                )
                left.insert(0, (order, other))
            room -= part
            generation = used.get(Leg.EXIT, 0)
            used[Leg.EXIT] = generation + 1
            booking = _sale(trade, order, mine, identity, generation)
            bookings.append(replace(booking, order=replace(booking.order, purpose=purpose)))
    return bookings


def _sale(
    trade: Trade, order: BrokerOrder, execution: Execution, identity: Identity, generation: int
) -> Booking:
    ref_id = make_ref_id(
        identity,
        strategy_name=trade.context.strategy_name,
        symbol=trade.symbol,
        bar_end=trade.context.bar_end,
        leg=Leg.EXIT,
        generation=generation,
    )
    seen = replace(
        order,
        ref_id=ref_id,
        type=OrderType.MARKET,
        state=OrderState.FILLED,
        quantity=execution.quantity,
        filled_quantity=execution.quantity,
        limit_price=None,
        stop_price=None,
        executions=(execution,),
        unlike_ours="",
    )
    tracked = TrackedOrder(
        intent=_intent_of(seen, trade.trade_id),
        purpose=SOLD_BY_OWNER,
        expected_price=execution.price,
    )
    return Booking(order=tracked, seen=seen)


def shares_short(ours: str, broker: str) -> int:
    """How many shares fewer than ours the broker has; whole ones, 0 when it has as many or more."""
    return max(int(Decimal(ours) - Decimal(broker)), 0)
