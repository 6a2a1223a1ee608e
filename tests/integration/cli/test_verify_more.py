"""What only a closer look finds: a line too many, a file that is none."""

import json

import pytest

from support.program import Run
from trading_bot.app import provenance
from trading_bot.cli import exits
from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile


def test_a_record_that_nothing_on_the_tape_caused_is_found(copied: Home, run: Run) -> None:
    """A well-sealed decision that the day's inputs do not give is a difference of the replay."""
    file = copied.logs / "decisions.jsonl"
    last = json.loads(file.read_text().splitlines()[-1])
    forged = json.dumps(last | {"seq": last["seq"] + 1}, separators=(",", ":"))
    journal = JournalFile.open(file, quarantine=copied.quarantine)
    journal.append([forged])
    journal.close()

    plain = run("verify", home=copied)
    replayed = run("verify", "--replay", home=copied)

    assert plain.code == exits.OK
    assert replayed.code == exits.DAMAGED
    assert "decisions" in replayed.out


def test_a_difference_under_another_program_is_not_called_damage(
    copied: Home, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade a day may give other records: said with both versions, exit code 1."""
    file = copied.logs / "decisions.jsonl"
    last = json.loads(file.read_text().splitlines()[-1])
    more = json.dumps(last | {"seq": last["seq"] + 1}, separators=(",", ":"))
    journal = JournalFile.open(file, quarantine=copied.quarantine)
    journal.append([more])
    journal.close()
    monkeypatch.setattr(provenance, "code_hash", lambda: "d" * 64)

    found = run("verify", "--replay", home=copied)

    assert found.code == exits.FAILED
    assert "cannot be compared: recorded by trading-bot " in found.out
    assert "(code dddddddd)" in found.out
    assert "decisions parts at line" in found.out
    assert "DAMAGED" not in found.out


def test_the_same_records_under_another_program_are_the_same(
    copied: Home, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said of versions as long as nothing differs."""
    monkeypatch.setattr(provenance, "code_hash", lambda: "d" * 64)

    found = run("verify", "--replay", home=copied)

    assert found.code == exits.OK
    assert "the same records again" in found.out


def test_a_folder_in_the_place_of_a_file_is_named(copied: Home, run: Run) -> None:
    """The rest is checked all the same."""
    file = copied.logs / "orders.jsonl"
    file.unlink()
    file.mkdir()

    found = run("verify", home=copied)

    assert found.code == exits.DAMAGED
    assert "orders.jsonl" in found.out
    assert "decisions.jsonl" in found.out
