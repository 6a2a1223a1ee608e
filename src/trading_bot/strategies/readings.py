"""The indicators and the recent bars that the patterns read, pushed once per bar."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from trading_bot.domain.bar import Bar
from trading_bot.market.indicators import Atr, Ema, RelativeVolume, SessionVwap

EMA_FAST = 9
EMA_SLOW = 20
ATR_PERIOD = 14
# Lists grow to this before their old end is cut, so that cutting is rare.
_KEEP = 256


class Readings:
    """State of one symbol's day: indicators now, and lists of the last bars, newest last.

    `vwaps` and `emas` hold each bar's value after that bar, NaN while there was none.
    `relative_volume` is the newest bar's against the mean of the `volume_bars` before it.
    """

    __slots__ = (
        "_atr",
        "_ema",
        "_primed",
        "_primed_until",
        "_relative_volume",
        "_slow",
        "_vwap",
        "closes",
        "count",
        "emas",
        "highs",
        "lows",
        "vwaps",
        "volumes",
    )

    def __init__(self, volume_bars: int) -> None:
        self._ema = Ema(EMA_FAST)
        self._slow = Ema(EMA_SLOW)
        self._atr = Atr(ATR_PERIOD)
        self._vwap = SessionVwap()
        self._relative_volume = RelativeVolume(volume_bars)
        self._primed = 0
        self._primed_until: datetime | None = None
        self.count = 0
        self.highs: list[float] = []
        self.lows: list[float] = []
        self.closes: list[float] = []
        self.volumes: list[int] = []
        self.emas: list[float] = []
        self.vwaps: list[float] = []

    @property
    def atr(self) -> float:
        """Average true range in dollars; 0 while there is none."""
        value = self._atr.value
        return 0.0 if value is None else value

    @property
    def slow_ema(self) -> float:
        """EMA-20; NaN while there is none."""
        return _or_nan(self._slow.value)

    @property
    def relative_volume(self) -> float | None:
        """The newest bar's volume over the mean of the bars before it; None while there is none."""
        return self._relative_volume.value

    def push(self, bar: Bar) -> None:
        """Take the next closed bar."""
        if len(self.highs) == _KEEP:
            self._cut()
        self._atr.push(bar.high, bar.low, bar.close)
        self._ema.push(bar.close)
        self._slow.push(bar.close)
        self._vwap.push(bar.high, bar.low, bar.close, bar.volume)
        self._relative_volume.push(bar.volume)
        self.highs.append(bar.high)
        self.lows.append(bar.low)
        self.closes.append(bar.close)
        self.volumes.append(bar.volume)
        self.emas.append(_or_nan(self._ema.value))
        self.vwaps.append(_or_nan(self._vwap.value))
        self.count += 1

    def prime(self, session_bars: Sequence[Bar], interval_minutes: int) -> None:
        """Take today's history from before this start.

        Bars of `interval_minutes` count as if seen; bars of another length only feed the VWAP,
        as do all bars once the first live one came: VWAP alone does not mind the order. Bars
        primed before and bars without a known volume are left out.
        """
        length = timedelta(minutes=interval_minutes)
        for bar in session_bars:
            until = self._primed_until
            if not bar.has_volume or (until is not None and bar.start < until):
                continue
            self._primed_until = bar.end
            if bar.end - bar.start == length and self.count == self._primed:
                self.push(bar)
                self._primed = self.count
            else:
                self._vwap.push(bar.high, bar.low, bar.close, bar.volume)

    def _cut(self) -> None:
        old = _KEEP // 2
        del self.highs[:old], self.lows[:old], self.closes[:old]
        del self.volumes[:old], self.emas[:old], self.vwaps[:old]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
