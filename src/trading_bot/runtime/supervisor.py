"""Owns every task: restarts what may be restarted, ends the run for the rest, stops in stages."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from trading_bot.ports.clock import Clock

Service = Callable[[], Awaitable[None]]
"""One coroutine that owns what it opens and ends when cancelled."""

EventKind = Literal["started", "ended", "failed", "restarting", "stuck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """What happened to a task; `wait_s` is the time until its restart."""

    name: str
    kind: EventKind
    error: BaseException | None = None
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits before a restart: 0 to `base_s` doubled per failure in a row, at most `max_s`.

    A service that ran for `healthy_s` starts the row anew.
    """

    base_s: float = 1.0
    max_s: float = 60.0
    healthy_s: float = 300.0


@dataclass(slots=True, eq=False)
class _Task:
    name: str
    stage: int
    handle: "asyncio.Task[None]"


class Supervisor:
    """Starts named services and hears of their ends; `on_event` must not raise.

    A critical service that ends in any way but by `stop` ends the run: `wait_for_failure` returns.
    """

    def __init__(
        self, clock: Clock, chance: random.Random, on_event: Callable[[TaskEvent], None]
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._on_event = on_event
        self._tasks: dict[str, _Task] = {}
        self._failed = asyncio.Event()
        self._failure: TaskEvent | None = None
        self._is_stopping = False

    def start_critical(self, name: str, service: Service, *, stage: int = 0) -> None:
        """Run `service`; its failure, and its unasked end, ends the run."""
        self._start(name, stage, lambda: self._run_critical(name, service))

    def start_restartable(
        self, name: str, service: Service, *, stage: int = 0, backoff: Backoff | None = None
    ) -> None:
        """Run `service` again each time it fails; its normal end is an end."""
        self._start(name, stage, lambda: self._run_again(name, service, backoff or Backoff()))

    def running(self) -> tuple[str, ...]:
        """The names of the tasks that have not ended, in the order they were started."""
        return tuple(name for name, task in self._tasks.items() if not task.handle.done())

    async def wait_for_failure(self) -> TaskEvent:
        """Return when a critical service has ended."""
        await self._failed.wait()
        assert self._failure is not None
        return self._failure

    async def stop(self, stage_timeout_s: float) -> tuple[str, ...]:
        """Cancel stage after stage, the lowest first, and wait `stage_timeout_s` real seconds each.

        Returns the names of what still runs: it ignored its cancellation.
        """
        self._is_stopping = True
        stuck: list[str] = []
        for stage in sorted({task.stage for task in self._tasks.values()}):
            handles = {
                task.handle: task.name
                for task in self._tasks.values()
                if task.stage == stage and not task.handle.done()
            }
            for handle in handles:
                handle.cancel()
            if handles:
                _, pending = await asyncio.wait(handles, timeout=stage_timeout_s)
                stuck.extend(name for handle, name in handles.items() if handle in pending)
        for name in stuck:
            self._tell(name, "stuck")
        return tuple(stuck)

    def _start(self, name: str, stage: int, run: Service) -> None:
        if self._is_stopping:
            raise RuntimeError(f"task {name} was started after the stop")
        known = self._tasks.get(name)
        if known is not None and not known.handle.done():
            raise ValueError(f"task {name} runs already")

        async def running() -> None:
            await run()

        handle = asyncio.get_running_loop().create_task(running(), name=name)
        self._tasks[name] = _Task(name, stage, handle)
        self._tell(name, "started")

    async def _run_critical(self, name: str, service: Service) -> None:
        error: Exception | None = None
        try:
            await service()
        except Exception as caught:  # noqa: BLE001 - whatever it was, the run ends and says so
            error = caught
        if self._failure is None:
            self._failure = TaskEvent(name=name, kind="failed" if error else "ended", error=error)
        self._tell(name, "failed" if error else "ended", error)
        self._failed.set()

    async def _run_again(self, name: str, service: Service, backoff: Backoff) -> None:
        failures = 0
        while True:
            started = self._clock.monotonic()
            try:
                await service()
            except Exception as error:  # noqa: BLE001 - told, and the service starts anew
                if self._clock.monotonic() - started >= backoff.healthy_s:
                    failures = 0
                ceiling = min(backoff.max_s, backoff.base_s * 2.0 ** min(failures, 30))
                wait_s = self._chance.uniform(0.0, ceiling)
                failures += 1
                self._tell(name, "restarting", error, wait_s)
                await self._clock.sleep(wait_s)
            else:
                self._tell(name, "ended")
                return

    def _tell(
        self,
        name: str,
        kind: EventKind,
        error: BaseException | None = None,
        wait_s: float = 0.0,
    ) -> None:
        self._on_event(TaskEvent(name=name, kind=kind, error=error, wait_s=wait_s))
