"""The results of closed round trips: booked, and taken back when a trade opens again."""

from datetime import datetime
from decimal import Decimal

from trading_bot.core.say import book_result
from trading_bot.core.state import CoreState
from trading_bot.performance.metric import RollingWindow


def book(state: CoreState, key: str, net: Decimal, closed_at: datetime) -> None:
    """A round trip closed; `key` is its entry's order id. They count in the order they closed."""
    latest = next(reversed(state.results.values()), None)
    state.results[key] = (net, closed_at)
    if latest is None or latest[1] <= closed_at:
        book_result(state, net, closed_at)
        return
    # It was learnt late, or is the result of a trade that had been opened again.
    state.results = dict(sorted(state.results.items(), key=lambda item: item[1][1]))
    _count_anew(state)


def take_back(state: CoreState, key: str) -> bool:
    """The round trip is none yet: window and streak are what they were without it.

    False when it had not been counted.
    """
    if state.results.pop(key, None) is None:
        return False
    _count_anew(state)
    return True


def _count_anew(state: CoreState) -> None:
    state.window = RollingWindow(state.settings.performance)
    state.losses = []
    for net, closed_at in state.results.values():
        book_result(state, net, closed_at)
