"""A day on which everything goes wrong and the daemon dies again and again: the live code, whole.

The exchange is in the process, time is virtual, and everything is drawn from one seed. After the
chaos comes a quiet tail in which all settles; then the exchange's ledger judges the records.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec.structs import replace as changed

from support.chaos_cover import Bare, bare_times, hindrances, too_long
from support.chaos_deaths import (
    POINTS,
    Diary,
    Fate,
    Killed,
    MortalAdapter,
    MortalSink,
    mortal_records,
)
from support.scenarios import FREE, SYMBOLS, Heard
from trading_bot.app.connect import LiveConnection
from trading_bot.app.engine import Engine, Parts
from trading_bot.app.rehearse import LEAD, POLL_INTERVAL_S, _issue_session
from trading_bot.app.verdict import bare_max_s
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.config.model import Config, StrategyEntry
from trading_bot.core.effects import Alert, Effect
from trading_bot.core.events import Event
from trading_bot.core.settings import PollSettings
from trading_bot.domain.errors import HumanNeededError, TradingBotError
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.broker import Broker
from trading_bot.ports.quote_source import QuoteSource
from trading_bot.ports.records import STREAM_ORDERS, STREAM_TRADES, RecordSink
from trading_bot.query.records import HomeRecords
from trading_bot.rehearsal.brokerage import AccountSettings, Plan
from trading_bot.rehearsal.chaos import Chaos, chaos
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule, FaultScript, kind_of
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.owner import Buys, Sells
from trading_bot.rehearsal.verdict import LedgerReport, Verdict, judge, read_report
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.storage.home import Home

CALENDAR: Final = NyseCalendar()
DAY: Final = date(2024, 7, 2)
NUMBER: Final = AccountSettings().number
CHAOS: Final = timedelta(minutes=90)
QUIET: Final = timedelta(minutes=12)
_CASH: Final = Decimal(1_000_000)
_ENDING: Final = frozenset({"busted_execution", "human_needed"})
_HUMAN_EVERY: Final = 5
_DEATHS: Final = 6
_STARTS_MAX: Final = 50
_DAY_IS_OVER: Final = "the day is over"
_OWNER_COMES: Final = timedelta(minutes=2)
_UNLIMITED_S: Final = Decimal(10**9)
_STRATEGY: Final = '''
"""Buys on every sixth bar of its symbol, a little apart; made for tests."""

from trading_bot.domain.money import price_from_float
from trading_bot.domain.signal import Signal


class Often:
    name = "often"
    interval_minutes = 1
    warm_up_bars = 0
    needs_volume = False

    def __init__(self, symbol):
        self._symbol = symbol
        self._offset = ord(symbol[-1]) % 6

    def warm_up(self, session_bars):
        pass

    def on_bar(self, bar):
        if bar.end.minute % 6 != self._offset:
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

Wrap = Callable[[Broker], Broker]


def _as_it_is(broker: Broker) -> Broker:
    return broker


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """What a control does to the code between the core and the world."""

    broker: Wrap = _as_it_is
    sink: type[MortalSink] = MortalSink


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosResult:
    """What a day came to; `problems` are the ledger's and the bound's, empty on a good day."""

    seed: int
    orders: int
    fills: int
    faults: dict[str, int]
    kills: dict[str, int]
    failed_starts: int
    logins: int
    bare: tuple[Bare, ...]
    problems: tuple[str, ...]
    alerts: tuple[tuple[str, str, str], ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Death:
    at: datetime
    point: str
    gap: timedelta


@dataclass(slots=True, kw_only=True)
class _Stopper:
    """Observer: stops a process when the day is over, or for the owner to log in."""

    ends: datetime
    stop: Callable[[str], None]
    reason: str = ""
    lost_at: datetime | None = None

    def __call__(self, event: Event, effects: Sequence[Effect]) -> None:
        if any(isinstance(e, Alert) and e.subject == "session_lost" for e in effects):
            self.lost_at = self.lost_at or event.at
        if self.reason:
            return
        if event.at >= self.ends:
            self.reason = _DAY_IS_OVER
        elif self.lost_at is not None and event.at >= self.lost_at + _OWNER_COMES:
            self.reason = "the owner logs in"
        if self.reason:
            self.stop(self.reason)


class _Day:
    """One seed's day: the exchange, and one process after the other in the same home."""

    def __init__(self, seed: int, root: Path, tampering: Tampering, kills: bool) -> None:
        self.seed = seed
        self._tampering = tampering
        self.home = Home(root)
        self.home.create()
        (root / "mine.py").write_text(_STRATEGY)
        played = made_up_days(seed, CALENDAR, days=(DAY,), symbols=SYMBOLS)
        self.session = played[0].session
        self.begins = self.session.open - LEAD
        self.calms = self.session.open + CHAOS
        self.ends = self.calms + QUIET
        self.plan = _chaos_of(seed, replace(self.session, close=self.calms))
        self.exchange = Exchange(
            played,
            CALENDAR,
            ExchangeSettings(
                seed=seed,
                account=AccountSettings(cash=_CASH),
                plan=Plan(owner=self.plan.owner),
                access_life=timedelta(days=5),
            ),
            FaultScript(self.plan.rules),
        )
        _issue_session(self.home, self.exchange, self.begins)
        self.config = Config(
            mode="rehearsal",
            account_number=NUMBER,
            watchlist=SYMBOLS,
            poll=PollSettings(interval_s=POLL_INTERVAL_S),
            strategies=(StrategyEntry(name="often", file="mine.py"),),
            risk=FREE,
        )
        self.diary = Diary()
        self.heard = Heard()
        self.kills: Counter[str] = Counter()
        self.downs: list[tuple[datetime, datetime]] = []
        self.failed_starts = 0
        self.logins: list[datetime] = []
        self._starts = 0
        self._chance = Random(f"deaths/{seed}")
        self._deaths = self._draw_deaths() if kills else []
        self._kinds = [kind_of(rule.fault) for rule in self.plan.rules]

    def _draw_deaths(self) -> list[_Death]:
        chance = self._chance
        first, span_s = self.session.open, int(CHAOS.total_seconds())
        moments = [first + timedelta(seconds=chance.randrange(span_s)) for _ in range(_DEATHS)]
        # A process that dies soon after its start is drawn on purpose.
        moments += [at + timedelta(seconds=chance.randint(5, 90)) for at in moments[:2]]
        return [
            _Death(
                at=at,
                point=chance.choice(POINTS),
                gap=timedelta(seconds=chance.randint(2, 60)),
            )
            for at in sorted(moments)
        ]

    def play(self) -> datetime:
        """Run until the day is over; when that was."""
        now = self.begins
        while True:
            is_over, now = asyncio.run(self._process(now))
            if is_over:
                return now

    async def _process(self, start: datetime) -> tuple[bool, datetime]:
        """One process: True when the day is over, and when it ended or the next begins."""
        clock = LockstepClock(start)
        death = self._deaths[0] if self._deaths else None
        fate = Fate(clock.now, self._chance, until=self.calms)
        if death is not None:
            fate.at, fate.point = death.at, death.point
        self._starts += 1
        try:
            with mortal_records(fate, self._tampering.sink) as sinks:
                is_over = await self._run(clock, fate, sinks)
        except Killed:
            assert death is not None
            self._deaths.pop(0)
            self.kills[death.point] += 1
            self.downs.append((clock.now(), clock.now() + death.gap))
            return False, clock.now() + death.gap
        except HumanNeededError as error:
            self.heard.notify("CRITICAL", "start", f"{type(error).__name__}: {error}")
            return False, self._log_in(clock.now() + _OWNER_COMES, clock.now())
        except TradingBotError as error:
            # As the service manager does: a start that failed is tried again.
            self.failed_starts += 1
            self.heard.notify("CRITICAL", "start", f"{type(error).__name__}: {error}")
            if self.failed_starts > _STARTS_MAX:
                raise
            again = clock.now() + timedelta(seconds=10)
            self.downs.append((clock.now(), again))
            return False, again
        return is_over, clock.now() if is_over else self._log_in(clock.now(), clock.now())

    def _log_in(self, at: datetime, down_since: datetime) -> datetime:
        """The owner logs in; when."""
        self.logins.append(at)
        office = self.exchange._tokens
        issued = office.log_in(office.first_device, at)
        self.home.session_pickle.unlink()
        SessionFile(self.home.session_pickle).save(
            BrokerSession(
                access_token=issued.access_token,
                token_type=issued.token_type,
                refresh_token=issued.refresh_token,
                device_token=issued.device_token,
                expires_at=issued.expires_at,
                obtained_at=at,
            )
        )
        self.downs.append((down_since, at))
        return at

    async def _run(self, clock: LockstepClock, fate: Fate, sinks: list[MortalSink]) -> bool:
        async with AsyncExitStack() as stack:
            connection = LiveConnection(
                home=self.home,
                config=self.config,
                clock=clock,
                calendar=CALENDAR,
                chance=Random(self.seed),
                stack=stack,
                is_lockstep=True,
                adapter=MortalAdapter(self.exchange, fate, self.diary, self._kinds),
                warned=lambda text: self.heard.notify("WARNING", "account", text),
            )

            async def connect(sink: RecordSink, records: HomeRecords) -> tuple[QuoteSource, Broker]:
                quotes, broker = await connection(sink, records)
                return quotes, self._tampering.broker(broker)

            parts = Parts(
                mode="rehearsal",
                clock=clock,
                calendar=CALENDAR,
                session_id=f"{self.seed:08x}-0000-4000-8000-{self._starts:012x}",
                key=self.home.key(bytes),
                connect=connect,
                notifier=self.heard,
                chance=Random(self.seed),
                is_real_time=False,
                skew_s=connection.skew_s,
            )
            engine = await stack.enter_async_context(Engine(self.home, self.config, parts))

            stopper = _Stopper(ends=self.ends, stop=engine.stop)
            parts.observers = (fate.see, stopper)
            try:
                await engine.run()
                for sink in sinks:
                    await sink.finish()
                return stopper.reason == _DAY_IS_OVER
            except Killed:
                # What is not on disk by now never will be: no seal, no last sync.
                await engine.writer.run(lambda journal: journal.abandon())
                raise


