"""The home: its directories, its lock, its reserve, its binding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trading_bot.domain.errors import ConfigError, HaltError
from trading_bot.storage.home import RESERVE_SIZE, Home, HomeBusyError

KEY = b"k" * 32


def made(root: Path) -> Home:
    home = Home(root / "home")
    home.create()
    return home


def test_the_directories_are_for_their_owner_only(tmp_path: Path) -> None:
    """0700, made once; making them again changes nothing."""
    home = made(tmp_path)
    home.create()

    for folder in (home.root, home.config, home.logs, home.archive, home.tape, home.quarantine):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_process_is_told_who_holds_the_home(tmp_path: Path) -> None:
    """The error names the holder; when the holder is gone the home is free."""
    home = made(tmp_path)
    code = f"""
from pathlib import Path
from trading_bot.storage.home import Home, HomeBusyError
try:
    Home(Path({str(home.root)!r})).lock()
    print("free")
except HomeBusyError as error:
    print(error.holder)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def other() -> str:
        command = [sys.executable, "-c", code]
        return subprocess.check_output(command, text=True, env=environment).strip()

    with home.lock():
        assert other() == str(os.getpid())
        with pytest.raises(HomeBusyError, match=f"process {os.getpid()}"):
            home.lock()
    assert other() == "free"


def test_the_reserve_holds_real_blocks_and_gives_them_back(tmp_path: Path) -> None:
    """Not a hole: the space is there when the disk is full."""
    home = made(tmp_path)
    assert home.fill_reserve()
    assert home.fill_reserve()
    assert home.reserve.stat().st_blocks * 512 >= RESERVE_SIZE
    assert home.free_reserve()
    assert not home.reserve.exists()
    assert not home.free_reserve()


def test_a_paper_home_cannot_become_live(tmp_path: Path) -> None:
    """A home keeps the mode and the account of its first start."""
    home = made(tmp_path)
    home.bind(mode="paper", account=None, key=KEY)
    home.bind(mode="paper", account="A1", key=KEY)
    home.bind(mode="paper", account=None, key=KEY)
    with pytest.raises(ConfigError, match="bound to mode paper, not live"):
        home.bind(mode="live", account="A1", key=KEY)
    with pytest.raises(ConfigError, match="another account"):
        home.bind(mode="paper", account="A2", key=KEY)
    assert "A1" not in home.binding_file.read_text()
    assert home.binding_file.stat().st_mode & 0o777 == 0o600


def test_a_live_home_needs_an_account(tmp_path: Path) -> None:
    """Without one there is nothing to bind it to."""
    with pytest.raises(ConfigError, match="needs an account"):
        made(tmp_path).bind(mode="live", account=None, key=KEY)


@pytest.mark.parametrize("text", ["", "[]", '{"mode":1,"account":null}', '{"mode":"paper"}'])
def test_an_unreadable_binding_is_no_binding_to_anything(tmp_path: Path, text: str) -> None:
    """It refuses the start instead of binding anew."""
    home = made(tmp_path)
    home.binding_file.write_text(text)
    with pytest.raises(ConfigError):
        home.bind(mode="live", account="A1", key=KEY)


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """The second start reads what the first one made; a broken one halts."""
    home = made(tmp_path)
    assert home.key(lambda size: b"a" * size) == b"a" * 32
    assert home.key(lambda size: b"b" * size) == b"a" * 32
    assert home.key_file.stat().st_mode & 0o777 == 0o600
    home.key_file.write_bytes(b"short")
    with pytest.raises(HaltError, match="expected 32 bytes, got 5"):
        home.key(lambda size: b"b" * size)
