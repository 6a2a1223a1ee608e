"""The paper daemon's session: taken over while it runs, lost, and refused at the start."""

import asyncio
import os
import pickle
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.logins import Watched, issued
from support.rehearsal import OPEN
from trading_bot.app.run import run_paper
from trading_bot.app.sessions import Place
from trading_bot.app.status_file import status_path
from trading_bot.brokers.robinhood.refresh import LoginNeededError
from trading_bot.brokers.robinhood.session_file import SessionFile, SessionFileError
from trading_bot.config.model import Config
from trading_bot.core.codec import decode_event
from trading_bot.core.events import SessionKnown
from trading_bot.domain.errors import ConfigError, TradingBotError
from trading_bot.query.records import HomeRecords
from trading_bot.query.status import Snapshot, reasons_against
from trading_bot.rehearsal import fault_menu as faults
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.runtime.clocks import PacedClock
from trading_bot.storage.home import Home

SPEED = 300.0
START = OPEN + timedelta(minutes=5)


@dataclass
class Bench:
    """A home, an exchange in paced time, and a daemon that can be run against it."""

    home: Home
    exchange: Watched
    clock: PacedClock
    url: str
    told: list[str] = field(default_factory=list)

    @property
    def file(self) -> SessionFile:
        return SessionFile(self.home.session_pickle)

    def notify(self, severity: str, subject: str, text: str) -> None:
        self.told.append(f"{severity} {subject}: {text}")

    def daemon(self, config: Config | None = None) -> Coroutine[Any, Any, str]:
        return run_paper(
            self.home,
            config or Config(watchlist=("AAPL",)),
            self,
            Place(clock=self.clock, base_url=self.url),
        )

    async def runs(self, meanwhile: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the daemon beside `meanwhile`, then stop it by signal."""
        running = asyncio.ensure_future(self.daemon())
        await meanwhile()
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == "SIGTERM"

    @property
    def known(self) -> list[SessionKnown]:
        lines = HomeRecords(self.home).tape_of("2023-05-25")
        return [e for line in lines if isinstance(e := decode_event(line), SessionKnown)]

    @property
    def status(self) -> Snapshot:
        import msgspec

        return msgspec.json.decode(status_path(self.home).read_bytes(), type=Snapshot)


MakeBench = Callable[..., Bench]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeBench]:
    with ExitStack() as stack:

        def making(*rules: FaultRule) -> Bench:
            exchange = Watched(*rules)
            clock = PacedClock(START, SPEED)
            server = ExchangeServer(exchange, clock=clock, speed=SPEED)
            port = stack.enter_context(server).port
            bench = Bench(Home(tmp_path), exchange, clock, f"http://127.0.0.1:{port}")
            bench.home.create()
            return bench

        yield making


@pytest.mark.ci
def test_session_left_by_a_login_is_in_use_within_a_minute(make: MakeBench) -> None:
    """The file is replaced while the daemon runs: it goes on with the new token by itself."""
    bench = make()
    bench.file.save(issued(bench.exchange, START))
    newer = issued(bench.exchange, START + timedelta(hours=1))

    async def meanwhile() -> None:
        await bench.clock.sleep(120)
        bench.file.save(newer)
        await bench.clock.sleep(240)

    asyncio.run(bench.runs(meanwhile))

    first, second = bench.known
    assert (first.ends_at, second.ends_at) == (START + timedelta(days=7), newer.ends_at)
    assert second.needs_person == ""
    bearers = [one.headers["authorization"] for one in bench.exchange.sent("/quotes/")]
    assert bearers[-1] == f"Bearer {newer.access_token}"
    assert any("from the file is in use" in text for text in bench.told)


@pytest.mark.ci
def test_lost_session_leaves_the_daemon_up_and_not_ready(make: MakeBench) -> None:
    """Refused and not renewable: an alert, a reason in the status, and the daemon stays."""
    later = START + timedelta(minutes=3)
    bench = make(
        FaultRule(fault=faults.Unauthorized(), since=later, path="/quotes/*"),
        FaultRule(fault=faults.HumanNeeded()),
    )
    bench.file.save(issued(bench.exchange, START))
    seen: list[Snapshot] = []

    async def meanwhile() -> None:
        # Real seconds pass between two looks at the status: it is written on the machine's clock.
        await bench.clock.sleep(8 * SPEED)
        seen.append(bench.status)

    asyncio.run(bench.runs(meanwhile))

    assert bench.known[-1].needs_person == "Robinhood wants this device verified by a person"
    assert [text for text in bench.told if "a person must log in" in text]
    assert any("trading-bot login" in reason for reason in reasons_against(seen[0]))
    assert len(bench.exchange.sent("/oauth2/token/")) == 1


def zero_bytes(path: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0o600)


def loose(path: Path) -> None:
    path.chmod(0o644)


class Evil:
    """Its pickle leaves a mark where it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def hostile(path: Path) -> None:
    path.write_bytes(pickle.dumps(Evil(path.with_name("ran"))))
    path.chmod(0o600)


@pytest.mark.parametrize("spoil", [zero_bytes, loose, hostile])
def test_file_that_is_no_session_refuses_the_start(
    make: MakeBench, spoil: Callable[[Path], None]
) -> None:
    """Nothing is sent, nothing of it runs, it stays where it is; a person must look."""
    bench = make()
    bench.file.save(issued(bench.exchange, START))
    spoil(bench.home.session_pickle)

    with pytest.raises(SessionFileError, match="trading-bot login"):
        asyncio.run(bench.daemon())

    assert bench.exchange.asked == []
    assert bench.home.session_pickle.exists()
    assert not (bench.home.root / "ran").exists()


@pytest.mark.parametrize(
    ("rules", "changes", "grants"),
    [
        ([FaultRule(fault=faults.HumanNeeded())], {}, 1),
        ([], {"refresh_token": "unknown"}, 1),
        ([], {"refresh_token": ""}, 0),
    ],
)
def test_ended_session_that_cannot_be_renewed_refuses_the_start(
    make: MakeBench, rules: list[FaultRule], changes: dict[str, str], grants: int
) -> None:
    """One try to renew it where there is something to try with, no read with a dead token."""
    bench = make(*rules)
    ended = issued(bench.exchange, START, expires_at=START - timedelta(hours=1), **changes)
    bench.file.save(ended)

    with pytest.raises(LoginNeededError, match="trading-bot login"):
        asyncio.run(bench.daemon())

    assert bench.exchange.paths == ["POST /oauth2/token/"] * grants
    assert bench.file.load() == ended


def test_another_persons_account_refuses_the_start(make: MakeBench) -> None:
    """The configured number is not among the session's accounts: only that was read."""
    bench = make()
    bench.file.save(issued(bench.exchange, START))

    with pytest.raises(ConfigError, match="ends in 777") as caught:
        asyncio.run(bench.daemon(Config(watchlist=("AAPL",), account_number="REH999777")))

    assert bench.exchange.paths == ["GET /accounts/"]
    assert "REH999777" not in str(caught.value)


def test_outage_at_the_start_does_not_refuse_a_session_that_lives(make: MakeBench) -> None:
    """Near its end and not renewed for now: it goes on; ended and not renewed: it does not."""
    refused = FaultRule(fault=faults.ServerError(status=503), path="/oauth2/token/")
    bench = make(refused)
    bench.file.save(issued(bench.exchange, START, expires_at=START + timedelta(hours=2)))

    async def meanwhile() -> None:
        await bench.clock.sleep(60)

    asyncio.run(bench.runs(meanwhile))
    assert any("could not be renewed" in text for text in bench.told)

    bench.file.save(issued(bench.exchange, START, expires_at=START))
    with pytest.raises(TradingBotError, match="503"):
        asyncio.run(bench.daemon())
