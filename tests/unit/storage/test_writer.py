"""The writer thread: order, shared syncs, failures that reach everyone."""

import asyncio
import errno
import threading
from collections.abc import Callable, Coroutine
from datetime import date
from pathlib import Path

import pytest

from support.simulated_disk import SimulatedDisk
from trading_bot.domain.errors import HaltError
from trading_bot.storage.damage import JournalPoisonedError
from trading_bot.storage.home import Home
from trading_bot.storage.streams import JournalSet
from trading_bot.storage.writer import JournalWriter

HOME = Home(Path("/simulated"))
ORDERS, TRADES = HOME.logs / "orders.jsonl", HOME.logs / "2026-11-23.jsonl"
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def with_writer(
    use: Callable[[JournalWriter, SimulatedDisk], Coroutine[None, None, None]],
) -> SimulatedDisk:
    disk = SimulatedDisk()

    async def run() -> None:
        async with JournalWriter(JournalSet(HOME, MONDAY, files=disk)) as writer:
            await use(writer, disk)

    asyncio.run(run())
    return disk


async def held(writer: JournalWriter, waiting: list[Coroutine[None, None, None]]) -> list[object]:
    """Let all of them queue up behind one operation, then go on together."""
    gate = threading.Event()
    blocked = asyncio.ensure_future(writer.run(lambda _: gate.wait(10)))
    tasks = [asyncio.ensure_future(one) for one in waiting]
    await asyncio.sleep(0)
    gate.set()
    await blocked
    return list(await asyncio.gather(*tasks, return_exceptions=True))


def test_an_append_returns_when_the_line_is_durable() -> None:
    """The sync has been made when the await is over."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        await writer.append({"orders": ["intent"], "trades": ["trade"]})
        assert disk.operations[-6:] == [
            "write orders.jsonl",
            "sync orders.jsonl",
            "write orders.seal",
            "write 2026-11-23.jsonl",
            "sync 2026-11-23.jsonl",
            "write 2026-11-23.seal",
        ]

    with_writer(use)


def test_all_that_wait_share_one_write_and_one_sync_in_their_order() -> None:
    """A hundred batches are one write and one sync per file, first come first."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        before = len(disk.operations)
        await held(writer, [writer.append({"orders": [f"{n}"]}) for n in range(100)])
        assert disk.operations[before:].count("sync orders.jsonl") == 1

    disk = with_writer(use)
    assert disk.text(ORDERS).decode().split() == [str(n) for n in range(100)]


def test_an_operation_keeps_its_turn() -> None:
    """Lines asked for before the change of day are in the old file, those after in the new."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        await held(
            writer,
            [
                writer.append({"trades": ["before"]}),
                writer.roll(TUESDAY),
                writer.append({"trades": ["after"]}),
            ],
        )

    disk = with_writer(use)
    assert disk.text(TRADES) == b"before\n"
    assert disk.text(HOME.logs / "2026-11-24.jsonl") == b"after\n"


def test_a_failure_reaches_everyone_who_waits_and_everyone_after() -> None:
    """Nobody is told that a line is durable that was in a failed sync."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        disk.fail_at[len(disk.operations) + 1] = errno.EIO
        results = await held(writer, [writer.append({"orders": [f"{n}"]}) for n in range(5)])
        assert [type(result) for result in results] == [JournalPoisonedError] * 5
        with pytest.raises(JournalPoisonedError):
            await writer.append({"trades": ["later"]})
        with pytest.raises(JournalPoisonedError):
            writer.append_now({"trades": ["later"]})

    disk = with_writer(use)
    assert disk.text(TRADES) == b""


def test_a_bad_batch_fails_alone() -> None:
    """It is refused before it joins the others."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        good, bad, other = await held(
            writer,
            [
                writer.append({"orders": ["good"]}),
                writer.append({"orders": ["bad\n"]}),
                writer.append({"orders": ["good"]}),
            ],
        )
        assert (good, other) == (None, None)
        assert isinstance(bad, ValueError)

    assert with_writer(use).text(ORDERS) == b"good\ngood\n"


def test_a_cancelled_wait_leaves_the_writer_and_its_line_well() -> None:
    """The line was on its way; whoever comes next is served."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        gate = threading.Event()
        blocked = asyncio.ensure_future(writer.run(lambda _: gate.wait(10)))
        task = asyncio.ensure_future(writer.append({"orders": ["cancelled"]}))
        await asyncio.sleep(0)
        together = asyncio.ensure_future(writer.append({"orders": ["together"]}))
        await asyncio.sleep(0)
        task.cancel()
        gate.set()
        await blocked
        await asyncio.wait_for(together, 10)
        await writer.append({"orders": ["next"]})
        assert task.cancelled()

    assert with_writer(use).text(ORDERS) == b"cancelled\ntogether\nnext\n"


def test_the_tape_is_written_at_once_and_synced_when_asked() -> None:
    """No wait for the thread, no sync with each event."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        before = len(disk.operations)
        writer.append_now({"tape": ["event 1"]})
        writer.append_now({"tape": ["event 2"]})
        assert disk.operations[before:] == ["write 2026-11-23.jsonl"] * 2
        await writer.sync_tape()
        assert "sync 2026-11-23.jsonl" in disk.operations[before:]

    disk = with_writer(use)
    assert disk.text(HOME.tape / "2026-11-23.jsonl") == b"event 1\nevent 2\n"


def test_the_last_stage_writes_without_a_loop() -> None:
    """In its turn and durable on return; after the close nothing is taken any more."""
    disk = SimulatedDisk()
    writer = JournalWriter(JournalSet(HOME, MONDAY, files=disk))
    writer.append_now({"sessions": ["end"]})
    assert disk.text(HOME.logs / "sessions.jsonl") == b"end\n"
    writer.close()
    writer.close()
    with pytest.raises((HaltError, ValueError)):
        writer.append_now({"sessions": ["too late"]})


def test_an_error_of_an_operation_reaches_the_one_who_asked() -> None:
    """And the thread lives on."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        def fail(_: JournalSet) -> None:
            raise LookupError("theirs")

        with pytest.raises(LookupError, match="theirs"):
            await writer.run(fail)
        await writer.append({"orders": ["on"]})
        assert len(await writer.record_interim_heads()) == 8
        await writer.sync_seals()

    assert with_writer(use).text(ORDERS) == b"on\n"


def test_after_a_full_disk_the_writer_goes_on_once_there_is_room() -> None:
    """What failed stays unacknowledged, what comes after the reopening is taken."""

    async def use(writer: JournalWriter, disk: SimulatedDisk) -> None:
        disk.fail_at[len(disk.operations)] = errno.ENOSPC
        with pytest.raises(JournalPoisonedError):
            await writer.append({"orders": ["entry"]})
        await writer.reopen()
        await writer.append({"orders": ["exit"]})

    assert with_writer(use).text(ORDERS) == b"exit\n"
