"""The records of a home against its broker, and what a person decides about what differs."""

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from trading_bot.app.connect import LiveConnection
from trading_bot.app.core_settings import make_calendar, make_core_settings
from trading_bot.app.desk import Decision, Desk, Journals, Nowhere
from trading_bot.app.engine import Engine, Parts, RunMode
from trading_bot.app.replay import config_of
from trading_bot.app.sink import WriterSink, WriterTape
from trading_bot.app.strategy_files import make_factories
from trading_bot.brokers.paper import PaperBroker
from trading_bot.config.identity import REDACTED
from trading_bot.config.load import load_config
from trading_bot.config.model import Config
from trading_bot.core.codec import decode_event
from trading_bot.core.events import SessionInfo, Started, StartState
from trading_bot.core.protect import RULES, Cause
from trading_bot.core.state import CoreState, new_state
from trading_bot.domain.errors import ConfigError, DataError, HaltError
from trading_bot.execution.differences import Difference
from trading_bot.execution.ref_ids import Identity
from trading_bot.logging.line import parse_timestamp
from trading_bot.logging.session_record import SessionRecord
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.broker import Broker
from trading_bot.ports.clock import Clock
from trading_bot.ports.quote_source import QuoteSource
from trading_bot.ports.records import (
    STREAM_ORDERS,
    STREAM_PAPER_BROKER,
    STREAM_SESSIONS,
    STREAM_TRADES,
)
from trading_bot.query.busts import count
from trading_bot.query.records import HomeRecords
from trading_bot.query.start import read_start
from trading_bot.runtime.clocks import PacedClock, SystemClock
from trading_bot.runtime.ids import random_ids
from trading_bot.storage.home import Home
from trading_bot.storage.streams import JournalSet
from trading_bot.version import VERSION

REASON = "a person at the desk"
_DAMAGED = "nothing was changed: nothing can be settled while the record is damaged, here:"
_MEND = (
    "meanwhile the daemon knows what is ours by its orders' names, keeps it under stops and opens "
    "nothing. What to do: keep a copy of {logs}; put the lines named above back as a backup has "
    "them (the seal beside the file proves them right); when `trading-bot verify` finds nothing "
    "any more, accept again"
)

Connect = Callable[[Clock], AbstractAsyncContextManager[Broker]]
"""Reaches a home's broker, to be read only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A home that may be looked at: what it was last run with, and its broker."""

    home: Home
    config: Config
    mode: RunMode
    clock: Clock
    connect: Connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A difference; `is_gone` when the broker agrees again, `means` what accepting it does."""

    difference: Difference
    is_gone: bool
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look found; `causes` are the other reasons for protect-only and how each ends.

    `broker` and `records` count executions of our orders there and trade records here, since the
    time the look went back to.
    """

    findings: tuple[Finding, ...]
    causes: tuple[tuple[str, str, str], ...]
    broker: int
    records: int

    @property
    def is_clean(self) -> bool:
        """Nothing differs and nothing keeps entries off."""
        return not self.findings and not self.causes


def case_of(
    home: Home,
    connect: Connect | None = None,
    *,
    account_number: str | None = None,
    clock: Clock | None = None,
) -> Case:
    """What the home's last session says; ConfigError when there was none or it cannot be read.

    `connect` is another broker than the mode's own, an exchange on this machine, `account_number`
    its account, which no record holds, and `clock` its time.
    """
    records = HomeRecords(home)
    lines = records.tail(STREAM_SESSIONS, 1)
    if not lines or not home.key_file.exists():
        raise ConfigError(f"{home.root}: no session was ever started here; nothing to reconcile")
    last = SessionRecord.from_jsonl_line(lines[-1])
    mode = _mode(last)
    config = config_of(last) if mode == "rehearsal" else load_config(home)
    if connect is None and config.account_number == REDACTED:
        raise ConfigError(
            f"{home.root}: the exchange that this rehearsal's orders went to is gone with it; its "
            "ledger was compared with the records when the rehearsal ended"
        )
    if account_number is not None:
        config = config.model_copy(update={"account_number": account_number})
    if clock is None and mode != "rehearsal":
        clock = SystemClock()
    if clock is None:
        # A rehearsal's home goes on at the moment its records end, whatever the real time is.
        clock = PacedClock(_last_moment(records), 1.0)
    if connect is None:
        connect = robinhood(home, config) if mode == "live" else _paper(home, config)
    return Case(home=home, config=config, mode=mode, clock=clock, connect=connect)


