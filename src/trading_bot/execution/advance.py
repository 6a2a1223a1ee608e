"""The next step of a trade, worked out from what is known; asking twice gives the same answer.

Nothing here remembers where a trade was: after a crash the same questions lead to the same steps.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.domain.money import text_of
from trading_bot.domain.order import Leg, OrderIntent, OrderState, OrderType
from trading_bot.domain.order_table import Asked
from trading_bot.execution.intents import Maker
from trading_bot.execution.retries import may_stop_again, must_wait
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Want out from now on, on record; then ask for the next steps again."""

    reason: str
    expected: Decimal


Step = Sell | Cancel | Leave

CANCEL_REPEAT = timedelta(seconds=10)
"""A cancel without an effect after this long is asked again; asking twice harms nothing."""

CANCEL_LOST_REPEAT = timedelta(seconds=2)
"""The same when its answer was lost: long enough for the orders to be read first."""


@dataclass(slots=True, kw_only=True)
class View:
    """What the market and the clock say: `bid` None when there is no checked quote.

    Slotted, not frozen: one is made for each look at a trade.
    `no_entries` when nothing may be opened any more: entries that still work are cancelled.
    `is_closing` from the end of the day's flattening on, when an exit no longer waits.
    """

    now: datetime
    bid: Decimal | None
    is_open: bool
    is_last_minute: bool
    no_entries: str = ""
    is_halted: bool = False
    is_closing: bool = False


def next_steps(trade: Trade, view: View, maker: Maker) -> list[Step]:
    """What to do for `trade` now; empty when there is nothing, or an answer must come first."""
    steps = _stale_entries(trade, view, maker)
    steps.extend(_revived_sells(trade, view))
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


_REVIVED = "it was given up as absent and has shown up after all"


def _stale_entries(trade: Trade, view: View, maker: Maker) -> list[Step]:
    steps: list[Step] = []
    timeout = timedelta(seconds=maker.settings.entry_timeout_s)
    for order in trade.working(Leg.ENTRY):
        reason = view.no_entries or trade.exit_reason
        if not reason and order.was_presumed_absent:
            reason = _REVIVED
        if not reason and view.now - order.intent.created_at >= timeout:
            reason = f"entry not filled within {maker.settings.entry_timeout_s} s"
        if reason and _may_cancel(order, view.now):
            steps.append(Cancel(order=order, reason=reason))
    return steps


def _revived_sells(trade: Trade, view: View) -> list[Step]:
    return [
        Cancel(order=order, reason=_REVIVED)
        for order in trade.orders.values()
        if order.was_presumed_absent
        and order.is_working
        and order.intent.leg is not Leg.ENTRY
        and _may_cancel(order, view.now)
    ]


def _surplus(trade: Trade, view: View) -> list[Step]:
    """A fill that came after its order's end: the newest sells go until the rest fits again."""
    reason = f"a late fill left {trade.held} shares for {trade.working_sells} in sells"
    steps: list[Step] = []
    surplus = trade.working_sells - trade.held
    sells = [o for o in trade.orders.values() if o.is_working and o.intent.leg is not Leg.ENTRY]
    surplus -= sum(o.remaining for o in sells if o.was_presumed_absent)
    for order in reversed(sells):
        if surplus > 0 and not order.was_presumed_absent:
            surplus -= order.remaining
            if _may_cancel(order, view.now):
                steps.append(Cancel(order=order, reason=reason))
    return steps


def _protect(trade: Trade, view: View, maker: Maker) -> list[Step]:
    bare = trade.held - trade.working_sells
    if bare <= 0:
        return [] if trade.exit_reason else _raise_stops(trade, view, maker)
    if not trade.exit_reason and _is_through(trade, view):
        assert view.bid is not None
        reason = f"bid {text_of(view.bid)} at or through the stop {text_of(trade.stop_price)}"
        return [Leave(reason=f"{reason}, {bare} shares without one", expected=trade.stop_price)]
    if not may_stop_again(trade) or must_wait(trade, Leg.STOP, view.now):
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


