"""A User-Mode Linux guest is killed with its page cache: the nearest thing to a power cut.

The guest sees the tree of its host as root, so these run only where the flag is set.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from support import guest_process
from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.streams import JournalSet
from trading_bot.storage.verify import verify_home

pytestmark = [
    pytest.mark.ci,
    pytest.mark.xdist_group("power cut"),
    pytest.mark.skipif(
        os.environ.get("TRADING_BOT_FAULT_TESTS") != "1",
        reason="boots a guest that sees the host's tree: set TRADING_BOT_FAULT_TESTS=1",
    ),
]
MONDAY = date(2026, 11, 23)
PROCESS = Path(guest_process.__file__)
SOURCES = PROCESS.resolve().parents[2] / "src"


@dataclass
class Guest:
    """One disk image; each `cut` boots a guest on it, lets it write, and kills it."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "image"

    def make_disk(self) -> None:
        with self.image.open("wb") as file:
            file.truncate(96 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)

    def cut(self, mode: str, *, lines: int, after_s: float) -> int:
        """Kill it `after_s` seconds after `lines` were acknowledged; how many were in the end."""
        told = self.folder / "told"
        told.unlink(missing_ok=True)
        with (self.folder / "boot").open("wb") as boot:
            process = subprocess.Popen(
                self._command(mode, told),
                stdin=subprocess.DEVNULL,
                stdout=boot,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_for(process, told, lines)
            time.sleep(after_s)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return acknowledged(told)

    def _command(self, mode: str, told: Path) -> list[str]:
        init = self.folder / "init"
        path = os.pathsep.join([str(SOURCES), *sys.path])
        init.write_text(
            "#!/bin/sh\n"
            f"export PATH={os.environ['PATH']}:/usr/sbin:/sbin PYTHONDONTWRITEBYTECODE=1\n"
            f"export PYTHONPATH={path}\n"
            "mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run\n"
            f"{sys.executable} {PROCESS} {mode} {told} >{self.folder}/said 2>&1\n"
            "echo o >/proc/sysrq-trigger\nsleep 9\n"
        )
        init.chmod(0o755)
        root = ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"]
        disk = [f"ubd0={self.image}", f"init={init}", "con=null", "con0=null,fd:1"]
        return ["linux.uml", "mem=256M", *root, *disk]

    def _wait_for(self, process: subprocess.Popen[bytes], told: Path, lines: int) -> None:
        deadline = time.monotonic() + 90
        while acknowledged(told) < lines:
            if process.poll() is not None or time.monotonic() > deadline:
                said = self.folder / "said"
                pytest.fail(said.read_text() if said.exists() else "the guest did not start")
            time.sleep(0.02)

    def disk_after_replay(self) -> Path:
        """The files of the disk once ext4 has replayed its journal, as the next boot finds them."""
        checked = subprocess.run(
            ["e2fsck", "-fy", str(self.image)], capture_output=True, check=False
        )
        assert checked.returncode in {0, 1}, checked.stdout
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        dump = ["debugfs", "-R", f"rdump / {out}", str(self.image)]
        subprocess.run(dump, check=True, capture_output=True)
        return out


def acknowledged(told: Path) -> int:
    text = told.read_bytes() if told.exists() else b""
    return int(text) if text else 0


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    found = Guest(tmp_path)
    found.make_disk()
    return found


def test_power_cuts_take_nothing_that_was_acknowledged(guest: Guest) -> None:
    """Cut after cut on the same disk: every line is there, whole, and the chain goes through."""
    chance = random.Random(20261123)
    kept = 0
    for _ in range(3):
        told = guest.cut("sealed", lines=kept + 50, after_s=chance.uniform(0, 0.5))
        home = Home(guest.disk_after_replay())
        journal = JournalSet(home, MONDAY)
        assert journal.damage == ()
        journal.close()
        lines = (home.logs / "orders.jsonl").read_text().split("\n")[:-1]
        assert lines == [guest_process.line_of(number) for number in range(len(lines))]
        assert len(lines) >= told >= kept + 50
        assert verify_home(home).damage == []
        kept = told


def test_a_power_cut_does_take_what_was_only_flushed(guest: Guest) -> None:
    """The control: the same cut loses lines of a writer that flushes and does not sync."""
    told = guest.cut("flush", lines=300, after_s=0.1)
    file = guest.disk_after_replay() / "logs/orders.jsonl"
    kept = len(file.read_bytes().split(b"\n")) - 1 if file.exists() else 0

    assert kept < told


def test_what_a_power_cut_leaves_of_a_seal_is_completed(guest: Guest) -> None:
    """The seal is never synced by the guest: it is behind, and is computed again."""
    guest.cut("sealed", lines=100, after_s=0.0)
    out = guest.disk_after_replay()
    file = Home(out).logs / "orders.jsonl"
    journal = JournalFile.open(file, quarantine=Home(out).quarantine)
    journal.close()

    assert journal.head.lines >= 100
    assert journal.recovery.resealed > 0
    assert verify_home(Home(out)).damage == []
