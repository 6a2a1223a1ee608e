"""A rehearsal: the daemon, whole, against the exchange it brings, on virtual time."""

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from trading_bot.app.connect import LiveConnection, PaperConnection
from trading_bot.app.core_settings import make_calendar
from trading_bot.app.engine import Engine, Parts
from trading_bot.app.signals import stop_on_signals
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.config.model import Config
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event, TimerFired
from trading_bot.domain.errors import ConfigError, DataError
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.clock import Clock
from trading_bot.ports.notifier import Notifier
from trading_bot.ports.records import STREAM_SESSIONS
from trading_bot.query.records import HomeRecords
from trading_bot.rehearsal.brokerage import AccountSettings, Plan
from trading_bot.rehearsal.chaos import chaos
from trading_bot.rehearsal.day import PlayedDay, load_days
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.generator import DEFAULT_DAYS, MADE_UP_SYMBOLS, made_up_days
from trading_bot.rehearsal.owner import AnyAction
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.rehearsal.tokens import IssuedSession
from trading_bot.runtime.ids import counted_ids
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.runtime.measure import Measures
from trading_bot.shell.daemon import Observer
from trading_bot.storage.home import Home

POLL_INTERVAL_S = 15
"""Four polls a minute: as often as the exchange moves its quotes."""