def _is_through(trade: Trade, view: View) -> bool:
    return view.is_open and view.bid is not None and view.bid <= trade.stop_price


def _raise_stops(trade: Trade, view: View, maker: Maker) -> list[Step]:
    """Bring stops under the plan's price up to it, one at a time: the others go on protecting."""
    wanted = maker.stop_price(trade)
    if not view.is_open or view.bid is None or view.bid <= wanted:
        return []
    stops = trade.working(Leg.STOP)
    low = [o for o in stops if o.intent.stop_price is not None and o.intent.stop_price < wanted]
    if not low or any(o.asked is Asked.CANCEL and not _may_cancel(o, view.now) for o in stops):
        return []
    reason = f"the stop moves up to {text_of(wanted)}"
    return [Cancel(order=low[0], reason=reason)] if _may_cancel(low[0], view.now) else []


def _leave(trade: Trade, view: View, maker: Maker) -> list[Step]:
    is_priced = view.bid is not None or (view.is_last_minute and not view.is_halted)
    if not view.is_open or not is_priced:
        # Without a checked quote or an open market an exit cannot be priced: the stop stays.
        return _without_price(trade, view, maker)
    if _stop_is_back(trade, view, maker):
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
        return _unfilled(exits, view, maker)
    if trade.held <= 0 or must_wait(trade, Leg.EXIT, view.now):
        return []
    expected = trade.exit_expected or view.bid or trade.stop_price
    intent = maker.exit(
        trade,
        quantity=trade.held,
        bid=view.bid or expected,
        now=view.now,
        at_market=view.is_last_minute,
    )
    return [Sell(intent=intent, purpose=trade.exit_reason, expected_price=expected)]


def _without_price(trade: Trade, view: View, maker: Maker) -> list[Step]:
    """No bid in an open market: an exit that is not filled in its time makes way for the stop."""
    exits = trade.working(Leg.EXIT)
    if exits and view.is_open and not view.is_halted:
        return _unfilled(exits, view, maker)
    return _protect(trade, view, maker)


def _unfilled(exits: list[TrackedOrder], view: View, maker: Maker) -> list[Step]:
    timeout = timedelta(seconds=maker.settings.exit_timeout_s)
    steps: list[Step] = []
    for order in exits:
        if view.is_last_minute and order.intent.type is OrderType.LIMIT:
            reason = "the last minute: at market instead"
        elif view.now - order.intent.created_at >= timeout:
            reason = f"exit not filled within {maker.settings.exit_timeout_s} s"
        else:
            continue
        if _may_cancel(order, view.now):
            steps.append(Cancel(order=order, reason=reason))
    return steps


def _stop_is_back(trade: Trade, view: View, maker: Maker) -> bool:
    """True while a stop should stand because too many exits in a row were not filled.

    Not when the day ends, and not when the bid is through the stop: then only an exit helps.
    """
    if view.is_closing or _is_through(trade, view):
        return False
    sells = [o for o in trade.orders.values() if o.intent.leg is not Leg.ENTRY]
    tried = 0
    for order in reversed(sells):
        if order.intent.leg is Leg.STOP:
            break
        tried += 1
    if tried >= maker.settings.exit_reprices_max:
        return not sells[-1].is_working
    newest = sells[-1] if sells else None
    if newest is None or tried or not any(o.intent.leg is Leg.EXIT for o in sells):
        return False
    pause = timedelta(seconds=maker.settings.exit_pause_s)
    return newest.is_working and view.now - newest.intent.created_at < pause


def _may_cancel(order: TrackedOrder, now: datetime) -> bool:
    if not order.order_id or order.state in (OrderState.NONE, OrderState.UNKNOWN):
        return False
    if order.cancel_asked_at is None:
        return True
    wait = CANCEL_LOST_REPEAT if order.is_cancel_lost else CANCEL_REPEAT
    return now - order.cancel_asked_at >= wait
