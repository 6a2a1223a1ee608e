"""The clocks of real time: the system's, and one that runs N times as fast."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from trading_bot.ports.clock import Waitable

_STEP_MAX_S = 30.0
"""Longest single real wait for a wall time: a wall clock that was set is noticed within this."""


class PacedClock:
    """Wall time runs from `start`, `speed` times as fast as `monotonic` (seconds); for watching.

    `monotonic()` and every wait are in this clock's own seconds.
    """

    def __init__(
        self, start: datetime, speed: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        if start.tzinfo is None:
            raise ValueError(f"a clock needs an aware start, got {start}")
        if not speed > 0:
            raise ValueError(f"a clock's speed must be positive, got {speed}")
        self._start = start.astimezone(UTC)
        self._speed = speed
        self._real = monotonic
        self._origin = monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return self._speed * (self._real() - self._origin)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    async def sleep_until(self, at: datetime) -> None:
        # Not an event in disguise: the wall clock may be set while we wait.
        while (left := self._real_seconds_to(at)) > 0:
            await asyncio.sleep(min(left, _STEP_MAX_S))

    @contextmanager
    def activity(self) -> Iterator[None]:
        """Real time does not wait for anyone."""
        yield

    async def settle(self) -> None:
        """Nothing to wait for: in real time answers come when they come."""

    async def wait(self, ready: Waitable, until: datetime | None = None) -> bool:
        while not ready.is_set():
            left = _STEP_MAX_S if until is None else self._real_seconds_to(until)
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(min(left, _STEP_MAX_S)):
                    await ready.wait()
            except TimeoutError:
                continue
        return True

    def _real_seconds_to(self, at: datetime) -> float:
        return (at - self.now()).total_seconds() / self._speed


class SystemClock(PacedClock):
    """The machine's own time."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC), 1.0)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
