"""An exchange that can be logged in to, a person with answers ready, a home to log in to."""

import asyncio
import random
import threading
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from support.rehearsal import CALENDAR, OPEN, flat_day
from trading_bot.app.rehearse import as_kept
from trading_bot.app.sessions import Desk, Place
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.login import LoginSettings
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.rehearsal.wire import Reply, Request
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.storage.home import Home

_T = TypeVar("_T")

WANTED = LoginSettings()
SILENT = "(no answer)"
"""An answer that never comes."""

GONE = "(end of input)"


class Watched(Exchange):
    """An exchange that remembers what it was asked, by method and path."""

    def __init__(self, *rules: FaultRule, **settings: Any) -> None:
        super().__init__(
            [flat_day()], CALENDAR, ExchangeSettings(**settings), FaultScript(list(rules))
        )
        self.asked: list[Request] = []
        self.times: list[datetime] = []
        self.was_asked = threading.Event()

    def handle(self, request: Request, now: datetime) -> Reply:
        """Remember, then answer."""
        self.asked.append(request)
        self.times.append(now)
        self.was_asked.set()
        return super().handle(request, now)

    @property
    def paths(self) -> list[str]:
        """`POST /oauth2/token/` and so on, in order."""
        return [f"{request.method} {request.path}" for request in self.asked]

    def sent(self, path: str) -> list[Request]:
        """The requests of one path."""
        return [request for request in self.asked if request.path == path]

    def gaps(self, path: str) -> list[float]:
        """The seconds between the requests of a path that begins so."""
        times = [
            at for at, one in zip(self.times, self.asked, strict=True) if one.path.startswith(path)
        ]
        return [(b - a).total_seconds() for a, b in pairwise(times)]


@dataclass
class Scripted:
    """A person whose answers are known; what was asked and told is kept."""

    answers: Sequence[str] = (WANTED.username, WANTED.password)
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    async def text(self, question: str) -> str:
        """The next answer."""
        return await self._next(question)

    async def secret(self, question: str) -> str:
        """The next answer."""
        return await self._next(question)

    def tell(self, text: str) -> None:
        """Keep it."""
        self.told.append(text)

    async def _next(self, question: str) -> str:
        self.asked.append(question)
        answer = self.answers[len(self.asked) - 1]
        if answer == SILENT:
            await asyncio.get_running_loop().create_future()
        if answer == GONE:
            raise EOFError
        return answer


class Counter:
    """Bytes for new devices: the same in every test, another for every device."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, size: int) -> bytes:
        """The next ones."""
        self.calls += 1
        return bytes([self.calls]) * size


@dataclass
class Hall:
    """A home, an exchange behind HTTP on virtual time, and whoever logs in."""

    home: Home
    exchange: Watched
    place: Place
    clock: LockstepClock
    chance: Counter = field(default_factory=Counter)

    @property
    def file(self) -> SessionFile:
        """The home's session file."""
        return SessionFile(self.home.session_pickle)

    def desk(self, person: Scripted, seconds: float = 180) -> Desk:
        """The desk at which `person` sits."""
        return Desk(
            home=self.home,
            place=self.place,
            person=person,
            random_bytes=self.chance,
            deadline=timedelta(seconds=seconds),
        )

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """`work`'s result; one that hangs fails after a minute."""

        async def bounded() -> _T:
            async with asyncio.timeout(60):
                return await work

        return asyncio.run(bounded())

    def issue(self, **changes: Any) -> BrokerSession:
        """The exchange's first session in the home's file."""
        session = issued(self.exchange, self.clock.now(), **changes)
        self.home.create()
        self.file.save(session)
        return session


def issued(exchange: Exchange, now: datetime, **changes: Any) -> BrokerSession:
    """The session a rehearsal begins with, as the client keeps it."""
    return replace(as_kept(exchange.first_session(now), now), **changes)


def make_hall(
    stack: ExitStack, folder: Path, *rules: FaultRule, start: datetime = OPEN, **settings: Any
) -> Hall:
    """A hall whose exchange is stopped with the stack; `settings` are the exchange's."""
    exchange = Watched(*rules, **settings)
    port = stack.enter_context(ExchangeServer(exchange)).port
    clock = LockstepClock(start)
    place = Place(
        clock=clock,
        chance=random.Random(1),
        base_url=f"http://127.0.0.1:{port}",
        is_lockstep=True,
    )
    return Hall(Home(folder), exchange, place, clock)
