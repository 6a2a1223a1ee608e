"""A real file system that loses what was not synced, tears the last write and lies of a sync."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.checkout import ROOT
from trading_bot.storage.damage import JournalPoisonedError
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.verify import verify_file

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(
        os.environ.get("TRADING_BOT_FAULT_TESTS") != "1",
        reason="mounts a file system: set TRADING_BOT_FAULT_TESTS=1",
    ),
]
FUSE_DISK = ROOT / "tests" / "support" / "fuse_disk.py"
"""Run, never imported: a machine without libfuse must still collect these tests."""

LINE = '{"n":1,"text":"' + "x" * 60 + '"}'


class Disk:
    """The mounted disk; `crash` and the like come between the closing and the next opening."""

    def __init__(self, mounted: Path, backing: Path) -> None:
        self.mounted = mounted
        self.backing = backing
        self.file = mounted / "logs/orders.jsonl"
        self.opened: list[JournalFile] = []

    def command(self, text: str) -> None:
        (self.mounted / ".control").write_text(text)

    def open(self, *, is_durable: bool = True) -> JournalFile:
        journal = JournalFile.open(
            self.file, quarantine=self.mounted / "quarantine", is_durable=is_durable
        )
        self.opened.append(journal)
        return journal

    def on_disk(self) -> bytes:
        """What has reached the disk, past all caches."""
        return (self.backing / "logs/orders.jsonl").read_bytes()


@pytest.fixture(scope="module")
def mounted_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("fuse")
    mounted, backing = folder / "mounted", folder / "backing"
    mounted.mkdir()
    backing.mkdir()
    process = subprocess.Popen([sys.executable, str(FUSE_DISK), str(mounted), str(backing)])
    try:
        deadline = time.monotonic() + 20
        while not os.path.ismount(mounted):
            assert process.poll() is None, "the disk did not start"
            assert time.monotonic() < deadline, "the disk was not mounted in time"
            time.sleep(0.02)
        yield Disk(mounted, backing)
    finally:
        subprocess.run(["fusermount3", "-uz", str(mounted)], check=False)
        process.wait(10)


@pytest.fixture
def disk(mounted_disk: Disk) -> Iterator[Disk]:
    """The disk, emptied; what the test left open is closed."""
    mounted_disk.command("crash")
    for path in sorted(mounted_disk.backing.rglob("*"), reverse=True):
        if path.is_file():
            (mounted_disk.mounted / path.relative_to(mounted_disk.backing)).unlink()
    yield mounted_disk
    for journal in mounted_disk.opened:
        journal.abandon()
    mounted_disk.opened.clear()


def test_synced_lines_survive_and_others_do_not(disk: Disk) -> None:
    """With the control: what was written without a sync is gone, so the disk does forget."""
    journal = disk.open()
    journal.append(["kept 1", "kept 2"])
    journal.abandon()
    tape = disk.open(is_durable=False)
    tape.append(["lost"])
    assert disk.file.read_bytes() == b"kept 1\nkept 2\nlost\n"
    tape.abandon()
    disk.command("crash")

    assert disk.open().head.lines == 2
    assert disk.file.read_bytes() == b"kept 1\nkept 2\n"
    assert verify_file(disk.file).damage == ()


@pytest.mark.parametrize("part", range(len(LINE) + 1))
def test_a_write_torn_at_any_byte_costs_only_that_line(disk: Disk, part: int) -> None:
    """The part is in quarantine, the next line stands by itself."""
    journal = disk.open()
    journal.append(["kept"])
    journal.close()
    tape = disk.open(is_durable=False)
    tape.append([LINE])
    tape.abandon()
    disk.command(f"torn {part}")
    journal = disk.open()
    journal.append(["after"])
    journal.close()

    assert journal.recovery.torn_size == part
    if part:
        assert journal.recovery.quarantined is not None
        assert journal.recovery.quarantined.read_text() == LINE[:part]
    disk.command("crash")
    assert disk.on_disk() == b"kept\nafter\n"
    assert verify_file(disk.file).damage == ()


def test_without_recovery_a_torn_write_spoils_the_next_line(disk: Disk) -> None:
    """The control: appending as if nothing had happened merges two lines into one."""
    journal = disk.open()
    journal.append(["kept"])
    journal.close()
    with disk.file.open("a") as file:
        file.write(LINE + "\n")
        file.flush()
        disk.command("torn 20")
    with disk.file.open("a") as file:
        file.write("after\n")
        file.flush()
        os.fdatasync(file.fileno())

    assert disk.on_disk() == b"kept\n" + LINE[:20].encode() + b"after\n"


def test_a_sync_that_fails_once_is_never_tried_again(disk: Disk) -> None:
    """The journal is poisoned; nothing of the line counts, and nothing else is written."""
    journal = disk.open()
    journal.append(["kept"])
    disk.command("eio")
    for line in ("first", "second"):
        with pytest.raises(JournalPoisonedError):
            journal.append([line])
    journal.close()

    assert disk.on_disk() == b"kept\n"


def test_a_sync_tried_again_says_success_for_a_line_that_is_lost(disk: Disk) -> None:
    """The control, and the reason for the rule above: the second sync lies."""
    disk.open().append(["kept"])
    descriptor = os.open(disk.file, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, b"acknowledged\n")
    disk.command("eio")
    with pytest.raises(OSError, match="Input/output"):
        os.fdatasync(descriptor)
    os.fdatasync(descriptor)
    os.close(descriptor)

    assert disk.file.read_bytes() == b"kept\nacknowledged\n"
    disk.command("crash")
    assert disk.file.read_bytes() == b"kept\n"


def test_lines_that_only_the_cache_holds_are_made_durable_at_the_next_start(disk: Disk) -> None:
    """The next process reads what no disk has; before it builds on that, it writes it again."""
    journal = disk.open()
    journal.append(["kept"])
    disk.command("eio")
    with pytest.raises(JournalPoisonedError):
        journal.append(["in the cache only"])
    journal.close()
    again = disk.open()
    again.append(["after"])
    again.close()
    disk.command("crash")

    assert disk.on_disk() == b"kept\nin the cache only\nafter\n"
    assert verify_file(disk.file).damage == ()


def test_building_on_the_cache_leaves_a_hole(disk: Disk) -> None:
    """The control: an append after such a line, without writing it again, ends in NUL bytes."""
    disk.open().append(["kept"])
    descriptor = os.open(disk.file, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, b"lie\n")
    disk.command("eio")
    with pytest.raises(OSError, match="Input/output"):
        os.fdatasync(descriptor)
    os.close(descriptor)
    with disk.file.open("a") as file:
        file.write("after\n")
        file.flush()
        os.fdatasync(file.fileno())

    assert disk.on_disk() == b"kept\n" + b"\0" * 4 + b"after\n"
