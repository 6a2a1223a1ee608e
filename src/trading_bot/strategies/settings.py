"""What can be set of the built-in strategies; every threshold says its unit and range.

A threshold may be given in percent of the price, in ATRs (the 14-bar average true range, a measure
of the stock's own noise), or both; when both are given a bar must satisfy both. Percent alone suits
small caps that run 5%; ATRs suit large caps, which never do. The defaults suit one-minute bars of
large caps: a floor in percent of about what a round trip costs, the rest in ATRs.
"""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from trading_bot.domain.settings import PlainDecimal, Settings


class PatternSettings(Settings):
    """What both patterns share: bars, volume, stop, target, rest."""

    interval_minutes: int = Field(
        default=1, ge=1, le=60, description="Length of the bars, minutes."
    )
    relative_volume_bars: int = Field(
        default=10, ge=2, le=60, description="Earlier bars a bar's volume is compared with, bars."
    )
    min_relative_volume: PlainDecimal = Field(
        default=Decimal("1.2"),
        ge=0,
        le=50,
        description="Volume of the entry bar, at least this many times the usual; 0 asks nothing.",
    )
    stop_pad_atr: PlainDecimal = Field(
        default=Decimal("0.25"), ge=0, le=10, description="Stop below the pattern's low, ATRs."
    )
    stop_min_pct: PlainDecimal = Field(
        default=Decimal("0.20"),
        gt=0,
        le=20,
        description="Least distance of the stop, percent of the price; a nearer one is moved out.",
    )
    stop_max_pct: PlainDecimal = Field(
        default=Decimal("1.5"),
        gt=0,
        le=20,
        description="Greatest distance of the stop, percent of the price; over it no signal.",
    )
    cooldown_bars: int = Field(
        default=5, ge=0, le=390, description="Bars without a new signal after one, bars."
    )

    @model_validator(mode="after")
    def _stop_range(self) -> Self:
        if self.stop_min_pct > self.stop_max_pct:
            raise ValueError(
                f"stop_min_pct {self.stop_min_pct} must not be over "
                f"stop_max_pct {self.stop_max_pct}"
            )
        return self


class BullFlagSettings(PatternSettings):
    """Thresholds of the bull-flag breakout."""

    pole_min_pct: PlainDecimal | None = Field(
        default=Decimal("0.15"),
        gt=0,
        le=100,
        description="Least height of the pole, percent of its low; null: only pole_min_atr counts.",
    )
    pole_min_atr: PlainDecimal | None = Field(
        default=Decimal("2.5"),
        gt=0,
        le=50,
        description="Least height of the pole, ATRs; null: only pole_min_pct counts.",
    )
    pole_min_bars: int = Field(
        default=2,
        ge=1,
        le=60,
        description="Least length of the pole, its low and top included, bars.",
    )
    pole_max_bars: int = Field(
        default=15, ge=2, le=60, description="Most bars from the pole's low to its top, bars."
    )
    flag_min_bars: int = Field(default=2, ge=1, le=30, description="Shortest flag, bars.")
    flag_max_bars: int = Field(default=10, ge=1, le=60, description="Longest flag, bars.")
    flag_max_retrace_pct: PlainDecimal = Field(
        default=Decimal(60),
        gt=0,
        le=100,
        description="How far the flag's low may fall back, percent of the pole's height.",
    )
    flag_max_volume_ratio: PlainDecimal | None = Field(
        default=Decimal("1.0"),
        gt=0,
        le=10,
        description="Flag's mean volume at most this many times the pole's mean; null: not asked.",
    )
    flag_above_vwap: bool = Field(
        default=True, description="Whether every bar of the flag must close at or above VWAP."
    )
    flag_above_ema: bool = Field(
        default=False, description="Whether every bar of the flag must close at or above EMA-9."
    )
    breakout_above_vwap: bool = Field(
        default=True, description="Whether the breakout must close above VWAP."
    )
    breakout_above_ema: bool = Field(
        default=True, description="Whether the breakout must close above EMA-9."
    )
    ema_rising: bool = Field(
        default=True, description="Whether EMA-9 must be higher than at the pole's top."
    )
    target: Literal["reward", "pole"] = Field(
        default="reward",
        description="Where the target lies: reward_multiple times the risk above the price, "
        "or the pole's height above it.",
    )
    reward_multiple: PlainDecimal = Field(
        default=Decimal(2), gt=0, le=20, description='Reward of target "reward", times the risk.'
    )
    min_reward: PlainDecimal = Field(
        default=Decimal("1.5"),
        ge=0,
        le=20,
        description='Least reward of target "pole", times the risk; less gives no signal.',
    )

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.pole_min_pct is None and self.pole_min_atr is None:
            raise ValueError("give pole_min_pct or pole_min_atr or both")
        if self.pole_min_bars > self.pole_max_bars:
            raise ValueError(
                f"pole_min_bars {self.pole_min_bars} must not be over "
                f"pole_max_bars {self.pole_max_bars}"
            )
        if self.flag_min_bars > self.flag_max_bars:
            raise ValueError(
                f"flag_min_bars {self.flag_min_bars} must not be over "
                f"flag_max_bars {self.flag_max_bars}"
            )
        return self


