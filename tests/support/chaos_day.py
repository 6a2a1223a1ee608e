"""A day on which everything goes wrong and the daemon dies again and again: the live code, whole.

The exchange is in the process, time is virtual, and everything is drawn from one seed. After the
chaos comes a quiet tail in which all settles; then the exchange's ledger judges the records.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

from support.chaos_cover import Bare, Down, bare_times, hindrances, too_long
from support.chaos_deaths import POINTS, Asked, Diary, Fate, Killed, MortalAdapter, mortal_records
from support.chaos_life import Life, Tampering
from support.chaos_setting import CALENDAR, OWNER_COMES, Setting, setting_of
from support.scenarios import Heard
from trading_bot.app.rehearse import as_kept
from trading_bot.app.verdict import bare_max_s
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.domain.errors import HumanNeededError, TradingBotError
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_ORDERS, STREAM_TRADES
from trading_bot.query.records import HomeRecords
from trading_bot.rehearsal.exchange import Exchange
from trading_bot.rehearsal.ledger import Entry
from trading_bot.rehearsal.tokens import IssuedSession
from trading_bot.rehearsal.verdict import LedgerReport, Verdict, judge, read_report
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.storage.home import Home

STARTS_MAX: Final = 50
"""Of starts that fail, before the day is given up."""
START_AGAIN: Final = timedelta(seconds=10)
_DEATHS: Final = 6
_UNLIMITED_S: Final = Decimal(10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosResult:
    """What a day came to; `problems` are the ledger's and the bound's, empty on a good day.

    `deaths` tells of each death that cannot be had again, or that is worth telling.
    """

    seed: int
    orders: int
    fills: int
    faults: Mapping[str, int]
    kills: Mapping[str, int]
    failed_starts: int
    logins: int
    bare: tuple[Bare, ...]
    problems: tuple[str, ...]
    alerts: tuple[tuple[str, str, str], ...] = field(repr=False, default=())
    deaths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Death:
    at: datetime
    point: str
    gap: timedelta


@dataclass(slots=True)
class Course:
    """How a day went between the processes."""

    kills: Counter[str] = field(default_factory=Counter)
    downs: list[Down] = field(default_factory=list)
    logins: list[datetime] = field(default_factory=list)
    failed_starts: int = 0
    deaths: list[str] = field(default_factory=list)

    def start_failed(self, now: datetime) -> datetime | None:
        """When the service manager tries again; None once it has given up."""
        self.failed_starts += 1
        if self.failed_starts > STARTS_MAX:
            return None
        self.downs.append((now, now + START_AGAIN))
        return now + START_AGAIN

    def logged_in(self, home: Home, issued: IssuedSession, at: datetime, since: datetime) -> None:
        """The owner has logged in, nothing having run `since`."""
        self.logins.append(at)
        self.downs.append((since, at))
        home.session_pickle.unlink()
        SessionFile(home.session_pickle).save(as_kept(issued, at))


class _Day:
    """One seed's day: the exchange, and one process after the other in the same home."""

    def __init__(self, seed: int, root: Path, tampering: Tampering, kills: bool) -> None:
        self.setting = setting_of(seed)
        self._tampering = tampering
        self.home = self.setting.furnish(root)
        self.exchange = Exchange(
            self.setting.played, CALENDAR, self.setting.exchange_settings, self.setting.faults
        )
        self.diary = Diary()
        self.heard = Heard()
        self.course = Course()
        self._starts = 0
        self._chance = Random(f"deaths/{seed}")
        self._deaths = self._draw_deaths() if kills else []

    def _draw_deaths(self) -> list[_Death]:
        chance = self._chance
        return [
            _Death(
                at=at,
                point=chance.choice(POINTS),
                gap=timedelta(seconds=chance.randint(2, 60)),
            )
            for at in moments_of(self.setting, chance, _DEATHS)
        ]

    def play(self) -> datetime:
        """Run until the day is over; when that was."""
        now = self.setting.begins
        while True:
            is_over, now = asyncio.run(self._process(now))
            if is_over:
                return now

    async def _process(self, start: datetime) -> tuple[bool, datetime]:
        """One process: True when the day is over, and when it ended or the next begins."""
        clock = LockstepClock(start)
        death = self._deaths[0] if self._deaths else None
        fate = Fate(clock.now, self._chance, until=self.setting.calms)
        if death is not None:
            fate.at, fate.point = death.at, death.point
        self._starts += 1
        life = Life(
            setting=self.setting,
            home=self.home,
            number=self._starts,
            clock=clock,
            fate=fate,
            heard=self.heard,
            tampering=self._tampering,
            adapter=MortalAdapter(self.exchange, fate, self.diary, self.setting.kinds),
        )
        try:
            with mortal_records(fate, self._tampering.sink) as sinks:
                is_over = await life.run(sinks)
        except Killed:
            assert death is not None
            self._deaths.pop(0)
            self.course.kills[death.point] += 1
            self.course.downs.append((clock.now(), clock.now() + death.gap))
            return False, clock.now() + death.gap
        except HumanNeededError as error:
            self.heard.notify("CRITICAL", "start", f"{type(error).__name__}: {error}")
            return False, self._log_in(clock.now() + OWNER_COMES, clock.now())
        except TradingBotError as error:
            # As the service manager does: a start that failed is tried again.
            self.heard.notify("CRITICAL", "start", f"{type(error).__name__}: {error}")
            again = self.course.start_failed(clock.now())
            if again is None:
                raise
            return False, again
        return is_over, clock.now() if is_over else self._log_in(clock.now(), clock.now())

    def _log_in(self, at: datetime, down_since: datetime) -> datetime:
        """The owner logs in; when."""
        office = self.exchange._tokens
        issued = office.log_in(office.first_device, at)
        self.course.logged_in(self.home, issued, at, down_since)
        return at


