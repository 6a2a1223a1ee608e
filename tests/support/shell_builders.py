"""A shell around a real core: ports that write down in which order they were used."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from support.core_builders import (
    CALENDAR,
    INFO,
    OPEN,
    MemoryRecords,
    broker_order,
    core_settings,
    enter_at,
    execution,
    hours_of,
    make_account,
    make_quote,
)
from trading_bot.core.events import Started
from trading_bot.core.settings import CoreSettings
from trading_bot.core.state import new_state
from trading_bot.domain.order import (
    ApprovedOrder,
    BrokerOrder,
    Execution,
    Leg,
    OrderIntent,
    OrderState,
    Side,
)
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote
from trading_bot.ports.broker import ExecutionMode
from trading_bot.query.start import read_start
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.runtime.measure import Measures
from trading_bot.shell.calls import Calls
from trading_bot.shell.daemon import Daemon, Ports
from trading_bot.shell.inbox import Inbox

LAG = 0.2
"""Virtual seconds every answer takes."""

Behaviour = Callable[[], Awaitable[None]]


async def behave() -> None:
    """Nothing out of the ordinary."""


@dataclass
class Log:
    """What was done, in order: tape, records, orders, cancels, alerts."""

    done: list[tuple[str, str]] = field(default_factory=list)

    def add(self, what: str, which: str) -> None:
        self.done.append((what, which))

    def of(self, what: str) -> list[str]:
        return [which for did, which in self.done if did == what]

    def index(self, what: str, has: str) -> int:
        return next(i for i, (did, which) in enumerate(self.done) if did == what and has in which)


@dataclass
class Sink:
    """RecordSink and Tape that write down; `failures` decides what raises."""

    log: Log
    lines: dict[str, list[str]] = field(default_factory=dict)
    fail_append: Callable[[Mapping[str, Sequence[str]]], Exception | None] = lambda _batch: None
    fail_put: Callable[[str], Exception | None] = lambda _line: None
    tape: list[str] = field(default_factory=list)

    async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
        error = self.fail_append(batch)
        if error is not None:
            raise error
        await asyncio.sleep(0)
        for stream, lines in batch.items():
            self.lines.setdefault(stream, []).extend(lines)
            for line in lines:
                self.log.add("record", line)

    def put(self, line: str) -> None:
        error = self.fail_put(line)
        if error is not None:
            raise error
        self.tape.append(line)
        self.log.add("tape", line)

    async def sync(self) -> None:
        self.log.add("sync", "")


@dataclass
class Broker:
    """Takes orders and fills entries at once; `on_place` may raise or wait instead."""

    clock: LockstepClock
    log: Log
    on_place: Callable[[OrderIntent], Awaitable[None]] | None = None
    on_read: Behaviour = behave
    on_positions: Behaviour = behave
    fills_entries: bool = True
    held: dict[str, BrokerOrder] = field(default_factory=dict)
    placed_at: list[datetime] = field(default_factory=list)

    @property
    def execution_mode(self) -> ExecutionMode:
        return "PAPER"

    async def place(self, order: ApprovedOrder) -> BrokerOrder:
        intent = order.intent
        self.log.add("place", intent.leg.value)
        self.placed_at.append(self.clock.now())
        if self.on_place is not None:
            await self.on_place(intent)
        await self.clock.sleep(LAG)
        reading = broker_order(intent, OrderState.OPEN, at=self.clock.now())
        self.held[intent.ref_id] = reading
        if intent.leg is Leg.ENTRY and self.fills_entries:
            done: Execution = execution(
                f"fill-{intent.ref_id[:4]}", intent.quantity, "100.02", self.clock.now()
            )
            self.held[intent.ref_id] = broker_order(
                intent, OrderState.FILLED, done, at=self.clock.now()
            )
        return reading

    async def cancel(self, order_id: str) -> None:
        self.log.add("cancel", order_id)
        await self.clock.sleep(LAG)
        for ref_id, order in self.held.items():
            if order.order_id == order_id and not order.state.is_final:
                values = {n: getattr(order, n) for n in BrokerOrder.__dataclass_fields__}
                self.held[ref_id] = BrokerOrder(**(values | {"state": OrderState.CANCELLED}))

    async def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        await self.on_read()
        await self.clock.sleep(LAG)
        return tuple(self.held.values())

    async def positions(self) -> tuple[BrokerPosition, ...]:
        await self.on_positions()
        await self.clock.sleep(LAG)
        orders = self.held.values()
        sells = [o for o in orders if o.side is Side.SELL]
        bought = sum(o.filled_quantity for o in orders if o.side is Side.BUY)
        held = bought - sum(o.filled_quantity for o in sells)
        offered = sum(o.quantity - o.filled_quantity for o in sells if not o.state.is_final)
        if not held:
            return ()
        return (
            BrokerPosition(
                symbol="AAPL",
                quantity=Decimal(held),
                held_for_sells=Decimal(offered),
                average_price=None,
            ),
        )

    async def account(self) -> AccountSnapshot:
        await self.clock.sleep(LAG)
        return make_account(self.clock.now())


@dataclass
class Quotes:
    """Good quotes at 100.00; `on_poll` may raise or wait instead."""

    clock: LockstepClock
    log: Log
    on_poll: Behaviour = behave

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        self.log.add("poll", ",".join(symbols))
        await self.on_poll()
        await self.clock.sleep(LAG)
        return {s: make_quote(at=self.clock.now(), symbol=s) for s in symbols}

    async def fundamentals(self, symbols: Sequence[str]) -> Mapping[str, Fundamental | None]:
        return {s: Fundamental(symbol=s, volume=1000) for s in symbols}

    async def historicals(
        self, symbols: Sequence[str], interval: str
    ) -> Mapping[str, tuple[HistoricalBar, ...]]:
        return dict.fromkeys(symbols, ())

    async def hours(self, day: date) -> MarketHours:
        session = CALENDAR.session(day)
        assert session is not None
        return hours_of(session)


@dataclass
class Notes:
    log: Log

    def notify(self, severity: str, subject: str, text: str) -> None:
        self.log.add("alert", subject)
        self.log.add(severity, text)


class Stage:
    """A daemon on virtual time, whole but for the world."""

    def __init__(
        self, settings: CoreSettings | None = None, start: datetime = OPEN - timedelta(minutes=6)
    ) -> None:
        self.log = Log()
        self.clock = LockstepClock(start)
        self.sink = Sink(self.log)
        self.broker = Broker(self.clock, self.log)
        self.quotes = Quotes(self.clock, self.log)
        self.inbox = Inbox()
        self.state = new_state(settings or core_settings(enter_at(OPEN + timedelta(minutes=2))))
        self.calls = Calls(
            clock=self.clock,
            quotes=self.quotes,
            broker=self.broker,
            inbox=self.inbox,
            notifier=Notes(self.log),
        )
        self.reconciles = False
        self.skew_s: float | None = None
        self.roll_error: Exception | None = None
        self.rolled: list[date] = []
        self.observed: list[str] = []
        ports = Ports(
            clock=self.clock,
            sink=self.sink,
            tape=self.sink,
            notifier=Notes(self.log),
            roll=self._roll,
            skew_s=lambda: self.skew_s,
            measures=Measures(),
            observers=(lambda event, _effects: self.observed.append(type(event).__name__),),
        )
        self.daemon = Daemon(self.state, ports, self.inbox, self.calls)

    def run(self, until: datetime, *plans: tuple[datetime, Callable[[], Any]]) -> str:
        """Run until a stop is asked for at `until`; what the daemon gives as its reason."""

        async def go() -> str:
            async def later(when: datetime, do: Callable[[], Any]) -> None:
                await self.clock.sleep_until(when)
                do()

            tasks = [asyncio.create_task(later(when, do)) for when, do in plans]
            stop = asyncio.create_task(
                later(until, lambda: self.daemon.request_stop("the test is over"))
            )
            try:
                return await self.daemon.run(self._started(self.clock.now(), is_new=True))
            finally:
                for task in (*tasks, stop):
                    task.cancel()

        return asyncio.run(go())

    def _started(self, at: datetime, *, is_new: bool, day: date | None = None) -> Started:
        start = read_start(MemoryRecords(self.sink.lines), day or CALENDAR.trading_day(at))
        return Started(
            at=at,
            session=INFO,
            start=start,
            is_new_session=is_new,
            reconciles=self.reconciles,
        )

    async def _roll(self, trading_day: date) -> Started:
        if self.roll_error is not None:
            raise self.roll_error
        self.rolled.append(trading_day)
        return self._started(self.clock.now(), is_new=False, day=trading_day)


def entry_stage(**changes: Any) -> Stage:
    """A stage whose strategy buys two minutes after the open."""
    return Stage(core_settings(enter_at(OPEN + timedelta(minutes=2)), **changes))
