"""The machine stops before every single operation; what was acknowledged is there afterwards."""

from datetime import date
from pathlib import Path

import pytest

from support.simulated_disk import CrashError, Fate, SimulatedDisk
from trading_bot.storage.chain import check_chain
from trading_bot.storage.heads import parse_heads
from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.recovery import seal_path
from trading_bot.storage.seal import parse_seal
from trading_bot.storage.streams import JournalSet

HOME = Home(Path("/simulated"))
FILE = HOME.logs / "orders.jsonl"
MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (23, 24, 25))
ENDLESS = 10_000


class Record:
    """What a writer attempted and what was acknowledged, by stream."""

    def __init__(self) -> None:
        self.attempted: list[tuple[str, str]] = []
        self.acknowledged: list[tuple[str, str]] = []

    def append(self, journal: JournalSet, stream: str, *lines: str) -> None:
        self.attempted += [(stream, line) for line in lines]
        journal.append(stream, lines)
        self.acknowledged += [(stream, line) for line in lines]


def write_file(disk: SimulatedDisk, attempted: list[str], acknowledged: list[str]) -> None:
    journal = JournalFile.open(FILE, quarantine=HOME.quarantine, files=disk)
    start = len(attempted)
    for batch in range(3):
        lines = [f"line {start + 3 * batch + n} " + "x" * 20 * n for n in range(3)]
        attempted += lines
        journal.append(lines)
        acknowledged += lines
        if batch == 1:
            journal.sync_seal()
    journal.close()


def assert_file_holds(
    disk: SimulatedDisk, file: Path, attempted: list[str], acknowledged: list[str]
) -> None:
    """Acknowledged are there, all there were attempted, in order, whole, and the chain agrees."""
    data = disk.text(file)
    lines = data.decode().split("\n")
    assert lines.pop() == ""
    assert set(acknowledged) <= set(lines) <= set(attempted)
    assert lines == [line for line in attempted if line in set(lines)]
    seal = parse_seal(disk.text(seal_path(file)))
    assert seal.previous is not None
    raw = [line.encode() + b"\n" for line in lines]
    result = check_chain(file, raw, seal.entries, head=seal.previous)
    assert not result.damage
    assert not result.unsealed
    assert seal.torn == 0
    assert not seal.unreadable


@pytest.mark.parametrize("fate", Fate)
def test_no_crash_point_of_append_or_recovery_loses_or_breaks_a_line(fate: Fate) -> None:
    """Whatever operation of writing, or of the recovery after it, the crash comes before."""
    crashes = 0
    for first in range(ENDLESS):
        disk, attempted, acknowledged = SimulatedDisk(first), list[str](), list[str]()
        try:
            write_file(disk, attempted, acknowledged)
            break
        except CrashError:
            crashes += 1
        for second in range(ENDLESS):
            again = disk.reboot(fate, second)
            try:
                JournalFile.open(FILE, quarantine=HOME.quarantine, files=again).close()
            except CrashError:
                final = again.reboot(fate)
                journal = JournalFile.open(FILE, quarantine=HOME.quarantine, files=final)
                journal.append(["after"])
                journal.close()
                assert_file_holds(final, FILE, [*attempted, "after"], [*acknowledged, "after"])
                continue
            assert_file_holds(again, FILE, attempted, acknowledged)
            break
    assert crashes > 15


def test_a_writer_without_sync_does_lose_lines() -> None:
    """The control: on this disk, a write that nobody synced is gone after a crash."""
    disk = SimulatedDisk()
    journal = JournalFile.open(FILE, quarantine=HOME.quarantine, is_durable=False, files=disk)
    journal.append(["lost"])

    assert disk.text(FILE) == b"lost\n"
    assert disk.reboot(Fate.DROP).text(FILE) == b""


def test_a_writer_without_recovery_does_merge_lines() -> None:
    """The control: appending after a torn line, without recovery, makes one bad line of two."""
    disk = SimulatedDisk()
    descriptor = disk.open_append(FILE)
    disk.sync_directory(FILE.parent)
    disk.write(descriptor, b'{"n":1}\n')
    torn = disk.reboot(Fate.TEAR)
    descriptor = torn.open_append(FILE)
    torn.write(descriptor, b'{"n":2}\n')

    assert torn.text(FILE) == b'{"n"{"n":2}\n'


