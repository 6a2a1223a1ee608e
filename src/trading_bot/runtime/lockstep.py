"""Virtual time that moves only when everybody waits for it.

How it stays deterministic:

- Time moves from one deadline to the next, never in between, and only when nothing is in flight
  (no `activity()` open) and the event loop has no callback left to run.
- One sleeper is woken per move. Sleepers with one deadline wake one after the other in the order in
  which they went to sleep, and each one's work, requests included, is over (it sleeps again, waits
  for somebody else or has ended) before the next wakes. So no answer can overtake another.

What it asks of its users: work that leaves the loop (a thread, a socket, a file) is wrapped in
`activity()`; there is one such clock on an event loop.
"""

import asyncio
import math
import time
from bisect import insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from trading_bot.ports.clock import Waitable

_ROUNDS_BLIND = 64
"""Rounds of the loop to let pass before moving on a loop that does not show its queue."""

_HELD_BACK_MAX_S = 3600.0
"""Longest single real wait, well within what an event loop's timers take."""


@dataclass(slots=True, order=True)
class _Sleeper:
    deadline: datetime
    number: int
    woken: "asyncio.Future[None]" = field(compare=False)
    task: "asyncio.Task[object] | None" = field(compare=False)


class LockstepClock:
    """A Clock whose time is `start` plus the deadlines reached so far.

    With a `speed` it runs at most that many times as fast as `monotonic` (seconds), for watching.
    """

    def __init__(
        self,
        start: datetime,
        speed: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if start.tzinfo is None:
            raise ValueError(f"a clock needs an aware start, got {start}")
        if speed is not None and not speed > 0:
            raise ValueError(f"a clock's speed must be positive, got {speed}")
        self._speed = speed
        self._real = monotonic
        self._origin = monotonic()
        self._held_back: asyncio.TimerHandle | None = None
        self._start = self._now = start.astimezone(UTC)
        self._sleepers: list[_Sleeper] = []
        self._count = 0
        self._in_flight = 0
        self._depths: dict[asyncio.Task[object] | None, int] = {}
        self._is_check_due = False
        self._rounds = 0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        # Rounded up to a whole microsecond: a wait must never be too short to move time at all.
        # The inner rounding takes the binary noise off first, so that 0.1 s is 100,000 of them.
        micros = math.ceil(round(seconds * 1e6, 3))
        await self.sleep_until(self._now + timedelta(microseconds=micros))

    async def sleep_until(self, at: datetime) -> None:
        if at <= self._now:
            await asyncio.sleep(0)
            return
        await self._park(at, asyncio.get_running_loop().create_future())

    @contextmanager
    def activity(self) -> Iterator[None]:
        """Hold time while the caller has work in flight."""
        task = asyncio.current_task()
        self._depths[task] = self._depths.get(task, 0) + 1
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._depths[task] -= 1
            if not self._depths[task]:
                del self._depths[task]
            self._check_soon()

    async def settle(self) -> None:
        # A sleeper that is due at once: woken when all is quiet, before time moves to any other.
        await self._park(self._now, asyncio.get_running_loop().create_future())

    async def wait(self, ready: Waitable, until: datetime | None = None) -> bool:
        if ready.is_set():
            return True
        if until is not None and until <= self._now:
            return False
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        watcher = loop.create_task(_ring(ready, woken))
        try:
            await self._park(until, woken)
        finally:
            watcher.cancel()
        return ready.is_set()

    async def _park(self, at: datetime | None, woken: "asyncio.Future[None]") -> None:
        """Sleep until `woken` is set, by time at `at` or by somebody else."""
        task = asyncio.current_task()
        depth = self._depths.get(task, 0)
        self._in_flight -= depth
        sleeper: _Sleeper | None = None
        if at is not None:
            self._count += 1
            sleeper = _Sleeper(at, self._count, woken, task)
            insort(self._sleepers, sleeper)
        self._check_soon()
        try:
            await woken
        finally:
            self._in_flight += depth
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    def _check_soon(self) -> None:
        self._rounds = 0
        if self._held_back is not None:
            self._held_back.cancel()
            self._held_back = None
        if self._sleepers and not self._in_flight and not self._is_check_due:
            self._is_check_due = True
            asyncio.get_running_loop().call_soon(self._check)

    def _check(self) -> None:
        """Move to the next deadline if all is quiet; look again in the next round if not."""
        self._is_check_due = False
        if self._in_flight or not self._sleepers:
            return
        loop = asyncio.get_running_loop()
        # The queue is asyncio's own and has no public face; counting blind rounds instead would
        # move time under a chain of callbacks longer than the count.
        queue = getattr(loop, "_ready", None)
        self._rounds += 1
        if queue or (queue is None and self._rounds < _ROUNDS_BLIND):
            self._is_check_due = True
            loop.call_soon(self._check)
            return
        early_s = self._early_s(self._sleepers[0].deadline)
        if early_s > 0:
            # Whatever happens meanwhile, a signal for one, looks again.
            self._held_back = loop.call_later(early_s, self._check_soon)
            return
        sleeper = self._sleepers.pop(0)
        self._now = max(self._now, sleeper.deadline)
        if not sleeper.woken.done():
            sleeper.woken.set_result(None)
        self._check_soon()

    def _early_s(self, at: datetime) -> float:
        """Real seconds that a move to `at` is too early; 0 or less when it may be made."""
        if self._speed is None or at <= self._now:
            return 0.0
        virtual_s = (at - self._start).total_seconds()
        return min(virtual_s / self._speed - (self._real() - self._origin), _HELD_BACK_MAX_S)


async def _ring(ready: Waitable, woken: "asyncio.Future[None]") -> None:
    await ready.wait()
    if not woken.done():
        woken.set_result(None)
