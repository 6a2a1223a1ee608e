"""Damage of every kind is found and named; sound files are found sound."""

import gzip
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.storage.chain import check_chain
from trading_bot.storage.damage import DamageKind
from trading_bot.storage.heads import read_heads
from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.seal import GENESIS, SealEntry, chained
from trading_bot.storage.streams import JournalSet
from trading_bot.storage.verify import FileReport, verify_file, verify_home

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (23, 24, 25))
LINES = [f'{{"n":{n},"price":"150.{n:02}"}}' for n in range(9)]


def sealed_file(folder: Path) -> Path:
    file = folder / "orders.jsonl"
    journal = JournalFile.open(file, quarantine=folder / "quarantine")
    journal.append(LINES)
    journal.close()
    return file


def after(file: Path, change: Callable[[list[bytes]], object]) -> FileReport:
    lines = file.read_bytes().splitlines(keepends=True)
    change(lines)
    file.write_bytes(b"".join(lines))
    return verify_file(file)


def set_line(at: int, raw: bytes) -> Callable[[list[bytes]], None]:
    def change(lines: list[bytes]) -> None:
        lines[at] = raw

    return change


def swap(lines: list[bytes]) -> None:
    lines[3], lines[4] = lines[4], lines[3]


def test_a_sound_file_has_no_damage(tmp_path: Path) -> None:
    """Its counts, bytes and chain are reported."""
    file = sealed_file(tmp_path)
    report = verify_file(file)

    assert report.damage == ()
    assert (report.lines, report.size) == (9, file.stat().st_size)


def test_a_changed_digit_names_the_line(tmp_path: Path) -> None:
    """150.04 made 950.04: this line and no other, though the chain runs through it."""
    report = after(sealed_file(tmp_path), set_line(4, b'{"n":4,"price":"950.04"}\n'))

    (found,) = report.damage
    assert (found.kind, found.line, found.offset) == (DamageKind.CHANGED, 5, 4 * 25)
    assert str(found).startswith(f"{tmp_path}/orders.jsonl, line 5, byte 100: changed")


def test_a_deleted_line_is_named(tmp_path: Path) -> None:
    """Only the line that is gone."""
    report = after(sealed_file(tmp_path), lambda lines: lines.pop(3))

    assert [(found.kind, found.line) for found in report.damage] == [(DamageKind.DELETED, 4)]


def test_a_swapped_pair_is_named(tmp_path: Path) -> None:
    """As one line that stands where another was sealed."""
    report = after(sealed_file(tmp_path), swap)

    (found,) = report.damage
    assert (found.kind, found.line) == (DamageKind.MOVED, 5)
    assert found.what == "this line was sealed as line 4"


def test_an_inserted_line_is_named(tmp_path: Path) -> None:
    """Only the line that nobody sealed."""
    report = after(sealed_file(tmp_path), lambda lines: lines.insert(2, b"forged\n"))

    assert [(found.kind, found.line) for found in report.damage] == [(DamageKind.INSERTED, 3)]


def test_a_file_cut_at_its_end_is_named(tmp_path: Path) -> None:
    """The seal is ahead: acknowledged lines are gone, also from a file still open."""
    file = sealed_file(tmp_path)
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:6]))
    report = verify_file(file, is_open=True)

    assert [(found.kind, found.line) for found in report.damage] == [(DamageKind.GONE, 7)]


def test_a_missing_seal_is_named(tmp_path: Path) -> None:
    """Lines that nothing vouches for are not called sound."""
    file = sealed_file(tmp_path)
    file.with_suffix(".seal").unlink()

    assert [found.kind for found in verify_file(file).damage] == [DamageKind.SEAL_MISSING]


def test_only_an_open_file_may_be_ahead_of_its_seal_and_end_in_part_of_a_line(
    tmp_path: Path,
) -> None:
    """What a running writer or a crash leaves is no damage there; in a closed file it is."""
    file = sealed_file(tmp_path)
    seal = file.with_suffix(".seal")
    seal.write_bytes(seal.read_bytes()[:-50])
    with file.open("ab") as journal:
        journal.write(b'{"n":9')
    is_open, is_closed = verify_file(file, is_open=True), verify_file(file)

    assert (is_open.damage, is_open.unsealed, is_open.torn) == ((), 1, 6)
    assert {found.kind for found in is_closed.damage} == {DamageKind.TORN, DamageKind.SEAL_BEHIND}


