"""Killed between the broker's answer to a renewal and its write to disk: only a person helps."""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from support.live_run import ARMED, Stopping, set_up
from support.logins import Counter, Scripted, issued
from support.rehearsal import CALENDAR, DAY, OPEN
from trading_bot.app.sessions import Desk, Place
from trading_bot.app.status_file import status_path
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.ports.clock import Waitable
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.rehearsal.wire import Request
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.storage.home import Home
from trading_bot.storage.verify import verify_home

pytestmark = pytest.mark.ci

AWAY = timedelta(minutes=3)
"""Between the kill and the next start."""

COMES = timedelta(minutes=12)
"""How long the daemon waits before its owner logs in."""

CLOSE = OPEN + timedelta(hours=6, minutes=30)


class Counted(Stopping):
    """Remembers when it was asked what; ends the program a minute after each new stop."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.asked: list[tuple[datetime, str, str]] = []

    def handle(self, request: Request, now: datetime) -> Any:
        self.asked.append((now, request.method, request.path))
        return super().handle(request, now)


class Waited(LockstepClock):
    """Calls somebody when a moment is reached at which the daemon waits."""

    def __init__(self, start: datetime, at: datetime, call: Callable[[datetime], None]) -> None:
        super().__init__(start)
        self._at, self._call, self._is_called = at, call, False

    async def wait(self, ready: Waitable, until: datetime | None = None) -> bool:
        if self.now() >= self._at and not self._is_called:
            self._is_called = True
            self._call(self.now())
        return await super().wait(ready, until)


class Street:
    """The home, the exchange, and two starts of the live daemon in virtual time."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.home = Home(root)
        set_up(self.home, watchlist=["ZZA", "ZZB"], poll={"interval_s": 15})
        days = made_up_days(1, CALENDAR, days=[DAY], symbols=["ZZA", "ZZB"])
        self.exchange = Counted(days, CALENDAR)
        self.url = f"http://127.0.0.1:{stack.enter_context(ExchangeServer(self.exchange)).port}"
        self.status: dict[str, Any] = {}

    def place(self, clock: LockstepClock) -> Place:
        chance = random.Random(1)
        return Place(clock=clock, chance=chance, base_url=self.url, is_lockstep=True)

    def run(self, clock: LockstepClock) -> int:
        self.exchange.was_ended = False
        self.exchange.ends_at = CLOSE
        return main([*ARMED, "--home", str(self.home.root)], place=self.place(clock))

    def lose_the_renewal(self, now: datetime) -> None:
        """The broker answers a renewal, and nobody keeps the answer."""
        session = SessionFile(self.home.session_pickle).load()
        form = f"grant_type=refresh_token&refresh_token={session.refresh_token}"
        form += f"&client_id=any&device_token={session.device_token}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        request = Request("POST", "/oauth2/token/", headers, form.encode())
        assert self.exchange.handle(request, now).status == 200

    def log_in(self, now: datetime) -> None:
        """`trading-bot login` by somebody else's hand, while the daemon waits."""
        self.status = json.loads(status_path(self.home).read_text())
        clock = LockstepClock(now)
        desk = Desk(
            home=self.home,
            place=self.place(clock),
            person=Scripted(),
            random_bytes=Counter(),
            deadline=timedelta(minutes=3),
        )
        person = Thread(target=lambda: asyncio.run(desk.log_in()))
        person.start()
        person.join(60)


def test_a_lost_renewal_waits_for_a_person_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stop stands meanwhile; after a log-in the same trade goes on, and nothing is doubled."""
    with ExitStack() as stack:
        street = Street(tmp_path / "home", stack)
        start = OPEN - timedelta(minutes=6)
        SessionFile(street.home.session_pickle).save(issued(street.exchange, start))
        clock = LockstepClock(start)
        assert street.run(clock) == exits.OK
        street.lose_the_renewal(clock.now())
        began = clock.now() + AWAY
        street.exchange.ends_at = CLOSE + timedelta(minutes=3)

        again = Waited(began, began + COMES, street.log_in)
        code = street.run(again)

    report = street.exchange.report(again.now())
    entry, stop, out, *later = report["orders"]
    while_waiting = [call for call in street.exchange.asked if began <= call[0] < began + COMES]
    tried = [(method, path) for _, method, path in while_waiting]
    assert tried.count(("POST", "/oauth2/token/")) == 1
    assert not [path for _, path in tried if path.startswith("/orders/")]
    assert street.status["protections"][0]["ends"] == "trading-bot login"
    assert street.status["positions"][0]["held"] == int(entry["quantity"])
    assert capsys.readouterr().err.count("Until then nothing is sent") == 1

    assert code == exits.OK
    assert (stop["trigger"], stop["state"]) == ("stop", "cancelled")
    assert datetime.fromisoformat(stop["state_at"]) > began + COMES
    assert (out["side"], out["quantity"], out["state"]) == ("sell", entry["quantity"], "filled")
    assert [order["side"] for order in later] == ["buy", "sell"]
    assert report["repeated_ref_ids"] == {}
    assert float(report["uncovered"]["ZZA"]["longest_seconds"]) < 2
    sold, bought = records(street.home)[1::-1]
    assert (bought["action"], sold["action"]) == ("BUY", "SELL")
    assert sold["quantity"] == bought["quantity"] == int(entry["quantity"])
    assert verify_home(street.home).is_sound


def records(home: Home) -> list[dict[str, Any]]:
    """The trade records, oldest first."""
    return [json.loads(line) for line in home.trades_link.read_text().splitlines()]
