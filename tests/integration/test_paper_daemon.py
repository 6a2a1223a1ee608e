"""The paper daemon as `run` starts it, against an exchange on this machine."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from support.logins import issued
from support.rehearsal import CALENDAR, DAY, OPEN
from trading_bot.app.run import check_mode, run_paper
from trading_bot.app.sessions import Place
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.cli.main import main
from trading_bot.config.model import Config
from trading_bot.core.codec import decode_event
from trading_bot.core.events import PollArrived
from trading_bot.domain.errors import ConfigError
from trading_bot.logging.session_record import SessionRecord
from trading_bot.ports.records import STREAM_SESSIONS
from trading_bot.query.records import HomeRecords
from trading_bot.rehearsal.exchange import Exchange
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.runtime.clocks import PacedClock
from trading_bot.storage.home import Home
from trading_bot.storage.verify import verify_home

SPEED = 300.0


class Heard:
    """A Notifier that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def notify(self, severity: str, subject: str, text: str) -> None:
        self.told.append(f"{severity} {subject}: {text}")


def ready_home(folder: Path, exchange: Exchange) -> Home:
    home = Home(folder)
    home.create()
    SessionFile(home.session_pickle).save(issued(exchange, OPEN))
    return home


async def run_for(home: Home, config: Config, span: timedelta, exchange: Exchange) -> list[str]:
    """Run the daemon from before the open for `span` of its own time, then stop it by signal."""
    clock = PacedClock(OPEN - timedelta(minutes=2), SPEED)
    heard = Heard()
    with ExchangeServer(exchange, clock=clock, speed=SPEED) as server:
        place = Place(clock=clock, base_url=f"http://127.0.0.1:{server.port}")
        running = asyncio.ensure_future(run_paper(home, config, heard, place))
        await clock.sleep(span.total_seconds())
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == "SIGTERM"
    return heard.told


@pytest.mark.ci
def test_the_paper_daemon_polls_records_and_stops_on_sigterm(tmp_path: Path) -> None:
    """It starts before the open, polls through it, and a signal ends it with whole records."""
    days = made_up_days(3, CALENDAR, days=[DAY], symbols=["ZZA", "ZZC"])
    exchange = Exchange(days, CALENDAR)
    home = ready_home(tmp_path, exchange)
    config = Config(watchlist=("ZZA", "ZZC"))

    told = asyncio.run(run_for(home, config, timedelta(minutes=20), exchange))

    records = HomeRecords(home)
    events = [decode_event(line) for line in records.tape_of(DAY.isoformat())]
    assert sum(isinstance(e, PollArrived) for e in events) >= 10
    sessions = [SessionRecord.from_jsonl_line(x) for x in records.lines(STREAM_SESSIONS)]
    assert [(s.kind, s.mode) for s in sessions] == [("start", "paper"), ("end", "paper")]
    assert verify_home(home).damage == []
    assert [text for text in told if text.startswith("CRITICAL")] == []


def test_without_a_session_run_names_the_rehearsal(tmp_path: Path) -> None:
    """No session file: the command refuses with exit code 2 and says what works without one."""
    assert main(["run", "--home", str(tmp_path)]) == 2
    with pytest.raises(ConfigError, match="trading-bot rehearse"):
        check_mode(Home(tmp_path), Config())


def test_a_home_set_to_live_is_not_run_on_paper(tmp_path: Path) -> None:
    """Who set `mode: live` must not believe that real orders go out: the missing key is named."""
    with pytest.raises(ConfigError, match="--live on the command line"):
        check_mode(Home(tmp_path), Config(mode="live", account_number="REH000001"))


def test_a_session_file_others_can_read_refuses_the_start(tmp_path: Path) -> None:
    """A pickle that is not private ends the start with exit code 3, before any request."""
    home = Home(tmp_path)
    home.create()
    home.session_pickle.write_bytes(b"x")
    home.session_pickle.chmod(0o644)

    assert main(["run", "--home", str(tmp_path)]) == 3
