"""The quiet Robinhood asks for on one line: who goes on is blocked for hours."""

import math

from trading_bot.domain.errors import RetryableError
from trading_bot.ports.clock import Clock


class Quiet:
    """What was asked for, and how much of it is kept: `max_s` at a time, then one more try."""

    def __init__(self, clock: Clock, max_s: float) -> None:
        self._clock = clock
        self._max_s = max_s
        self._kept_until_s = -math.inf
        self._asked_until_s = -math.inf

    @property
    def asked_left_s(self) -> float:
        """Seconds that were asked for and are not over, kept or not; 0 after a good answer."""
        return max(0.0, self._asked_until_s - self._clock.monotonic())

    def hear(self, status: int, asked_s: float | None) -> None:
        """Take what an answer of this status asks for."""
        if status < 400:
            self._asked_until_s = -math.inf
        elif asked_s is not None:
            now = self._clock.monotonic()
            self._asked_until_s = now + asked_s
            self._kept_until_s = now + min(asked_s, self._max_s)

    def check(self) -> None:
        """RetryableError while nothing may be sent."""
        left_s = self._kept_until_s - self._clock.monotonic()
        if left_s > 0:
            raise RetryableError(
                f"Robinhood asked for {left_s:.1f} s more of quiet, nothing was sent",
                retry_after_s=left_s,
            )
