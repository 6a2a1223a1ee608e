"""One journal file: what it writes, what it refuses, and how it fails."""

import errno
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.simulated_disk import Fate, SimulatedDisk
from trading_bot.domain.errors import HaltError
from trading_bot.storage.damage import (
    DamageKind,
    JournalDamagedError,
    JournalPoisonedError,
)
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.seal import GENESIS, chained, parse_seal

FILE = Path("/simulated/logs/orders.jsonl")
SEAL = FILE.with_suffix(".seal")
QUARANTINE = Path("/simulated/quarantine")
LINES = st.lists(st.text(alphabet="ab{}é ", min_size=1), min_size=1)
BATCHES = st.lists(LINES, min_size=1, max_size=8)


def opened(disk: SimulatedDisk, **options: object) -> JournalFile:
    return JournalFile.open(FILE, quarantine=QUARANTINE, files=disk, **options)  # type: ignore[arg-type]


def test_the_lines_stand_in_the_file_as_they_were_given() -> None:
    """Exactly the bytes, a line feed after each, nothing else."""
    disk = SimulatedDisk()
    opened(disk).append(['{"n":1}', '{"n":"é"}'])

    assert disk.text(FILE) == '{"n":1}\n{"n":"é"}\n'.encode()


def test_the_seal_has_the_documented_form() -> None:
    """A header with the head before, then number, offset, length and chained hash of each line."""
    disk = SimulatedDisk()
    opened(disk).append(["a", "bc"])

    first = chained(GENESIS, b"a\n")
    lines = [json.loads(line) for line in disk.text(SEAL).splitlines()]
    assert lines == [
        {"v": 1, "p": "00" * 32},
        {"v": 1, "n": 0, "o": 0, "l": 2, "h": first.hex()},
        {"v": 1, "n": 1, "o": 2, "l": 3, "h": chained(first, b"bc\n").hex()},
    ]


def test_a_batch_is_one_write_one_sync_and_one_seal_write() -> None:
    """However many lines wait, the disk is asked once, and the seal comes after the sync."""
    disk = SimulatedDisk()
    journal = opened(disk)
    before = len(disk.operations)
    journal.append([f"line {n}" for n in range(64)])

    assert disk.operations[before:] == [
        "write orders.jsonl",
        "sync orders.jsonl",
        "write orders.seal",
    ]


@pytest.mark.parametrize("line", ["", "a\nb", "a\n"])
def test_a_line_that_would_not_be_one_line_is_refused_before_writing(line: str) -> None:
    """An empty line or one with a line feed raises, and its whole batch stays out."""
    disk = SimulatedDisk()
    journal = opened(disk)
    with pytest.raises(ValueError, match="line"):
        journal.append(["good", line])

    assert disk.text(FILE) == b""
    journal.append(["good"])


