"""The moving-average cross: the simplest whole strategy, and the benchmark's."""

from collections.abc import Sequence
from datetime import timedelta

from trading_bot.domain.bar import Bar
from trading_bot.domain.money import price_from_float
from trading_bot.domain.signal import ExitSignal, Signal
from trading_bot.market.indicators import Ema
from trading_bot.strategies.levels import tick_at_or_under
from trading_bot.strategies.settings import EmaCrossSettings

NAME = "ema-cross"
ENTRY_TYPE = "cross"


class EmaCross:
    """Buys when the fast EMA crosses above the slow one, wants out when it crosses below.

    Equal averages are no cross. The stop lies `stop_pct` below the price; there is no target.
    """

    # Once seeded the averages are kept here as bare floats and moved on in `on_bar` itself by the
    # formula of `Ema`: two calls a bar would be most of what a bar may cost.
    __slots__ = (
        "_above",
        "_count",
        "_fast",
        "_fast_name",
        "_fast_seed",
        "_fast_weight",
        "_has_no_stop",
        "_is_seeding",
        "_settings",
        "_slow",
        "_slow_name",
        "_slow_seed",
        "_slow_weight",
        "_stop_fraction",
        "_symbol",
    )

    def __init__(self, symbol: str, settings: EmaCrossSettings) -> None:
        self._symbol = symbol
        self._settings = settings
        self._fast_name, self._slow_name = f"EMA-{settings.fast}", f"EMA-{settings.slow}"
        self._stop_fraction = float(settings.stop_pct) / 100.0
        self._fast_weight = 2.0 / (settings.fast + 1)
        self._slow_weight = 2.0 / (settings.slow + 1)
        self._fast_seed = Ema(settings.fast)
        self._slow_seed = Ema(settings.slow)
        self._is_seeding = True
        self._count = 0
        self._fast = self._slow = 0.0
        self._above = False
        self._has_no_stop = False

    @property
    def name(self) -> str:
        return NAME

    @property
    def interval_minutes(self) -> int:
        return self._settings.interval_minutes

    @property
    def warm_up_bars(self) -> int:
        return self._settings.slow + 1

    @property
    def needs_volume(self) -> bool:
        return False

    def warm_up(self, session_bars: Sequence[Bar]) -> None:
        """Count the bars of its own length as if seen; others say nothing about these averages."""
        length = timedelta(minutes=self.interval_minutes)
        for bar in session_bars:
            if bar.end - bar.start == length:
                self.on_bar(bar)

    def on_bar(self, bar: Bar) -> Signal | ExitSignal | None:
        if self._is_seeding:
            self._seed(bar.close)
            return None
        close = bar.close
        fast = self._fast
        slow = self._slow
        self._fast = fast = fast + self._fast_weight * (close - fast)
        self._slow = slow = slow + self._slow_weight * (close - slow)
        if self._above:
            if fast >= slow:
                return None
            self._above = False
            return self._exit(bar)
        if fast <= slow:
            return None
        self._above = True
        return self._entry(bar)

    def verdict(self) -> str:
        if self._is_seeding:
            return f"warming up {self._count} of {self.warm_up_bars} bars"
        if self._has_no_stop:
            return f"no stop {self._settings.stop_pct}% below so low a price"
        where = "above" if self._above else "not above"
        return (
            f"no cross: EMA-{self._settings.fast} {self._fast:.4f} {where}"
            f" EMA-{self._settings.slow} {self._slow:.4f}"
        )

    def _seed(self, close: float) -> None:
        self._count += 1
        fast, slow = self._fast_seed.push(close), self._slow_seed.push(close)
        if fast is None or slow is None:
            return
        self._fast, self._slow = fast, slow
        self._above = fast > slow
        self._is_seeding = False

    def _entry(self, bar: Bar) -> Signal | None:
        price = price_from_float(bar.close)
        stop = tick_at_or_under(bar.close * (1.0 - self._stop_fraction))
        self._has_no_stop = not 0 < stop < price
        if self._has_no_stop:
            return None
        fast, slow = self._fast_name, self._slow_name
        return Signal(
            symbol=self._symbol,
            strategy_name=NAME,
            entry_type=ENTRY_TYPE,
            bar_end=bar.end,
            price=price,
            stop_loss=stop,
            target=None,
            reasons=f"{fast} {self._fast:.4f} crossed above {slow} {self._slow:.4f}",
            indicators_used=(fast, slow),
        )

    def _exit(self, bar: Bar) -> ExitSignal:
        self._has_no_stop = False
        fast, slow = self._fast_name, self._slow_name
        return ExitSignal(
            symbol=self._symbol,
            strategy_name=NAME,
            bar_end=bar.end,
            reasons=f"{fast} {self._fast:.4f} crossed below {slow} {self._slow:.4f}",
        )
