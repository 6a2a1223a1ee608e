"""Reading: forwards, backwards, and following while the day changes."""

import gzip
from datetime import date
from itertools import islice
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from trading_bot.storage import reader
from trading_bot.storage.reader import (
    Cursor,
    FileList,
    Follower,
    day_files,
    iter_backwards,
    iter_lines,
    last_lines,
)

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def write(path: Path, text: str, mode: str = "ab") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode) as file:
        file.write(text.encode())


def polled(follower: Follower) -> list[str]:
    return [line.raw.decode() for line in follower.poll()]


def test_lines_come_with_their_number_and_place(tmp_path: Path) -> None:
    """Numbers from 1, offsets in bytes, part of a line at the end held back."""
    write(tmp_path / "a", "é\n\nlast\npart")

    lines = list(iter_lines(tmp_path / "a"))
    assert [(line.number, line.offset, line.raw) for line in lines] == [
        (1, 0, "é".encode()),
        (2, 3, b""),
        (3, 4, b"last"),
    ]
    assert list(iter_lines(tmp_path / "a", offset=3, number=2)) == lines[1:]


def test_other_line_separators_do_not_split_a_line(tmp_path: Path) -> None:
    """Only LF ends a line: not CR, not the separators of Unicode."""
    write(tmp_path / "a", "one\r\u2028\x85still one\n")

    assert len(list(iter_lines(tmp_path / "a"))) == 1


@given(
    lines=st.lists(st.text(alphabet="abé", max_size=9)),
    tail=st.text(alphabet="ab", max_size=9),
    block=st.integers(min_value=1, max_value=20),
)
def test_backwards_is_forwards_reversed(
    tmp_path_factory: object, lines: list[str], tail: str, block: int
) -> None:
    """For any lines, any part of a line at the end and any size of block."""
    path = tmp_path_factory.mktemp("reader") / "a"  # type: ignore[attr-defined]
    write(path, "".join(line + "\n" for line in lines) + tail)
    before, reader._BLOCK = reader._BLOCK, block  # type: ignore[misc]
    try:
        forwards = [line.raw for line in iter_lines(path)]
        backwards = list(iter_backwards(path))
    finally:
        reader._BLOCK = before  # type: ignore[misc]

    assert forwards == [line.encode() for line in lines]
    assert backwards == forwards[::-1]


def test_the_last_lines_are_read_over_several_days(tmp_path: Path) -> None:
    """Oldest first, as many as asked for, no file opened that is not needed."""
    write(tmp_path / "1", "a\nb\nc\n")
    write(tmp_path / "2", "d\npart")
    newest_first = [tmp_path / "2", tmp_path / "1", tmp_path / "does not exist"]

    assert last_lines(newest_first, 3) == [b"b", b"c", b"d"]
    assert last_lines(newest_first[:2], 9) == [b"a", b"b", b"c", b"d"]
    assert last_lines(newest_first, 0) == []


def test_the_last_line_of_a_large_file_is_read_without_the_rest(tmp_path: Path) -> None:
    """Only the last block: the cost is that of the lines asked for."""
    path = tmp_path / "a"
    write(path, "x" * 99 + "\n")
    with path.open("r+b") as file:
        file.seek(1 << 40)  # a hole of a terabyte, which nobody could read through
        file.write(b"\nlast\n")

    assert list(islice(iter_backwards(path), 1)) == [b"last"]


def test_day_files_include_the_archive_once(tmp_path: Path) -> None:
    """In order of their days; the link to today and other files are no days."""
    logs, archive = tmp_path / "logs", tmp_path / "archive"
    write(logs / "2026-11-23.jsonl", "a\n")
    write(logs / "2026-11-24.jsonl", "b\n")
    write(logs / "orders.jsonl", "c\n")
    write(logs / "2026-13-01.jsonl", "no such day\n")
    (logs / "trades.jsonl").symlink_to("2026-11-24.jsonl")
    for name in ("2025-01-02.jsonl.gz", "2026-11-23.jsonl.gz"):
        (archive / name[:4]).mkdir(parents=True)
        (archive / name[:4] / name).write_bytes(gzip.compress(b"old\n"))

    found = day_files(logs, archive)
    assert [(file.day, file.is_archived) for file in found] == [
        (date(2025, 1, 2), True),
        (MONDAY, False),
        (TUESDAY, False),
    ]
    assert [line.raw for line in iter_lines(found[0].path)] == [b"old"]


def test_a_follower_holds_back_part_of_a_line(tmp_path: Path) -> None:
    """A line comes out once, when its line feed is there."""
    file = tmp_path / "2026-11-23.jsonl"
    follower = Follower(FileList(tmp_path))
    assert polled(follower) == []
    write(file, "one\ntw")
    assert polled(follower) == ["one"]
    write(file, "o\n")
    assert polled(follower) == ["two"]
    assert polled(follower) == []
    follower.close()


def test_a_follower_misses_nothing_over_the_change_of_day(tmp_path: Path) -> None:
    """What was written to the old file before the new one appeared comes first."""
    follower = Follower(FileList(tmp_path))
    write(tmp_path / f"{MONDAY}.jsonl", "one\n")
    assert polled(follower) == ["one"]
    write(tmp_path / f"{MONDAY}.jsonl", "two\n")
    write(tmp_path / f"{TUESDAY}.jsonl", "three\n")
    assert polled(follower) == ["two", "three"]
    write(tmp_path / f"{TUESDAY}.jsonl", "four\n")
    assert polled(follower) == ["four"]
    follower.close()


def test_a_follower_reads_the_old_file_again_after_it_has_seen_the_new_one(tmp_path: Path) -> None:
    """A line written between its reading and the appearance of the new file is not missed."""
    monday, tuesday = tmp_path / f"{MONDAY}.jsonl", tmp_path / f"{TUESDAY}.jsonl"
    write(monday, "one\n")
    files = FileList(tmp_path)

    def list_while_the_day_changes() -> list[Path]:
        if not tuesday.exists():
            write(monday, "late\n")
            write(tuesday, "new\n")
        return files()

    follower = Follower(list_while_the_day_changes)
    assert polled(follower) == ["one", "late", "new"]
    follower.close()


def test_a_follower_goes_on_from_a_kept_cursor(tmp_path: Path) -> None:
    """File, number and byte are enough, also when the file has gone into the archive."""
    write(tmp_path / f"{MONDAY}.jsonl", "one\ntwo\n")
    first = Follower(FileList(tmp_path))
    first.poll()
    assert first.cursor == Cursor(file=tmp_path / f"{MONDAY}.jsonl", number=3, offset=8)
    first.close()
    write(tmp_path / f"{MONDAY}.jsonl", "three\n")
    second = Follower(FileList(tmp_path), first.cursor)

    (line,) = second.poll()
    assert (line.number, line.raw) == (3, b"three")
    second.close()


def test_a_follower_follows_a_file_renamed_for_the_year(tmp_path: Path) -> None:
    """It reads the renamed file to its end, then the new one of that name from its start."""
    follower = Follower(FileList(tmp_path, single="risk.jsonl"))
    write(tmp_path / "risk.jsonl", "one\n")
    assert polled(follower) == ["one"]
    write(tmp_path / "risk.jsonl", "two\n")
    (tmp_path / "risk.jsonl").rename(tmp_path / "risk-2026.jsonl")
    write(tmp_path / "risk.jsonl", "three\n")
    assert polled(follower) == ["two", "three"]
    assert [path.name for path in FileList(tmp_path, single="risk.jsonl")()] == [
        "risk-2026.jsonl",
        "risk.jsonl",
    ]
    follower.close()