FAULTS = {
    "write fails": (0, errno.EIO, False),
    "disk is full": (0, errno.ENOSPC, True),
    "write is short": (0, "short", True),
    "sync fails": (1, errno.EIO, False),
    "sync finds the disk full": (1, errno.ENOSPC, False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_poisons_the_file_for_good(fault: str) -> None:
    """After a failed or short write or sync no operation of any kind reaches that descriptor."""
    step, error, is_disk_full = FAULTS[fault]
    disk = SimulatedDisk()
    journal = opened(disk)
    journal.append(["kept"])
    disk.fail_at[len(disk.operations) + step] = error
    with pytest.raises(JournalPoisonedError) as raised:
        journal.append(["never acknowledged " * 3])
    after = len(disk.operations)
    for _ in range(2):
        with pytest.raises(JournalPoisonedError):
            journal.append(["refused"])
    journal.close()

    assert len(disk.operations) == after
    assert raised.value.is_disk_full is is_disk_full
    assert isinstance(raised.value, HaltError)
    assert "orders.jsonl, after line 1, byte 5" in str(raised.value)


def test_a_seal_that_cannot_be_written_does_not_undo_the_line_but_stops_the_next() -> None:
    """The line is durable, so it is acknowledged; the disk is not well, so no other follows."""
    disk = SimulatedDisk()
    journal = opened(disk)
    disk.fail_at[len(disk.operations) + 2] = errno.ENOSPC
    journal.append(["durable"])
    with pytest.raises(JournalPoisonedError):
        journal.append(["next"])

    again = opened(disk.reboot(Fate.DROP))
    assert again.head.lines == 1
    assert again.recovery.resealed == 1


def test_lines_without_a_seal_are_written_over_themselves_before_they_are_sealed() -> None:
    """After a failed sync the kernel may show what no disk has: only new writes are believed."""
    disk = SimulatedDisk()
    journal = opened(disk)
    disk.fail_at[len(disk.operations) + 1] = errno.EIO
    with pytest.raises(JournalPoisonedError):
        journal.append(["in the page cache only"])
    restart = len(disk.operations)
    opened(disk)

    done = disk.operations[restart:]
    assert done.index("overwrite orders.jsonl") < done.index("sync orders.jsonl")
    assert done.index("sync orders.jsonl") < done.index("write orders.seal")
    assert parse_seal(disk.text(SEAL)).entries[0].is_recomputed


def test_a_seal_ahead_of_its_file_is_reported_and_nothing_is_touched() -> None:
    """It proves that acknowledged lines are gone: how many, from which line and byte."""
    disk = SimulatedDisk()
    opened(disk).append(["one", "two", "three"])
    disk.truncate(disk.open_append(FILE), 4)
    before = len(disk.operations)
    with pytest.raises(JournalDamagedError) as raised:
        opened(disk)

    (found,) = raised.value.damage
    assert (found.kind, found.line, found.offset) == (DamageKind.GONE, 2, 4)
    assert "2 acknowledged lines are gone" in found.what
    assert len(disk.operations) == before


def test_a_file_that_vanished_is_not_begun_anew_over_its_seal() -> None:
    """A seal with lines and no file is damage, not a first start."""
    disk = SimulatedDisk()
    opened(disk).append(["one"])
    disk.unlink(FILE)
    with pytest.raises(JournalDamagedError) as raised:
        opened(disk)

    assert raised.value.damage[0].kind is DamageKind.FILE_MISSING
    assert not disk.exists(FILE)


def test_lines_without_any_seal_are_damage_unless_adopted() -> None:
    """A log from elsewhere is taken over only when asked, and says so in each seal entry."""
    disk = SimulatedDisk()
    disk.write(disk.open_append(FILE), b"old 1\nold 2\n")
    with pytest.raises(JournalDamagedError) as raised:
        opened(disk)
    journal = opened(disk, adopt=True)

    assert raised.value.damage[0].kind is DamageKind.SEAL_MISSING
    assert journal.recovery.resealed == 2
    assert all(entry.is_recomputed for entry in parse_seal(disk.text(SEAL)).entries)


def test_a_file_continues_the_one_before_it() -> None:
    """The given head starts the chain; another head at the next opening is damage."""
    disk = SimulatedDisk()
    journal = opened(disk, previous=b"\x01" * 32)
    journal.append(["one"])
    with pytest.raises(JournalDamagedError) as raised:
        opened(disk, previous=b"\x02" * 32)

    assert journal.head.head == chained(b"\x01" * 32, b"one\n")
    assert raised.value.damage[0].kind is DamageKind.CHAIN_BROKEN


def test_an_unreadable_seal_line_amid_good_ones_is_written_anew() -> None:
    """The later entries vouch for the lines, so the seal is derived again and that is told."""
    disk = SimulatedDisk()
    opened(disk).append(["one", "two", "three"])
    good = disk.text(SEAL).splitlines(keepends=True)
    descriptor = disk.open_replace(SEAL)
    disk.write(descriptor, good[0] + good[1] + b"\0" * 40 + b"\n" + good[3])
    journal = opened(disk)

    assert journal.recovery.is_seal_rebuilt
    assert journal.head.lines == 3
    journal.append(["four"])
    assert opened(disk).recovery.is_clean


def test_a_tape_is_durable_only_after_its_sync() -> None:
    """Without a sync an append is one write and no seal; the sync seals all with one entry."""
    disk = SimulatedDisk()
    journal = opened(disk, is_durable=False)
    before = len(disk.operations)
    journal.append(["a", "b"])
    journal.append(["c"])
    assert disk.operations[before:] == ["write orders.jsonl"] * 2
    assert disk.reboot(Fate.DROP).text(FILE) == b""
    journal.sync()
    journal.sync()

    assert disk.reboot(Fate.DROP).text(FILE) == b"a\nb\nc\n"
    assert [entry.number for entry in parse_seal(disk.text(SEAL)).entries] == [2]
    assert opened(disk).recovery.is_clean


def test_a_large_file_is_compared_from_its_end_only() -> None:
    """Opening a file past the limit reads its end; the chain goes on as if all had been read."""
    disk = SimulatedDisk()
    journal = opened(disk)
    journal.append([f"line {n:04}" for n in range(200)])
    again = opened(disk, check_bytes=200)

    assert again.head.head == journal.head.head
    assert again.head.lines == 200
    assert 150 < again.recovery.checked_from_line <= 200


def test_a_large_file_with_a_large_seal_is_opened_from_both_ends() -> None:
    """A change near the end is found, one before the part that is compared only by `verify`."""
    disk = SimulatedDisk()
    journal = opened(disk)
    lines = [f"line {n:04}" for n in range(2000)]
    journal.append(lines)
    again = opened(disk, check_bytes=4000)
    assert again.head == journal.head
    assert 1980 < again.recovery.checked_from_line <= 2000

    def change(at: int, text: bytes) -> None:
        descriptor = disk.open_overwrite(FILE)
        disk.write_at(descriptor, text, at * len(b"line 0000\n"))

    change(10, b"Line")
    assert opened(disk, check_bytes=4000).recovery.is_clean
    change(1999, b"Line")
    with pytest.raises(JournalDamagedError) as raised:
        opened(disk, check_bytes=4000)
    assert [(found.kind, found.line) for found in raised.value.damage] == [
        (DamageKind.CHANGED, 2000)
    ]


@given(BATCHES)
def test_any_batches_come_back_in_order_and_continue_the_chain(batches: list[list[str]]) -> None:
    """Opened again after every batch or once at the end, file and seal are the same bytes."""
    once, often = SimulatedDisk(), SimulatedDisk()
    journal = opened(once)
    for batch in batches:
        journal.append(batch)
        opened(often).append(batch)

    lines = [line for batch in batches for line in batch]
    assert once.text(FILE).decode().split("\n") == [*lines, ""]
    assert once.text(FILE) == often.text(FILE)
    assert once.text(SEAL) == often.text(SEAL)
