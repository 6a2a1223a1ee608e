"""Which home a command is about."""

from argparse import Namespace
from pathlib import Path

import pytest

from trading_bot.cli.home import home_of, newest_home, records_home
from trading_bot.domain.errors import ConfigError
from trading_bot.storage.home import Home


def asked(home: Path | None) -> Namespace:
    return Namespace(home=home)


def test_the_command_line_stands_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--home`, else TRADING_BOT_HOME, else the current folder; always absolute."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADING_BOT_HOME", "named")

    assert home_of(asked(Path("given"))).root == tmp_path / "given"
    assert home_of(asked(None)).root == tmp_path / "named"
    monkeypatch.setenv("TRADING_BOT_HOME", "")
    assert home_of(asked(None)).root == tmp_path


def test_a_home_with_records_of_its_own_answers_itself(tmp_path: Path) -> None:
    """Rehearsals beside a real home never stand in for it."""
    (tmp_path / "rehearsals" / "latest" / "tape").mkdir(parents=True)
    (tmp_path / "tape").mkdir()
    home = Home(tmp_path)

    assert newest_home(home).root == tmp_path / "rehearsals" / "latest"
    (tmp_path / "tape" / "2024-07-02.jsonl").touch()
    assert newest_home(home).root == tmp_path


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    """What was looked for is named."""
    with pytest.raises(ConfigError, match="holds no records"):
        records_home(asked(tmp_path))
