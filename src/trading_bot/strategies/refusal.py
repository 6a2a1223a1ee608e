"""Why a bar gave no signal: a code and two numbers kept cheaply, made into text when asked."""

from enum import Enum


class Why(Enum):
    """One code for each way a bar can fail; its text takes what was measured and the limit."""

    NO_BAR = "no bar yet"
    WARMING_UP = "warming up {0:.0f} of {1:.0f} bars"
    COOLING_DOWN = "cooling down {0:.0f} of {1:.0f} bars after a signal"
    SIGNAL = "signal at {0:.4f}"
    NO_VWAP = "no VWAP: no volume yet today"
    NO_VOLUME = "no relative volume: no volume in the last {1:.0f} bars"

    FLAG_SHORT = "flag {0:.0f} bars under {1:.0f}"
    FLAG_LONG = "flag {0:.0f} bars over {1:.0f}"
    POLE_SHORT = "pole {0:.0f} bars under {1:.0f}"
    POLE_PCT = "pole {0:.2f}% under {1:.2f}%"
    POLE_ATR = "pole {0:.2f} ATR under {1:.2f} ATR"
    FLAG_DEEP = "flag retraced {0:.1f}% of the pole, over {1:.1f}%"
    FLAG_UNDER_VWAP = "flag closed {0:.4f} under VWAP {1:.4f}"
    FLAG_UNDER_EMA = "flag closed {0:.4f} under EMA-9 {1:.4f}"
    FLAG_HEAVY = "flag volume {0:.2f}x the pole's, over {1:.2f}x"
    NO_BREAKOUT = "close {0:.4f} not above flag high {1:.4f}"

    TREND_UNDER_VWAP = "no uptrend: close {0:.4f} under VWAP {1:.4f}"
    TREND_EMA = "no uptrend: EMA-9 {0:.4f} not above EMA-20 {1:.4f}"
    PULLBACK_SHORT = "pullback {0:.0f} bars under {1:.0f}"
    PULLBACK_LONG = "pullback {0:.0f} bars over {1:.0f}"
    PULLBACK_SHALLOW = "pullback {0:.2f} ATR under {1:.2f} ATR"
    PULLBACK_SHALLOW_PCT = "pullback {0:.2f}% under {1:.2f}%"
    PULLBACK_DEEP = "pullback {0:.2f} ATR over {1:.2f} ATR"
    PULLBACK_AWAY = "pullback stayed {0:.2f} ATR above its line, over {1:.2f} ATR"
    PULLBACK_BROKEN = "pullback closed {0:.2f} ATR under VWAP, over {1:.2f} ATR"
    NO_TURN = "close {0:.4f} not above previous high {1:.4f}"
    RED_BAR = "close {0:.4f} not above its open {1:.4f}"

    LOW_VOLUME = "volume {0:.2f}x the usual, under {1:.2f}x"
    UNDER_VWAP = "close {0:.4f} not above VWAP {1:.4f}"
    UNDER_EMA = "close {0:.4f} not above EMA-9 {1:.4f}"
    EMA_FALLING = "EMA-9 {0:.4f} not above {1:.4f} at the pole's top"
    STOP_FAR = "stop {0:.2f}% away, over {1:.2f}%"
    STOP_ON_PRICE = "stop {0:.4f} is not a positive price under {1:.4f}"
    REWARD_LOW = "reward {0:.2f} times the risk, under {1:.2f}"


class Refusal:
    """The last bar's answer. One per strategy, overwritten by each bar."""

    __slots__ = ("code", "limit", "measured")

    def __init__(self) -> None:
        self.code = Why.NO_BAR
        self.measured = 0.0
        self.limit = 0.0

    def refuse(self, code: Why, measured: float = 0.0, limit: float = 0.0) -> bool:
        """Remember `code` and its numbers; always False, so that a check can return it."""
        self.code = code
        self.measured = measured
        self.limit = limit
        return False

    def text(self) -> str:
        """The code's sentence with its numbers, such as "pole 0.42% under 0.60%"."""
        return self.code.value.format(self.measured, self.limit)
