"""`verify --replay` of days that another version of the program recorded: other is not damaged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.live_play import LivePlay
from support.program import Run
from trading_bot.app.code_hash import code_hash
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.execution import trade_records
from trading_bot.query.records import HomeRecords
from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile
from trading_bot.version import VERSION

DAY = ("--generated", "--days", "2024-07-03", "--symbols", "ZZB", "--quiet")
EXAMPLE = "config/strategies/mine.py"
OWN = """\
from trading_bot.strategies.registry import BUILT_IN, make_factory

def make(symbol, settings):
    made = make_factory("pullback-entry", BUILT_IN["pullback-entry"].settings())(symbol)
    type(made).name = "mine"
    return made
"""


@contextmanager
def another_program(**what: str) -> Iterator[None]:
    """Runs within are of a program that says of an entry what ours does not."""
    ours = trade_records._entry_record

    def theirs(*parts: Any) -> Any:
        return replace(ours(*parts), decision_reasoning="as it was said then")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trade_records, "_entry_record", theirs)
        if "version" in what:
            patch.setattr("trading_bot.app.engine.VERSION", what["version"])
        if "code" in what:
            patch.setattr("trading_bot.app.engine.code_hash", lambda: what["code"])
        yield


def rehearsed(folder: Path) -> Home:
    """The home of a day played now."""
    assert main(["rehearse", *DAY, "--home", str(folder)]) == exits.OK
    return Home((folder / "rehearsals" / "latest").resolve())


def append(home: Home, stream: str, **changes: Any) -> None:
    """One more record, well sealed, like the stream's last."""
    file = home.logs / f"{stream}.jsonl"
    last = json.loads(file.read_text().splitlines()[-1])
    journal = JournalFile.open(file, quarantine=home.quarantine)
    journal.append([json.dumps(last | changes | {"seq": last["seq"] + 1}, separators=(",", ":"))])
    journal.close()


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (
            {"version": "0.1.0", "code": "1" * 64},
            f"version 0.1.0 of this program, and this is {VERSION}: ",
        ),
        (
            {"code": "1" * 64},
            f"another build of version {VERSION} (code 11111111, and this is {code_hash()[:8]}): ",
        ),
    ],
    ids=["version", "build"],
)
def test_what_another_program_recorded_is_not_damaged(
    tmp_path: Path, run: Run, what: dict[str, str], words: str
) -> None:
    """Who recorded it is said, where it parts, that the records are sound; the exit code is 1."""
    with another_program(**what):
        home = rehearsed(tmp_path)

    plain = run("verify", home=home)
    replayed = run("verify", "--replay", home=home)

    assert plain.code == exits.OK
    assert replayed.code == exits.FAILED
    assert f"replay 2024-07-03: recorded by {words}trades parts at line 1 " in replayed.out
    assert "as it was said then" in replayed.out
    assert replayed.lines[-2].startswith("one day was recorded by another program: no record was")
    assert replayed.lines[-1].startswith("sound: ")
    assert "DAMAGED" not in replayed.out


def test_a_day_of_a_longer_run_is_excused_too(tmp_path: Path, run: Run) -> None:
    """A day's switch begins no session: the second day's tape names the first day's."""
    days = ("--generated", "--days", "2024-07-02,2024-07-03", "--symbols", "ZZB,ZZF", "--quiet")
    with another_program(version="0.1.0"):
        assert main(["rehearse", *days, "--home", str(tmp_path)]) == exits.OK

    answer = run("verify", "--replay", home=tmp_path / "rehearsals" / "latest")

    assert answer.code == exits.FAILED
    assert "replay 2024-07-02: recorded by version 0.1.0" in answer.out
    assert "replay 2024-07-03: recorded by version 0.1.0" in answer.out
    assert "2 days were recorded by another program" in answer.out


def test_the_same_program_must_give_the_same_again(tmp_path: Path, run: Run) -> None:
    """Records that differ under its own name and code are damage, however well they are sealed."""
    with another_program():
        home = rehearsed(tmp_path)

    answer = run("verify", "--replay", home=home)

    assert answer.code == exits.DAMAGED
    assert "DAMAGED replay 2024-07-03: trades parts at line" in answer.out


def test_another_version_whose_records_come_again_is_none_to_speak_of(
    tmp_path: Path, run: Run
) -> None:
    """Most days replay under any version."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trading_bot.app.engine.code_hash", lambda: "1" * 64)
        home = rehearsed(tmp_path)

    answer = run("verify", "--replay", home=home)

    assert answer.code == exits.OK
    assert "replay 2024-07-03: the same records again" in answer.lines


def test_a_broken_seal_is_damage_whoever_recorded_it(tmp_path: Path, run: Run) -> None:
    """The name of another version excuses what the replay gives, never what the seal says."""
    with another_program(version="0.1.0"):
        home = rehearsed(tmp_path)
    trades = next(path for path in home.logs.glob("2024-*.jsonl") if not path.is_symlink())
    trades.write_text(trades.read_text().replace("as it was said then", "as it was said THEN"))

    answer = run("verify", "--replay", home=home)

    assert answer.code == exits.DAMAGED
    assert f"DAMAGED {trades}, line " in answer.out
    assert "recorded by version 0.1.0" in answer.out


def test_another_file_of_a_strategy_is_named(tmp_path: Path, run: Run) -> None:
    """A trader who changed a strategy since is told that, not that the records are damaged."""
    (tmp_path / EXAMPLE).parent.mkdir(parents=True)
    (tmp_path / EXAMPLE).write_text(OWN)
    config = {"strategies": [{"name": "mine", "file": EXAMPLE}]}
    (tmp_path / "config" / "config.json").write_text(json.dumps(config))
    home = rehearsed(tmp_path)
    (home.root / EXAMPLE).write_text(OWN.replace('"mine"', '"mine-too"'))

    answer = run("verify", "--replay", home=home)

    assert answer.code == exits.FAILED
    assert "recorded by another file of the strategy mine: " in answer.out


def test_a_day_of_two_programs_is_excused_for_one(tmp_path: Path, run: Run) -> None:
    """After an upgrade in mid-day what this program recorded itself must come again."""
    play = LivePlay(tmp_path)
    with another_program(version="0.1.0", code="1" * 64):
        play.run(until=play.after_open(20))
    play.again(until=play.after_open(40))
    ids = [line["session_id"] for line in play.lines("orders")]

    before = run("verify", "--replay", home=play.home)
    append(play.home, "orders")
    after = run("verify", "--replay", home=play.home)

    assert len(set(ids)) == 2
    assert before.code == exits.FAILED
    assert "recorded by version 0.1.0" in before.out
    assert after.code == exits.DAMAGED
    assert "DAMAGED replay" in after.out
    assert HomeRecords(play.home).tail("orders", 1)[0] in after.out
