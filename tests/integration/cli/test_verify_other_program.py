"""`verify --replay` of days that another version of the program recorded: other is not damaged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.checkout import ROOT
from support.live_play import LivePlay, kill
from support.program import Run
from trading_bot.app import provenance
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.execution import trade_records
from trading_bot.query.records import HomeRecords
from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile

DAY = ("--generated", "--days", "2024-07-03", "--symbols", "ZZB", "--quiet")
EXAMPLE = "config/strategies/example_strategy.py"


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


def append(home: Home, line: str, stream: str = "orders") -> None:
    """One more line in a record, well sealed."""
    journal = JournalFile.open(home.logs / f"{stream}.jsonl", quarantine=home.quarantine)
    journal.append([line])
    journal.close()


def append_again(home: Home, stream: str) -> None:
    """The record's last line once more, under the next number."""
    last = json.loads(HomeRecords(home).tail(stream, 1)[0])
    append(home, json.dumps(last | {"seq": last["seq"] + 1}, separators=(",", ":")), stream)


def test_a_day_of_a_longer_run_is_excused_too(tmp_path: Path, run: Run) -> None:
    """A day's switch begins no session: the second day's tape names the first day's."""
    days = ("--generated", "--days", "2024-07-02,2024-07-03", "--symbols", "ZZB,ZZF", "--quiet")
    with another_program(version="0.0.1"):
        assert main(["rehearse", *days, "--home", str(tmp_path)]) == exits.OK

    answer = run("verify", "--replay", home=tmp_path / "rehearsals" / "latest")

    assert answer.code == exits.FAILED
    assert "replay 2024-07-02: cannot be compared: recorded by trading-bot 0.0.1" in answer.out
    assert "replay 2024-07-03: cannot be compared: recorded by trading-bot 0.0.1" in answer.out


def test_the_same_program_must_give_the_same_again(tmp_path: Path, run: Run) -> None:
    """Records that differ under its own name and code are damage, however well they are sealed."""
    with another_program():
        home = rehearsed(tmp_path)

    answer = run("verify", "--replay", home=home)

    assert answer.code == exits.DAMAGED
    assert "DAMAGED replay 2024-07-03: trades parts at line" in answer.out


def test_a_broken_seal_is_damage_whoever_recorded_it(tmp_path: Path, run: Run) -> None:
    """The name of another version excuses what the replay gives, never what the seal says."""
    with another_program(version="0.0.1"):
        home = rehearsed(tmp_path)
    trades = next(path for path in home.logs.glob("2024-*.jsonl") if not path.is_symlink())
    trades.write_text(trades.read_text().replace("as it was said then", "as it was said THEN"))

    answer = run("verify", "--replay", home=home)

    assert answer.code == exits.DAMAGED
    assert f"DAMAGED {trades}, line " in answer.out
    assert "cannot be compared: recorded by trading-bot 0.0.1" in answer.out


def test_another_file_of_a_strategy_is_named(tmp_path: Path, run: Run) -> None:
    """A trader who changed a strategy since is told that, not that the records are damaged."""
    text = (ROOT / EXAMPLE).read_text()
    (tmp_path / EXAMPLE).parent.mkdir(parents=True)
    (tmp_path / EXAMPLE).write_text(text)
    config = {"strategies": [{"name": "example", "file": EXAMPLE}]}
    (tmp_path / "config" / "config.json").write_text(json.dumps(config))
    home = rehearsed(tmp_path)
    (home.root / EXAMPLE).write_text(text.replace('reasons=f"closed', 'reasons=f"ended'))

    answer = run("verify", "--replay", home=home)

    assert answer.code == exits.FAILED
    assert "cannot be compared: the strategy example was another file's; " in answer.out


def test_a_day_of_two_programs_is_excused_for_one(tmp_path: Path, run: Run) -> None:
    """After an upgrade in mid-day what this program recorded itself must come again."""
    play = LivePlay(tmp_path)
    with another_program(version="0.0.1", code="1" * 64):
        play.run(until=play.after_open(20))
    play.again(until=play.after_open(40))
    ids = [line["session_id"] for line in play.lines("orders")]

    before = run("verify", "--replay", home=play.home)
    append_again(play.home, "orders")
    after = run("verify", "--replay", home=play.home)

    assert len(set(ids)) == 2
    assert before.code == exits.FAILED
    assert "cannot be compared: recorded by trading-bot 0.0.1" in before.out
    assert after.code == exits.DAMAGED
    assert "DAMAGED replay" in after.out
    assert HomeRecords(play.home).tail("orders", 1)[0] in after.out


def test_a_first_record_that_differs_is_no_last_one_that_a_kill_lost(
    tmp_path: Path, run: Run
) -> None:
    """After a kill the last records may be missing; one that stands there and differs is not."""
    play = LivePlay(tmp_path)
    with another_program():
        play.run((play.after_open(20), kill))

    answer = run("verify", "--replay", home=play.home)

    assert answer.code == exits.DAMAGED
    assert "trades parts at line 1 of the day: recorded {" in answer.out


def test_a_line_that_cannot_be_read_ends_no_replay(copied: Home, run: Run) -> None:
    """It is damage and told as such, and the other days are played again."""
    append(copied, '{"seq":1}')

    answer = run("verify", "--replay", home=copied)

    assert answer.code == exits.DAMAGED
    assert "unreadable: OrderEvent" in answer.out
    assert "replay 2024-07-02: the same records again" in answer.lines


def test_a_difference_under_another_program_is_not_called_damage(
    copied: Home, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade a day may give other records: said with both versions, exit code 1."""
    append_again(copied, "decisions")
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
