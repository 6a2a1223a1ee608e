"""Tasks have an owner: failures are heard, restarts wait, stops have a deadline."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from trading_bot.domain.errors import HaltError
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.runtime.supervisor import Supervisor, TaskEvent

Run = Callable[..., list[Any]]


class Scene:
    """A supervisor and what it told."""

    def __init__(self, clock: LockstepClock) -> None:
        self.events: list[TaskEvent] = []
        self.supervisor = Supervisor(clock, random.Random(5), self.events.append)

    def kinds(self) -> list[tuple[str, str]]:
        return [(event.name, event.kind) for event in self.events]


def test_critical_failure_ends_the_run(clock: LockstepClock, run: Run) -> None:
    """The loop hears which critical service failed and why."""

    async def scene() -> TaskEvent:
        staged = Scene(clock)

        async def fails() -> None:
            await clock.sleep(5)
            raise HaltError("disk")

        staged.supervisor.start_critical("journal", fails)
        failure = await staged.supervisor.wait_for_failure()
        assert staged.kinds() == [("journal", "started"), ("journal", "failed")]
        return failure

    failure = run(scene())[0]

    assert (failure.name, failure.kind, str(failure.error)) == ("journal", "failed", "disk")


def test_critical_service_that_just_ends_ends_the_run(clock: LockstepClock, run: Run) -> None:
    """A main loop that returns by itself is not running any more, and somebody must know."""

    async def scene() -> TaskEvent:
        staged = Scene(clock)

        async def ends() -> None:
            await clock.sleep(1)

        staged.supervisor.start_critical("loop", ends)
        return await staged.supervisor.wait_for_failure()

    assert run(scene())[0].kind == "ended"


def test_restartable_service_is_started_again_after_growing_waits(
    clock: LockstepClock, run: Run
) -> None:
    """Failures in a row wait longer, within bounds; the run goes on."""

    async def scene() -> Scene:
        staged = Scene(clock)
        failures = [ValueError(str(n)) for n in range(6)]

        async def flaky() -> None:
            if failures:
                raise failures.pop(0)

        staged.supervisor.start_restartable("dashboard", flaky)
        while staged.supervisor.running():
            await clock.sleep(1)
        return staged

    staged = run(scene())[0]

    waits = [event.wait_s for event in staged.events if event.kind == "restarting"]
    assert len(waits) == 6
    assert all(wait <= min(60, 2**n) for n, wait in enumerate(waits))
    assert staged.kinds()[-1] == ("dashboard", "ended")


def test_long_healthy_run_starts_the_waits_anew(clock: LockstepClock, run: Run) -> None:
    """One failure a day is a first failure each day."""

    async def scene() -> list[float]:
        staged = Scene(clock)
        runs = 0

        async def daily() -> None:
            nonlocal runs
            runs += 1
            if runs < 5:
                await clock.sleep(86_400)
                raise OSError("nightly reconnect")

        staged.supervisor.start_restartable("feed", daily)
        while staged.supervisor.running():
            await clock.sleep(3600)
        return [event.wait_s for event in staged.events if event.kind == "restarting"]

    assert all(wait <= 1 for wait in run(scene())[0])


def test_stop_goes_through_the_stages_in_order(clock: LockstepClock, run: Run) -> None:
    """The writer is cancelled only after everything that writes has ended."""

    async def scene() -> list[str]:
        staged = Scene(clock)
        ended: list[str] = []

        def service(name: str) -> Callable[[], Any]:
            async def serve() -> None:
                try:
                    await clock.wait(asyncio.Event())
                finally:
                    await clock.sleep(0.5)
                    ended.append(name)

            return serve

        for name, stage in (("writer", 2), ("poll", 0), ("orders", 1), ("strategies", 0)):
            staged.supervisor.start_critical(name, service(name), stage=stage)
        await clock.sleep(1)
        stuck = await staged.supervisor.stop(5)
        assert stuck == ()
        assert staged.supervisor.running() == ()
        return ended

    assert run(scene())[0] == ["poll", "strategies", "orders", "writer"]


def test_stop_names_what_still_runs(clock: LockstepClock, run: Run) -> None:
    """A task that ignores its cancellation is named and does not hold up the next stage."""

    async def scene() -> tuple[tuple[str, ...], list[tuple[str, str]]]:
        staged = Scene(clock)
        release = asyncio.Event()

        async def stubborn() -> None:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        async def polite() -> None:
            await release.wait()

        staged.supervisor.start_restartable("stubborn", stubborn)
        staged.supervisor.start_restartable("polite", polite, stage=1)
        await asyncio.sleep(0)
        stuck = await staged.supervisor.stop(0.05)
        release.set()
        await asyncio.sleep(0)
        return stuck, staged.kinds()

    stuck, kinds = run(scene())[0]

    assert stuck == ("stubborn",)
    assert ("stubborn", "stuck") in kinds


def test_cancelled_service_is_not_restarted(clock: LockstepClock, run: Run) -> None:
    """Stopping during a service or during its wait ends it for good."""

    async def scene() -> list[str]:
        staged = Scene(clock)

        async def always_fails() -> None:
            raise OSError("down")

        staged.supervisor.start_restartable("feed", always_fails)
        await clock.sleep(30)
        before = len(staged.events)
        await staged.supervisor.stop(1)
        await clock.sleep(600)
        assert len(staged.events) == before
        with pytest.raises(RuntimeError, match="after the stop"):
            staged.supervisor.start_critical("late", always_fails)
        return list(staged.supervisor.running())

    assert run(scene()) == [[]]


def test_one_name_one_task(clock: LockstepClock, run: Run) -> None:
    """A second task of a running name is a mistake."""

    async def scene() -> None:
        staged = Scene(clock)

        async def serve() -> None:
            await clock.sleep(5)

        staged.supervisor.start_critical("loop", serve)
        with pytest.raises(ValueError, match="runs already"):
            staged.supervisor.start_critical("loop", serve)
        await staged.supervisor.stop(1)

    run(scene())
