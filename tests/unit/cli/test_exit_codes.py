"""What a command's exit code says about trying again."""

from pathlib import Path

from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.storage.home import Home


def test_a_home_in_use_is_worth_another_try(tmp_path: Path) -> None:
    """A daemon that finds its home held ends with a code of its own, which a service retries."""
    home = Home(tmp_path)
    home.create()
    home.session_pickle.write_bytes(b"")

    with home.lock():
        assert main(["run", "--home", str(tmp_path)]) == exits.BUSY


def test_a_refused_rehearsal_leaves_no_home(tmp_path: Path) -> None:
    """Bars that cannot be read refuse before a home is made, so `latest` stays what it was."""
    assert main(["rehearse", str(tmp_path / "none.csv"), "--home", str(tmp_path)]) == exits.FAILED
    assert not (tmp_path / "rehearsals").exists()
