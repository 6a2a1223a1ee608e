"""Virtual time: order of wake-ups, work in flight, waiting for a signal."""

import asyncio
import random
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trading_bot.runtime.lockstep import LockstepClock

START = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def run(*works: Coroutine[Any, Any, object]) -> list[object]:
    async def all_of_them() -> list[object]:
        async with asyncio.timeout(20):
            return list(await asyncio.gather(*works))

    return asyncio.run(all_of_them())


def test_sleep_moves_time_by_exactly_what_was_asked() -> None:
    """A day of sleeping costs no real time and ends on the microsecond."""
    clock = LockstepClock(START)

    async def sleeper() -> None:
        for _ in range(1000):
            await clock.sleep(0.1)

    run(sleeper())

    assert clock.now() == START + timedelta(seconds=100)
    assert clock.monotonic() == 100


def test_sleepers_with_one_deadline_wake_in_the_order_they_lay_down() -> None:
    """Ties are broken by who came first."""
    clock = LockstepClock(START)
    woken: list[int] = []

    async def sleeper(name: int) -> None:
        await clock.sleep_until(START + timedelta(seconds=5))
        woken.append(name)

    run(*(sleeper(name) for name in range(20)))

    assert woken == list(range(20))


def _interleaved(seed: int) -> list[tuple[float, int, str]]:
    """Many tasks that sleep, work in threads of random real length and signal one another."""
    clock = LockstepClock(START)
    trace: list[tuple[float, int, str]] = []
    real = random.Random(seed)
    bells = [asyncio.Event() for _ in range(8)]

    async def worker(name: int) -> None:
        virtual = random.Random(name)
        for _ in range(12):
            await clock.sleep(virtual.choice([0.0, 0.25, 0.5, 1.0]))
            trace.append((clock.monotonic(), name, "woke"))
            with clock.activity():
                loop = asyncio.get_running_loop()
                finished = loop.create_future()
                loop.call_later(real.random() / 500, finished.set_result, None)
                await finished
                if name % 3 == 0:
                    await clock.sleep(0.1)
            trace.append((clock.monotonic(), name, "answered"))
            bells[(name + 1) % 8].set()
            heard = await clock.wait(bells[name], clock.now() + timedelta(seconds=0.75))
            bells[name].clear()
            trace.append((clock.monotonic(), name, f"heard {heard}"))

    run(*(worker(name) for name in range(8)))
    return trace


def test_the_same_tasks_wake_in_the_same_order_whatever_their_work_costs() -> None:
    """Work of random real length in flight changes neither times nor order."""
    first = _interleaved(seed=1)

    assert len(first) == 8 * 12 * 3
    assert all(_interleaved(seed) == first for seed in (2, 3))


def test_time_stands_still_while_work_is_in_flight() -> None:
    """A sleeper is not woken before the answer somebody else waits for is there."""
    clock = LockstepClock(START)
    answered_at: list[datetime] = []

    async def asks() -> None:
        with clock.activity():
            await asyncio.sleep(0.02)
        answered_at.append(clock.now())

    run(asks(), clock.sleep(1))

    assert answered_at == [START]
    assert clock.now() == START + timedelta(seconds=1)


def test_sleeping_inside_work_does_not_hold_time() -> None:
    """A hang charged to the clock inside a request lets time pass, nested or not."""
    clock = LockstepClock(START)

    async def hangs() -> None:
        with clock.activity(), clock.activity():
            await clock.sleep(16)
            assert clock.now() == START + timedelta(seconds=16)
            await asyncio.sleep(0.01)
            assert clock.now() == START + timedelta(seconds=16)

    run(hangs(), clock.sleep(20))

    assert clock.now() == START + timedelta(seconds=20)


def test_time_waits_for_a_long_chain_of_callbacks() -> None:
    """Time does not move under callbacks still queued on the loop, however many follow."""
    clock = LockstepClock(START)
    seen: list[datetime] = []

    async def chain() -> None:
        for _ in range(500):
            await asyncio.sleep(0)
        seen.append(clock.now())

    run(clock.sleep(1), chain())

    assert seen == [START]


def test_wait_ends_with_the_signal_or_the_deadline_whichever_is_first() -> None:
    """The shell's parking place: told by its inbox or woken by its next deadline."""
    clock = LockstepClock(START)
    bell = asyncio.Event()

    async def waits() -> list[tuple[bool, float]]:
        first = await clock.wait(bell, START + timedelta(seconds=10))
        at_first = clock.monotonic()
        bell.clear()
        second = await clock.wait(bell, START + timedelta(seconds=10))
        return [(first, at_first), (second, clock.monotonic())]

    async def rings() -> None:
        await clock.sleep(3)
        bell.set()

    results = run(waits(), rings())

    assert results[0] == [(True, 3.0), (False, 10.0)]


def test_wait_without_deadline_is_woken_by_the_signal_alone() -> None:
    """A task with nothing due does not keep time from moving."""
    clock = LockstepClock(START)
    bell = asyncio.Event()

    async def rings() -> None:
        await clock.sleep(60)
        bell.set()

    assert run(clock.wait(bell), rings())[0] is True
    assert clock.monotonic() == 60


def test_wait_returns_at_once_when_set_or_past() -> None:
    """No round of time is spent on what is already so."""
    clock = LockstepClock(START)
    rung = asyncio.Event()
    rung.set()

    assert run(clock.wait(rung, START - timedelta(seconds=1))) == [True]
    assert run(clock.wait(asyncio.Event(), START)) == [False]
    assert clock.now() == START


