"""A strategy of your own, in one file: the opening-range breakout.

Name this file in config/config.json and give it settings there. The daemon calls `make` once for
each symbol and each trading day and then `on_bar` with each closed bar. It must not read the time,
files or the network: the same bars must give the same signals, or a day cannot be replayed.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trading_bot.domain.bar import Bar
from trading_bot.domain.money import price_from_float, round_nearest
from trading_bot.domain.signal import Signal


class OpeningRange:
    """Buys the day's first close above the high of its first bars; stop at the range's middle."""

    interval_minutes = 1  # wants one-minute bars
    needs_volume = False  # does not look at volume

    def __init__(self, symbol: str, range_bars: int, reward_multiple: Decimal) -> None:
        self.name = "opening-range"  # what the records will carry; never change it later
        self.warm_up_bars = range_bars + 1
        self._symbol = symbol
        self._range_bars = range_bars
        self._reward_multiple = reward_multiple
        self._high, self._low = 0.0, float("inf")
        self._count = 0
        self._is_done = False
        self._verdict = "no bar yet"

    def warm_up(self, session_bars: Sequence[Bar]) -> None:
        """Takes today's history before this start: with any, the opening range is already over."""
        if session_bars:
            self._is_done = True
            self._verdict = "started after the opening range"

    def on_bar(self, bar: Bar) -> Signal | None:
        """A signal to buy, or None and a verdict that says why not."""
        if self._is_done:
            return None
        self._count += 1
        if self._count <= self._range_bars:
            self._high, self._low = max(self._high, bar.high), min(self._low, bar.low)
            self._verdict = f"range bar {self._count} of {self._range_bars}"
            return None
        if bar.close <= self._high:
            self._verdict = f"close {bar.close} not above the range's high {self._high}"
            return None
        self._is_done = True
        self._verdict = "done for today"
        price = price_from_float(bar.close)  # the one way from a bar's float to money
        stop = price_from_float((self._high + self._low) / 2)
        target = round_nearest(price + self._reward_multiple * (price - stop))
        if not stop < price < target:
            return None
        return Signal(
            symbol=self._symbol,
            strategy_name=self.name,
            entry_type="breakout",
            bar_end=bar.end,
            price=price,
            stop_loss=stop,
            target=target,
            reasons=f"closed {price} above the {self._range_bars}-bar opening high {self._high}",
            indicators_used=("Opening range",),
        )

    def verdict(self) -> str:
        """Why the last bar gave no signal."""
        return self._verdict


def make(symbol: str, settings: Mapping[str, str | int | bool | Decimal]) -> OpeningRange:
    """A fresh strategy for `symbol` and one day; `settings` are this strategy's in the config."""
    return OpeningRange(
        symbol,
        range_bars=int(settings.get("range_bars", 15)),
        reward_multiple=Decimal(settings.get("reward_multiple", "2")),
    )
