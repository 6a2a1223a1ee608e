"""A home whose orders go to the exchange over HTTP, by the code that trades live, in lockstep."""

import asyncio
import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

from support.rehearsal import flat_day
from support.scenarios import SEED, Play, terminate
from trading_bot.app.reconcile import case_of, robinhood
from trading_bot.app.rehearse import (
    LEAD,
    Audience,
    Rehearsal,
    Stage,
    _issue_session,
    play_against,
)
from trading_bot.app.replay import Replayer
from trading_bot.app.verdict import verdict_of
from trading_bot.cli.parser import make_parser
from trading_bot.cli.reconcile import settle
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event
from trading_bot.market.calendar import NyseCalendar
from trading_bot.rehearsal.brokerage import NO_PLAN, AccountSettings, Plan
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.rehearsal.verdict import Verdict
from trading_bot.runtime.clocks import PacedClock
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.storage.verify import verify_home

NUMBER = AccountSettings().number
SYMBOL = "ZZA"
BUYS_AT = 10.0
"""Minutes after the open at which the strategy first wants to buy SYMBOL."""


class Killed(BaseException):
    """Nothing of ours catches it: the process is gone."""


def kill() -> NoReturn:
    """A plan that ends the process where it stands; see `LivePlay.run`."""
    raise Killed


class LivePlay(Play):
    """Played once or several times; the exchange stays when a play ends, as Robinhood does."""

    def __init__(
        self,
        root: Path,
        exchange: Exchange | None = None,
        *,
        days: tuple[PlayedDay, ...] = (flat_day(SYMBOL),),
        plan: Plan = NO_PLAN,
        rules: Sequence[FaultRule] = (),
        account: AccountSettings | None = None,
        page_size: int = 100,
        **config: Any,
    ) -> None:
        super().__init__(root, days, account_number=NUMBER, **config)
        settings = ExchangeSettings(
            seed=SEED, plan=plan, account=account or AccountSettings(), page_size=page_size
        )
        self.rules = tuple(rules)
        self.dies_of: Callable[[Effect], bool] | None = None
        self.exchange = exchange or Exchange(
            self.days, NyseCalendar(), settings, FaultScript(self.rules)
        )
        _issue_session(self.home, self.exchange, self.open - LEAD)

    def run(self, *plans: Any, start: datetime | None = None, until: datetime | None = None) -> str:
        """As `Play.run`; a plan that is `kill` ends it as kill -9 would, without a word.

        So does the first effect that `dies_of` says yes to: its records are durable then, and its
        call has not gone out.
        """
        if until is not None:
            plans = (*plans, (until, terminate))
        self._plans = sorted(plans, key=lambda plan: plan[0])
        stage = Stage(
            home=self.home,
            config=self.config,
            calendar=NyseCalendar(),
            days=self.days,
            plan=Rehearsal(seed=SEED, is_live_code=True),
        )
        audience = Audience(notifier=self.heard, observers=(self._see,))
        clock = LockstepClock(start or self.open - LEAD)
        with ExitStack() as stack:
            self.server = ExchangeServer(self.exchange)
            self.port = self.server.start()
            stack.callback(self.stop_exchange)
            url = f"http://127.0.0.1:{self.port}"
            try:
                return asyncio.run(play_against(stage, audience, clock, url))
            except Killed:
                return "killed"
            finally:
                self.ended_at = clock.now()

    def again(self, after_s: float = 10, **how: Any) -> str:
        """Start once more, so long after the last play ended."""
        return self.run(start=self.ended_at + timedelta(seconds=after_s), **how)

    def _see(self, event: Event, effects: Sequence[Effect]) -> None:
        if self.dies_of is not None and any(map(self.dies_of, effects)):
            self.dies_of = None
            kill()
        super()._see(event, effects)

    def owner(self, **action: Any) -> None:
        """The owner does something in the app, now."""
        self._post("/rehearsal/owner/", json.dumps(action).encode())

    def send(self, path: str, form: Mapping[str, str]) -> None:
        """Another program with a session of the account sends a form, now."""
        self._post(path, urlencode(form).encode())

    def _post(self, path: str, body: bytes) -> None:
        now = self.events[-1].at
        token = self.exchange.first_session(now).access_token
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=body,
            headers={"X-Rehearsal-Now": now.isoformat(), "Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert 200 <= answer.status < 300

    def at_the_desk(self, *words: str) -> int:
        """`reconcile` with these words, against the exchange over HTTP, a while later."""
        clock = PacedClock(self.events[-1].at + timedelta(minutes=1), 1.0)
        arguments = make_parser().parse_args(["reconcile", *words])
        with ExchangeServer(self.exchange, clock=clock) as server:
            connect = robinhood(self.home, self.config, f"http://127.0.0.1:{server.port}")
            case = case_of(self.home, connect, account_number=NUMBER, clock=clock)
            return settle(case, arguments)

    # What the exchange knows.

    def report(self) -> dict[str, Any]:
        """The exchange's own ledger when the last play ended."""
        found: dict[str, Any] = json.loads(
            json.dumps(self.exchange.report(self.ended_at), default=str)
        )
        return found

    def taken(self, side: str | None = None, trigger: str | None = None) -> list[dict[str, Any]]:
        """The orders the exchange took through the API, oldest first."""
        return [
            order
            for order in self.report()["orders"]
            if order["is_ours"]
            and side in (None, order["side"])
            and trigger in (None, order["trigger"])
        ]

    def entries(self) -> list[dict[str, Any]]:
        return self.taken("buy")

    def stops(self) -> list[dict[str, Any]]:
        return self.taken("sell", "stop")

    def received(self, ref_id: str) -> list[str]:
        """What became of each send of an order of this name that reached the exchange."""
        ledger = self.report()["entries"]
        return [e["outcome"] for e in ledger if e["kind"] == "received" and e["ref_id"] == ref_id]

    def bare_s(self, symbol: str = SYMBOL) -> float:
        """The longest time shares stood without a sell over them, in regular hours."""
        bare = self.report()["uncovered"].get(symbol)
        return float(bare["longest_seconds"]) if bare else 0.0

    def verdict(self) -> Verdict:
        return verdict_of(self.home, self.config, self.report(), self.rules)

    # What the records know.

    def orders(self, kind: str | None = None, leg: str | None = None) -> list[dict[str, Any]]:
        """Lines of orders.jsonl."""
        return [
            o for o in self.lines("orders") if kind in (None, o["kind"]) and leg in (None, o["leg"])
        ]

    def notes(self, what: str | None = None) -> list[dict[str, Any]]:
        found = [o["data"] for o in self.orders("note")]
        return [note for note in found if what in (None, note["what"])]

    def alerts(self) -> list[str]:
        return [subject for _, subject, _ in self.heard.alerts]

    def check(self, *, bare_s: float | None = None) -> None:
        """Ledger and records agree, the files are sound, and the tape gives the records again.

        `bare_s` is the longest time without a sell where a fault leaves nothing to be done.
        """
        verdict = self.verdict()
        excused = "never" if bare_s is None else "unprotected for"
        assert not [p for p in verdict.problems if excused not in p], verdict.text()
        assert bare_s is None or self.bare_s() <= bare_s
        report = verify_home(self.home)
        assert report.is_sound, report
        for day in self.tape_days():
            assert Replayer(self.home).first_difference(day) is None