def _mode(last: SessionRecord) -> RunMode:
    match last.mode:
        case "rehearsal" | "paper" | "live":
            return last.mode
        case _:
            raise ConfigError(f"a home of mode {last.mode} has no broker to reconcile with")


def _last_moment(records: HomeRecords) -> datetime:
    days = records.tapes()
    last = None
    for line in records.tape_of(max(days).isoformat()) if days else ():
        last = line
    if last is None:
        raise ConfigError("there is no tape: nothing was ever played here")
    return decode_event(last).at


def robinhood(home: Home, config: Config, base_url: str | None = None) -> Connect:
    """The account at Robinhood over the home's session; `base_url` is another exchange."""

    @asynccontextmanager
    async def connect(clock: Clock) -> AsyncIterator[Broker]:
        async with AsyncExitStack() as stack:
            connection = LiveConnection(
                home=home,
                config=config,
                clock=clock,
                calendar=make_calendar(config),
                chance=random.Random(),  # noqa: S311 - jitter of retries, nothing secret
                stack=stack,
                base_url=base_url,
            )
            _, broker = await connection(_Discard(), HomeRecords(home))
            yield broker

    return connect


def _paper(home: Home, config: Config) -> Connect:
    """The paper account as its ledger leaves it; a look changes nothing of it."""

    @asynccontextmanager
    async def connect(clock: Clock) -> AsyncIterator[Broker]:
        yield PaperBroker.restore(
            HomeRecords(home).lines(STREAM_PAPER_BROKER),
            settings=config.paper,
            limits=config.quotes,
            sink=_Discard(),
            clock=clock,
            calendar=make_calendar(config),
        )

    return connect


class _Discard:
    async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
        """The daemon writes the account's ledger, nobody else."""


class _Quiet:
    def notify(self, severity: str, subject: str, text: str) -> None:
        """The person is here and is shown it."""


async def look(case: Case) -> Look:
    """What differs now; nothing is written. HomeBusyError while the daemon runs."""
    async with AsyncExitStack() as stack:
        stack.enter_context(case.home.lock())
        calendar = make_calendar(case.config)
        state = _state(case, calendar)
        broker = await stack.enter_async_context(case.connect(case.clock))
        desk = Desk(state, broker, case.clock, Nowhere())
        records = HomeRecords(case.home)
        today = calendar.trading_day(case.clock.now())
        try:
            start = read_start(records, today)
        except DataError as error:
            start = StartState(trading_day=today, protect_only=f"damaged record: {error}")
        await desk.look(_started(case, _info(case, broker), start))
        return _look_of(desk, records)


async def accept(case: Case, decisions: Sequence[Decision]) -> Look:
    """Write the decisions down, book what follows, look again. HaltError when one is refused.

    Those before it stay settled, and the error names them. With a damaged record nothing is.
    """
    async with _open(case) as desk:
        for place, decision in enumerate(decisions):
            try:
                await desk.decide(decision)
            except HaltError as error:
                before = ", ".join(d.subject for d in decisions[:place]) or "nothing"
                raise HaltError(f"{error} (settled before it: {before})") from error
        return _look_of(desk, HomeRecords(case.home))


