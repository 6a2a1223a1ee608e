"""What a day of chaos is played with: all that a seed decides before anything runs."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec.structs import replace as changed

from support.scenarios import FREE, SYMBOLS, buys_often
from trading_bot.app.rehearse import LEAD, POLL_INTERVAL_S, _issue_session
from trading_bot.config.model import Config, StrategyEntry
from trading_bot.core.settings import PollSettings
from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.rehearsal.brokerage import AccountSettings, Plan
from trading_bot.rehearsal.chaos import Chaos, chaos
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.fault_menu import HumanNeeded, Unauthorized
from trading_bot.rehearsal.faults import FaultRule, FaultScript, kind_of
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.owner import Buys, Sells
from trading_bot.storage.home import Home

CALENDAR: Final = NyseCalendar()
DAY: Final = date(2024, 7, 2)
NUMBER: Final = AccountSettings().number
CHAOS: Final = timedelta(minutes=90)
QUIET: Final = timedelta(minutes=12)
OWNER_COMES: Final = timedelta(minutes=2)
"""How soon the owner logs in when the session is lost."""
SIMPLE_SEEDS: Final = 500
"""Days of later seeds, and all days over HTTP, have lists of several pages, and on some of them a
renewal of the session is sure to ask for a person."""
_PAGE_SIZE: Final = 8
_CASH: Final = Decimal(1_000_000)
_ENDING: Final = frozenset({"busted_execution", "human_needed"})
_HUMAN_EVERY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A seed's day: what is played, what goes wrong, and when the chaos and the day end."""

    seed: int
    played: tuple[PlayedDay, ...]
    plan: Chaos
    page_size: int
    chaos: timedelta

    @property
    def session(self) -> Session:
        return self.played[0].session

    @property
    def begins(self) -> datetime:
        return self.session.open - LEAD

    @property
    def calms(self) -> datetime:
        """No fault and no death from here on."""
        return self.session.open + self.chaos

    @property
    def ends(self) -> datetime:
        return self.calms + QUIET

    @property
    def kinds(self) -> list[str]:
        """The kind of each rule's fault, in their order."""
        return [kind_of(rule.fault) for rule in self.plan.rules]

    @property
    def exchange_settings(self) -> ExchangeSettings:
        return ExchangeSettings(
            seed=self.seed,
            account=AccountSettings(cash=_CASH),
            plan=Plan(owner=self.plan.owner),
            access_life=timedelta(days=5),
            page_size=self.page_size,
        )

    @property
    def faults(self) -> FaultScript:
        """A fresh script of the day's faults."""
        return FaultScript(self.plan.rules)

    @property
    def config(self) -> Config:
        return Config(
            mode="rehearsal",
            account_number=NUMBER,
            watchlist=SYMBOLS,
            poll=PollSettings(interval_s=POLL_INTERVAL_S),
            strategies=(StrategyEntry(name="often", file="mine.py"),),
            risk=FREE,
        )

    def furnish(self, root: Path) -> Home:
        """A fresh home at `root`, with the strategy and the first session."""
        home = Home(root)
        home.create()
        (root / "mine.py").write_text(buys_often(every=6, apart=6))
        _issue_session(home, Exchange(self.played, CALENDAR, self.exchange_settings), self.begins)
        return home


def setting_of(seed: int, *, over_http: bool = False, lasts: timedelta = CHAOS) -> Setting:
    """The day of `seed`, on which the chaos `lasts` so long."""
    played = made_up_days(seed, CALENDAR, days=(DAY,), symbols=SYMBOLS)
    session = replace(played[0].session, close=played[0].session.open + lasts)
    is_simple = seed <= SIMPLE_SEEDS and not over_http
    plan = _chaos_of(seed, session)
    if not is_simple and not seed % _HUMAN_EVERY:
        plan = replace(plan, rules=(*plan.rules, *_person_asked_for(session)))
    page_size = ExchangeSettings().page_size if is_simple else _PAGE_SIZE
    return Setting(seed=seed, played=tuple(played), plan=plan, page_size=page_size, chaos=lasts)


def _person_asked_for(session: Session) -> tuple[FaultRule, ...]:
    """A reading is refused late in the chaos, and the renewal that follows asks for a person."""
    since = _late(session)
    return (
        FaultRule(fault=Unauthorized(), path="/orders/", method="GET", since=since, count=1),
        FaultRule(fault=HumanNeeded(), since=since, count=1),
    )


def _late(session: Session) -> datetime:
    return session.open + (session.close - session.open) * 2 / 3


def _chaos_of(seed: int, session: Session) -> Chaos:
    """The seed's faults, none after the session's end; what ends trading comes late or not."""
    drawn = chaos(seed, session, SYMBOLS)
    late = _late(session)
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
