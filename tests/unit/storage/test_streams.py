"""The set of journals: streams, the change of day, one failure for all."""

import errno
from datetime import date
from pathlib import Path

import pytest

from support.simulated_disk import SimulatedDisk
from trading_bot.storage.damage import (
    DamageKind,
    JournalDamagedError,
    JournalPoisonedError,
    JournalUnusableError,
)
from trading_bot.storage.heads import parse_heads
from trading_bot.storage.home import Home
from trading_bot.storage.source import JournalSource
from trading_bot.storage.streams import STREAMS, JournalSet

HOME = Home(Path("/simulated"))
MONDAY, TUESDAY, FRIDAY = (date(2026, 11, day) for day in (23, 24, 27))


def test_every_stream_has_its_file(tmp_path: Path) -> None:
    """By the names of the contract; trades and the tape by their day."""
    home = Home(tmp_path)
    home.create()
    journal = JournalSet(home, MONDAY)
    journal.append_many({stream: [f"a line of {stream}"] for stream in STREAMS})
    journal.close()

    logs = {path.name for path in home.logs.glob("*.jsonl")}
    assert logs == {
        "2026-11-23.jsonl",
        "trades.jsonl",
        "orders.jsonl",
        "decisions.jsonl",
        "performance-alerts.jsonl",
        "risk-management.jsonl",
        "sessions.jsonl",
        "paper-broker.jsonl",
        "heads.jsonl",
    }
    assert home.trades_link.read_text() == "a line of trades\n"
    assert str(home.trades_link.readlink()) == "2026-11-23.jsonl"
    assert (home.tape / "2026-11-23.jsonl").read_text() == "a line of tape\n"


def test_an_unknown_stream_is_refused_before_anything_is_written() -> None:
    """The error names the streams that there are."""
    disk = SimulatedDisk()
    journal = JournalSet(HOME, MONDAY, files=disk)
    with pytest.raises(ValueError, match="expected a stream of heads, orders"):
        journal.append_many({"orders": ["one"], "odrers": ["two"]})

    assert disk.text(HOME.logs / "orders.jsonl") == b""


def test_the_change_of_day_closes_the_old_file_with_its_head() -> None:
    """Count, bytes, hashes and the head before, one for trades and one for the tape."""
    disk = SimulatedDisk()
    journal = JournalSet(HOME, MONDAY, files=disk)
    journal.append("trades", ["monday"])
    journal.append("tape", ["event"])
    journal.roll(FRIDAY)
    journal.roll(FRIDAY)
    journal.roll(TUESDAY)
    journal.append("trades", ["friday"])

    file = HOME.logs / "heads.jsonl"
    heads = parse_heads(file, disk.text(file))
    assert set(heads) == {"logs/2026-11-23.jsonl", "tape/2026-11-23.jsonl"}
    (head,) = heads["logs/2026-11-23.jsonl"]
    assert (head.lines, head.size, head.is_final) == (1, 7, True)
    assert journal.trading_day == FRIDAY
    assert journal.head("trades").previous.hex() == head.head
    assert disk.text(HOME.logs / "2026-11-27.jsonl") == b"friday\n"


def test_a_set_opened_on_a_later_day_changes_the_day_first() -> None:
    """A missed change is made at the start; an earlier day leaves the newer file open."""
    disk = SimulatedDisk()
    JournalSet(HOME, MONDAY, files=disk).append("trades", ["monday"])
    journal = JournalSet(HOME, TUESDAY, files=disk)
    journal.close()

    assert journal.trading_day == TUESDAY
    assert JournalSet(HOME, MONDAY, files=disk).trading_day == TUESDAY


def test_one_failure_stops_every_stream() -> None:
    """After a failed sync of one file nothing is written to any other."""
    disk = SimulatedDisk()
    journal = JournalSet(HOME, MONDAY, files=disk)
    disk.fail_at[len(disk.operations) + 1] = errno.EIO
    with pytest.raises(JournalPoisonedError):
        journal.append("orders", ["one"])
    done = len(disk.operations)
    for stream in STREAMS:
        with pytest.raises(JournalPoisonedError):
            journal.append(stream, ["two"])
    for refused in (journal.sync_seals, journal.sync_tape, lambda: journal.roll(FRIDAY)):
        with pytest.raises(JournalPoisonedError):
            refused()
    with pytest.raises(JournalPoisonedError):
        journal.reopen()
    journal.close()

    assert journal.poison is not None
    assert len(disk.operations) == done