@asynccontextmanager
async def _open(case: Case) -> AsyncIterator[Desk]:
    calendar = make_calendar(case.config)

    async def no_run(_sink: WriterSink, _records: HomeRecords) -> tuple[QuoteSource, Broker]:
        raise AssertionError("at the desk no day is run")

    parts = Parts(
        mode=case.mode,
        clock=case.clock,
        calendar=calendar,
        session_id=random_ids()(),
        key=_key(case.home),
        connect=no_run,
        notifier=_Quiet(),
        chance=random.Random(0),  # noqa: S311 - nothing is retried here
    )
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(Engine(case.home, case.config, parts))
        state = _state(case, calendar)
        broker = await stack.enter_async_context(case.connect(case.clock))
        journals = Journals(WriterTape(engine.writer), WriterSink(engine.writer, case.clock))
        desk = Desk(state, broker, case.clock, journals)
        info = engine.info_of(broker)
        start = engine.read_start(calendar.trading_day(case.clock.now()))
        _refuse_damaged(case.home, engine.writer.journal, start.protect_only)
        await engine.write_session("start", info, start, None)
        try:
            await desk.look(_started(case, info, start))
            _refuse_damaged(
                case.home, engine.writer.journal, desk.causes.get(Cause.RECORD_DAMAGED, "")
            )
            yield desk
        except HaltError as error:
            await engine.write_session("end", info, start, f"{REASON}: {error}")
            raise
        await engine.write_session("end", info, start, REASON)


def _refuse_damaged(home: Home, journal: JournalSet, unreadable: str) -> None:
    """A decision must be on record, and booked beside what the damaged lines once said."""
    places = [str(f) for f in journal.damage] or ([unreadable] if unreadable else [])
    is_needed = journal.damaged & {STREAM_ORDERS, STREAM_TRADES} or not journal.damaged
    if places and is_needed:
        raise HaltError("\n".join((_DAMAGED, *places, _MEND.format(logs=home.logs))))


def _state(case: Case, calendar: NyseCalendar) -> CoreState:
    config = case.config
    identity = Identity(
        mode=case.mode, account=config.account_number or "paper", key=_key(case.home)
    )
    settings = make_core_settings(
        config,
        calendar=calendar,
        factories=make_factories(config, case.home.root),
        identity=identity,
    )
    return new_state(settings)


def _key(home: Home) -> bytes:
    def none_made(_: int) -> bytes:
        raise ConfigError(f"{home.key_file} is gone: our own orders cannot be recognised")

    return home.key(none_made)


def _info(case: Case, broker: Broker) -> SessionInfo:
    is_live = broker.execution_mode == "LIVE"
    return SessionInfo(
        session_id=random_ids()(),
        bot_version=VERSION,
        config_hash="0" * 32,
        execution_mode=broker.execution_mode,
        account_id=case.config.account_number if is_live else None,
    )


def _started(case: Case, info: SessionInfo, start: StartState) -> Started:
    return Started(
        at=case.clock.now(),
        session=info,
        start=start,
        is_new_session=True,
        reconciles=True,
        is_desk_only=True,
    )


def _look_of(desk: Desk, records: HomeRecords) -> Look:
    findings = tuple(
        Finding(
            difference=difference,
            is_gone=desk.gone(difference),
            means=desk.decision_for(difference.key),
        )
        for difference in desk.differences
    )
    causes = tuple((cause.value, text, RULES[cause].ends) for cause, text in desk.causes.items())
    written = _written_since(desk, records)
    return Look(
        findings=findings, causes=causes, broker=desk.executions(written), records=len(written)
    )


def _written_since(desk: Desk, records: HomeRecords) -> list[TradeRecord]:
    """The trade records of what the broker's orders of this look may have executed."""
    since = min((o.created_at for o in desk.orders), default=None)
    found = []
    for line in records.lines(STREAM_TRADES) if since is not None else ():
        with suppress(DataError):
            found.append(TradeRecord.from_jsonl_line(line))
    late = [r for r in found if since is not None and parse_timestamp(r.timestamp) >= since]
    try:
        return [trade.record for trade in count(records, late) if trade.bust is None]
    except DataError:
        # A damaged record of the orders is a finding of its own; the look goes on without it.
        return late
