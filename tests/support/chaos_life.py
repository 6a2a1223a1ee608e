"""One life of the daemon on a day of chaos: the code that trades live, until it stops or dies."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

from requests.adapters import BaseAdapter

from support.chaos_deaths import Fate, Killed, MortalSink
from support.chaos_setting import CALENDAR, OWNER_COMES, Setting
from support.scenarios import Heard
from trading_bot.app.connect import LiveConnection
from trading_bot.app.engine import Engine, Parts
from trading_bot.core.effects import Alert, Effect
from trading_bot.core.events import Event
from trading_bot.ports.broker import Broker
from trading_bot.ports.quote_source import QuoteSource
from trading_bot.ports.records import RecordSink
from trading_bot.query.records import HomeRecords
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.shell.daemon import Observer
from trading_bot.storage.home import Home

DAY_IS_OVER: Final = "the day is over"

Wrap = Callable[[Broker], Broker]


def _as_it_is(broker: Broker) -> Broker:
    return broker


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """What a control does to the code between the core and the world."""

    broker: Wrap = _as_it_is
    sink: type[MortalSink] = MortalSink


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
            self.reason = DAY_IS_OVER
        elif self.lost_at is not None and event.at >= self.lost_at + OWNER_COMES:
            self.reason = "the owner logs in"
        if self.reason:
            self.stop(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The `number`-th start in `home`; `adapter` or `base_url` is the way to the exchange."""

    setting: Setting
    home: Home
    number: int
    clock: LockstepClock
    fate: Fate
    heard: Heard
    tampering: Tampering = field(default_factory=Tampering)
    adapter: BaseAdapter | None = None
    base_url: str | None = None
    observers: tuple[Observer, ...] = ()

    async def run(self, sinks: Sequence[MortalSink]) -> bool:
        """Run until the day is over (True) or the owner has to log in; `sinks` are the engine's."""
        setting, config = self.setting, self.setting.config
        async with AsyncExitStack() as stack:
            connection = LiveConnection(
                home=self.home,
                config=config,
                clock=self.clock,
                calendar=CALENDAR,
                chance=Random(setting.seed),
                stack=stack,
                base_url=self.base_url,
                is_lockstep=True,
                adapter=self.adapter,
                warned=lambda text: self.heard.notify("WARNING", "account", text),
            )

            async def connect(sink: RecordSink, records: HomeRecords) -> tuple[QuoteSource, Broker]:
                quotes, broker = await connection(sink, records)
                return quotes, self.tampering.broker(broker)

            parts = Parts(
                mode="rehearsal",
                clock=self.clock,
                calendar=CALENDAR,
                session_id=f"{setting.seed:08x}-0000-4000-8000-{self.number:012x}",
                key=self.home.key(bytes),
                connect=connect,
                notifier=self.heard,
                chance=Random(setting.seed),
                is_real_time=False,
                skew_s=connection.skew_s,
            )
            engine = await stack.enter_async_context(Engine(self.home, config, parts))
            stopper = _Stopper(ends=setting.ends, stop=engine.stop)
            parts.observers = (self.fate.see, *self.observers, stopper)
            try:
                await engine.run()
                for sink in sinks:
                    await sink.finish()
                return stopper.reason == DAY_IS_OVER
            except Killed:
                # What is not on disk by now never will be: no seal, no last sync.
                await engine.writer.run(lambda journal: journal.abandon())
                raise
