"""How a process dies in a chaos day: at a request, at a write or between two events.

A death is a BaseException, so nothing in the daemon handles it, and from then on nothing of that
process reaches the exchange or the disk.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final
from unittest.mock import patch

from requests import PreparedRequest, Response

from trading_bot.app import engine as engine_module
from trading_bot.app.sink import WriterSink
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event
from trading_bot.ports.clock import Clock
from trading_bot.ports.records import STREAM_ORDERS
from trading_bot.rehearsal.adapter import InProcessAdapter
from trading_bot.rehearsal.exchange import Exchange
from trading_bot.storage.writer import JournalWriter

POINTS: Final = (
    "before a request",
    "after a request",
    "before an order",
    "after an order",
    "before records",
    "within records",
    "after records",
    "after an event",
)

Batch = Mapping[str, Sequence[str]]


class Killed(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class Fate:
    """When one process dies: the first time it comes by `point` at or after `at`."""

    now: Callable[[], datetime]
    chance: Random
    at: datetime | None = None
    until: datetime | None = None
    point: str = ""
    is_dead: bool = False

    def meet(self, *points: str) -> None:
        """The process comes by these points; raises Killed when one is its end."""
        if not self.is_dead and self.comes_at(*points):
            self.is_dead = True
        if self.is_dead:
            raise Killed(self.point)

    def comes_at(self, *points: str) -> bool:
        """True when `meet` would kill here."""
        now = self.now()
        is_time = self.at is not None and self.at <= now and (self.until or now) >= now
        return is_time and self.point in points

    def see(self, _event: Event, _effects: Sequence[Effect]) -> None:
        """As an observer of the daemon."""
        self.meet("after an event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it went: the kinds of fault that it met, and what was answered.

    `order` is the form of one that sends or cancels an order; `is_last` when its sender died of it.
    """

    at: datetime
    method: str
    path: str
    kinds: tuple[str, ...]
    status: int
    order: str = ""
    is_last: bool = False

    @property
    def is_order(self) -> bool:
        """True when it sends an order."""
        return self.method == "POST" and self.path == "/orders/"


@dataclass(slots=True)
class Diary:
    """Every request that reached the exchange."""

    asked: list[Asked] = field(default_factory=list)


class MortalAdapter(InProcessAdapter):
    """The exchange's door for one process; `diary` hears of each request and of its faults."""

    def __init__(self, exchange: Exchange, fate: Fate, diary: Diary, kinds: Sequence[str]) -> None:
        super().__init__(exchange)
        self._there = exchange
        self._fate = fate
        self._diary = diary
        self._kinds = kinds

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        path = (request.path_url or "/").split("?")[0]
        is_order = request.method == "POST" and path.startswith("/orders/")
        self._fate.meet("before a request", *(("before an order",) if is_order else ()))
        after_points = ("after a request", *(("after an order",) if is_order else ()))
        before = self._there.faults.fired
        status = 0
        try:
            response = super().send(request, *args, **kwargs)
            status = response.status_code
        finally:
            after = self._there.faults.fired
            fired = [k for k, b, a in zip(self._kinds, before, after, strict=True) if a > b]
            body = str(request.body or "") if is_order else ""
            self._diary.asked.append(
                Asked(
                    at=self._fate.now(),
                    method=request.method or "GET",
                    path=path,
                    kinds=tuple(fired),
                    status=status,
                    order=body,
                    is_last=self._fate.comes_at(*after_points),
                )
            )
            self._fate.meet(*after_points)
        return response


class MortalSink(WriterSink):
    """The records' way to the disk, on which a process may die, or lose what it had not written."""

    def __init__(self, writer: JournalWriter, clock: Clock, fate: Fate) -> None:
        super().__init__(writer, clock)
        self._fate = fate

    async def append(self, batch: Batch) -> None:
        is_order = STREAM_ORDERS in batch
        self._fate.meet(*(("before records",) if is_order else ()))
        if is_order and self._fate.comes_at("within records"):
            await super().append(_first_lines(batch, self._fate.chance))
            self._fate.meet("within records")
        await super().append(batch)
        if is_order:
            self._fate.meet("after records")

    async def finish(self) -> None:
        """The process ends as it should."""


def _first_lines(batch: Batch, chance: Random) -> Batch:
    """The lines a process got down before it died, in the order of the writes."""
    left = chance.randrange(sum(len(lines) for lines in batch.values()))
    first: dict[str, Sequence[str]] = {}
    for stream, lines in batch.items():
        if left > 0:
            first[stream] = lines[:left]
            left -= len(lines)
    return first


@contextmanager
def mortal_records(fate: Fate, kind: type[MortalSink] = MortalSink) -> Iterator[list[MortalSink]]:
    """Engines made meanwhile write through a sink of `kind` that `fate` may end: those made."""
    made: list[MortalSink] = []

    def make(writer: JournalWriter, clock: Clock) -> MortalSink:
        made.append(kind(writer, clock, fate))
        return made[-1]

    with patch.object(engine_module, "WriterSink", make):
        yield made
