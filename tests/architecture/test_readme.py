"""What the README says is so: its commands exist, its map is the house."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from support.checkout import ROOT, rooms

README = (ROOT / "README.md").read_text(encoding="utf-8")


def scripts_named(text: str) -> set[str]:
    """Every script of ours that a text mentions."""
    return set(re.findall(r"(?<![\w/])scripts/[a-z_]+", text))


def missing_scripts(text: str) -> list[str]:
    """The scripts a text mentions that cannot be run."""
    return sorted(name for name in scripts_named(text) if not os.access(ROOT / name, os.X_OK))


def map_lines(text: str) -> list[list[str]]:
    """The rooms of the map in a text, line by line, from the top."""
    table = text.partition("<!-- map: top to bottom -->")[2].partition("\n\n")[0]
    lines = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [re.findall(r"`(\w+)`", line) for line in lines]


def house_lines() -> list[list[str]]:
    """The rooms that exist in the order of the contract, line by line, from the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["id"] == "house"
    )
    lines = [[room.strip(" ()") for room in line.split("|")] for line in contract["layers"]]
    existing = [[room for room in line if room in rooms()] for line in lines]
    return [line for line in existing if line]


def test_the_two_commands_can_be_run() -> None:
    """A newcomer can type both commands as they stand there."""
    assert {"scripts/rehearse", "scripts/test"} <= scripts_named(README)
    assert missing_scripts(README) == []


def test_the_map_is_the_house() -> None:
    """The map lists the rooms that exist, all of them, in the order of the contract."""
    assert map_lines(README) == house_lines()


def commands_named(text: str) -> list[str]:
    """Every command of the program that a text shows."""
    return sorted(set(re.findall(r"`trading-bot ([a-z]+)", text)))


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the program of this checkout, with none of the caller's settings."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRADING_BOT_")}
    return subprocess.run(
        [sys.executable, "-m", "trading_bot", *arguments],
        env={**inherited, "PYTHONPATH": str(ROOT / "src"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_the_readme_names_exists() -> None:
    """Each command in the table can be asked for help; the control is one that does not exist."""
    assert len(commands_named(README)) >= 7
    assert [name for name in commands_named(README) if run(name, "--help").returncode != 0] == []
    assert run("nonsense", "--help").returncode != 0


def test_the_example_environment_is_accepted(tmp_path: Path) -> None:
    """Every name in `.env.example`, commented out or not, is one the program knows."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    lines = dict(re.findall(r"^#?(TRADING_BOT_[A-Z_]+)=(.*)$", example, flags=re.MULTILINE))
    lines["TRADING_BOT_HOME"] = str(tmp_path)
    # What the scripts and the tests hand down to a program they start.
    lines |= {f"TRADING_BOT_{name}": "1" for name in ("FAULT_TESTS", "MARKET_DATA", "VENV")}

    accepted = run("config", "check", **lines)
    refused = run("config", "check", **lines, TRADING_BOT_NONSENSE="1")

    assert accepted.returncode == 0, accepted.stderr
    assert refused.returncode != 0


def test_every_path_the_readme_names_exists() -> None:
    """Files named in the text are in the checkout."""
    named = {"pyproject.toml", ".env.example", "deploy/trading-bot.service"}

    assert all(name in README and (ROOT / name).is_file() for name in named)


def test_the_changelog_tells_what_is_not_released_yet() -> None:
    """There is a place for the next change."""
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_a_missing_script_and_a_wrong_map_are_found(tmp_path: Path) -> None:
    """The control: a script that is not there is seen, and a map is read as it stands."""
    assert missing_scripts("run `scripts/nowhere` and `scripts/test`") == ["scripts/nowhere"]
    assert map_lines("<!-- map: top to bottom -->\n| `a` `b` | x |\n| `c` | `d` |\n\n| `e` |") == [
        ["a", "b"],
        ["c"],
    ]
    assert missing_scripts("nothing here") == []
