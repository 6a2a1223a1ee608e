"""The daemon's loop: one event at a time, recorded before it acts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from trading_bot.core.clocks import SKEW_MAX
from trading_bot.core.codec import encode_event
from trading_bot.core.effects import (
    Alert,
    ClearTimer,
    Effect,
    Finish,
    PlaceOrder,
    Record,
    RollDay,
    SetTimer,
)
from trading_bot.core.events import (
    ClockJumped,
    Event,
    JournalFailed,
    OrderFailed,
    PollArrived,
    ServerClockSeen,
    Started,
    StopRequested,
    TimerFired,
)
from trading_bot.core.state import CoreState
from trading_bot.core.step import step
from trading_bot.domain.errors import HaltError
from trading_bot.domain.order import Leg
from trading_bot.ports.clock import Clock
from trading_bot.ports.notifier import Notifier
from trading_bot.ports.records import STREAM_ORDERS, RecordSink, Tape
from trading_bot.runtime.measure import Measures
from trading_bot.shell.calls import Calls
from trading_bot.shell.inbox import Inbox
from trading_bot.shell.timers import Timers

ROTATE_TIMER = "rotate"
LAG_STAGE = "loop_lag"
POLL_STAGE = "poll"
QUOTE_AGE_STAGE = "quote_age"
CLOCK_SKEW_S = SKEW_MAX.total_seconds()
CLOCK_JUMP_S = 2.0
"""By how much the wall clock may leave the monotonic one within a turn before it was moved."""


class Observer(Protocol):
    """Sees each event and what it caused, after it is recorded.

    Must not raise and must not wait.
    """

    def __call__(self, event: Event, effects: Sequence[Effect], /) -> None:
        """Look, and return at once."""
        ...


def _not_known() -> None:
    return None


async def _no_rescue(_error: HaltError, _records: Mapping[str, Sequence[str]]) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the shell works with.

    `roll` closes a day's files, opens the next and says where it starts from. `rescue` is asked
    when the journal failed on some records: true when it can be written again and they are in it.
    `skew_s` is how far the broker's clock is ahead of ours, in seconds, None while not known.
    """

    clock: Clock
    sink: RecordSink
    tape: Tape
    notifier: Notifier
    roll: Callable[[date], Awaitable[Started]]
    rescue: Callable[[HaltError, Mapping[str, Sequence[str]]], Awaitable[bool]] = _no_rescue
    skew_s: Callable[[], float | None] = _not_known
    measures: Measures
    observers: tuple[Observer, ...] = ()