LEAD = timedelta(minutes=6)
"""How long before the open the daemon is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What was asked for: files or made-up days, a seed, a speed (None: lockstep).

    Without `days` the made-up days are a full session and an early close; at a speed the first
    alone, since a night takes its time there. With `is_live_code` the orders go to the exchange, by
    the code that trades live, and not to the paper account. `faults` go wrong on the exchange, and
    `owner` is what somebody does in the app meanwhile.
    """

    files: tuple[Path, ...] = ()
    days: tuple[date, ...] = ()
    symbols: tuple[str, ...] = ()
    seed: int = 1
    speed: float | None = None
    is_live_code: bool = False
    faults: tuple[FaultRule, ...] = ()
    owner: tuple[AnyAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A rehearsal that is ready to be played."""

    home: Home
    config: Config
    calendar: NyseCalendar
    days: tuple[PlayedDay, ...]
    plan: Rehearsal


def prepare(plan: Rehearsal, home: Home, config: Config) -> Stage:
    """Load or make the days and fit the config to them.

    DataError or ConfigError say what is wrong.
    """
    calendar = make_calendar(config)
    if plan.files:
        days = load_days(plan.files, calendar, plan.symbols)
    else:
        played = plan.days or (DEFAULT_DAYS if plan.speed is None else DEFAULT_DAYS[:1])
        symbols = plan.symbols or MADE_UP_SYMBOLS
        try:
            days = made_up_days(plan.seed, calendar, days=played, symbols=symbols)
        except DataError as error:
            raise ConfigError(f"made-up days: {error}") from error
    watchlist = tuple(sorted({symbol for day in days for symbol in day.symbols}))
    poll = config.poll.model_copy(update={"interval_s": POLL_INTERVAL_S})
    number = AccountSettings().number if plan.is_live_code else None
    fitted = config.model_copy(
        update={"mode": "rehearsal", "watchlist": watchlist, "poll": poll, "account_number": number}
    )
    return Stage(home=home, config=fitted, calendar=calendar, days=days, plan=plan)


def with_chaos(stage: Stage, seed: int) -> Stage:
    """The same days with much going wrong on each, drawn from the whole menu by `seed`."""
    drawn = [
        chaos(seed + number, day.session, tuple(day.symbols))
        for number, day in enumerate(stage.days)
    ]
    plan = replace(
        stage.plan,
        faults=(*stage.plan.faults, *(rule for one in drawn for rule in one.rules)),
        owner=(*stage.plan.owner, *(action for one in drawn for action in one.owner)),
    )
    return replace(stage, plan=plan)


class LastDay:
    """Observer: calls back once the last day's end was handled."""

    def __init__(self, day: date, stop: Callable[[], None], calendar: NyseCalendar) -> None:
        self._day = day
        self._stop = stop
        self._calendar = calendar

    def __call__(self, event: Event, _effects: Sequence[Effect]) -> None:
        """Look for the end of the last day."""
        is_end = isinstance(event, TimerFired) and event.name == "day_end"
        if is_end and self._calendar.trading_day(event.at) >= self._day:
            self._stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who watches a rehearsal and who is told.

    `judged` hears what the exchange's ledger says in the end.
    """

    notifier: Notifier
    observers: tuple[Observer, ...] = ()
    measures: Measures = field(default_factory=Measures)
    judged: Callable[[Mapping[str, object]], None] | None = None


async def play(stage: Stage, audience: Audience) -> str:
    """Play every day; returns why it stopped. SIGTERM and SIGINT stop it in stages."""
    start = stage.days[0].session.open - LEAD
    # Lockstep to watch, too: what is traded must not hang on how busy the machine is.
    clock = LockstepClock(start, stage.plan.speed)
    account = AccountSettings(cash=stage.config.paper.starting_cash)
    settings = ExchangeSettings(
        seed=stage.plan.seed, account=account, plan=Plan(owner=stage.plan.owner)
    )
    faults = FaultScript(stage.plan.faults)
    exchange = Exchange(stage.days, stage.calendar, settings, faults)
    _issue_session(stage.home, exchange, start)
    async with AsyncExitStack() as stack:
        server = ExchangeServer(exchange)
        port = server.start()
        stack.callback(server.stop)
        reason = await play_against(stage, audience, clock, f"http://127.0.0.1:{port}")
    if audience.judged is not None:
        audience.judged({**exchange.brokerage.report(clock.now()), "faults": faults.counts})
    return reason


async def play_against(stage: Stage, audience: Audience, clock: Clock, base_url: str) -> str:
    """As `play`, against an exchange that stands already; the home holds a session of it."""
    async with AsyncExitStack() as stack:
        parts = _parts(stage, audience, clock, base_url, stack)
        engine = await stack.enter_async_context(Engine(stage.home, stage.config, parts))

        def stop() -> None:
            engine.stop("the rehearsal is over")

        last = stage.days[-1].session.day
        parts.observers = (*audience.observers, LastDay(last, stop, stage.calendar))
        stop_on_signals(engine.stop)
        return await engine.run()


def _parts(
    stage: Stage, audience: Audience, clock: Clock, base_url: str, stack: AsyncExitStack
) -> Parts:
    notifier = audience.notifier
    chance = random.Random(stage.plan.seed)  # noqa: S311 - jitter, nothing secret
    connect = LiveConnection if stage.plan.is_live_code else PaperConnection
    connection = connect(
        home=stage.home,
        config=stage.config,
        clock=clock,
        calendar=stage.calendar,
        chance=chance,
        stack=stack,
        base_url=base_url,
        is_lockstep=isinstance(clock, LockstepClock),
        warned=lambda text: notifier.notify("WARNING", "account", text),
    )
    return Parts(
        mode="rehearsal",
        clock=clock,
        calendar=stage.calendar,
        session_id=_session_id(stage),
        key=stage.home.key(lambda size: _rehearsal_key(stage.plan.seed, size)),
        connect=connection,
        notifier=notifier,
        chance=chance,
        is_real_time=stage.plan.speed is not None,
        skew_s=connection.skew_s,
        measures=audience.measures,
    )


def _session_id(stage: Stage) -> str:
    """The same for the n-th start of the same rehearsal in a home, another for each start."""
    # Counted by their look: a damaged line must not keep a home from being started.
    records = HomeRecords(stage.home).lines(STREAM_SESSIONS)
    starts = sum(1 for line in records if '"kind":"start"' in line)
    ids = counted_ids(_name_of(stage))
    return [ids() for _ in range(starts + 1)][-1]


def _issue_session(home: Home, exchange: Exchange, now: datetime) -> None:
    """What `login` would leave behind: the daemon then loads it as it would Robinhood's."""
    session = as_kept(exchange.first_session(now), now)
    if not home.session_pickle.exists():
        SessionFile(home.session_pickle).save(session)


def as_kept(issued: IssuedSession, now: datetime) -> BrokerSession:
    """A session that the exchange issued, as the client keeps it."""
    return BrokerSession(
        access_token=issued.access_token,
        token_type=issued.token_type,
        refresh_token=issued.refresh_token,
        device_token=issued.device_token,
        expires_at=issued.expires_at,
        obtained_at=now,
    )


def _name_of(stage: Stage) -> str:
    """What makes two rehearsals the same one: their days, their seed."""
    digest = hashlib.sha256()
    for day in stage.days:
        for symbol, played in day.symbols.items():
            digest.update(f"{day.session.day}|{symbol}|{played.bars!r}|".encode())
    return f"{stage.plan.seed}|{digest.hexdigest()}"


def _rehearsal_key(seed: int, size: int) -> bytes:
    return hashlib.shake_256(f"rehearsal|{seed}".encode()).digest(size)
