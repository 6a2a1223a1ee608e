"""The next step of a trade, worked out from what is known; asking twice gives the same answer.

Nothing here remembers where a trade was: after a crash the same questions lead to the same steps.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.domain.order import Leg, OrderIntent, OrderState
from trading_bot.execution.intents import Maker
from trading_bot.execution.trade import TrackedOrder, Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Sell:
    """Send this sell through the gate; `expected_price` is what it is decided at."""

    intent: OrderIntent
    purpose: str
    expected_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Ask the broker to cancel this order."""

    order: TrackedOrder
    reason: str


Step = Sell | Cancel

CANCEL_REPEAT = timedelta(seconds=10)
"""A cancel without an effect after this long is asked again; asking twice harms nothing."""

REFUSED_PAUSE = timedelta(seconds=5)
"""After the broker refused a sell, how long until the next try: enough not to hammer it."""


@dataclass(slots=True, kw_only=True)
class View:
    """What the market and the clock say: `bid` None when there is no checked quote.

    Slotted, not frozen: one is made for each look at a trade.
    `no_entries` when nothing may be opened any more: entries that still work are cancelled.
    """

    now: datetime
    bid: Decimal | None
    is_open: bool
    is_last_minute: bool
    no_entries: str = ""


def next_steps(trade: Trade, view: View, maker: Maker) -> list[Step]:
    """What to do for `trade` now; empty when there is nothing, or an answer must come first."""
    steps = _stale_entries(trade, view, maker)
    if trade.working_sells > trade.held:
        steps.extend(_surplus(trade, view))
    elif trade.exit_reason:
        steps.extend(_leave(trade, view, maker))
    else:
        steps.extend(_protect(trade, view, maker))
    return steps


def is_done(trade: Trade) -> bool:
    """True when nothing is held and nothing may trade any more."""
    return trade.held == 0 and not any(o.is_working for o in trade.orders.values())


def _stale_entries(trade: Trade, view: View, maker: Maker) -> list[Step]:
    entries = trade.working(Leg.ENTRY)
    if not entries:
        return []
    timeout = timedelta(seconds=maker.settings.entry_timeout_s)
    unwanted = view.no_entries or trade.exit_reason
    reason = unwanted or f"entry not filled within {maker.settings.entry_timeout_s} s"
    return [
        Cancel(order=o, reason=reason)
        for o in entries
        if (unwanted or view.now - o.intent.created_at >= timeout) and _may_cancel(o, view.now)
    ]


def _surplus(trade: Trade, view: View) -> list[Step]:
    """A fill that came after its order's end: the newest sells go until the rest fits again."""
    reason = f"a late fill left {trade.held} shares for {trade.working_sells} in sells"
    steps: list[Step] = []
    surplus = trade.working_sells - trade.held
    for order in reversed(trade.orders.values()):
        if surplus > 0 and order.is_working and order.intent.leg is not Leg.ENTRY:
            surplus -= order.remaining
            if _may_cancel(order, view.now):
                steps.append(Cancel(order=order, reason=reason))
    return steps


def _protect(trade: Trade, view: View, maker: Maker) -> list[Step]:
    bare = trade.held - trade.working_sells
    if bare <= 0 or _was_refused_just_now(trade, Leg.STOP, view.now):
        return []
    # The broker refuses a stop that is already through outside trading hours only by queueing it;
    # it is placed all the same, so that the open finds it there.
    return [
        Sell(
            intent=maker.stop(trade, quantity=bare, now=view.now),
            purpose="protective stop",
            expected_price=trade.stop_price,
        )
    ]


def _leave(trade: Trade, view: View, maker: Maker) -> list[Step]:
    if view.bid is None or not view.is_open:
        # Without a checked quote or an open market an exit cannot be priced: the stop stays.
        return _protect(trade, view, maker)
    stops = trade.working(Leg.STOP)
    if stops:
        return [
            Cancel(order=o, reason=f"making way: {trade.exit_reason}")
            for o in stops
            if _may_cancel(o, view.now)
        ]
    exits = trade.working(Leg.EXIT)
    if exits:
        timeout = timedelta(seconds=maker.settings.exit_timeout_s)
        return [
            Cancel(order=o, reason=f"exit not filled within {maker.settings.exit_timeout_s} s")
            for o in exits
            if view.now - o.intent.created_at >= timeout and _may_cancel(o, view.now)
        ]
    if trade.held <= 0 or _was_refused_just_now(trade, Leg.EXIT, view.now):
        return []
    intent = maker.exit(
        trade, quantity=trade.held, bid=view.bid, now=view.now, at_market=view.is_last_minute
    )
    return [
        Sell(
            intent=intent, purpose=trade.exit_reason, expected_price=trade.exit_expected or view.bid
        )
    ]


def _may_cancel(order: TrackedOrder, now: datetime) -> bool:
    if not order.order_id or order.state in (OrderState.NONE, OrderState.UNKNOWN):
        return False
    return order.cancel_asked_at is None or now - order.cancel_asked_at >= CANCEL_REPEAT


def _was_refused_just_now(trade: Trade, leg: Leg, now: datetime) -> bool:
    return any(
        o.state is OrderState.REJECTED
        and o.ended_at is not None
        and now - o.ended_at < REFUSED_PAUSE
        for o in trade.orders.values()
        if o.intent.leg is leg
    )
