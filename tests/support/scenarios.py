"""Whole days through the daemon, the real robin_stocks and the exchange over HTTP, in lockstep."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading_bot.app.rehearse import (
    LEAD,
    POLL_INTERVAL_S,
    Audience,
    Rehearsal,
    Stage,
    _issue_session,
    play_against,
)
from trading_bot.app.replay import Replayer
from trading_bot.brokers.paper_settings import PaperSettings
from trading_bot.config.model import Config, StrategyEntry
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event
from trading_bot.core.settings import PollSettings
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.clock import Clock
from trading_bot.query.records import HomeRecords
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.fault_menu import AnyFault
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.risk.limits import RiskLimits
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.storage.home import Home
from trading_bot.storage.verify import verify_home

CALENDAR = NyseCalendar()
SEED = 1
SYMBOLS = ("ZZA", "ZZB")

_OFTEN = '''
"""Buys on every EVERYth bar of its symbol, symbols a little apart; made for tests."""

from trading_bot.domain.money import price_from_float
from trading_bot.domain.signal import Signal


class Often:
    name = "often"
    interval_minutes = 1
    warm_up_bars = 0
    needs_volume = False

    def __init__(self, symbol):
        self._symbol = symbol
        self._offset = ord(symbol[-1]) % APART

    def warm_up(self, session_bars):
        pass

    def on_bar(self, bar):
        if bar.end.minute % EVERY != self._offset:
            return None
        return Signal(
            symbol=self._symbol,
            strategy_name=self.name,
            entry_type="often",
            bar_end=bar.end,
            price=price_from_float(bar.close),
            stop_loss=price_from_float(bar.close * 0.996),
            target=price_from_float(bar.close * 1.004),
            reasons="it is time",
            indicators_used=(),
        )

    def verdict(self):
        return "not yet"


def make(symbol, settings):
    return Often(symbol)
'''


def buys_often(every: int, apart: int) -> str:
    """The file of a strategy that buys on every so manyth minute; `apart` symbols never at once."""
    return _OFTEN.replace("EVERY", str(every)).replace("APART", str(apart))


MINE = buys_often(every=20, apart=5)

FREE = RiskLimits(
    max_consecutive_losses=100,
    max_daily_loss_pct=Decimal(20),
    max_trades_per_day=1000,
    min_reward_to_risk=Decimal(0),
    spread_max_pct=Decimal(5),
    entry_chase_pct=Decimal(5),
)

Plan = tuple[datetime, Callable[[], Any]]


def days_of(
    symbols: Sequence[str] = SYMBOLS, count: int = 1, first: int = 0
) -> tuple[PlayedDay, ...]:
    """Made-up days of a few symbols; the second day closes early."""
    days = made_up_days(SEED, CALENDAR)[first : first + count]
    return tuple(
        replace(day, symbols={s: one for s, one in day.symbols.items() if s in symbols})
        for day in days
    )


@dataclass
class Heard:
    """A notifier that keeps what it is told."""

    alerts: list[tuple[str, str, str]] = field(default_factory=list)

    def notify(self, severity: str, subject: str, text: str) -> None:
        self.alerts.append((severity, subject, text))


class Play:
    """One home, played once or several times; `plans` are done when virtual time is there."""

    def __init__(
        self,
        root: Path,
        days: tuple[PlayedDay, ...] | None = None,
        *,
        rules: Sequence[FaultRule] = (),
        calendar_there: NyseCalendar = CALENDAR,
        **config: Any,
    ) -> None:
        self.home = Home(root)
        self.home.create()
        (root / "mine.py").write_text(MINE)
        self.days = days or days_of()
        self.faults = FaultScript(rules)
        self.heard = Heard()
        self.events: list[Event] = []
        self.steps: list[tuple[Event, Sequence[Effect]]] = []
        self._there = calendar_there
        watchlist = tuple(sorted({s for day in self.days for s in day.symbols}))
        values: dict[str, Any] = {
            "mode": "rehearsal",
            "watchlist": watchlist,
            "poll": PollSettings(interval_s=POLL_INTERVAL_S),
            "strategies": (StrategyEntry(name="often", file="mine.py"),),
            "risk": FREE,
            "paper": PaperSettings(starting_cash=Decimal(1_000_000)),
        }
        self.config = Config(**(values | config))
        self.server: ExchangeServer | None = None
        self.port = 0
        self._plans: list[Plan] = []

    @property
    def open(self) -> datetime:
        return self.days[0].session.open

    @property
    def close(self) -> datetime:
        return self.days[0].session.close

    def after_open(self, minutes: float, seconds: float = 0) -> datetime:
        return self.open + timedelta(minutes=minutes, seconds=seconds)

    def start_exchange(self, clock: Clock | None = None, speed: float = 1.0) -> None:
        """A fresh exchange process, as it were, on the same port as before.

        `clock` for a paced day; in lockstep the requests say what time it is.
        """
        start = self.open - LEAD
        exchange = Exchange(self.days, self._there, ExchangeSettings(seed=SEED), self.faults)
        exchange.first_session(start)
        if not self.home.session_pickle.exists():
            _issue_session(self.home, exchange, start)
        self.server = ExchangeServer(exchange, port=self.port, clock=clock, speed=speed)
        self.port = self.server.start()

    def stop_exchange(self) -> None:
        assert self.server is not None
        self.server.stop()
        self.server = None

    def run(
        self, *plans: Plan, start: datetime | None = None, until: datetime | None = None
    ) -> str:
        """Play to the end, or to `until`, when a SIGTERM stops it."""
        if until is not None:
            plans = (*plans, (until, terminate))
        self._plans = sorted(plans, key=lambda plan: plan[0])
        stage = Stage(
            home=self.home,
            config=self.config,
            calendar=CALENDAR,
            days=self.days,
            plan=Rehearsal(seed=SEED),
        )
        audience = Audience(notifier=self.heard, observers=(self._see,))
        clock = LockstepClock(start or self.open - LEAD)
        with ExitStack() as stack:
            self.start_exchange()
            stack.callback(lambda: self.stop_exchange() if self.server else None)
            url = f"http://127.0.0.1:{self.port}"
            return asyncio.run(play_against(stage, audience, clock, url))

    def _see(self, event: Event, effects: Sequence[Effect]) -> None:
        self.events.append(event)
        self.steps.append((event, effects))
        while self._plans and event.at >= self._plans[0][0]:
            self._plans.pop(0)[1]()

    def lines(self, stream: str) -> list[dict[str, Any]]:
        """The records of a stream, over all its days."""
        return [json.loads(line) for line in HomeRecords(self.home).lines(stream)]

    def risk(self, *types: str) -> list[dict[str, Any]]:
        return [r for r in self.lines("risk-management") if r["event_type"] in types]

    def approved(self, since: datetime, until: datetime, symbol: str = "") -> list[dict[str, Any]]:
        """Entries approved in a window."""
        return [
            d
            for d in self.lines("decisions")
            if d["verdict"] == "approved"
            and since <= time_of(d["timestamp"]) < until
            and symbol in ("", d["symbol"])
        ]

    def of(self, kind: type[Any]) -> list[Any]:
        return [e for e in self.events if isinstance(e, kind)]

    def check(self) -> None:
        """What holds after every scenario: sound files, a replay that agrees, all protected."""
        report = verify_home(self.home)
        assert report.is_sound, report
        replayer = Replayer(self.home)
        for day in self.tape_days():
            assert replayer.first_difference(day) is None
        ids = [json.loads(line)["seq"] for line in HomeRecords(self.home).lines("orders")]
        assert ids == list(range(len(ids)))
        assert_books_agree(self)

    def tape_days(self) -> list[date]:
        return sorted(date.fromisoformat(p.name[:10]) for p in self.home.tape.glob("*.jsonl"))


def assert_books_agree(play: Play) -> None:
    """Every execution of the paper broker is one trade record, no more, no fewer."""
    fills = [line for line in play.lines("paper-broker") if line["kind"] == "filled"]
    trades = play.lines("trades")
    assert len(trades) == len(fills)
    bought = sum(t["quantity"] for t in trades if t["action"] == "BUY")
    assert bought >= sum(t["quantity"] for t in trades if t["action"] == "SELL")


def terminate() -> None:
    """What systemd and docker do to stop a daemon."""
    os.kill(os.getpid(), signal.SIGTERM)


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def rule(fault: AnyFault, since: datetime, until: datetime, **changes: Any) -> FaultRule:
    return FaultRule(fault=fault, since=since, until=until, **changes)
