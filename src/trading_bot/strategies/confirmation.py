"""Checks of an entry bar that patterns share; each says why when it fails."""

import math

from trading_bot.domain.bar import Bar
from trading_bot.strategies.readings import Readings
from trading_bot.strategies.refusal import Refusal, Why


def has_volume(readings: Readings, minimum: float, volume_bars: int, refusal: Refusal) -> bool:
    """Whether the newest bar's relative volume is at least `minimum`."""
    if minimum <= 0.0:
        return True
    relative = readings.relative_volume
    if relative is None:
        return refusal.refuse(Why.NO_VOLUME, 0.0, volume_bars)
    if relative < minimum:
        return refusal.refuse(Why.LOW_VOLUME, relative, minimum)
    return True


def closes_above_vwap(
    bar: Bar, readings: Readings, refusal: Refusal, code: Why = Why.UNDER_VWAP
) -> bool:
    """Whether `bar` closed above the VWAP that includes it; no VWAP refuses."""
    vwap = readings.vwaps[-1]
    if bar.close > vwap:
        return True
    if math.isnan(vwap):
        code = Why.NO_VWAP
    return refusal.refuse(code, bar.close, vwap)


def closes_above_ema(bar: Bar, readings: Readings, refusal: Refusal) -> bool:
    """Whether `bar` closed above EMA-9."""
    if bar.close > readings.emas[-1]:
        return True
    return refusal.refuse(Why.UNDER_EMA, bar.close, readings.emas[-1])
