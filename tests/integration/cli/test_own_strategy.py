"""A trader's own strategy, one Python file: checked, rehearsed, explained, replayed."""

import json
import shutil
from pathlib import Path

from support.checkout import ROOT
from support.program import Run

EXAMPLE = "config/strategies/example_strategy.py"


def home_with_example(folder: Path) -> Path:
    """A home whose config names the example that ships."""
    (folder / EXAMPLE).parent.mkdir(parents=True)
    shutil.copyfile(ROOT / EXAMPLE, folder / EXAMPLE)
    entry = {"name": "example", "file": EXAMPLE}
    config = json.dumps({"strategies": [entry]})
    (folder / "config" / "config.json").write_text(config, encoding="utf-8")
    return folder


def test_it_is_rehearsed_explained_and_replayed(tmp_path: Path, run: Run) -> None:
    """The rehearsal keeps the file it was played with: a later change of it changes no replay."""
    home = home_with_example(tmp_path)
    arguments = ("--days", "2024-07-03", "--symbols", "ZZB", "--quiet")

    assert run("config", "check", home=home).code == 0
    assert run("rehearse", "--generated", *arguments, home=home).code == 0
    (home / EXAMPLE).write_text("changed = True", encoding="utf-8")
    why = run("why", "ZZB", home=home)
    verified = run("verify", "--replay", home=home)

    assert " opening-range: 1 signal" in why.out
    assert "the range's high" in why.out
    assert verified.code == 0
    assert "replay 2024-07-03: the same records again" in verified.lines


def test_a_broken_one_refuses_the_rehearsal(tmp_path: Path, run: Run) -> None:
    """With the file and what it raised, before anything is played."""
    home = home_with_example(tmp_path)
    (home / EXAMPLE).write_text("import nothing_of_the_kind", encoding="utf-8")

    answer = run("rehearse", "--generated", "--quiet", home=home)

    assert answer.code == 2
    assert "ModuleNotFoundError" in answer.err
    assert len(answer.err.splitlines()) == 1


def test_one_that_exits_is_as_broken(tmp_path: Path, run: Run) -> None:
    """`sys.exit(0)` in the file does not pass for a rehearsal that went well."""
    home = home_with_example(tmp_path)
    (home / EXAMPLE).write_text("raise SystemExit(0)", encoding="utf-8")

    answer = run("rehearse", "--generated", "--quiet", home=home)

    assert answer.code == 2
    assert "SystemExit: 0" in answer.err


def test_a_verdict_that_is_no_text_is_told_as_such(tmp_path: Path, run: Run) -> None:
    """The story of the day goes on, whatever a trader's own code says of a bar."""
    home = home_with_example(tmp_path)
    code = (home / EXAMPLE).read_text(encoding="utf-8")
    mute = "\n\n_make = make\n\n\ndef make(symbol, settings):\n    made = _make(symbol, settings)\n"
    mute += "    type(made).verdict = lambda self: None\n    return made\n"
    (home / EXAMPLE).write_text(code + mute, encoding="utf-8")
    arguments = ("--days", "2024-07-03", "--symbols", "ZZB", "--quiet")

    assert run("rehearse", "--generated", *arguments, home=home).code == 0
    why = run("why", "ZZB", home=home)

    assert why.code == 0
    assert "the verdict cannot be had: it is None" in why.out
