"""A person at the desk: the home's records against the broker, and what the person decides.

The same core and the same events as the daemon's, but no day is run and nothing is sent: of its
effects only records are written and readings made. So every decision is on the tape and replays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Never, Protocol

from trading_bot.core.codec import encode_event
from trading_bot.core.effects import Record, RequestReconcile
from trading_bot.core.events import (
    CallFailed,
    Event,
    PersonDecided,
    ReconcileArrived,
    Started,
    TimerFired,
)
from trading_bot.core.protect import RULES, Cause
from trading_bot.core.reconcile_asks import TIMER
from trading_bot.core.state import CoreState
from trading_bot.core.step import step
from trading_bot.domain.errors import DataError, HaltError, RetryableError
from trading_bot.domain.order import BrokerOrder, Side
from trading_bot.execution.differences import Difference, DifferenceKind
from trading_bot.execution.ref_ids import is_ours
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.broker import Broker
from trading_bot.ports.clock import Clock
from trading_bot.ports.records import RecordSink, Tape
from trading_bot.shell.calls import Calls
from trading_bot.shell.inbox import Inbox

_READINGS_MAX = 10
"""Orders that move while they are read are read again; a market that never rests is no desk's."""


class Paper(Protocol):
    """Where what is said is written: the home's journals, or nowhere for a look."""

    async def write(self, event: Event, records: Mapping[str, Sequence[str]]) -> None:
        """Put the event on the tape, then its records."""
        ...


class Journals:
    """The home's own tape and records."""

    def __init__(self, tape: Tape, sink: RecordSink) -> None:
        self._tape = tape
        self._sink = sink

    async def write(self, event: Event, records: Mapping[str, Sequence[str]]) -> None:
        """Durable when it returns."""
        self._tape.put(encode_event(event))
        await self._tape.sync()
        if records:
            await self._sink.append(records)


