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
