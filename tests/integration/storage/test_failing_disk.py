"""Real failures of real system calls: EIO, short writes, a full disk, a read-only one."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from io import RawIOBase
from itertools import count
from pathlib import Path
from typing import NoReturn, Protocol

import pytest

from support.journal_process import BATCHES, POISONED, batches, told
from trading_bot.storage.damage import (
    JournalPoisonedError,
    JournalUnusableError,
)
from trading_bot.storage.home import RESERVE_SIZE, Home
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.streams import JournalSet
from trading_bot.storage.verify import verify_file, verify_home

pytestmark = pytest.mark.ci
mounts = pytest.mark.skipif(
    os.environ.get("TRADING_BOT_FAULT_TESTS") != "1",
    reason="mounts a file system: set TRADING_BOT_FAULT_TESTS=1",
)
MONDAY = date(2026, 11, 23)


class Runner(Protocol):
    def run(
        self, scenario: str, folder: Path, *, inject: str = ..., only: Path | None = ...
    ) -> subprocess.CompletedProcess[str]: ...


# The journal's own calls on its data file after a first opening: one per batch.
INJECTED = {
    "sync EIO": "fdatasync:error=EIO:when={}",
    "sync ENOSPC": "fdatasync:error=ENOSPC:when={}",
    "write EIO": "write:error=EIO:when={}",
    "write ENOSPC": "write:error=ENOSPC:when={}",
    "write that says it was short": "write:retval=7:when={}",
}


@pytest.mark.parametrize("at", range(1, BATCHES + 1))
@pytest.mark.parametrize("fault", INJECTED)
def test_after_one_failed_call_nothing_more_is_acknowledged(
    processes: Runner, tmp_path: Path, fault: str, at: int
) -> None:
    """All batches before it are there; none after it was even written; the process says so."""
    file = tmp_path / "logs/orders.jsonl"
    JournalFile.open(file, quarantine=tmp_path / "quarantine").close()
    inject = INJECTED[fault].format(at)
    done = processes.run("append_on", tmp_path, inject=inject, only=file)

    assert done.returncode == POISONED, done.stderr
    before = [line for batch in batches("order")[: at - 1] for line in batch]
    assert told(tmp_path / "acknowledged") == before
    assert done.stdout.count("nothing more is written to it") == BATCHES - at + 1
    failed = batches("order")[at - 1]
    assert told(file) in (before, [*before, *failed])

    JournalFile.open(file, quarantine=tmp_path / "quarantine").close()
    assert verify_file(file).damage == ()


def test_without_a_fault_every_batch_is_acknowledged(processes: Runner, tmp_path: Path) -> None:
    """The control: the same process ends well when nothing is injected."""
    done = processes.run("append_on", tmp_path)

    assert done.returncode == 0, done.stderr
    assert len(told(tmp_path / "acknowledged")) == sum(map(len, batches("order")))


def test_a_genuinely_short_write_is_cut_off_at_the_next_start(tmp_path: Path) -> None:
    """The kernel stops within a line; the line was never acknowledged and never half there."""
    file = tmp_path / "orders.jsonl"
    code = f"""
import resource
from pathlib import Path
from trading_bot.storage.damage import JournalPoisonedError
from trading_bot.storage.journal import JournalFile
journal = JournalFile.open(Path({str(file)!r}), quarantine=Path({str(tmp_path)!r}) / "quarantine")
journal.append(["kept"])
resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
for line in ("x" * 500, "after"):
    try:
        journal.append([line])
    except JournalPoisonedError as error:
        print(error.is_disk_full, error)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert said.count("write: short, 295 of 501 bytes") == 2
    assert file.read_bytes() == b"kept\n" + b"x" * 295

    journal = JournalFile.open(file, quarantine=tmp_path / "quarantine")
    journal.append(["next"])
    journal.close()
    assert journal.recovery.torn_size == 295
    assert file.read_bytes() == b"kept\nnext\n"
    assert verify_file(file).damage == ()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", *arguments, str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own, of 48 MB: in memory, or ext4 on a loop device."""
    if request.param == "tmpfs":
        yield from mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=48m", "tmpfs")
        return
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], check=True)
    yield from mounted(tmp_path / "disk", "-o", "loop", str(image))


def fill(folder: Path) -> None:
    """Take every byte that is left."""
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                fill_in_steps(file, size)


def fill_in_steps(file: RawIOBase, size: int) -> NoReturn:
    while True:
        file.write(b"x" * size)
        os.fsync(file.fileno())


def append_until_it_fails(journal: JournalSet, acknowledged: list[str]) -> NoReturn:
    for number in count():
        line = f"order {number} " + "x" * 900
        journal.append("orders", [line])
        acknowledged.append(line)
    raise AssertionError


@mounts
@pytest.mark.parametrize("small_disk", ["tmpfs", "ext4"], indirect=True)
def test_a_full_disk_stops_the_journal_and_the_reserve_lets_exits_be_written(
    small_disk: Path,
) -> None:
    """Nothing acknowledged is lost; after the reserve is freed, a new set of files takes lines."""
    home = Home(small_disk / "home")
    home.create()
    assert home.fill_reserve()
    journal = JournalSet(home, MONDAY)
    journal.append("orders", ["intent"])
    fill(small_disk)
    acknowledged = ["intent"]
    with pytest.raises(JournalPoisonedError) as raised:
        append_until_it_fails(journal, acknowledged)
    assert raised.value.is_disk_full

    assert home.free_reserve()
    again = journal.reopen()
    exits = [f"exit {number} " + "x" * 900 for number in range(1000)]
    again.append("orders", exits)
    again.close()
    assert told(home.logs / "orders.jsonl") == [*acknowledged, *exits]
    assert verify_home(home).damage == []
    assert sum(map(len, exits)) < RESERVE_SIZE


@mounts
@pytest.mark.parametrize("small_disk", ["tmpfs"], indirect=True)
def test_without_a_reserve_a_full_disk_stays_full(small_disk: Path) -> None:
    """The control: there is nothing to free, and the exit cannot be written."""
    home = Home(small_disk / "home")
    home.create()
    journal = JournalSet(home, MONDAY)
    fill(small_disk)
    assert not home.fill_reserve()
    with pytest.raises(JournalPoisonedError):
        append_until_it_fails(journal, [])
    assert not home.free_reserve()
    with pytest.raises((JournalPoisonedError, JournalUnusableError)):
        journal.reopen().append("orders", ["x" * 9000])


@mounts
@pytest.mark.parametrize("small_disk", ["ext4"], indirect=True)
def test_a_read_only_disk_refuses_the_start_and_the_new_day(small_disk: Path) -> None:
    """Named as what it is; a set that is open says so at the change of day."""
    home = Home(small_disk / "home")
    home.create()
    JournalSet(home, MONDAY).close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(JournalUnusableError, match="Read-only file system"):
        JournalSet(home, MONDAY)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to become")
def test_a_directory_without_write_permission_refuses_the_start(tmp_path: Path) -> None:
    """For a user who may not write there (root always may)."""
    home = Home(tmp_path / "home")
    home.create()
    code = f"""
import os
from datetime import date
from pathlib import Path
from trading_bot.storage.damage import JournalUnusableError
from trading_bot.storage.home import Home
from trading_bot.storage.streams import JournalSet
os.setuid(65534)
try:
    JournalSet(Home(Path({str(home.root)!r})), date(2026, 11, 23))
except JournalUnusableError as error:
    print(error)
"""
    for folder in (tmp_path, *tmp_path.parents[:2], home.root, home.logs):
        folder.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert "Permission denied" in said