def test_a_full_disk_may_be_opened_anew() -> None:
    """Once there is room, on new descriptors, what was written in part cut first."""
    disk = SimulatedDisk()
    journal = JournalSet(HOME, MONDAY, files=disk)
    journal.append("orders", ["kept"])
    disk.fail_at[len(disk.operations)] = "short"
    with pytest.raises(JournalPoisonedError):
        journal.append("orders", ["cut short"])
    again = journal.reopen()
    again.append("orders", ["exit"])

    assert disk.text(HOME.logs / "orders.jsonl") == b"kept\nexit\n"
    assert [found.torn_size for found in again.recoveries] == [5]


def test_a_damaged_stream_is_reported_and_the_others_go_on() -> None:
    """The rest of the daemon needs its records to say what is wrong."""
    disk = SimulatedDisk()
    JournalSet(HOME, MONDAY, files=disk).append_many({"orders": ["one"], "trades": ["two"]})
    disk.truncate(disk.open_append(HOME.logs / "orders.jsonl"), 0)
    journal = JournalSet(HOME, MONDAY, files=disk)
    journal.append("risk-management", ["journal damaged"])
    with pytest.raises(JournalDamagedError):
        journal.append("orders", ["three"])

    assert [found.kind for found in journal.damage] == [DamageKind.GONE]
    assert disk.text(HOME.logs / "orders.jsonl") == b""


def test_damaged_heads_leave_the_day_as_it_is() -> None:
    """No file is closed whose head cannot be recorded."""
    disk = SimulatedDisk()
    JournalSet(HOME, MONDAY, files=disk).append("heads", ["no head"])
    journal = JournalSet(HOME, TUESDAY, files=disk)

    assert [found.kind for found in journal.damage] == [DamageKind.CHANGED]
    assert journal.trading_day == MONDAY
    with pytest.raises(JournalDamagedError):
        journal.roll(TUESDAY)


def test_a_disk_that_refuses_leaves_the_old_day_open() -> None:
    """No room for the new file: the change fails as a whole and can be made later."""
    disk = SimulatedDisk()
    journal = JournalSet(HOME, MONDAY, files=disk)
    journal.roll(MONDAY)
    heads = 3  # the final head: write, sync, seal
    disk.fail_at[len(disk.operations) + heads] = errno.ENOSPC
    with pytest.raises(JournalUnusableError):
        journal.roll(TUESDAY)
    journal.append("trades", ["still monday"])
    journal.roll(TUESDAY)

    assert journal.trading_day == TUESDAY
    assert disk.text(HOME.logs / "2026-11-23.jsonl") == b"still monday\n"


def test_a_reader_sees_every_stream_over_its_days(tmp_path: Path) -> None:
    """Forwards, backwards, the last few, one day, and what comes next."""
    home = Home(tmp_path)
    home.create()
    journal, source = JournalSet(home, MONDAY), JournalSource(home)
    follower = source.follow("trades")
    journal.append("trades", ["one", "two"])
    journal.roll(TUESDAY)
    journal.append("trades", ["three"])
    journal.append("orders", ["order"])

    assert list(source.lines("trades")) == ["one", "two", "three"]
    assert next(source.backwards("trades")) == "three"
    assert source.tail("trades", 2) == ["two", "three"]
    assert list(source.day("trades", MONDAY)) == ["one", "two"]
    assert source.tail("orders", 9) == ["order"]
    assert source.tail("tape", 9) == []
    assert [line.raw for line in follower.poll()] == [b"one", b"two", b"three"]
    with pytest.raises(ValueError, match="got 'odrers'"):
        source.tail("odrers", 1)
    follower.close()
    journal.close()


@pytest.mark.parametrize("suffixes", [("jsonl", "seal"), ("jsonl",)])
def test_a_journal_that_is_gone_is_not_begun_again(
    tmp_path: Path, suffixes: tuple[str, ...]
) -> None:
    """An empty one in its place would say that no order was ever sent; the others go on."""
    home = Home(tmp_path)
    home.create()
    journal = JournalSet(home, MONDAY)
    journal.append_many({"orders": ["sent"], "decisions": ["approved"]})
    journal.close()
    for suffix in suffixes:
        (home.logs / f"orders.{suffix}").unlink()

    for _ in range(2):  # it is no less gone at the next start
        journal = JournalSet(home, MONDAY)
        (found,) = journal.damage
        assert (found.file, found.kind) == (home.logs / "orders.jsonl", DamageKind.FILE_MISSING)
        journal.append("decisions", ["refused"])
        with pytest.raises(JournalDamagedError):
            journal.append("orders", ["sent"])
        journal.close()