def _chaos_of(seed: int, session: Any) -> Chaos:
    """The seed's faults, none after the session's end; what ends trading comes late or not."""
    drawn = chaos(seed, session, SYMBOLS)
    late = session.open + (session.close - session.open) * 2 / 3
    rules: list[FaultRule] = []
    for rule in drawn.rules:
        kind = kind_of(rule.fault)
        if kind == "human_needed" and seed % _HUMAN_EVERY:
            continue
        since = max(rule.since or late, late) if kind in _ENDING else rule.since
        until = min(rule.until, session.close) if rule.until else session.close
        rules.append(changed(rule, since=since, until=until))
    owner = [
        changed(one, at=max(one.at or late, late)) if isinstance(one, Sells | Buys) else one
        for one in drawn.owner
    ]
    return Chaos(rules=tuple(rules), owner=tuple(sorted(owner, key=lambda one: one.at or late)))


def play_chaos(
    seed: int, root: Path, tampering: Tampering | None = None, *, kills: bool = True
) -> ChaosResult:
    """Play the day of `seed` in a fresh home at `root`."""
    day = _Day(seed, root, tampering or Tampering(), kills)
    ended = day.play()
    report = read_report(day.exchange.report(ended))
    verdict = verdict_of(day.home, report)
    entries = day.exchange.brokerage.ledger.entries
    known = hindrances(day.diary.asked, entries, day.plan.rules, day.downs, day.logins)
    bare = bare_times(report, known, float(bare_max_s(day.config)))
    problems = [text for one in bare if (text := too_long(one))]
    return ChaosResult(
        seed=seed,
        orders=sum(one.is_ours for one in report.orders),
        fills=len(report.executions),
        faults=day.exchange.faults.counts,
        kills=dict(day.kills),
        failed_starts=day.failed_starts,
        logins=len(day.logins),
        bare=tuple(bare),
        problems=(*verdict.problems, *problems),
        alerts=tuple(day.heard.alerts),
    )


def verdict_of(home: Home, report: LedgerReport) -> Verdict:
    """The ledger against the records, cover apart: that has a rule of its own here."""
    records = HomeRecords(home)
    trades = [TradeRecord.from_jsonl_line(line) for line in records.lines(STREAM_TRADES)]
    events = [OrderEvent.from_jsonl_line(line) for line in records.lines(STREAM_ORDERS)]
    return judge(report, trades, events, bare_max_s=_UNLIMITED_S)