class Daemon:
    """Runs a core until it finishes."""

    def __init__(self, state: CoreState, ports: Ports, inbox: Inbox, calls: Calls) -> None:
        self._state = state
        self._ports = ports
        self._inbox = inbox
        self._calls = calls
        self._timers = Timers()
        self._is_journal_dead = False
        self._may_enter = True
        self._finished: str | None = None
        self._wall = ports.clock.now()
        self._monotonic = ports.clock.monotonic()
        self._is_skew_told = False

    def request_stop(self, reason: str) -> None:
        """Ask for a staged stop; safe to call from a signal handler on the loop."""
        self._inbox.put(StopRequested(at=self._ports.clock.now(), reason=reason))

    def tell(self, event: Event) -> None:
        """Hand in an event that nobody asked for; on the loop."""
        self._inbox.put(event)

    async def run(self, started: Started) -> str:
        """Run from `started` until the core finishes; returns its reason."""
        self._inbox.put_first(started)
        try:
            while self._finished is None:
                await self._handle(await self._next())
        finally:
            await self._calls.close()
        return self._finished

    async def _next(self) -> Event:
        clock = self._ports.clock
        while True:
            await clock.settle()
            event = self._clock_trouble() or self._inbox.take()
            if event is not None:
                return event
            now = clock.now()
            due_at = self._timers.next_at
            name = self._timers.pop_due(now)
            if name is not None:
                if due_at is not None:
                    self._ports.measures.add(LAG_STAGE, (now - due_at).total_seconds())
                return TimerFired(at=now, name=name)
            await clock.wait(self._inbox.arrived, until=due_at)

    def _clock_trouble(self) -> Event | None:
        """A wall clock that was moved since the last turn, or that is not the broker's."""
        now, monotonic = self._ports.clock.now(), self._ports.clock.monotonic()
        jump_s = (now - self._wall).total_seconds() - (monotonic - self._monotonic)
        self._wall, self._monotonic = now, monotonic
        if self._state.info is None:
            return None  # Nothing was started: the first event must be that.
        if abs(jump_s) > CLOCK_JUMP_S:
            return ClockJumped(at=now, jump_s=round(jump_s, 3))
        skew_s = self._ports.skew_s()
        if skew_s is None or (abs(skew_s) > CLOCK_SKEW_S) is self._is_skew_told:
            return None
        self._is_skew_told = not self._is_skew_told
        return ServerClockSeen(at=now, skew_s=round(skew_s, 3))

    async def _handle(self, event: Event) -> None:
        await self._put_on_tape(event)
        if isinstance(event, PollArrived):
            self._measure(event)
        elif isinstance(event, Started):
            # A day's tape must say by itself what holds in it.
            self._is_skew_told = False
        with self._ports.measures.stage("step"):
            effects = step(self._state, event)
        records: dict[str, list[str]] = {}
        rest: list[Effect] = []
        for effect in effects:
            if type(effect) is Record:
                records.setdefault(effect.stream, []).append(effect.record.to_jsonl_line())
            else:
                rest.append(effect)
        if records:
            await self._append(records)
        for effect in rest:
            await self._perform(effect)
        for observer in self._ports.observers:
            observer(event, effects)

    def _measure(self, event: PollArrived) -> None:
        """How long the poll took and how old its oldest quote is, on the daemon's clock."""
        measures = self._ports.measures
        measures.add(POLL_STAGE, (event.at - event.asked_at).total_seconds())
        times = [q.updated_at for q in event.quotes if q.updated_at is not None]
        if times:
            measures.add(QUOTE_AGE_STAGE, (event.at - min(times)).total_seconds())

    async def _put_on_tape(self, event: Event) -> None:
        if self._is_journal_dead:
            return
        line = encode_event(event)
        try:
            self._ports.tape.put(line)
        except HaltError as error:
            if await self._journal_failed(error, {}):
                self._ports.tape.put(line)

    async def _append(self, records: Mapping[str, Sequence[str]]) -> None:
        if self._is_journal_dead:
            return
        try:
            with self._ports.measures.stage("record"), self._ports.clock.activity():
                if STREAM_ORDERS in records:
                    # What led to an order must be replayable, also after a power cut.
                    await self._ports.tape.sync()
                await self._ports.sink.append(records)
        except HaltError as error:
            await self._journal_failed(error, records)

    async def _journal_failed(self, error: HaltError, records: Mapping[str, Sequence[str]]) -> bool:
        """Open nothing more; true when the journal could be rescued and holds `records`."""
        self._may_enter = False
        with self._ports.clock.activity():
            is_rescued = await self._ports.rescue(error, records)
        self._is_journal_dead = not is_rescued
        failed = JournalFailed(
            at=self._ports.clock.now(), reason=str(error), is_dead=not is_rescued
        )
        self._inbox.put_first(failed)
        return is_rescued

    async def _perform(self, effect: Effect) -> None:
        match effect:
            case SetTimer():
                self._timers.set(effect.name, effect.at)
            case ClearTimer():
                self._timers.clear(effect.name)
            case Alert():
                self._ports.notifier.notify(effect.severity, effect.subject, effect.text)
            case RollDay():
                await self._roll(effect)
            case Finish():
                self._finished = effect.reason
            case PlaceOrder():
                self._place(effect)
            case Record():
                raise AssertionError("records are appended before anything is performed")
            case _:
                self._calls.start(effect)

    async def _roll(self, effect: RollDay) -> None:
        self._timers.clear_all()
        try:
            with self._ports.clock.activity():
                started = await self._ports.roll(effect.trading_day)
        except HaltError as error:
            # The core hears of it first and then turns to the next day without the files.
            await self._journal_failed(error, {})
            self._timers.set(ROTATE_TIMER, self._ports.clock.now())
        else:
            self._inbox.put_first(started)

    def _place(self, effect: PlaceOrder) -> None:
        intent = effect.order.intent
        if not self._may_enter and intent.leg is Leg.ENTRY:
            # Its intent may not be on disk: after a crash nobody would know of it.
            reason = "the journal failed"
            now = self._ports.clock.now()
            self._inbox.put(
                OrderFailed(at=now, ref_id=intent.ref_id, outcome="not_sent", reason=reason)
            )
            return
        self._calls.start(effect)
