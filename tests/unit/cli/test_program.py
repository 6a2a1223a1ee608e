"""The commands that are printed for people to try can be typed as they stand."""

import sys
from pathlib import Path

import pytest

from trading_bot.cli.program import program_words


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name in a folder of its own, called by its path, from beside it."""
    program = tmp_path / "my checkout" / "bin" / "trading-bot"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.chdir(program.parent.parent)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


def test_its_path_is_told_where_its_name_is_not_enough(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From near by in short, from elsewhere in full, quoted for the shell."""
    assert program_words() == "bin/trading-bot"

    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "argv", [str(installed)])
    assert program_words() == f"'{installed.relative_to('/')}'"

    elsewhere = installed.parents[2] / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert program_words() == f"'{installed}'"


def test_its_name_is_told_where_the_shell_finds_it(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program of that name is not meant."""
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program_words() == "trading-bot"


def test_started_as_a_module_it_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path would be that of a source file."""
    monkeypatch.setattr(sys, "argv", ["/checkout/src/trading_bot/__main__.py"])
    assert program_words() == "trading-bot"
