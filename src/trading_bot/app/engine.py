"""One run of the daemon in one home: open, start, run, close."""

import errno
import platform
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from trading_bot.app.core_settings import make_core_settings
from trading_bot.app.housekeeping import keep_status, sync_seals
from trading_bot.app.provenance import code_hash
from trading_bot.app.sink import WriterSink, WriterTape
from trading_bot.app.status_file import write_status
from trading_bot.app.strategy_files import make_factories, strategy_hashes
from trading_bot.config.identity import config_hash, shown
from trading_bot.config.model import Config
from trading_bot.core import protect
from trading_bot.core.events import Event, SessionInfo, SessionKnown, Started, StartState
from trading_bot.core.settings import CoreSettings
from trading_bot.core.state import CoreState, new_state
from trading_bot.core.step import step
from trading_bot.domain.errors import DataError, HaltError
from trading_bot.execution.ref_ids import Identity
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.session_record import SessionRecord
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.broker import Broker
from trading_bot.ports.clock import Clock
from trading_bot.ports.notifier import Notifier
from trading_bot.ports.quote_source import QuoteSource
from trading_bot.ports.records import STREAM_SESSIONS
from trading_bot.query.records import HomeRecords
from trading_bot.query.start import read_start, start_hash
from trading_bot.runtime.clocks import SystemClock
from trading_bot.runtime.measure import Measures
from trading_bot.runtime.supervisor import Service, Supervisor, TaskEvent
from trading_bot.shell.calls import Calls
from trading_bot.shell.daemon import Daemon, Observer, Ports
from trading_bot.shell.inbox import Inbox
from trading_bot.storage.damage import JournalPoisonedError
from trading_bot.storage.home import Home
from trading_bot.storage.streams import JournalSet
from trading_bot.storage.writer import JournalWriter
from trading_bot.version import VERSION

_STAGE_TIMEOUT_S = 5.0

RunMode = Literal["rehearsal", "paper", "live"]


def _not_known() -> None:
    return None


@dataclass(slots=True, kw_only=True)
class Parts:
    """What a mode brings: its clock, and how to make its quotes and its broker over the journal.

    `pacer` is the real time of what runs beside the daemon; `services` are more of those, by name.
    `skew_s` says how far the broker's clock is ahead of ours, None while not known.
    """

    mode: RunMode
    clock: Clock
    calendar: NyseCalendar
    session_id: str
    key: bytes
    connect: Callable[[WriterSink, HomeRecords], Awaitable[tuple[QuoteSource, Broker]]]
    notifier: Notifier
    chance: random.Random
    pacer: Clock = field(default_factory=SystemClock)
    is_real_time: bool = True
    skew_s: Callable[[], float | None] = _not_known
    services: dict[str, Service] = field(default_factory=dict)
    observers: tuple[Observer, ...] = ()
    measures: Measures = field(default_factory=Measures)


