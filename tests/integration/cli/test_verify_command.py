"""`trading-bot verify` on the records of real rehearsed days, whole and damaged."""

from pathlib import Path

import pytest

from support.program import Run
from trading_bot.storage.home import Home


def flip(path: Path, line: int) -> int:
    """Change one digit in the middle of a line (from 1); its first byte."""
    lines = path.read_bytes().split(b"\n")
    raw = bytearray(lines[line - 1])
    place = next(i for i in range(len(raw) // 2, len(raw)) if chr(raw[i]).isdigit())
    raw[place] = ord("7") if raw[place] != ord("7") else ord("8")
    lines[line - 1] = bytes(raw)
    path.write_bytes(b"\n".join(lines))
    return sum(len(each) + 1 for each in lines[: line - 1])


def test_whole_records_are_sound(played: Home, run: Run) -> None:
    """Every file is named with its lines, and the exit code is 0."""
    answer = run("verify", home=played)

    assert answer.code == 0
    for path in (*played.logs.glob("*.jsonl"), *played.tape.glob("*.jsonl")):
        if not path.is_symlink():
            assert str(path.relative_to(played.root)) in answer.out
    assert answer.lines[-1].startswith("sound: ")


def test_each_day_replays_to_the_same_records(played: Home, run: Run) -> None:
    """The second day too, from its own tape alone."""
    answer = run("verify", "--replay", home=played)

    assert answer.code == 0
    assert "replay 2024-07-02: the same records again" in answer.lines
    assert "replay 2024-07-03: the same records again" in answer.lines


@pytest.mark.parametrize("name", ["orders", "decisions", "2024-07-02", "sessions"])
def test_a_changed_line_is_named(copied: Home, run: Run, name: str) -> None:
    """By file, line and byte, whichever stream it is in; the exit code is 4."""
    path = copied.logs / f"{name}.jsonl"
    offset = flip(path, 2)

    answer = run("verify", home=copied)

    assert answer.code == 4
    assert f"DAMAGED {path}, line 2, byte {offset}: changed" in answer.out


def test_a_line_that_is_gone_is_named(copied: Home, run: Run) -> None:
    """A record that was acknowledged and is no longer at the end of its file."""
    path = copied.logs / "orders.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))

    answer = run("verify", home=copied)

    assert answer.code == 4
    assert f"DAMAGED {path}, line {len(lines)}" in answer.out


def test_a_line_that_is_no_record_is_named(copied: Home, run: Run) -> None:
    """Even one that nobody sealed: it is no record of its stream, and the next number is wrong."""
    path = copied.logs / "decisions.jsonl"
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    path.write_text(text + '{"seq":1}\n' + text.splitlines()[0] + "\n", encoding="utf-8")

    answer = run("verify", home=copied)

    assert answer.code == 4
    assert f"{path}, line {count + 1}, byte {len(text)}: unreadable: DecisionRecord" in answer.out
    assert f"line {count + 2}" in answer.out
    assert f"expected the record numbered {count}, got 0" in answer.out


def test_a_replay_that_differs_is_damage(copied: Home, run: Run) -> None:
    """A tape that gives other records than those that stand there is named with the place."""
    tape = copied.tape / "2024-07-02.jsonl"
    lines = tape.read_text(encoding="utf-8").splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if line.startswith('["OrderPlaced"'))
    del lines[place]
    tape.write_text("".join(lines), encoding="utf-8")

    answer = run("verify", "--replay", home=copied)

    assert answer.code == 4
    assert "DAMAGED replay 2024-07-02: orders parts at line" in answer.out


def test_a_run_that_was_killed_may_lack_its_last_records(copied: Home, run: Run) -> None:
    """The tape is written first: what it gives beyond the records is no damage after a kill."""
    for name in ("sessions", "orders"):
        path, seal = copied.logs / f"{name}.jsonl", copied.logs / f"{name}.seal"
        for file in (path, seal):
            lines = file.read_bytes().splitlines(keepends=True)
            file.write_bytes(b"".join(lines[:-1]))

    answer = run("verify", "--replay", home=copied)

    assert answer.code == 0
    assert "ended before it wrote the last of its orders" in answer.out


def test_a_day_that_is_being_written_is_not_replayed(copied: Home, run: Run) -> None:
    """While a daemon holds the home its last day's tape may be ahead of its records."""
    with copied.lock():
        answer = run("verify", "--replay", home=copied)

    assert answer.code == 0
    assert "replay 2024-07-03: left out, a daemon is writing it" in answer.lines