def moments_of(setting: Setting, chance: Random, count: int) -> list[datetime]:
    """`count` moments of the chaos, and two soon after one: processes that die while starting."""
    first, span_s = setting.session.open, int(setting.chaos.total_seconds())
    moments = [first + timedelta(seconds=chance.randrange(span_s)) for _ in range(count)]
    moments += [at + timedelta(seconds=chance.randint(5, 90)) for at in moments[:2]]
    return sorted(moments)


def play_chaos(
    seed: int, root: Path, tampering: Tampering | None = None, *, kills: bool = True
) -> ChaosResult:
    """Play the day of `seed` in a fresh home at `root`."""
    day = _Day(seed, root, tampering or Tampering(), kills)
    ended = day.play()
    exchange = day.exchange
    return result_of(
        day.setting,
        day.home,
        day.course,
        report=exchange.report(ended),
        asked=day.diary.asked,
        entries=exchange.brokerage.ledger.entries,
        alerts=day.heard.alerts,
    )


def result_of(
    setting: Setting,
    home: Home,
    course: Course,
    *,
    report: Mapping[str, object],
    asked: Sequence[Asked],
    entries: Sequence[Entry],
    alerts: Sequence[tuple[str, str, str]] = (),
) -> ChaosResult:
    """The day, judged: by the exchange's `report`, what it was `asked` and its ledger's entries."""
    ledger = read_report(report)
    verdict = verdict_of(home, ledger)
    known = hindrances(asked, entries, setting.plan.rules, course.downs, course.logins)
    bare = bare_times(ledger, known, float(bare_max_s(setting.config)))
    problems = [text for one in bare if (text := too_long(one))]
    if not any(one.path.startswith("/quotes/") and one.at >= setting.calms for one in asked):
        problems.append("no quote was asked for once all was quiet")
    faults = report["faults"]
    assert isinstance(faults, Mapping)
    return ChaosResult(
        seed=setting.seed,
        orders=sum(one.is_ours for one in ledger.orders),
        fills=len(ledger.executions),
        faults=faults,
        kills=dict(course.kills),
        failed_starts=course.failed_starts,
        logins=len(course.logins),
        bare=tuple(bare),
        problems=(*verdict.problems, *problems),
        alerts=tuple(alerts),
        deaths=tuple(course.deaths),
    )


def verdict_of(home: Home, report: LedgerReport) -> Verdict:
    """The ledger against the records, cover apart: that has a rule of its own here."""
    records = HomeRecords(home)
    trades = [TradeRecord.from_jsonl_line(line) for line in records.lines(STREAM_TRADES)]
    events = [OrderEvent.from_jsonl_line(line) for line in records.lines(STREAM_ORDERS)]
    return judge(report, trades, events, bare_max_s=_UNLIMITED_S)
