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
from trading_bot.brokers.robinhood.session_file import SessionFile, SessionFileError
from trading_bot.config.model import Config
from trading_bot.core.codec import decode_event
from trading_bot.core.events import SessionKnown, Started
from trading_bot.domain.errors import ConfigError
from trading_bot.query.records import HomeRecords
from trading_bot.query.status import Snapshot, Status, reasons_against, status_of
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


def missing(path: Path) -> None:
    path.unlink()


def test_file_others_can_read_refuses_the_start(make: MakeBench) -> None:
    """Whoever could read it may be at it: nothing is sent, and there is nothing to wait beside."""
    bench = make()
    bench.file.save(issued(bench.exchange, START))
    loose(bench.home.session_pickle)

    with pytest.raises(SessionFileError, match="trading-bot login"):
        asyncio.run(bench.daemon())

    assert bench.exchange.asked == []
    assert bench.home.session_pickle.exists()


async def until_quotes(bench: Bench) -> None:
    """Until the daemon reads the market."""
    while not bench.exchange.sent("/quotes/"):
        await bench.clock.sleep(10)


async def waits_for_a_person(bench: Bench) -> Status:
    """Half an hour of waiting, then a person logs in; the status before that."""
    await bench.clock.sleep(1800)
    seen = status_of(bench.home, bench.clock.now())
    bench.exchange.asked.clear()
    bench.home.session_pickle.unlink(missing_ok=True)
    bench.file.save(issued(bench.exchange, bench.clock.now()))
    await until_quotes(bench)
    return seen


@pytest.mark.parametrize("spoil", [zero_bytes, hostile, missing])
def test_without_a_session_the_start_waits_for_a_login(
    make: MakeBench, spoil: Callable[[Path], None]
) -> None:
    """Alive, not ready, one alert, nothing sent, nothing of the file runs; then it trades."""
    bench = make()
    bench.home.bind(mode="paper", account=None, key=bench.home.key(bytes))
    bench.file.save(issued(bench.exchange, START))
    spoil(bench.home.session_pickle)
    seen: list[Status] = []

    async def meanwhile() -> None:
        await bench.clock.sleep(60)
        assert bench.exchange.asked == []
        seen.append(await waits_for_a_person(bench))

    asyncio.run(bench.runs(meanwhile))

    assert_waited(bench, seen[0])
    assert not (bench.home.root / "ran").exists()


@pytest.mark.parametrize(
    ("rules", "changes", "grants"),
    [
        ([FaultRule(fault=faults.HumanNeeded())], {}, 1),
        ([], {"refresh_token": "unknown"}, 1),
        ([], {"refresh_token": ""}, 0),
    ],
)
def test_ended_session_that_cannot_be_renewed_waits_for_a_login(
    make: MakeBench, rules: list[FaultRule], changes: dict[str, str], grants: int
) -> None:
    """One try to renew it where there is something to try with, no read with a dead token."""
    bench = make(*rules)
    ended = issued(bench.exchange, START, expires_at=START - timedelta(hours=1), **changes)
    bench.file.save(ended)
    seen: list[Status] = []

    async def meanwhile() -> None:
        await bench.clock.sleep(1800)
        assert bench.exchange.paths == ["POST /oauth2/token/"] * grants
        assert bench.file.load() == ended
        seen.append(await waits_for_a_person(bench))

    asyncio.run(bench.runs(meanwhile))

    assert_waited(bench, seen[0])


def assert_waited(bench: Bench, seen: Status) -> None:
    """It was up, not ready and said why; a person was called once; then a day began."""
    assert (seen.is_alive, seen.state) == (True, "not ready")
    assert any("trading-bot login" in reason for reason in seen.reasons)
    assert [text for text in bench.told if text.startswith("CRITICAL")] == [bench.told[0]]
    assert "a person must log in" in bench.told[0]
    assert any("from the file is in use" in text for text in bench.told)
    (first, *_) = HomeRecords(bench.home).tape_of("2023-05-25")
    began = decode_event(first)
    assert isinstance(began, Started)
    assert began.at > START + timedelta(minutes=30)


def test_a_start_that_waits_is_stopped_like_any_other(make: MakeBench) -> None:
    """SIGTERM ends it at once and cleanly; there was no session to put on record."""
    bench = make()
    bench.file.save(issued(bench.exchange, START, expires_at=START, refresh_token=""))

    async def meanwhile() -> None:
        await bench.clock.sleep(60)

    asyncio.run(bench.runs(meanwhile))

    assert bench.exchange.asked == []
    assert list(HomeRecords(bench.home).lines("sessions")) == []
    with bench.home.lock():
        pass


def test_another_persons_account_refuses_the_start(make: MakeBench) -> None:
    """The configured number is not among the session's accounts: only that was read."""
    bench = make()
    bench.file.save(issued(bench.exchange, START))

    with pytest.raises(ConfigError, match="ends in 777") as caught:
        asyncio.run(bench.daemon(Config(watchlist=("AAPL",), account_number="REH999777")))

    assert bench.exchange.paths == ["GET /accounts/"]
    assert "REH999777" not in str(caught.value)


def test_outage_at_the_start_does_not_refuse_a_session_that_lives(make: MakeBench) -> None:
    """Near its end and not renewed for now: it goes on with what it has."""
    refused = FaultRule(fault=faults.ServerError(status=503), path="/oauth2/token/")
    bench = make(refused)
    bench.file.save(issued(bench.exchange, START, expires_at=START + timedelta(hours=2)))

    asyncio.run(bench.runs(lambda: until_quotes(bench)))

    assert any("could not be renewed" in text for text in bench.told)


def test_outage_when_the_session_has_ended_is_waited_out(make: MakeBench) -> None:
    """Nobody is called for what passes: the renewal is tried again, further and further apart."""
    over = START + timedelta(minutes=20)
    rule = FaultRule(fault=faults.ServerError(status=503), path="/oauth2/token/", until=over)
    bench = make(rule)
    bench.file.save(issued(bench.exchange, START, expires_at=START))
    seen: list[Status] = []

    async def meanwhile() -> None:
        await bench.clock.sleep(900)
        seen.append(status_of(bench.home, bench.clock.now()))
        await until_quotes(bench)

    asyncio.run(bench.runs(meanwhile))

    assert (seen[0].is_alive, seen[0].state) == (True, "not ready")
    assert any("503" in reason for reason in seen[0].reasons)
    assert not any("log in" in text for text in (*bench.told, *seen[0].reasons))
    assert len([text for text in bench.told if "the start waits" in text]) == 1
    gaps = bench.exchange.gaps("/oauth2/token/")
    assert gaps[-1] > 300
