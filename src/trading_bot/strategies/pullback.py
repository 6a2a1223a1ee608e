"""The pullback entry: an uptrend falls back to its line and turns up on volume."""

import math
from collections.abc import Sequence
from decimal import Decimal

from trading_bot.domain.bar import Bar
from trading_bot.domain.money import price_from_float
from trading_bot.domain.signal import Signal
from trading_bot.strategies.confirmation import closes_above_vwap, has_volume
from trading_bot.strategies.levels import StopRule, reward_target
from trading_bot.strategies.pattern import PatternState
from trading_bot.strategies.readings import ATR_PERIOD, EMA_FAST, EMA_SLOW
from trading_bot.strategies.refusal import Why
from trading_bot.strategies.settings import PullbackSettings

NAME = "pullback-entry"
ENTRY_TYPE = "pullback"
INDICATORS = ("VWAP", "EMA-9", "EMA-20", "Volume", "ATR-14")


class _Shape:
    """The pullback before the newest bar; prices in dollars, `bars` counts those after the top."""

    __slots__ = ("away_atr", "bars", "low", "top")

    def __init__(self) -> None:
        self.away_atr = self.low = self.top = 0.0
        self.bars = 0

    @property
    def depth(self) -> float:
        """Swing high to low, dollars."""
        return self.top - self.low


class PullbackEntry:
    """Buys the first close above the previous bar's high after a pullback to EMA-9 or VWAP.

    The swing high is the highest high of the `pullback_max_bars` before the newest bar (the last of
    equals); the pullback is what lies between it and the newest bar.
    """

    __slots__ = (
        "_limits",
        "_settings",
        "_shape",
        "_state",
        "_stop_rule",
        "_symbol",
    )

    def __init__(self, symbol: str, settings: PullbackSettings) -> None:
        self._symbol = symbol
        self._settings = settings
        self._limits = _Limits(settings)
        self._shape = _Shape()
        self._stop_rule = StopRule(settings)
        self._state = PatternState(
            interval_minutes=settings.interval_minutes,
            volume_bars=settings.relative_volume_bars,
            warm_up_bars=max(
                EMA_SLOW,
                ATR_PERIOD + 1,
                settings.relative_volume_bars + 1,
                EMA_FAST + settings.pullback_max_bars,
            ),
            cooldown_bars=settings.cooldown_bars,
        )

    @property
    def name(self) -> str:
        return NAME

    @property
    def interval_minutes(self) -> int:
        return self._settings.interval_minutes

    @property
    def warm_up_bars(self) -> int:
        return self._state.warm_up_bars

    @property
    def needs_volume(self) -> bool:
        return True

    def warm_up(self, session_bars: Sequence[Bar]) -> None:
        self._state.prime(session_bars)

    def on_bar(self, bar: Bar) -> Signal | None:
        if (
            self._state.ready(bar)
            and self._is_uptrend(bar)
            and self._has_pullback()
            and self._is_deep_enough()
            and self._reached_line()
            and self._turns_up(bar)
        ):
            return self._signal(bar)
        return None

    def verdict(self) -> str:
        return self._state.refusal.text()

    def _is_uptrend(self, bar: Bar) -> bool:
        limits, refusal, readings = self._limits, self._state.refusal, self._state.readings
        if limits.trend_above_vwap and not closes_above_vwap(
            bar, readings, refusal, Why.TREND_UNDER_VWAP
        ):
            return False
        fast, slow = readings.emas[-1], readings.slow_ema
        if limits.trend_ema_stacked and not fast > slow:
            return refusal.refuse(Why.TREND_EMA, fast, slow)
        return True

    def _has_pullback(self) -> bool:
        limits, shape, refusal = self._limits, self._shape, self._state.refusal
        # One bar more than the longest pullback, so that a top further back shows as such.
        window = self._state.readings.highs[-limits.max_bars - 3 : -1]
        shape.top = max(window)
        window.reverse()
        shape.bars = window.index(shape.top)
        if shape.bars < limits.min_bars:
            return refusal.refuse(Why.PULLBACK_SHORT, shape.bars, limits.min_bars)
        if shape.bars > limits.max_bars:
            return refusal.refuse(Why.PULLBACK_LONG, shape.bars, limits.max_bars)
        return True

    def _is_deep_enough(self) -> bool:
        limits, shape, refusal = self._limits, self._shape, self._state.refusal
        readings = self._state.readings
        # The entry bar may dip once more before it turns: its low is the pattern's low then.
        shape.low = min(readings.lows[-1 - shape.bars :])
        depth, atr = shape.depth, readings.atr
        if depth < limits.min_fraction * shape.top:
            measured = depth / shape.top * 100.0
            return refusal.refuse(Why.PULLBACK_SHALLOW_PCT, measured, limits.min_fraction * 100.0)
        if not atr or depth < limits.min_atr * atr:
            measured = depth / atr if atr else 0.0
            return refusal.refuse(Why.PULLBACK_SHALLOW, measured, limits.min_atr)
        if depth > limits.max_atr * atr:
            return refusal.refuse(Why.PULLBACK_DEEP, depth / atr, limits.max_atr)
        return True

    def _reached_line(self) -> bool:
        """Whether a low came to its line within the tolerance and no close fell through VWAP."""
        limits, shape, refusal = self._limits, self._shape, self._state.refusal
        readings = self._state.readings
        bars, atr = slice(-1 - shape.bars, None), readings.atr
        lows, closes, vwaps = readings.lows[bars], readings.closes[bars], readings.vwaps[bars]
        away = math.inf
        if limits.touches_ema:
            away = min(away, _least_gap(lows, readings.emas[bars]))
        if limits.touches_vwap:
            away = min(away, _least_gap(lows, vwaps))
        shape.away_atr = away / atr
        if not shape.away_atr <= limits.touch_atr:
            return refusal.refuse(Why.PULLBACK_AWAY, shape.away_atr, limits.touch_atr)
        under = -_least_gap(closes, vwaps) / atr
        if limits.trend_above_vwap and under > limits.touch_atr:
            return refusal.refuse(Why.PULLBACK_BROKEN, under, limits.touch_atr)
        return True

    def _turns_up(self, bar: Bar) -> bool:
        limits, refusal, readings = self._limits, self._state.refusal, self._state.readings
        before = readings.highs[-2]
        if not bar.close > before:
            return refusal.refuse(Why.NO_TURN, bar.close, before)
        if not bar.close > bar.open:
            return refusal.refuse(Why.RED_BAR, bar.close, bar.open)
        return has_volume(readings, limits.min_relative_volume, limits.volume_bars, refusal)

    def _signal(self, bar: Bar) -> Signal | None:
        state = self._state
        levels = self._stop_rule.stop_under(
            self._shape.low, state.readings.atr, bar.close, state.refusal
        )
        if levels is None:
            return None
        price, stop = levels
        return state.signalled(
            Signal(
                symbol=self._symbol,
                strategy_name=NAME,
                entry_type=ENTRY_TYPE,
                bar_end=bar.end,
                price=price,
                stop_loss=stop,
                target=reward_target(price, stop, self._settings.reward_multiple),
                reasons=self._reasons(price),
                indicators_used=INDICATORS,
            )
        )

    def _reasons(self, price: Decimal) -> str:
        shape, readings = self._shape, self._state.readings
        before = price_from_float(readings.highs[-2])
        return (
            f"closed {price} above the previous high {before}"
            f" after a {shape.bars}-bar pullback of {shape.depth / readings.atr:.1f} ATR"
            f" from {price_from_float(shape.top)} to within {shape.away_atr:.2f} ATR of"
            f" {self._limits.line};"
            f" volume {readings.relative_volume or 0.0:.1f}x,"
            f" VWAP {price_from_float(readings.vwaps[-1])},"
            f" EMA-9 {price_from_float(readings.emas[-1])},"
            f" EMA-20 {price_from_float(readings.slow_ema)}"
        )


