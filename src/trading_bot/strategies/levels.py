"""Stop and target of a long entry, on ticks."""

import math
from decimal import Decimal

from trading_bot.domain.money import price_from_float, round_nearest, tick_size
from trading_bot.strategies.refusal import Refusal, Why
from trading_bot.strategies.settings import PatternSettings

# Far above the error of a few float operations on a price, far below the smallest tick.
_FLOAT_ERROR = 1e-9


class StopRule:
    """How far a stop may lie from the price; percents of the price."""

    __slots__ = ("_max_pct", "_min_pct", "_pad_atr")

    def __init__(self, settings: PatternSettings) -> None:
        self._pad_atr = float(settings.stop_pad_atr)
        self._min_pct = float(settings.stop_min_pct)
        self._max_pct = float(settings.stop_max_pct)

    def stop_under(
        self, low: float, atr: float, close: float, refusal: Refusal
    ) -> tuple[Decimal, Decimal] | None:
        """The price of `close` and a stop padded below `low`; None, with the reason, out of bounds.

        A stop nearer than the minimum is moved out to it: the spread alone would hit it.
        """
        price = price_from_float(close)
        paid = float(price)
        stop = low - self._pad_atr * atr
        away_pct = (paid - stop) / paid * 100.0 if paid else math.inf
        if away_pct > self._max_pct:
            refusal.refuse(Why.STOP_FAR, away_pct, self._max_pct)
            return None
        if away_pct < self._min_pct:
            stop = paid * (1.0 - self._min_pct / 100.0)
        stop_price = tick_at_or_under(stop)
        if not 0 < stop_price < price:
            refusal.refuse(Why.STOP_ON_PRICE, float(stop_price), float(price))
            return None
        return price, stop_price


def tick_at_or_under(value: float) -> Decimal:
    """The tick at or below `value`: rounding must not lift a stop into the pattern.

    A value within float error of a tick is that tick.
    """
    nearest = price_from_float(value)
    return nearest - tick_size(nearest) if float(nearest) > value + _FLOAT_ERROR else nearest


def reward_target(price: Decimal, stop: Decimal, multiple: Decimal) -> Decimal:
    """`multiple` times the risk above `price`, to the nearest tick, at least one tick above."""
    return _above(price, round_nearest(price + multiple * (price - stop)))


def measured_target(price: Decimal, height: float) -> Decimal:
    """`height` dollars above `price`, likewise."""
    return _above(price, round_nearest(price + price_from_float(height)))


def _above(price: Decimal, target: Decimal) -> Decimal:
    return target if target > price else price + tick_size(price)
