"""A home that a real rehearsal of two made-up days left behind, and the program run in process."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.program import Run, runner
from support.street import Street, open_street
from trading_bot.cli.main import main
from trading_bot.rehearsal.login import LoginSettings
from trading_bot.storage.home import Home


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two days of two symbols were rehearsed in lockstep."""
    folder = tmp_path_factory.mktemp("base")
    asked = ["--generated", "--symbols", "ZZB,ZZF", "--quiet", "--home", str(folder)]
    assert main(["rehearse", *asked]) == 0
    return folder


@pytest.fixture(scope="session")
def played(base: Path) -> Home:
    """The rehearsal's own home; tests read it and change nothing."""
    return Home((base / "rehearsals" / "latest").resolve())


@pytest.fixture
def copied(played: Home, tmp_path: Path) -> Home:
    """A copy of the rehearsal's home, to be damaged."""
    target = tmp_path / "home"
    shutil.copytree(
        played.root, target, symlinks=True, ignore=shutil.ignore_patterns(".reserve", ".lock")
    )
    return Home(target)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on a home."""
    return runner(capsys)


@pytest.fixture
def street(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Street]:
    """An exchange that is logged in to by approval in the app, or as the test's parameter says."""
    login = getattr(request, "param", {"polls_until_approval": 1})
    with open_street(tmp_path / "home", LoginSettings(**login)) as opened:
        yield opened
