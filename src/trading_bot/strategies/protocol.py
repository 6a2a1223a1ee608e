"""What a strategy is: bars in, a signal or a reason why not out."""

from collections.abc import Sequence
from typing import Protocol

from trading_bot.domain.bar import Bar
from trading_bot.domain.signal import ExitSignal, Signal


class Strategy(Protocol):
    """One strategy on one symbol for one trading day.

    A new instance is made for each symbol and each trading day; it keeps its own state, sees closed
    bars only, in order, and has no clock and no I/O. Exits by stop, target or time need nothing
    from it; an `ExitSignal` is for strategies that want out for reasons of their own.
    """

    @property
    def name(self) -> str:
        """Stable name that records carry, such as "bull-flag-breakout"."""
        ...

    @property
    def interval_minutes(self) -> int:
        """Length of the bars it wants."""
        ...

    @property
    def warm_up_bars(self) -> int:
        """How many of its bars it must have seen today before it may signal."""
        ...

    @property
    def needs_volume(self) -> bool:
        """True when a bar without a known volume must not reach it."""
        ...

    def warm_up(self, session_bars: Sequence[Bar]) -> None:
        """Prime session indicators with today's five-minute history from before this start.

        May be empty.
        """
        ...

    def on_bar(self, bar: Bar) -> Signal | ExitSignal | None:
        """Take the next closed bar of `interval_minutes`; None when there is nothing to do."""
        ...

    def verdict(self) -> str:
        """Why the last bar gave no signal, with its numbers: "pole 0.4% under 0.6%".

        Called only when asked.
        """
        ...


class StrategyFactory(Protocol):
    """Makes the instance for one symbol and one day."""

    def __call__(self, symbol: str) -> Strategy:
        """A fresh strategy for `symbol`."""
        ...
