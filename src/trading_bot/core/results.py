"""The results of closed round trips: booked, and taken back when a trade opens again."""

from datetime import datetime
from decimal import Decimal

from trading_bot.core.say import book_result
from trading_bot.core.state import CoreState
from trading_bot.performance.metric import RollingWindow


def book(state: CoreState, key: str, net: Decimal, closed_at: datetime) -> None:
    """A round trip closed; `key` is its entry's order id."""
    state.results[key] = (net, closed_at)
    book_result(state, net, closed_at)


def take_back(state: CoreState, key: str) -> None:
    """The round trip is none yet: window and streak are what they were without it."""
    if state.results.pop(key, None) is None:
        return
    state.window = RollingWindow(state.settings.performance)
    state.losses = []
    for net, closed_at in state.results.values():
        book_result(state, net, closed_at)