def test_a_torn_tail_is_kept_cut_and_reported() -> None:
    """What stood after the last LF is in quarantine, byte for byte, and told with its place."""
    disk = SimulatedDisk()
    JournalFile.open(FILE, quarantine=HOME.quarantine, files=disk).append(["first"])
    disk.write(disk.open_append(FILE), b"frag")

    recovery = JournalFile.open(FILE, quarantine=HOME.quarantine, files=disk).recovery

    assert (recovery.torn_offset, recovery.torn_size) == (6, 4)
    assert recovery.quarantined is not None
    assert disk.text(recovery.quarantined) == b"frag"
    assert disk.text(FILE) == b"first\n"


def run_days(disk: SimulatedDisk, record: Record) -> None:
    journal = JournalSet(HOME, MONDAY, files=disk)
    record.append(journal, "trades", "monday 1", "monday 2")
    record.append(journal, "orders", "order 1")
    journal.append("tape", ["tape 1"])
    journal.sync_tape()
    journal.append("tape", ["tape 2, not synced before the change of day"])
    journal.roll(TUESDAY)
    record.append(journal, "trades", "tuesday 1")
    journal.roll(WEDNESDAY)
    record.append(journal, "trades", "wednesday 1")
    journal.close()


def trade_lines(disk: SimulatedDisk) -> list[str]:
    days = (HOME.logs / f"{day}.jsonl" for day in (MONDAY, TUESDAY, WEDNESDAY))
    return [line for path in days for line in disk.text(path).decode().split("\n")[:-1]]


@pytest.mark.parametrize("fate", Fate)
def test_no_crash_point_of_the_change_of_day_loses_or_breaks_anything(fate: Fate) -> None:
    """At every operation of opening, appending and rolling: the next start finishes the work."""
    crashes = 0
    for first in range(ENDLESS):
        disk, record = SimulatedDisk(first), Record()
        try:
            run_days(disk, record)
            break
        except CrashError:
            crashes += 1
        again = disk.reboot(fate)
        journal = JournalSet(HOME, WEDNESDAY, files=again)
        assert journal.damage == ()
        assert journal.trading_day == WEDNESDAY
        assert again.read_symlink(HOME.trades_link) == "2026-11-25.jsonl"
        record.append(journal, "trades", "after")
        journal.close()

        trades = trade_lines(again)
        acknowledged = [line for stream, line in record.acknowledged if stream == "trades"]
        attempted = [line for stream, line in record.attempted if stream == "trades"]
        assert set(acknowledged) <= set(trades) <= set(attempted)
        assert trades == [line for line in attempted if line in set(trades)]
        assert_chain_over_days(again)
    assert crashes > 50


def assert_chain_over_days(disk: SimulatedDisk) -> None:
    """Each day file continues the one before it and has one final head that fits."""
    heads = parse_heads(HOME.logs / "heads.jsonl", disk.text(HOME.logs / "heads.jsonl"))
    for folder in (HOME.logs, HOME.tape):
        previous = None
        for day in (MONDAY, TUESDAY, WEDNESDAY):
            file = folder / f"{day}.jsonl"
            if not disk.exists(file):
                continue
            seal = parse_seal(disk.text(seal_path(file)))
            assert seal.previous is not None
            if previous is not None:
                assert seal.previous == previous
            raw = [line + b"\n" for line in disk.text(file).split(b"\n")[:-1]]
            result = check_chain(file, raw, seal.entries, head=seal.previous)
            assert not result.damage
            previous = result.head
            recorded = heads.get(file.relative_to(HOME.root).as_posix(), [])
            expected = [] if day == WEDNESDAY else [(len(raw), result.head.hex())]
            assert [(head.lines, head.head) for head in recorded] == expected


@pytest.mark.parametrize("fate", Fate)
def test_a_torn_tail_is_never_in_neither_place(fate: Fate) -> None:
    """At every crash point of a recovery it is still at the end of the file, or in quarantine."""
    for crash_at in range(ENDLESS):
        disk = SimulatedDisk()
        journal = JournalFile.open(FILE, quarantine=HOME.quarantine, files=disk)
        journal.append(["first"])
        descriptor = disk.open_append(FILE)
        disk.write(descriptor, b"fragment")
        disk.sync_data(descriptor)
        disk = disk.reboot(Fate.KEEP, crash_at)
        try:
            JournalFile.open(FILE, quarantine=HOME.quarantine, files=disk)
        except CrashError:
            disk = disk.reboot(fate)
            kept = [disk.text(path) for path in disk.paths() if path.suffix == ".torn"]
            assert disk.text(FILE) == b"first\nfragment" or kept == [b"fragment"]
            continue
        assert crash_at > 3
        break
