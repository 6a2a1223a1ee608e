"""The exchange of a chaos day in a process of its own: it lives on while the daemon is killed.

It writes down what it is asked, as the days within the process do, and answers over a pipe what
only the exchange knows.
"""

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection
from select import select
from typing import Any, Final

from support.chaos_deaths import Asked
from support.chaos_setting import CALENDAR, Setting
from trading_bot.rehearsal.exchange import Exchange
from trading_bot.rehearsal.ledger import Entry
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.rehearsal.tokens import IssuedSession
from trading_bot.rehearsal.wire import CutOff, Reply, Request, Reset

FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["support.chaos_http"])
"""One process that has loaded all, of which exchanges and daemons are forked."""

_WAIT_S: Final = 60.0


class WatchedExchange(Exchange):
    """Keeps what it was asked, with the faults that each request met."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting.played, CALENDAR, setting.exchange_settings, setting.faults)
        self._kinds = setting.kinds
        self.asked: list[Asked] = []
        self.broken: list[str] = []

    def handle(self, request: Request, now: datetime) -> Reply:
        before = self.faults.fired
        try:
            reply = super().handle(request, now)
        except Exception as error:
            # Its client would take it for one more lost connection.
            self.broken.append(f"the exchange broke at {now}: {error!r}")
            raise
        fired = zip(self._kinds, before, self.faults.fired, strict=True)
        is_order = request.method == "POST" and request.path.startswith("/orders/")
        self.asked.append(
            Asked(
                at=now,
                method=request.method,
                path=request.path,
                kinds=tuple(kind for kind, was, is_now in fired if is_now > was),
                # What the client has when the answer breaks off.
                status=0 if isinstance(reply.fault, Reset | CutOff) else reply.status,
                order=request.body.decode() if is_order else "",
            )
        )
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """All that a day is judged by; `broken` are errors of the exchange itself."""

    report: dict[str, Any]
    asked: list[Asked]
    entries: list[Entry]
    broken: list[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """The exchange's process, from outside; `url` is its door for daemons."""

    url: str
    _pipe: Connection

    def latest(self) -> datetime:
        """The latest time that it was asked for."""
        return self._ask("latest")  # type: ignore[no-any-return]

    def rest(self) -> datetime:
        """As `latest`, once nothing that a dead process sent is still on its way."""
        return self._ask("rest")  # type: ignore[no-any-return]

    def last_asked(self) -> Asked | None:
        """The last request that it answered."""
        return self._ask("last_asked")  # type: ignore[no-any-return]

    def lost_answer(self) -> None:
        """The last request's sender died of it: its answer was never used."""
        self._ask("lost_answer")

    def accepts(self, access_token: str, at: datetime) -> bool:
        """True for a token of the newest session."""
        return self._ask("accepts", access_token, at)  # type: ignore[no-any-return]

    def log_in(self, at: datetime) -> IssuedSession:
        """The session of a new log-in."""
        return self._ask("log_in", at)  # type: ignore[no-any-return]

    def ending(self, at: datetime) -> Ending:
        """What it all came to."""
        return self._ask("ending", at)  # type: ignore[no-any-return]

    def _ask(self, question: str, *arguments: object) -> Any:
        self._pipe.send((question, arguments))
        if not self._pipe.poll(_WAIT_S):
            raise TimeoutError(f"the exchange does not say its {question}")
        return self._pipe.recv()


@contextmanager
def standing_exchange(setting: Setting) -> Iterator[Standing]:
    """The exchange of the day over HTTP, until the block ends."""
    ours, theirs = FORKS.Pipe()
    process = FORKS.Process(target=_serve, args=(setting, theirs), name="exchange")
    process.start()
    theirs.close()
    try:
        yield Standing(ours.recv(), ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(setting: Setting, pipe: Connection) -> None:
    exchange = WatchedExchange(setting)
    server = ExchangeServer(exchange)
    pipe.send(f"http://127.0.0.1:{server.start()}")
    desk = _Desk(exchange, server)
    while True:
        question, arguments = pipe.recv()
        pipe.send(getattr(desk, question)(*arguments))


@dataclass(frozen=True, slots=True)
class _Desk:
    """Answers `Standing`, within the exchange's process."""

    exchange: WatchedExchange
    server: ExchangeServer

    def latest(self) -> datetime:
        return self.exchange.latest

    def rest(self) -> datetime:
        # A dead process's connections end once what it had sent on them is answered.
        listener = self.server._listener
        assert listener is not None
        while True:
            waiting, _, _ = select([listener], [], [], 0)
            serving = [t for t in threading.enumerate() if t.name == "rehearsal-connection"]
            if not waiting and not serving:
                return self.exchange.latest
            for thread in serving:
                thread.join()

    def last_asked(self) -> Asked | None:
        return self.exchange.asked[-1] if self.exchange.asked else None

    def lost_answer(self) -> None:
        self.exchange.asked[-1] = replace(self.exchange.asked[-1], is_last=True)

    def accepts(self, access_token: str, at: datetime) -> bool:
        return self.exchange._tokens.accepts(access_token, at)

    def log_in(self, at: datetime) -> IssuedSession:
        office = self.exchange._tokens
        return office.log_in(office.first_device, at)

    def ending(self, at: datetime) -> Ending:
        exchange = self.exchange
        report = exchange.report(at)
        return Ending(
            report=dict(report),
            asked=exchange.asked,
            entries=list(exchange.brokerage.ledger.entries),
            broken=exchange.broken,
        )