class Engine:
    """Holds a home while it runs; use as an async context, then `run`.

    Entering takes the lock, mends torn tails and opens the journals; leaving syncs and closes them.
    """

    def __init__(self, home: Home, config: Config, parts: Parts) -> None:
        self._home = home
        self._config = config
        self._parts = parts
        self._stack = AsyncExitStack()
        self._records = HomeRecords(home)
        self._writer: JournalWriter | None = None
        self._stop_asked = ""
        self._on_record: CoreState | None = None
        self._opened_for = date.min
        self.daemon: Daemon | None = None
        self.state: CoreState | None = None

    async def __aenter__(self) -> "Engine":
        home, parts = self._home, self._parts
        self._stack.enter_context(home.lock())
        home.fill_reserve()
        self._opened_for = parts.calendar.trading_day(parts.clock.now())
        self._writer = JournalWriter(JournalSet(home, self._opened_for))
        self._stack.push_async_callback(self._writer.aclose)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def stop(self, reason: str) -> None:
        """Ask the daemon for a staged stop; one that is still being made stops once it runs."""
        if self.daemon is None:
            self._stop_asked = self._stop_asked or reason
        else:
            self.daemon.request_stop(reason)

    def tell(self, event: Event) -> None:
        """Hand an event to the daemon; one that comes before it is made, or after, is dropped."""
        if self.daemon is not None:
            self.daemon.tell(event)

    @property
    def is_flat(self) -> bool:
        """True when no trade is open; false while that is not known."""
        state = self.state
        return state is not None and state.info is not None and not state.book.trades

    @property
    def recoveries(self) -> tuple[str, ...]:
        """What opening mended, a sentence each."""
        return tuple(str(found) for found in self._journal.recoveries)

    @property
    def _journal(self) -> JournalSet:
        assert self._writer is not None, "the engine is used inside its context"
        return self._writer.journal

    async def run(self) -> str:
        """Run until somebody stops the daemon; returns the reason."""
        parts = self._parts
        assert self._writer is not None, "the engine is used inside its context"
        settings = self._settings()
        sink = WriterSink(self._writer, parts.clock)
        quotes, broker = await parts.connect(sink, self._records)
        await self._turn_to_today(self._writer)
        self.state = new_state(settings)
        inbox = Inbox()
        calls = Calls(clock=parts.clock, quotes=quotes, broker=broker, inbox=inbox)
        ports = Ports(
            clock=parts.clock,
            sink=sink,
            tape=WriterTape(self._writer),
            notifier=parts.notifier,
            roll=self._roll,
            rescue=self._rescue,
            skew_s=parts.skew_s,
            measures=parts.measures,
            observers=parts.observers,
        )
        self.daemon = Daemon(self.state, ports, inbox, calls)
        if self._stop_asked:
            self.daemon.request_stop(self._stop_asked)
        info = self.info_of(broker)
        start = self.read_start(parts.calendar.trading_day(parts.clock.now()))
        await self.write_session("start", info, start, None)
        started = Started(
            at=parts.clock.now(), session=info, start=start, is_new_session=True, reconciles=True
        )
        async with self._services(self._writer, self.state):
            reason = await self.daemon.run(started)
        await self.write_session("end", info, start, reason)
        with suppress(OSError):
            # On a full disk the last status stays the one before; the reason is told all the same.
            write_status(self._home, self.state, parts.clock.now(), parts.measures, parts.mode)
        return reason

    async def _turn_to_today(self, writer: JournalWriter) -> None:
        """It may have taken days until there was a session to connect with."""
        parts = self._parts
        today = parts.calendar.trading_day(parts.clock.now())
        if today != self._opened_for:
            with parts.clock.activity():
                await writer.roll(today)

    def _settings(self) -> CoreSettings:
        parts, config = self._parts, self._config
        return make_core_settings(
            config,
            calendar=parts.calendar,
            factories=make_factories(config, self._home.root),
            identity=Identity(
                mode=parts.mode, account=config.account_number or "paper", key=parts.key
            ),
        )

    def show_waiting(self, why: str, needs_person: bool) -> None:
        """Say in the status why nothing runs yet, and what the records hold meanwhile."""
        parts = self._parts
        now = parts.clock.now()
        state = self._on_record
        if state is None or state.trading_day != parts.calendar.trading_day(now):
            state = self._on_record = self._state_on_record(now)
        step(state, SessionKnown(at=now, needs_person=why if needs_person else ""))
        if needs_person:
            state.protection.pop(protect.Cause.NOT_RECONCILED, None)
        else:
            protect.restate(state, now, protect.Cause.NOT_RECONCILED, why)
        with suppress(OSError):
            # A full disk: the daemon goes on waiting all the same.
            write_status(self._home, state, now, parts.measures, parts.mode)

    def _state_on_record(self, now: datetime) -> CoreState:
        """What the records alone say; nothing is asked, written or sent."""
        parts = self._parts
        info = SessionInfo(
            session_id=parts.session_id,
            bot_version=VERSION,
            config_hash=config_hash(self._config),
            execution_mode="PAPER",
            account_id=None,
        )
        start = self.read_start(parts.calendar.trading_day(now))
        state = new_state(self._settings())
        step(
            state,
            Started(at=now, session=info, start=start, is_new_session=True, is_desk_only=True),
        )
        return state

    @asynccontextmanager
    async def _services(self, writer: JournalWriter, state: CoreState) -> AsyncIterator[None]:
        """What runs beside the daemon, while it runs."""
        parts = self._parts
        supervisor = Supervisor(parts.pacer, parts.chance, self._task_told)
        if parts.is_real_time:
            # On virtual time a second of the machine's would seal other groups each time; there
            # the seals are written at the close, and after a crash computed from the lines.
            supervisor.start_restartable("seals", lambda: sync_seals(writer, parts.pacer.sleep))
        supervisor.start_restartable(
            "status",
            lambda: keep_status(
                self._home, state, parts.clock, parts.measures, parts.mode, parts.pacer.sleep
            ),
        )
        for name, service in parts.services.items():
            supervisor.start_restartable(name, service)
        try:
            yield
        finally:
            await supervisor.stop(_STAGE_TIMEOUT_S)

    def _task_told(self, event: TaskEvent) -> None:
        if event.error is not None:
            text = f"{type(event.error).__name__}: {event.error}"
            self._parts.notifier.notify("WARNING", f"task {event.name} {event.kind}", text)

    @property
    def writer(self) -> JournalWriter:
        """The home's journals, inside the engine's context."""
        assert self._writer is not None, "the engine is used inside its context"
        return self._writer

    def info_of(self, broker: Broker) -> SessionInfo:
        """What every record of this run carries."""
        is_live = broker.execution_mode == "LIVE"
        return SessionInfo(
            session_id=self._parts.session_id,
            bot_version=VERSION,
            config_hash=config_hash(self._config),
            execution_mode=broker.execution_mode,
            account_id=self._config.account_number if is_live else None,
        )

    def read_start(self, trading_day: date) -> StartState:
        """Where the day starts from; damage is in its `protect_only`."""
        try:
            start = read_start(self._records, trading_day)
        except DataError as error:
            return StartState(trading_day=trading_day, protect_only=f"damaged record: {error}")
        damage = "; ".join(str(found) for found in self._journal.damage)
        if not damage:
            return start
        return replace(start, protect_only=f"damaged record: {damage}")

    async def _rescue(self, error: HaltError, records: Mapping[str, Sequence[str]]) -> bool:
        """A full disk gets the reserve's blocks, so that exits can be recorded."""
        writer = self._writer
        assert writer is not None, "the engine is used inside its context"
        if not _is_disk_full(error) or not self._home.free_reserve():
            return False
        try:
            if writer.journal.poison is not None:
                await writer.reopen()
            await writer.append(self._not_yet_written(records))
        except HaltError:
            return False
        return True

    def _not_yet_written(self, records: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        """The lines the failed write did not leave behind: it may have got some down."""
        missing: dict[str, Sequence[str]] = {}
        for stream, lines in records.items():
            tail = self._records.tail(stream, len(lines))
            written = next((n for n in range(len(lines), 0, -1) if tail[-n:] == list(lines[:n])), 0)
            missing[stream] = lines[written:]
        return {stream: lines for stream, lines in missing.items() if lines}

    async def _roll(self, trading_day: date) -> Started:
        assert self._writer is not None, "the engine is used inside its context"
        assert self.state is not None, "only a running daemon rolls"
        assert self.state.info is not None, "only a started daemon rolls"
        await self._writer.roll(trading_day)
        start = self.read_start(trading_day)
        info = self.state.info
        now = self._parts.clock.now()
        return Started(at=now, session=info, start=start, is_new_session=False, reconciles=True)

    async def write_session(
        self,
        kind: Literal["start", "end"],
        info: SessionInfo,
        start: StartState,
        reason: str | None,
    ) -> None:
        """Record that this run began or ended."""
        parts = self._parts
        record = SessionRecord(
            kind=kind,
            session_id=info.session_id,
            timestamp=format_timestamp(parts.clock.now()),
            mode=parts.mode,
            bot_version=VERSION,
            python_version=platform.python_version(),
            config_hash=info.config_hash,
            config=shown(self._config),
            strategy_hashes=strategy_hashes(self._config, self._home.root),
            calendar_hash=parts.calendar.calendar_hash(),
            zone_data_version=_zone_data_version(),
            start_state_hash=start_hash(start),
            reason=reason,
            code_hash=code_hash(),
        )
        assert self._writer is not None, "the engine is used inside its context"
        try:
            if STREAM_SESSIONS not in self._journal.damaged:
                await self._writer.append({STREAM_SESSIONS: [record.to_jsonl_line()]})
        except HaltError:
            # The journal is dead and that is on the daemon's mind already; stopping goes on.
            if kind == "start":
                raise


def _zone_data_version() -> str:
    try:
        return f"tzdata {version('tzdata')}"
    except PackageNotFoundError:
        return "system"


def _is_disk_full(error: HaltError) -> bool:
    if isinstance(error, JournalPoisonedError):
        return error.is_disk_full
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
