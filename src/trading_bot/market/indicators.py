"""Streaming indicators over closed bars: push a value, read a value, None until there are enough.

Floats in, floats out; prices in dollars, volumes in shares. Callers push finite numbers, in bar
order, and push no bar whose volume is not known into an indicator of volume. `value` is the result
of the last push and is read only for everyone outside.
"""

from math import fsum
from typing import NamedTuple


class Ema:
    """Exponential moving average over `n` values, weight 2 / (n + 1).

    Seeded with the simple average of the first `n` values, as TA-Lib does; None before that.
    """

    __slots__ = ("_alpha", "_left", "_n", "_sum", "value")

    def __init__(self, n: int) -> None:
        _require_period(n)
        self._alpha = 2.0 / (n + 1)
        self._left = n
        self._n = n
        self._sum = 0.0
        self.value: float | None = None

    def push(self, x: float) -> float | None:
        """Take the next value; the average in the unit of `x`."""
        value = self.value
        if value is not None:
            self.value = value = value + self._alpha * (x - value)
            return value
        self._sum += x
        self._left -= 1
        if not self._left:
            self.value = self._sum / self._n
        return self.value


class Sma:
    """Simple moving average of the last `n` values; None before there are `n`.

    The running sum is replaced by an exact one every `n` values, so that no error accumulates.
    """

    __slots__ = ("_at", "_full", "_n", "_ring", "_sum", "value")

    def __init__(self, n: int) -> None:
        _require_period(n)
        self._n = n
        self._ring = [0.0] * n
        self._at = 0
        self._sum = 0.0
        self._full = False
        self.value: float | None = None

    def push(self, x: float) -> float | None:
        """Take the next value; the average in the unit of `x`."""
        at = self._at
        ring = self._ring
        self._sum += x - ring[at]
        ring[at] = x
        at += 1
        if at == self._n:
            at = 0
            self._full = True
            self._sum = fsum(ring)
        self._at = at
        if self._full:
            self.value = value = self._sum / self._n
            return value
        return None


class Rsi:
    """Relative strength index over `n` changes, Wilder's smoothing: 0 to 100, None for `n` values.

    Source: Wilder, New Concepts in Technical Trading Systems (1978). Without any change at all it
    is 50, neither strong nor weak; TA-Lib says 0 there and equals ours everywhere else.
    """

    __slots__ = ("_gain", "_last", "_left", "_loss", "_n", "value")

    def __init__(self, n: int = 14) -> None:
        _require_period(n)
        self._n = n
        self._left = n
        self._gain = 0.0
        self._loss = 0.0
        self._last: float | None = None
        self.value: float | None = None

    def push(self, x: float) -> float | None:
        """Take the next value, usually a close."""
        last = self._last
        self._last = x
        if last is None:
            return None
        change = x - last
        gain, loss = (change, 0.0) if change > 0 else (0.0, -change)
        n = self._n
        if self._left:
            self._gain += gain
            self._loss += loss
            self._left -= 1
            if self._left:
                return None
            self._gain /= n
            self._loss /= n
        else:
            self._gain = (self._gain * (n - 1) + gain) / n
            self._loss = (self._loss * (n - 1) + loss) / n
        both = self._gain + self._loss
        self.value = value = 100.0 * (self._gain / both) if both else 50.0
        return value


class MacdValue(NamedTuple):
    """The MACD line and, once there are enough of it, its signal line and their difference."""

    macd: float
    signal: float | None
    histogram: float | None


class Macd:
    """Moving average convergence/divergence: EMA(fast) - EMA(slow), and an EMA of that.

    `push` and `value` give the MACD line, None before `slow` values; `signal` and `histogram`
    follow `signal - 1` values later. Each average is seeded with its own first values; TA-Lib
    starts the fast one late, at the slow one's seed, so that first values differ and converge.
    """

    __slots__ = ("_fast", "_signal", "_slow", "histogram", "signal", "value")

    def __init__(self, fast: int = 12, slow: int = 26, signal: int = 9) -> None:
        if not fast < slow:
            raise ValueError(f"expected fast < slow, got {fast} and {slow}")
        self._fast = Ema(fast)
        self._slow = Ema(slow)
        self._signal = Ema(signal)
        self.value: float | None = None
        self.signal: float | None = None
        self.histogram: float | None = None

    def push(self, x: float) -> float | None:
        """Take the next value, usually a close; the MACD line in the unit of `x`."""
        fast = self._fast.push(x)
        slow = self._slow.push(x)
        if fast is None or slow is None:
            return None
        self.value = macd = fast - slow
        self.signal = signal = self._signal.push(macd)
        if signal is not None:
            self.histogram = macd - signal
        return macd

    @property
    def lines(self) -> MacdValue | None:
        """All three lines of the last push; None before `slow` values."""
        if self.value is None:
            return None
        return MacdValue(self.value, self.signal, self.histogram)


class Atr:
    """Average true range over `n` bars, Wilder's smoothing, in dollars a share.

    Source: Wilder, New Concepts in Technical Trading Systems (1978). Seeded with the simple average
    of the first `n` true ranges. Without a `previous_close` the first bar's true range is high less
    low and the first value comes with bar `n`; TA-Lib leaves the first bar out and needs one bar
    more. With the close before the first bar as `previous_close` both give the same numbers.
    """

    __slots__ = ("_close", "_left", "_n", "_sum", "value")

    def __init__(self, n: int = 14, previous_close: float | None = None) -> None:
        _require_period(n)
        self._n = n
        self._left = n
        self._sum = 0.0
        self._close = previous_close
        self.value: float | None = None

    def push(self, high: float, low: float, close: float) -> float | None:
        """Take the next bar's high, low and close."""
        before = self._close
        self._close = close
        top, bottom = high, low
        if before is not None:
            # The true range reaches from the close before, when that lies outside the bar.
            if before > top:
                top = before
            elif before < bottom:
                bottom = before
        value = self.value
        if value is not None:
            n = self._n
            self.value = value = (value * (n - 1) + top - bottom) / n
            return value
        self._sum += top - bottom
        self._left -= 1
        if not self._left:
            self.value = self._sum / self._n
        return self.value


class SessionVwap:
    """Volume-weighted average of the typical price (high + low + close) / 3 since the open.

    Dollars a share; None until shares have traded. A bar without volume changes nothing.
    """

    __slots__ = ("_dollars", "_shares", "value")

    def __init__(self) -> None:
        self.value: float | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything: a session opens."""
        self._dollars = 0.0
        self._shares = 0.0
        self.value = None

    def push(self, high: float, low: float, close: float, volume: float) -> float | None:
        """Take the next bar; `volume` in shares, at least 0."""
        if volume > 0:
            self._dollars += (high + low + close) / 3.0 * volume
            self._shares += volume
            self.value = self._dollars / self._shares
        return self.value


class RelativeVolume:
    """A bar's volume over the mean volume of the `n` bars before it: 1.0 is as usual.

    None for the first `n` bars and where those `n` bars traded nothing.
    """

    __slots__ = ("_mean", "value")

    def __init__(self, n: int) -> None:
        self._mean = Sma(n)
        self.value: float | None = None

    def push(self, volume: float) -> float | None:
        """Take the next bar's volume in shares, at least 0."""
        usual = self._mean.value
        self.value = value = volume / usual if usual else None
        self._mean.push(volume)
        return value


def _require_period(n: int) -> None:
    if n < 1:
        raise ValueError(f"expected a period of at least 1, got {n}")