@given(at=st.integers(min_value=0, max_value=9 * 25 - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_names_its_line(at: int, bit: int) -> None:
    """Whatever bit of whatever line, a line feed made or unmade included."""
    lines = [line.encode() + b"\n" for line in LINES]
    head, entries, offset = GENESIS, [], 0
    for number, raw in enumerate(lines):
        head = chained(head, raw)
        entries.append(SealEntry(number, offset, len(raw), head))
        offset += len(raw)
    data = bytearray(b"".join(lines))
    data[at] ^= 1 << bit
    raw_lines = [line + b"\n" for line in bytes(data).split(b"\n")[:-1]]
    result = check_chain(Path("file"), raw_lines, tuple(entries), head=GENESIS)

    assert result.damage
    assert result.damage[0].line == at // 25 + 1


def test_a_thinned_seal_still_finds_the_group_that_changed() -> None:
    """With one entry for ten lines the place is known to the group, and said to be so."""
    lines = [b"line %d\n" % n for n in range(30)]
    head, entries, offset = GENESIS, [], 0
    for number, raw in enumerate(lines):
        head = chained(head, raw)
        if number % 10 == 9:
            entries.append(SealEntry(number, offset, len(raw), head))
        offset += len(raw)
    lines[13] = b"forged!\n"
    result = check_chain(Path("file"), lines, tuple(entries), head=GENESIS)

    (found,) = result.damage
    assert found.line == 11
    assert "lines 11 to 20" in found.what


def three_days(root: Path) -> Home:
    home = Home(root)
    home.create()
    journal = JournalSet(home, MONDAY)
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        journal.roll(day)
        journal.append("trades", [f"trade of {day} {n}" for n in range(3)])
        journal.append("tape", [f"event of {day}"])
        journal.append("orders", [f"order of {day}"])
    journal.record_interim_heads()
    journal.close()
    return home


def test_a_sound_home_is_sound_while_it_is_written(tmp_path: Path) -> None:
    """Every stream, the heads themselves included, joined over its days."""
    report = verify_home(three_days(tmp_path))

    assert report.damage == []
    assert report.is_sound
    assert report.lines == 9 + 3 + 3 + (4 + 8)


def test_a_day_that_was_put_back_with_its_seal_is_found_by_its_head(tmp_path: Path) -> None:
    """File and seal agree with each other, but not with the head recorded at the close."""
    home = three_days(tmp_path)
    file = home.logs / f"{MONDAY}.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
    seal = file.with_suffix(".seal")
    seal.write_bytes(b"".join(seal.read_bytes().splitlines(keepends=True)[:3]))
    report = verify_home(home)

    kinds = [(found.file, found.kind) for found in report.damage]
    assert (file, DamageKind.ROLLED_BACK) in kinds
    assert (home.logs / f"{TUESDAY}.jsonl", DamageKind.CHAIN_BROKEN) in kinds


def test_an_open_file_that_was_put_back_is_found_by_its_interim_head(tmp_path: Path) -> None:
    """The head written at the backup is further than the file now is."""
    home = three_days(tmp_path)
    file = home.logs / "orders.jsonl"
    for path, kept in ((file, 2), (file.with_suffix(".seal"), 3)):
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
    report = verify_home(home)

    assert [(found.kind, found.line) for found in report.damage] == [(DamageKind.ROLLED_BACK, 3)]


def test_a_whole_home_put_back_is_found_by_an_anchor_from_elsewhere(tmp_path: Path) -> None:
    """What was sent off the machine proves what the machine alone cannot."""
    home = three_days(tmp_path)
    anchor = read_heads(home.logs / "heads.jsonl")["logs/orders.jsonl"][-1]

    assert verify_home(home, (anchor,)).is_sound
    for forged in (replace(anchor, head="00" * 32), replace(anchor, sha256="00" * 32)):
        found = verify_home(home, (forged,)).damage
        assert [place.kind for place in found] == [DamageKind.ROLLED_BACK]


def test_a_file_can_be_verified_while_it_is_written(tmp_path: Path) -> None:
    """Whatever the writer is doing, an open file that is in order is found in order."""
    file = tmp_path / "orders.jsonl"
    journal = JournalFile.open(file, quarantine=tmp_path / "quarantine")
    is_over = threading.Event()

    def write() -> None:
        for number in range(200):
            journal.append([f"line {number}"])
        is_over.set()

    writer = threading.Thread(target=write)
    writer.start()
    reports = [verify_file(file, is_open=True)]
    while not is_over.is_set():
        reports.append(verify_file(file, is_open=True))
    writer.join()
    journal.close()

    assert [report.damage for report in reports] == [()] * len(reports)
    assert verify_file(file).lines == 200


def test_a_day_that_was_removed_is_missed(tmp_path: Path) -> None:
    """Its head says that it was there."""
    home = three_days(tmp_path)
    (home.logs / f"{MONDAY}.jsonl").unlink()
    kinds = {found.kind for found in verify_home(home).damage}

    assert kinds == {DamageKind.FILE_MISSING}


@pytest.mark.parametrize(
    "names",
    [
        (f"logs/{WEDNESDAY}.jsonl",),
        (f"logs/{WEDNESDAY}.jsonl", f"logs/{WEDNESDAY}.seal"),
        (f"tape/{WEDNESDAY}.jsonl",),
        ("logs/orders.jsonl",),
        ("logs/orders.jsonl", "logs/orders.seal"),
        ("logs/sessions.jsonl", "logs/sessions.seal"),
    ],
)
def test_a_file_without_a_head_is_missed_all_the_same(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """Its seal, the link or the other journals say that it was there, once."""
    home = three_days(tmp_path)
    for name in names:
        (home.root / name).unlink()
    (found,) = verify_home(home).damage

    assert (found.file, found.kind) == (home.root / names[0], DamageKind.FILE_MISSING)


def test_all_days_of_a_stream_are_missed_when_a_session_was_started(tmp_path: Path) -> None:
    """A session opens a tape and a trade file, so one of each is somewhere."""
    home = Home(tmp_path)
    home.create()
    journal = JournalSet(home, MONDAY)
    journal.append("sessions", ["started"])
    journal.close()
    assert verify_home(home).is_sound

    for path in home.tape.iterdir():
        path.unlink()
    (found,) = verify_home(home).damage
    assert (found.file, found.kind) == (home.tape, DamageKind.FILE_MISSING)


def test_files_that_a_crash_left_unmade_are_not_missed(tmp_path: Path) -> None:
    """Before the first line nothing was acknowledged that could be gone."""
    home = Home(tmp_path)
    home.create()
    JournalSet(home, MONDAY).close()
    for name in ("logs/risk-management.jsonl", f"logs/{MONDAY}.jsonl", "logs/trades.jsonl"):
        (home.root / name).unlink()

    assert verify_home(home).is_sound


def test_an_archived_day_is_verified_like_any_other(tmp_path: Path) -> None:
    """Packed, in the archive, its seal beside it: joined with the days that follow."""
    home = three_days(tmp_path)
    year = home.trades_archive / "2026"
    year.mkdir(parents=True)
    for suffix in ("jsonl", "seal"):
        original = home.logs / f"{MONDAY}.{suffix}"
        (year / f"{original.name}.gz").write_bytes(gzip.compress(original.read_bytes()))
        original.unlink()
    assert verify_home(home).is_sound

    packed = year / f"{MONDAY}.jsonl.gz"
    changed = gzip.decompress(packed.read_bytes()).replace(b"23 1", b"23 7")
    packed.write_bytes(gzip.compress(changed))
    (found,) = verify_home(home).damage
    assert (found.file, found.kind, found.line) == (packed, DamageKind.CHANGED, 2)


@pytest.mark.parametrize("name", ["heads.jsonl", "heads.seal"])
def test_damaged_heads_do_not_hide_the_rest(tmp_path: Path, name: str) -> None:
    """Heads that are no heads are reported; every other stream is verified all the same."""
    home = three_days(tmp_path)
    path = home.logs / name
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    report = verify_home(home)

    assert not report.is_sound
    assert len(report.files) == 7 + 6