def test_cancelled_sleeper_leaves_nothing_behind() -> None:
    """A cancelled sleep neither moves time nor leaves its deadline in the queue."""
    clock = LockstepClock(START)

    async def cancels() -> None:
        with clock.activity():
            sleeper = asyncio.ensure_future(clock.sleep(100))
            waiter = asyncio.ensure_future(clock.wait(asyncio.Event(), START + timedelta(hours=1)))
            await asyncio.sleep(0)
            sleeper.cancel()
            waiter.cancel()
            for task in (sleeper, waiter):
                with pytest.raises(asyncio.CancelledError):
                    await task
        await clock.sleep(1)

    run(cancels())

    assert clock.monotonic() == 1
    assert not clock._sleepers
    assert not clock._depths


def test_cancelled_inside_work_counts_no_work_afterwards() -> None:
    """Cancelling a task that sleeps inside a request leaves the count of work at zero."""
    clock = LockstepClock(START)

    async def in_flight() -> None:
        with clock.activity():
            await clock.sleep(50)

    async def cancels() -> None:
        task = asyncio.ensure_future(in_flight())
        await clock.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        await clock.sleep(1)

    run(cancels())

    assert clock.monotonic() == 2
    assert clock._in_flight == 0


def test_a_wait_shorter_than_a_microsecond_still_moves_time() -> None:
    """A loop that sleeps off the remainder of a duration always ends."""
    clock = LockstepClock(START)

    run(clock.sleep(1e-9))

    assert clock.now() == START + timedelta(microseconds=1)


def test_naive_start_is_refused() -> None:
    """A clock without a zone would tell nobody's time."""
    with pytest.raises(ValueError, match="aware"):
        LockstepClock(START.replace(tzinfo=None))


def test_loop_that_hides_its_queue_is_given_many_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """On such a loop time still moves, and only after a long row of rounds."""
    clock = LockstepClock(START)
    seen: list[datetime] = []

    class Hidden:
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self.call_soon = loop.call_soon
            self.create_future = loop.create_future

    async def work() -> None:
        hidden = Hidden(asyncio.get_running_loop())
        monkeypatch.setattr("trading_bot.runtime.lockstep.asyncio.get_running_loop", lambda: hidden)
        sleeping = asyncio.ensure_future(clock.sleep(1))
        for _ in range(30):
            await asyncio.sleep(0)
        seen.append(clock.now())
        await sleeping
        monkeypatch.undo()

    asyncio.run(work())

    assert seen == [START]
    assert clock.monotonic() == 1


def test_settle_returns_when_nothing_is_in_flight_and_moves_no_time() -> None:
    """The main loop takes the next event only after every answer of this moment is in."""
    clock = LockstepClock(START)
    answers: list[int] = []
    seen: list[tuple[int, float]] = []

    async def asks(name: int) -> None:
        with clock.activity():
            await asyncio.sleep(0.005 * (3 - name))
        for _ in range(10):
            await asyncio.sleep(0)
        answers.append(name)

    async def settles() -> None:
        await clock.settle()
        seen.append((len(answers), clock.monotonic()))

    run(settles(), settles(), *(asks(name) for name in range(3)), clock.sleep(1))

    assert seen == [(3, 0.0), (3, 0.0)]


def test_settle_does_not_wait_for_a_request_that_sleeps() -> None:
    """A rehearsed hang inside a request leaves the main loop free, and time goes on after it."""
    clock = LockstepClock(START)
    seen: list[float] = []

    async def hangs() -> None:
        with clock.activity():
            await clock.sleep(5)

    async def settles() -> None:
        await clock.settle()
        seen.append(clock.monotonic())
        await clock.wait(asyncio.Event(), START + timedelta(seconds=3))
        await clock.settle()
        seen.append(clock.monotonic())

    run(hangs(), settles())

    assert seen == [0.0, 3.0]


def test_a_speed_holds_time_back_until_real_time_has_come_as_far() -> None:
    """Ten virtual seconds at a thousandfold speed take ten real milliseconds, not none."""
    real = iter(number / 500 for number in range(1000))
    seen: list[float] = []

    def monotonic() -> float:
        seen.append(next(real))
        return seen[-1]

    clock = LockstepClock(START, 1000, monotonic)
    run(clock.sleep(10))

    assert clock.now() == START + timedelta(seconds=10)
    assert seen == [0, 0.002, 0.004, 0.006, 0.008, 0.01]


def test_a_machine_too_slow_for_the_speed_makes_nothing_late() -> None:
    """Whoever watches waits; time still stands at each deadline in turn."""
    real = iter(range(0, 1_000_000, 1000))
    clock = LockstepClock(START, 1000, lambda: float(next(real)))
    woken: list[float] = []

    async def sleeper() -> None:
        for _ in range(3):
            await clock.sleep(5)
            woken.append(clock.monotonic())

    run(sleeper())

    assert woken == [5, 10, 15]


def test_what_happens_while_time_is_held_back_is_handled_at_once() -> None:
    """A Ctrl-C does not wait for the next poll of a day played in slow motion."""
    clock = LockstepClock(START, 0.0001)
    bell = asyncio.Event()

    async def waiter() -> bool:
        sleeper = asyncio.create_task(clock.sleep(1000))
        rung = await clock.wait(bell, START + timedelta(seconds=500))
        await clock.settle()
        sleeper.cancel()
        return rung

    async def ringer() -> None:
        asyncio.get_running_loop().call_later(0.001, bell.set)

    assert run(waiter(), ringer())[0] is True
    assert clock.now() == START


def test_a_speed_must_be_positive() -> None:
    """At none or backwards time would never come."""
    with pytest.raises(ValueError, match="positive"):
        LockstepClock(START, 0)
