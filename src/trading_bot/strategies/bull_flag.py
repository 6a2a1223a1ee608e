"""The bull-flag breakout: a pole up, a quiet flag, a close above the flag on volume."""

import math
from collections.abc import Sequence
from decimal import Decimal

from trading_bot.domain.bar import Bar
from trading_bot.domain.money import price_from_float
from trading_bot.domain.signal import Signal
from trading_bot.strategies.confirmation import closes_above_ema, closes_above_vwap, has_volume
from trading_bot.strategies.levels import StopRule, measured_target, reward_target
from trading_bot.strategies.pattern import PatternState
from trading_bot.strategies.readings import ATR_PERIOD, EMA_FAST
from trading_bot.strategies.refusal import Why
from trading_bot.strategies.settings import BullFlagSettings

NAME = "bull-flag-breakout"
ENTRY_TYPE = "breakout"
INDICATORS = ("VWAP", "EMA-9", "Volume", "ATR-14")


class _Shape:
    """The pole and flag before the newest bar; `base` to `top` is the pole, prices in dollars."""

    __slots__ = ("base", "flag_bars", "flag_high", "flag_low", "pole_bars", "top", "volume_ratio")

    def __init__(self) -> None:
        self.base = self.top = self.flag_high = self.flag_low = self.volume_ratio = 0.0
        self.flag_bars = self.pole_bars = 0

    @property
    def height(self) -> float:
        """Height of the pole in dollars."""
        return self.top - self.base

    @property
    def retrace_pct(self) -> float:
        """How far the flag fell back, percent of the pole's height."""
        return (self.top - self.flag_low) / self.height * 100.0


