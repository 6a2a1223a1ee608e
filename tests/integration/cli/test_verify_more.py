"""What only a closer look finds: a line too many, a file that is none."""

import json

from support.program import Run
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


def test_a_folder_in_the_place_of_a_file_is_named(copied: Home, run: Run) -> None:
    """The rest is checked all the same."""
    file = copied.logs / "orders.jsonl"
    file.unlink()
    file.mkdir()

    found = run("verify", home=copied)

    assert found.code == exits.DAMAGED
    assert "orders.jsonl" in found.out
    assert "decisions.jsonl" in found.out
