"""What every pattern does around its own rule: readings, warm-up, rest after a signal, verdict."""

from collections.abc import Sequence

from trading_bot.domain.bar import Bar
from trading_bot.domain.signal import Signal
from trading_bot.strategies.readings import Readings
from trading_bot.strategies.refusal import Refusal, Why


class PatternState:
    """The state a pattern keeps over the day; `ready` says whether its rule may look at the bar."""

    __slots__ = (
        "_cooldown_bars",
        "_interval_minutes",
        "_rest",
        "readings",
        "refusal",
        "warm_up_bars",
    )

    def __init__(
        self, *, interval_minutes: int, volume_bars: int, warm_up_bars: int, cooldown_bars: int
    ) -> None:
        self.readings = Readings(volume_bars)
        self.refusal = Refusal()
        self.warm_up_bars = warm_up_bars
        self._interval_minutes = interval_minutes
        self._cooldown_bars = cooldown_bars
        self._rest = 0

    def prime(self, session_bars: Sequence[Bar]) -> None:
        """Take today's history from before this start; it gives no signals."""
        self.readings.prime(session_bars, self._interval_minutes)

    def ready(self, bar: Bar) -> bool:
        """Push `bar`; False, with the reason, while warming up or resting."""
        readings = self.readings
        readings.push(bar)
        if readings.count < self.warm_up_bars:
            return self.refusal.refuse(Why.WARMING_UP, readings.count, self.warm_up_bars)
        if self._rest:
            self._rest -= 1
            done = self._cooldown_bars - self._rest
            return self.refusal.refuse(Why.COOLING_DOWN, done, self._cooldown_bars)
        return True

    def signalled(self, signal: Signal) -> Signal:
        """Start the rest after `signal`."""
        self._rest = self._cooldown_bars
        self.refusal.refuse(Why.SIGNAL, float(signal.price))
        return signal