class BullFlagBreakout:
    """Buys the first close above the flag's high.

    The pole's top is the highest high of the `flag_max_bars` before the newest bar (the first of
    equals), its base the lowest low of the `pole_max_bars` up to the top (the last of equals). The
    flag is what lies between the top and the newest bar.
    """

    __slots__ = (
        "_limits",
        "_settings",
        "_shape",
        "_state",
        "_stop_rule",
        "_symbol",
    )

    def __init__(self, symbol: str, settings: BullFlagSettings) -> None:
        self._symbol = symbol
        self._settings = settings
        self._limits = _Limits(settings)
        self._shape = _Shape()
        self._stop_rule = StopRule(settings)
        self._state = PatternState(
            interval_minutes=settings.interval_minutes,
            volume_bars=settings.relative_volume_bars,
            warm_up_bars=max(
                ATR_PERIOD + 1,
                settings.relative_volume_bars + 1,
                EMA_FAST + settings.flag_max_bars + 1,
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
            and self._has_flag()
            and self._has_pole()
            and self._is_quiet_flag()
            and self._breaks_out(bar)
            and self._is_confirmed(bar)
        ):
            return self._signal(bar)
        return None

    def verdict(self) -> str:
        return self._state.refusal.text()

    def _has_flag(self) -> bool:
        limits, shape, refusal = self._limits, self._shape, self._state.refusal
        highs = self._state.readings.highs
        # One bar more than the longest flag, so that a top further back shows as such.
        window = highs[-limits.flag_max_bars - 3 : -1]
        shape.top = max(window)
        shape.flag_bars = len(window) - 1 - window.index(shape.top)
        if shape.flag_bars < limits.flag_min_bars:
            return refusal.refuse(Why.FLAG_SHORT, shape.flag_bars, limits.flag_min_bars)
        if shape.flag_bars > limits.flag_max_bars:
            return refusal.refuse(Why.FLAG_LONG, shape.flag_bars, limits.flag_max_bars)
        return True

    def _has_pole(self) -> bool:
        limits, shape, refusal = self._limits, self._shape, self._state.refusal
        readings = self._state.readings
        end = len(readings.lows) - 1 - shape.flag_bars
        window = readings.lows[max(0, end - limits.pole_max_bars) : end]
        shape.base = min(window)
        window.reverse()
        shape.pole_bars = window.index(shape.base) + 1
        if shape.pole_bars < limits.pole_min_bars:
            return refusal.refuse(Why.POLE_SHORT, shape.pole_bars, limits.pole_min_bars)
        height, atr = shape.height, readings.atr
        if height < limits.pole_min_fraction * shape.base:
            measured = height / shape.base * 100.0
            return refusal.refuse(Why.POLE_PCT, measured, limits.pole_min_fraction * 100.0)
        if height <= 0.0 or height < limits.pole_min_atr * atr:
            measured = height / atr if atr else 0.0
            return refusal.refuse(Why.POLE_ATR, measured, limits.pole_min_atr)
        return True

    def _is_quiet_flag(self) -> bool:
        limits, shape, refusal = self._limits, self._shape, self._state.refusal
        readings = self._state.readings
        flag = slice(-1 - shape.flag_bars, -1)
        shape.flag_low = min(readings.lows[flag])
        shape.flag_high = max(readings.highs[flag])
        if shape.retrace_pct > limits.flag_max_retrace_pct:
            return refusal.refuse(Why.FLAG_DEEP, shape.retrace_pct, limits.flag_max_retrace_pct)
        if limits.flag_above_vwap and not self._holds(readings.vwaps[flag], Why.FLAG_UNDER_VWAP):
            return False
        if limits.flag_above_ema and not self._holds(readings.emas[flag], Why.FLAG_UNDER_EMA):
            return False
        shape.volume_ratio = self._flag_volume_ratio()
        if shape.volume_ratio > limits.flag_max_volume_ratio:
            return refusal.refuse(Why.FLAG_HEAVY, shape.volume_ratio, limits.flag_max_volume_ratio)
        return True

    def _holds(self, lines: list[float], code: Why) -> bool:
        """Whether each close of the flag is at or above its bar's line; NaN lines refuse."""
        closes = self._state.readings.closes[-1 - self._shape.flag_bars : -1]
        for close, line in zip(closes, lines, strict=True):
            if not close >= line:
                found = Why.NO_VWAP if math.isnan(line) else code
                return self._state.refusal.refuse(found, close, line)
        return True

    def _flag_volume_ratio(self) -> float:
        """Mean volume of the flag over the pole's; infinite for a pole without volume."""
        shape, volumes = self._shape, self._state.readings.volumes
        end = len(volumes) - 1 - shape.flag_bars
        pole = sum(volumes[end - shape.pole_bars : end])
        if not pole:
            return math.inf
        return sum(volumes[end:-1]) * shape.pole_bars / (pole * shape.flag_bars)

    def _breaks_out(self, bar: Bar) -> bool:
        if bar.close > self._shape.flag_high:
            return True
        return self._state.refusal.refuse(Why.NO_BREAKOUT, bar.close, self._shape.flag_high)

    def _is_confirmed(self, bar: Bar) -> bool:
        limits, refusal, readings = self._limits, self._state.refusal, self._state.readings
        if not has_volume(readings, limits.min_relative_volume, limits.volume_bars, refusal):
            return False
        if limits.breakout_above_vwap and not closes_above_vwap(bar, readings, refusal):
            return False
        if limits.breakout_above_ema and not closes_above_ema(bar, readings, refusal):
            return False
        at_top, now = readings.emas[-2 - self._shape.flag_bars], readings.emas[-1]
        if limits.ema_rising and not now > at_top:
            return refusal.refuse(Why.EMA_FALLING, now, at_top)
        return True

    def _signal(self, bar: Bar) -> Signal | None:
        state, shape = self._state, self._shape
        levels = self._stop_rule.stop_under(
            shape.flag_low, state.readings.atr, bar.close, state.refusal
        )
        if levels is None:
            return None
        price, stop = levels
        target = self._target(price, stop)
        if target is None:
            return None
        return state.signalled(
            Signal(
                symbol=self._symbol,
                strategy_name=NAME,
                entry_type=ENTRY_TYPE,
                bar_end=bar.end,
                price=price,
                stop_loss=stop,
                target=target,
                reasons=self._reasons(price),
                indicators_used=INDICATORS,
            )
        )

    def _target(self, price: Decimal, stop: Decimal) -> Decimal | None:
        settings = self._settings
        if settings.target == "reward":
            return reward_target(price, stop, settings.reward_multiple)
        target = measured_target(price, self._shape.height)
        reward = (target - price) / (price - stop)
        if reward < settings.min_reward:
            self._state.refusal.refuse(Why.REWARD_LOW, float(reward), float(settings.min_reward))
            return None
        return target

    def _reasons(self, price: Decimal) -> str:
        shape, readings = self._shape, self._state.readings
        high = price_from_float(shape.flag_high)
        return (
            f"closed {price} above the high {high} of a {shape.flag_bars}-bar flag"
            f" that gave back {shape.retrace_pct:.0f}% of a"
            f" {shape.height / shape.base * 100.0:.2f}% pole"
            f" ({shape.height / readings.atr:.1f} ATR, {shape.pole_bars} bars)"
            f" on {shape.volume_ratio:.2f}x its volume;"
            f" breakout volume {readings.relative_volume or 0.0:.1f}x,"
            f" VWAP {price_from_float(readings.vwaps[-1])},"
            f" EMA-9 {price_from_float(readings.emas[-1])}"
        )


class _Limits:
    """The settings as floats, converted once for the hot path; a limit not set never binds."""

    __slots__ = (
        "breakout_above_ema",
        "breakout_above_vwap",
        "ema_rising",
        "flag_above_ema",
        "flag_above_vwap",
        "flag_max_bars",
        "flag_max_retrace_pct",
        "flag_max_volume_ratio",
        "flag_min_bars",
        "min_relative_volume",
        "pole_max_bars",
        "pole_min_atr",
        "pole_min_bars",
        "pole_min_fraction",
        "volume_bars",
    )

    def __init__(self, settings: BullFlagSettings) -> None:
        self.pole_min_fraction = float(settings.pole_min_pct or 0) / 100.0
        self.pole_min_atr = float(settings.pole_min_atr or 0)
        self.pole_min_bars = settings.pole_min_bars
        self.pole_max_bars = settings.pole_max_bars
        self.flag_min_bars = settings.flag_min_bars
        self.flag_max_bars = settings.flag_max_bars
        self.flag_max_retrace_pct = float(settings.flag_max_retrace_pct)
        self.flag_max_volume_ratio = float(
            "inf" if settings.flag_max_volume_ratio is None else settings.flag_max_volume_ratio
        )
        self.flag_above_vwap = settings.flag_above_vwap
        self.flag_above_ema = settings.flag_above_ema
        self.breakout_above_vwap = settings.breakout_above_vwap
        self.breakout_above_ema = settings.breakout_above_ema
        self.ema_rising = settings.ema_rising
        self.min_relative_volume = float(settings.min_relative_volume)
        self.volume_bars = settings.relative_volume_bars