class PullbackSettings(PatternSettings):
    """Thresholds of the pullback entry."""

    trend_above_vwap: bool = Field(
        default=True, description="Whether the entry bar must close above VWAP."
    )
    trend_ema_stacked: bool = Field(default=True, description="Whether EMA-9 must be above EMA-20.")
    pullback_min_bars: int = Field(
        default=2,
        ge=1,
        le=30,
        description="Fewest bars between the swing high and the entry, bars.",
    )
    pullback_max_bars: int = Field(
        default=10, ge=1, le=60, description="Most bars between the swing high and the entry, bars."
    )
    pullback_min_pct: PlainDecimal | None = Field(
        default=None,
        gt=0,
        le=100,
        description="Least depth, percent of the swing high; null: only pullback_min_atr counts.",
    )
    pullback_min_atr: PlainDecimal | None = Field(
        default=Decimal(2),
        gt=0,
        le=50,
        description="Least depth, ATRs; null: only pullback_min_pct counts.",
    )
    pullback_max_atr: PlainDecimal = Field(
        default=Decimal(4), gt=0, le=50, description="Greatest depth, ATRs."
    )
    touch: Literal["ema", "vwap", "either"] = Field(
        default="either",
        description="The line the pullback must come back to: EMA-9, VWAP, either.",
    )
    touch_atr: PlainDecimal = Field(
        default=Decimal("0.25"),
        ge=0,
        le=10,
        description="How near to its line the pullback's low must come, ATRs; "
        "and how far under VWAP it may close.",
    )
    reward_multiple: PlainDecimal = Field(
        default=Decimal(2), gt=0, le=20, description="Target above the price, times the risk."
    )

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.pullback_min_pct is None and self.pullback_min_atr is None:
            raise ValueError("give pullback_min_pct or pullback_min_atr or both")
        if self.pullback_min_bars > self.pullback_max_bars:
            raise ValueError(
                f"pullback_min_bars {self.pullback_min_bars} must not be over "
                f"pullback_max_bars {self.pullback_max_bars}"
            )
        if self.pullback_min_atr is not None and self.pullback_min_atr > self.pullback_max_atr:
            raise ValueError(
                f"pullback_min_atr {self.pullback_min_atr} must not be over "
                f"pullback_max_atr {self.pullback_max_atr}"
            )
        return self


class EmaCrossSettings(Settings):
    """Thresholds of the moving-average cross."""

    interval_minutes: int = Field(
        default=1, ge=1, le=60, description="Length of the bars, minutes."
    )
    fast: int = Field(default=9, ge=1, le=200, description="Period of the fast EMA, bars.")
    slow: int = Field(default=20, ge=2, le=400, description="Period of the slow EMA, bars.")
    stop_pct: PlainDecimal = Field(
        default=Decimal("0.5"), gt=0, le=20, description="Stop below the price, percent of it."
    )

    @model_validator(mode="after")
    def _fast_is_faster(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError(f"fast {self.fast} must be under slow {self.slow}")
        return self