def _least_gap(values: list[float], lines: list[float]) -> float:
    """The smallest of value less line, negative below it; infinite where all lines are NaN."""
    least = math.inf
    for value, line in zip(values, lines, strict=True):
        gap = value - line
        least = min(least, gap)
    return least


_LINES = {"ema": "EMA-9", "vwap": "VWAP", "either": "EMA-9 or VWAP"}


class _Limits:
    """The settings as floats, converted once for the hot path; a limit not set never binds."""

    __slots__ = (
        "line",
        "max_atr",
        "max_bars",
        "min_atr",
        "min_bars",
        "min_fraction",
        "min_relative_volume",
        "touch_atr",
        "touches_ema",
        "touches_vwap",
        "trend_above_vwap",
        "trend_ema_stacked",
        "volume_bars",
    )

    def __init__(self, settings: PullbackSettings) -> None:
        self.trend_above_vwap = settings.trend_above_vwap
        self.trend_ema_stacked = settings.trend_ema_stacked
        self.min_bars = settings.pullback_min_bars
        self.max_bars = settings.pullback_max_bars
        self.min_fraction = float(settings.pullback_min_pct or 0) / 100.0
        self.min_atr = float(settings.pullback_min_atr or 0)
        self.max_atr = float(settings.pullback_max_atr)
        self.touch_atr = float(settings.touch_atr)
        self.touches_ema = settings.touch in {"ema", "either"}
        self.touches_vwap = settings.touch in {"vwap", "either"}
        self.line = _LINES[settings.touch]
        self.min_relative_volume = float(settings.min_relative_volume)
        self.volume_bars = settings.relative_volume_bars