class Nowhere:
    """A look leaves nothing behind."""

    async def write(self, event: Event, records: Mapping[str, Sequence[str]]) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about `subject`; `by` and `why` go on record with it."""

    decision: str
    subject: str
    by: str
    why: str
    ratio: str = ""


class Desk:
    """Two readings of the broker against the records; then decisions, one by one."""

    def __init__(self, state: CoreState, broker: Broker, clock: Clock, paper: Paper) -> None:
        self._state = state
        self._clock = clock
        self._paper = paper
        self._inbox = Inbox()
        self._calls = Calls(clock=clock, quotes=_NoQuotes(), broker=broker, inbox=self._inbox)
        self._refused = ""
        self.orders: tuple[BrokerOrder, ...] = ()

    async def look(self, started: Started) -> None:
        """Read the broker until two readings agree on what differs."""
        await self._put(started)
        for _ in range(_READINGS_MAX):
            state = self._state
            is_open = state.reconciled.pending or state.late_sales
            if state.reconciled.at is not None and not is_open:
                return
            await self._put(TimerFired(at=self._clock.now(), name=TIMER))
        raise RetryableError("the broker's orders change as fast as they are read: try again")

    @property
    def differences(self) -> list[Difference]:
        """What differs, in the order it was found."""
        return [held.difference for held in self._state.reconciled.open.values()]

    def gone(self, difference: Difference) -> bool:
        """True when the last reading did not show it any more."""
        return self._state.reconciled.open[difference.key].is_gone

    @property
    def causes(self) -> dict[Cause, str]:
        """Why nothing may be opened, beside the differences, by cause."""
        held = self._state.protection
        return {Cause(c): p.text for c, p in held.items() if c != Cause.DIFFERENCE}

    def decision_for(self, subject: str, *, is_not_ours: bool = False) -> str:
        """What accepting `subject` means; DataError when there is no such difference or cause."""
        if subject in self._state.protection and RULES[Cause(subject)].is_kept:
            return "end"
        held = self._state.reconciled.open.get(subject)
        if held is None:
            raise DataError(f"there is no difference or cause {subject!r} to accept")
        difference = held.difference
        match difference.kind:
            case DifferenceKind.MISSING_TRADE:
                return "not_ours" if is_not_ours else "adopt"
            case DifferenceKind.SHARES:
                is_less = Decimal(difference.broker) < Decimal(difference.ours)
                return "book_sale" if is_less else "not_ours"
            case DifferenceKind.UNKNOWN_ORDER | DifferenceKind.ANOTHER_BOT:
                return "not_ours"
            case _:
                return "accept"

    async def decide(self, wanted: Decision) -> None:
        """Write it down and book what follows; HaltError when the core refuses it."""
        self._refused = ""
        await self._put(
            PersonDecided(
                at=self._clock.now(),
                decision=wanted.decision,
                subject=wanted.subject,
                by=wanted.by,
                why=wanted.why,
                orders=self._orders_for(wanted),
                ratio=wanted.ratio,
            )
        )
        if self._refused:
            raise HaltError(f"{wanted.subject}: {self._refused}")
        await self._put(TimerFired(at=self._clock.now(), name=TIMER))

    def _orders_for(self, wanted: Decision) -> tuple[BrokerOrder, ...]:
        held = self._state.reconciled.open.get(wanted.subject)
        if held is None:
            return ()
        difference, identity = held.difference, self._state.settings.identity
        if wanted.decision == "adopt":
            return tuple(o for o in self.orders if o.symbol == difference.symbol)
        if wanted.decision == "book_sale":
            booked = set(self._state.book.orders)
            return tuple(
                o
                for o in self.orders
                if o.symbol == difference.symbol
                and o.side is Side.SELL
                and o.ref_id not in booked
                and not is_ours(o.ref_id, identity)
            )
        return ()

    async def _put(self, event: Event) -> None:
        """Step it, write it, and make the readings it asks for."""
        effects = step(self._state, event)
        records: dict[str, list[str]] = {}
        for effect in effects:
            if isinstance(effect, Record):
                records.setdefault(effect.stream, []).append(effect.record.to_jsonl_line())
                self._hear(effect)
        await self._paper.write(event, records)
        for effect in effects:
            if isinstance(effect, RequestReconcile):
                await self._put(await self._read(effect))

    def _hear(self, effect: Record) -> None:
        record = effect.record
        if isinstance(record, RiskEvent) and record.event_type == "decision_refused":
            self._refused = str(record.config_snapshot["reason"])

    async def _read(self, request: RequestReconcile) -> Event:
        self._calls.start(request)
        while True:
            await self._clock.settle()
            event = self._inbox.take()
            if event is not None:
                break
            await self._clock.wait(self._inbox.arrived)
        if isinstance(event, ReconcileArrived):
            self.orders = event.orders
        elif isinstance(event, CallFailed) and event.family == "session":
            raise HaltError(f"the broker cannot be read: {event.reason}")
        return event

    def executions(self, records: Sequence[TradeRecord]) -> int:
        """Executions, among what the broker said last, of our orders and of what was booked else.

        What the owner sold himself is no order of ours, but `records` hold what was ours of it.
        """
        identity = self._state.settings.identity
        booked = {(r.timestamp, r.quantity, r.price) for r in records if r.action == "SELL"}
        return sum(
            1
            for order in self.orders
            for e in order.executions
            if is_ours(order.ref_id, identity)
            or (format_timestamp(e.at), e.quantity, e.price) in booked
        )


class _NoQuotes:
    """A desk compares shares and orders; it asks for no price."""

    async def quotes(self, symbols: Sequence[str]) -> Never:
        raise AssertionError(symbols)

    async def fundamentals(self, symbols: Sequence[str]) -> Never:
        raise AssertionError(symbols)

    async def historicals(self, symbols: Sequence[str], interval: str) -> Never:
        raise AssertionError(symbols, interval)

    async def hours(self, day: date) -> Never:
        raise AssertionError(day)
