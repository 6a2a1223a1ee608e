"""A home with a damaged record: the daemon protects what is held, and does not stay down."""

import asyncio
import shutil
from pathlib import Path

import pytest

from trading_bot.app.rehearse import Audience, Rehearsal, play, prepare
from trading_bot.config.model import Config
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.ports.records import STREAM_DECISIONS
from trading_bot.query.records import HomeRecords
from trading_bot.storage.home import Home


class Heard:
    """A Notifier that keeps the subjects it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def notify(self, severity: str, subject: str, text: str) -> None:
        self.told.append(subject)


def play_in(home: Home) -> list[str]:
    home.create()
    heard = Heard()
    stage = prepare(Rehearsal(seed=1), home, Config())
    asyncio.run(play(stage, Audience(notifier=heard)))
    return heard.told


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two made-up days in it."""
    home = Home(tmp_path_factory.mktemp("played") / "home")
    assert "protect_only" not in play_in(home), "control: nothing is wrong with it"
    return home


@pytest.mark.ci
@pytest.mark.xdist_group("damaged-home")
@pytest.mark.parametrize(
    "name", ["2024-07-03", "orders", "decisions", "sessions", "risk-management"]
)
def test_a_damaged_file_makes_the_daemon_protect_only(
    played: Home, tmp_path: Path, name: str
) -> None:
    """It starts, tells, approves nothing, and the journal of the other files stays alive."""
    home = Home(tmp_path / "home")
    shutil.copytree(played.root, home.root, symlinks=True)
    path = home.logs / f"{name}.jsonl"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    before = len(list(HomeRecords(home).lines(STREAM_DECISIONS)))

    told = play_in(home)

    assert told[0] == "protect_only"
    assert "journal_failed" not in told
    lines = list(HomeRecords(home).lines(STREAM_DECISIONS))[before:]
    assert bool(lines) is (name != STREAM_DECISIONS)
    assert not any(DecisionRecord.from_jsonl_line(line).is_approved for line in lines)
