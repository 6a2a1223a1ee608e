"""When a sell that came to nothing is tried again."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from trading_bot.domain.order import Leg, OrderState
from trading_bot.execution.trade import TrackedOrder, Trade

REFUSED_PAUSE: Final = timedelta(seconds=5)
"""After the broker refused a sell, how long until the next try: enough not to hammer it."""

REFUSED_PAUSE_MAX: Final = timedelta(seconds=60)
"""The pause doubles with each refusal in a row, up to this."""

NOT_SENT_AT_ONCE: Final = 2
"""Sells in a row that provably never left and are tried again at once."""

NOT_SENT_PAUSE: Final = timedelta(seconds=1)
NOT_SENT_PAUSE_MAX: Final = timedelta(seconds=15)

STOPS_CANCELLED_MAX: Final = 1
"""How many stops that somebody else cancelled are placed again: once may be a slip."""

STOPS_REFUSED_MAX: Final = 2
"""Stops in a row that came to nothing before nothing is opened any more beside them."""

_STEP_WORDS: Final = ("tick", "increment", "price:")
_COARSER: Final = tuple(map(Decimal, ("0.05", "0.10", "0.25", "1")))
"""Steps that some shares trade in instead of cents, the likeliest first."""

_GTC_WORDS: Final = ("good til", "gtc", "time_in_force", "time in force")


def must_wait(trade: Trade, leg: Leg, now: datetime) -> bool:
    """True while the last sells of `leg` came to nothing so lately that the next must wait."""
    failed: list[TrackedOrder] = []
    for order in reversed(trade.orders.values()):
        if order.intent.leg is leg:
            if not _came_to_nothing(order):
                break
            failed.append(order)
    if not failed or failed[0].ended_at is None:
        return False
    latest = failed[0]
    if leg is Leg.STOP and latest.intent.time_in_force is not trade.stop_life:
        # The next is not the same again.
        return False
    alike = sum(1 for order in failed if order.state is latest.state)
    return now - failed[0].ended_at < _pause(latest.state, alike)


def _came_to_nothing(order: TrackedOrder) -> bool:
    if order.state is OrderState.WITHDRAWN:
        return not order.was_presumed_absent
    return order.state is OrderState.REJECTED


def _pause(state: OrderState, times: int) -> timedelta:
    if state is OrderState.REJECTED:
        return min(REFUSED_PAUSE * (1 << min(times - 1, 10)), REFUSED_PAUSE_MAX)
    if times <= NOT_SENT_AT_ONCE:
        return timedelta(0)
    doublings = min(times - NOT_SENT_AT_ONCE - 1, 10)
    return min(NOT_SENT_PAUSE * (1 << doublings), NOT_SENT_PAUSE_MAX)


def stops_cancelled_by_others(trade: Trade) -> int:
    """How many times somebody who is not us took the trade's stops away.

    Stops that stood beside each other are one time: whoever sells in the app has to cancel them
    all. One that was good for the day only may have ended with it.
    """
    times = 0
    began: datetime | None = None
    for order in trade.orders.values():
        if (
            order.intent.leg is Leg.STOP
            and order.ended_by_others
            and order.intent.time_in_force is trade.stop_life
            and (began is None or order.intent.created_at >= began)
        ):
            times += 1
            began = order.ended_at
    return times


def may_stop_again(trade: Trade) -> bool:
    """False once so many stops were cancelled by hand that it cannot be a slip."""
    return stops_cancelled_by_others(trade) <= STOPS_CANCELLED_MAX


def wants_shares(reason: str) -> bool:
    """True when a sell was refused because the shares are not there: somebody sold them."""
    return "enough shares" in reason.lower()


def price_step(trade: Trade) -> Decimal | None:
    """The step that the prices of the trade's sells keep to; None while cents have done.

    A broker that refuses a sell for its price would refuse the same price for ever.
    """
    times = sum(
        order.state is OrderState.REJECTED and _refuses_price(order.end_reason)
        for order in trade.orders.values()
        if order.intent.leg is not Leg.ENTRY
    )
    return _COARSER[min(times, len(_COARSER)) - 1] if times else None


def _refuses_price(reason: str) -> bool:
    said = reason.lower()
    return any(words in said for words in _STEP_WORDS)


def refuses_gtc(reason: str) -> bool:
    """True when a refusal of a stop is about its being good until cancelled."""
    said = reason.lower()
    return any(words in said for words in _GTC_WORDS)
