"""kill -9 at every write, sync, rename, cut: what was acknowledged stays, nothing is half."""

import shutil
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from support.journal_process import BATCHES, MONDAY, PER_BATCH, TUESDAY, WAITING, told
from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.streams import JournalSet
from trading_bot.storage.verify import verify_file, verify_home

pytestmark = pytest.mark.ci


class Runner(Protocol):
    def run(self, scenario: str, folder: Path, *, inject: str = ...) -> object: ...


def killed_everywhere(
    processes: Runner,
    scenario: str,
    tmp_path: Path,
    call: str,
    prepare: Callable[[Path], None] = lambda folder: None,
) -> Iterator[Path]:
    """The folder after each kill: before the first such call, the second, ... until none is left.

    strace delivers the signal when the call is entered, so the call itself is not made.
    """
    for number in count(1):
        folder = tmp_path / f"{call}-{number}"
        folder.mkdir()
        prepare(folder)
        done = processes.run(scenario, folder, inject=f"{call}:signal=KILL:when={number}")
        if done.returncode == 0:  # type: ignore[attr-defined]
            shutil.rmtree(folder)
            return
        stderr = done.stderr  # type: ignore[attr-defined]
        assert done.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}, stderr  # type: ignore[attr-defined]
        yield folder
        shutil.rmtree(folder)


def reopened(folder: Path) -> Path:
    """Recover the file as the next start does, twice, and append to it."""
    file = folder / "logs/orders.jsonl"
    quarantine = folder / "quarantine"
    JournalFile.open(file, quarantine=quarantine).close()
    again = JournalFile.open(file, quarantine=quarantine)
    assert again.recovery.is_clean
    again.append(["after"])
    again.close()
    return file


def assert_kept(lines: list[str], folder: Path) -> None:
    attempted, acknowledged = told(folder / "attempted"), told(folder / "acknowledged")
    assert set(acknowledged) <= set(lines) <= {*attempted}
    assert lines == [line for line in attempted if line in set(lines)]


@pytest.mark.parametrize("call", ["write", "fdatasync", "fsync", "rename"])
def test_no_kill_of_an_append_loses_or_breaks_a_line(
    processes: Runner, tmp_path: Path, call: str
) -> None:
    """At every call of opening a new file and appending to it."""
    kills = 0
    for folder in killed_everywhere(processes, "append", tmp_path, call):
        kills += 1
        file = reopened(folder)
        lines = file.read_text().split("\n")
        assert lines[-2:] == ["after", ""]
        assert_kept(lines[:-2], folder)
        assert verify_file(file).damage == ()
    # At least the calls of each batch: the line and its seal, what is told, the syncs.
    least = {"write": 4 * BATCHES + 1, "fdatasync": 2 * BATCHES + 1, "fsync": 1, "rename": 1}
    assert kills >= least[call]


def torn(folder: Path) -> None:
    """What a power cut leaves: a torn line, lines without a seal, half a seal entry."""
    logs = folder / "logs"
    journal = JournalFile.open(logs / "orders.jsonl", quarantine=folder / "quarantine")
    journal.append([f"line {n}" for n in range(6)])
    journal.close()
    seal = logs / "orders.seal"
    seal.write_bytes(seal.read_bytes()[:-150])
    with (logs / "orders.jsonl").open("ab") as file:
        file.write(b"line 6, of which only th")


@pytest.mark.parametrize("call", ["write", "pwrite64", "fdatasync", "fsync", "ftruncate"])
def test_no_kill_of_a_recovery_changes_its_result(
    processes: Runner, tmp_path: Path, call: str
) -> None:
    """Killed at any call and made again, it ends as if it had never been killed."""
    kills = 0
    for folder in killed_everywhere(processes, "recover", tmp_path, call, torn):
        kills += 1
        file = reopened(folder)
        assert file.read_text() == "".join(f"line {n}\n" for n in range(6)) + "after\n"
        (kept,) = (folder / "quarantine").glob("*.torn")
        assert kept.read_bytes() == b"line 6, of which only th"
        assert verify_file(file).damage == ()
    assert kills >= 1


def with_home(folder: Path) -> None:
    Home(folder).create()
    JournalSet(Home(folder), MONDAY).close()


@pytest.mark.parametrize("call", ["write", "fdatasync", "fsync", "rename", "symlink"])
def test_no_kill_of_the_change_of_day_loses_or_breaks_anything(
    processes: Runner, tmp_path: Path, call: str
) -> None:
    """The next start finishes it: one head per closed day, the chain joined, the link right."""
    kills = 0
    for folder in killed_everywhere(processes, "roll", tmp_path, call, with_home):
        kills += 1
        home = Home(folder)
        journal = JournalSet(home, TUESDAY)
        assert journal.damage == ()
        journal.close()
        lines = [
            line
            for day in (MONDAY, TUESDAY)
            for line in (home.logs / f"{day}.jsonl").read_text().split("\n")[:-1]
        ]
        assert_kept(lines, folder)
        assert str(home.trades_link.readlink()) == f"{TUESDAY}.jsonl"
        assert (home.logs / "heads.jsonl").read_text().count('"stream":"trades"') == 1
        assert verify_home(home).damage == []
    assert kills >= 1


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_no_kill_of_the_writer_thread_loses_or_breaks_a_line(
    processes: Runner, tmp_path: Path, call: str
) -> None:
    """Also where several tasks wait for one sync: each task's own lines stay in their order."""
    kills = 0
    for folder in killed_everywhere(processes, "shared", tmp_path, call, with_home):
        kills += 1
        home = Home(folder)
        JournalSet(home, MONDAY).close()
        lines = told(home.logs / "orders.jsonl")
        attempted, acknowledged = told(folder / "attempted"), told(folder / "acknowledged")
        assert set(acknowledged) <= set(lines) <= set(attempted)
        for task in range(WAITING):
            own = [line for line in attempted if line.startswith(f"task {task} ")]
            kept = [line for line in lines if line in set(own)]
            assert kept == own[: len(kept)]
        assert verify_home(home).damage == []
    assert kills >= BATCHES


def test_a_writer_that_buffers_does_lose_what_it_acknowledged(
    processes: Runner, tmp_path: Path
) -> None:
    """The control: the same kills find the fault in a writer that has it."""
    lost = 0
    for folder in killed_everywhere(processes, "append_buffered", tmp_path, "write"):
        file = folder / "logs/orders.jsonl"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        lost = max(lost, len(set(told(folder / "acknowledged")) - set(lines)))
    assert lost == BATCHES * PER_BATCH
