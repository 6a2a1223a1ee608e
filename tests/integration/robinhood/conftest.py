"""A raw-socket server that misbehaves on demand, and the real robin_stocks pointed at it."""

import asyncio
import json
import random
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from support.robinhood_orders import ACCOUNT
from trading_bot.brokers.robinhood.broker import RobinhoodBroker
from trading_bot.brokers.robinhood.budget import OrderBudget, OrderBudgetSettings
from trading_bot.brokers.robinhood.order_lines import LineMaker, OrderLines
from trading_bot.brokers.robinhood.order_readings import UNKNOWN_OWNERSHIP, Ownership
from trading_bot.brokers.robinhood.transport import (
    Exchange,
    RobinhoodTransport,
    TransportSettings,
)
from trading_bot.runtime.clocks import SystemClock
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.runtime.retry import Retrier

START = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
API = "https://api.robinhood.com"


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def reply(status: int = 200, body: object = None, **headers: str) -> bytes:
    """A whole answer; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "text/html" if content[:1] == b"<" else "application/json"
    fields = {"Content-Type": kind, "Content-Length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content


Script = Callable[[Seen, socket.socket], bytes | None]


@dataclass
class RawServer:
    """Answers each request with what `script` returns; None closes the connection."""

    script: Script = lambda seen, _connection: reply(404, {"detail": "Not found."})
    seen: list[Seen] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def play(self, *answers: bytes | None) -> None:
        """Answer one request after the other; the last answer stays."""
        left = list(answers)
        self.script = lambda _seen, _connection: left.pop(0) if len(left) > 1 else left[0]

    def close(self) -> None:
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while (seen := _read(stream)) is not None:
                    self.seen.append(seen)
                    answer = self.script(seen, connection)
                    if answer is None:
                        return
                    connection.sendall(answer)
                    if b"Connection: close" in answer:
                        return
            except OSError:
                return


def _read(stream: Any) -> Seen | None:
    line = stream.readline().decode()
    if not line:
        return None
    method, target, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (header := stream.readline().decode().rstrip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body)


@pytest.fixture
def server() -> Iterator[RawServer]:
    running = RawServer()
    yield running
    running.close()


@dataclass
class Line:
    """A transport and what it told."""

    transport: RobinhoodTransport
    clock: SystemClock | LockstepClock
    exchanges: list[Exchange]
    printed: list[str]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """`work`'s result; a test that hangs fails after twenty seconds."""

        async def bounded() -> Any:
            async with asyncio.timeout(20):
                return await work

        return asyncio.run(bounded())


MakeLine = Callable[..., Line]


@pytest.fixture
def make_line(server: RawServer) -> Iterator[MakeLine]:
    made: list[Line] = []

    def make(*, is_lockstep: bool = True, **settings: Any) -> Line:
        clock = LockstepClock(START) if is_lockstep else SystemClock()
        exchanges: list[Exchange] = []
        printed: list[str] = []
        settings = {"base_url": server.url, "is_lockstep": is_lockstep} | settings
        transport = RobinhoodTransport(
            clock,
            Retrier(clock, random.Random(1)),
            settings=TransportSettings(**settings),
            on_exchange=exchanges.append,
            printed=printed.append,
        )
        transport.library.log_in("Bearer", "tok-0123456789")
        line = Line(transport, clock, exchanges, printed)
        made.append(line)
        return line

    yield make
    for line in made:
        line.transport.close(1.0)


@dataclass
class Desk(Line):
    """A line with the broker beside it, each on sessions of its own."""

    broker: RobinhoodBroker
    reads: RobinhoodTransport
    lines: OrderLines


@pytest.fixture
def make_desk(server: RawServer, make_line: MakeLine) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(
        *,
        is_lockstep: bool = True,
        budget: OrderBudgetSettings | None = None,
        ownership: Ownership = UNKNOWN_OWNERSHIP,
        **settings: Any,
    ) -> Desk:
        line = make_line(is_lockstep=is_lockstep, **settings)
        settings = {"base_url": server.url, "is_lockstep": is_lockstep} | settings
        maker = LineMaker(
            first=line.transport,
            clock=line.clock,
            retrier=Retrier(line.clock, random.Random(1)),
            settings=TransportSettings(**settings),
            on_exchange=line.exchanges.append,
        )
        reads, lines = maker.make("robinhood-account"), OrderLines(maker)
        line.transport.library.log_in("Bearer", "tok-0123456789")
        broker = RobinhoodBroker(
            reads=reads,
            lines=lines,
            budget=OrderBudget(line.clock, budget),
            account_number=ACCOUNT,
            clock=line.clock,
            ownership=ownership,
        )
        desk = Desk(line.transport, line.clock, line.exchanges, line.printed, broker, reads, lines)
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.lines.close(1.0)
        desk.reads.close(1.0)
