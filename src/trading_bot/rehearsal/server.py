"""The exchange's HTTP door: plain sockets and h11, so that it can also behave badly.

A thread for each connection, kept alive between requests. Time comes from the request's
X-Rehearsal-Now header in lockstep, from a clock when paced.
"""

import argparse
import json
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import h11

from trading_bot.domain.errors import DataError
from trading_bot.market.calendar import NyseCalendar
from trading_bot.rehearsal.brokerage import Plan
from trading_bot.rehearsal.chaos import chaos
from trading_bot.rehearsal.day import load_days
from trading_bot.rehearsal.exchange import BACK_DOOR, Exchange, ExchangeSettings
from trading_bot.rehearsal.faults import FaultScript, load_rules
from trading_bot.rehearsal.generator import MADE_UP_SYMBOLS, made_up_days
from trading_bot.rehearsal.owner import load_actions
from trading_bot.rehearsal.state_file import StateFile
from trading_bot.rehearsal.wire import CutOff, Hang, Reply, Request, Reset, Slow, detail
from trading_bot.runtime.clocks import PacedClock

NOW_HEADER = "x-rehearsal-now"
HANG_HEADER = "X-Rehearsal-Hang"
SLOW_HEADER = "X-Rehearsal-Slow"
CONNECTIONS_MAX = 64
_RECEIVE_BYTES = 65536
_SLOW_PIECES = 10
# SO_LINGER on with a time of 0: close() sends a reset in place of an orderly end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Now(Protocol):
    """Where a paced exchange takes its time from."""

    def now(self) -> datetime:
        """Aware UTC wall time of the day played."""
        ...


class _ConnectionOverError(Exception):
    """This connection takes no further request."""


class ExchangeServer:
    """Serves one exchange on a loopback port; `port` 0 takes a free one.

    `clock` paces it, `speed` times as fast as real time; without one every request must carry
    X-Rehearsal-Now (ISO 8601, Z). In lockstep a hang or a slow body is answered at once and named
    in a header (X-Rehearsal-Hang, X-Rehearsal-Slow: seconds) for the client to charge to its clock.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Now | None = None,
        speed: float = 1.0,
    ) -> None:
        self._exchange = exchange
        self._address = (host, port)
        self._clock = clock
        self._speed = speed
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port it listens on; RuntimeError before start."""
        if self._listener is None:
            raise RuntimeError("the exchange server is not started")
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> int:
        """Listen and serve in the background; the port."""
        self._listener = socket.create_server(self._address, backlog=CONNECTIONS_MAX)
        self._spawn(self._accept, "rehearsal-accept")
        return self.port

    def stop(self) -> None:
        """Close every connection and wait for the threads to end; safe to call twice."""
        self._stopped.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> "ExchangeServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _spawn(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        assert self._listener is not None
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._stopped.is_set() or len(self._connections) >= CONNECTIONS_MAX:
                    connection.close()
                    continue
                self._connections.add(connection)
            self._spawn(lambda one=connection: self._serve(one), "rehearsal-connection")  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = h11.Connection(h11.SERVER)
            while not self._stopped.is_set():
                request = _receive(connection, wire)
                reply, now_known = self._reply(request)
                self._send(connection, wire, reply, request.method, is_lockstep=now_known)
                wire.start_next_cycle()
        except (_ConnectionOverError, OSError, h11.ProtocolError):
            # The client left or spoke no HTTP: nothing to answer.
            return
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _reply(self, request: Request) -> tuple[Reply, bool]:
        """The reply, and whether the client's own clock is master."""
        if self._clock is not None:
            now = self._clock.now()
        else:
            try:
                now = time_asked(request, self._exchange)
            except ValueError as error:
                return detail(400, f"X-Rehearsal-Now: {error}"), True
        with self._lock:
            return self._exchange.handle(request, now), self._clock is None

    def _send(
        self,
        connection: socket.socket,
        wire: h11.Connection,
        reply: Reply,
        method: str,
        *,
        is_lockstep: bool,
    ) -> None:
        body = b"" if method == "HEAD" else reply.body
        headers = reply_headers(reply)
        pieces: Iterable[bytes] = (body,)
        match reply.fault:
            case Reset(after_bytes=None):
                _reset(connection)
            case Reset(after_bytes=int(count)) | CutOff(keep_bytes=count):
                connection.sendall(_head(wire, reply.status, headers) + body[:count])
                if isinstance(reply.fault, Reset):
                    _reset(connection)
                raise _ConnectionOverError
            case Hang(seconds=seconds) if not is_lockstep:
                self._wait(seconds)
            case Slow(seconds=seconds) if not is_lockstep:
                pieces = self._slowly(body, seconds)
            case _:
                pass
        data = _head(wire, reply.status, headers)
        for piece in pieces:
            if data and isinstance(reply.fault, Slow):
                connection.sendall(data)
                data = b""
            data += wire.send(h11.Data(data=piece)) or b""
        connection.sendall(data + (wire.send(h11.EndOfMessage()) or b""))

    def _slowly(self, body: bytes, seconds: float) -> Iterable[bytes]:
        size = max(1, -(-len(body) // _SLOW_PIECES))
        for start in range(0, len(body), size):
            yield body[start : start + size]
            self._wait(seconds / _SLOW_PIECES)

    def _wait(self, seconds: float) -> None:
        """Hold the connection that long in the day's own seconds, or until stopped."""
        if self._stopped.wait(seconds / self._speed):
            raise _ConnectionOverError


def reply_headers(reply: Reply) -> list[tuple[str, str]]:
    """The headers a door sends; a hang or a slow body is always named for a lockstep client."""
    headers = [
        ("Content-Type", reply.content_type),
        ("Content-Length", str(len(reply.body))),
        *reply.headers.items(),
    ]
    if isinstance(reply.fault, Hang):
        headers.append((HANG_HEADER, f"{reply.fault.seconds:g}"))
    if isinstance(reply.fault, Slow):
        headers.append((SLOW_HEADER, f"{reply.fault.seconds:g}"))
    return headers


def _head(wire: h11.Connection, status: int, headers: list[tuple[str, str]]) -> bytes:
    return wire.send(h11.Response(status_code=status, headers=headers)) or b""


def _receive(connection: socket.socket, wire: h11.Connection) -> Request:
    """The next request, whole; _ConnectionOverError when the client is done."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            wire.receive_data(connection.recv(_RECEIVE_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
            return Request(head.method.decode(), head.target.decode("latin-1"), headers, body)
        else:
            raise _ConnectionOverError


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()
    raise _ConnectionOverError


def time_asked(request: Request, exchange: Exchange) -> datetime:
    """The time a lockstep request is for; one through the back door may leave it out."""
    text = request.headers.get(NOW_HEADER, "")
    if not text and request.path.startswith(BACK_DOOR):
        return exchange.latest
    return time_of(text)


def time_of(text: str) -> datetime:
    """The time an X-Rehearsal-Now header names; ValueError when there is none."""
    if not text:
        raise ValueError("expected the time to answer for, the header is missing")
    now = datetime.fromisoformat(text)
    if now.tzinfo is None:
        raise ValueError(f"expected a time with a zone, got {text!r}")
    return now.astimezone(UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the days until SIGTERM or SIGINT; the first line printed says on which port."""
    options = _parser().parse_args(arguments)
    try:
        exchange = _exchange_of(options)
    except (DataError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    clock = None if options.speed is None else PacedClock(exchange.latest, options.speed)
    server = ExchangeServer(exchange, port=options.port, clock=clock, speed=options.speed or 1.0)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    port = server.start()
    sys.stdout.write(json.dumps({"port": port, **exchange.summary()}) + "\n")
    sys.stdout.flush()
    stop.wait()
    server.stop()
    return 0


def _exchange_of(options: argparse.Namespace) -> Exchange:
    """The exchange the options ask for. Raises DataError, OSError."""
    calendar = NyseCalendar()
    if options.day:
        days = load_days(options.day, calendar, options.symbols)
    else:
        symbols = options.symbols or MADE_UP_SYMBOLS
        days = made_up_days(options.seed, calendar, symbols=symbols)
    rules = load_rules(options.faults) if options.faults else ()
    actions = load_actions(options.owner) if options.owner else ()
    if options.chaos is not None:
        for day in days:
            drawn = chaos(options.chaos, day.session, list(day.symbols))
            rules, actions = (*rules, *drawn.rules), (*actions, *drawn.owner)
    settings = ExchangeSettings(seed=options.seed, plan=Plan(owner=actions))
    state = StateFile(options.state) if options.state else None
    return Exchange(days, calendar, settings, FaultScript(rules), state)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trading_bot.rehearsal.server",
        description="Serve the rehearsal exchange on loopback, as a process of its own.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--day", type=Path, nargs="+", metavar="FILE", help="bar files; without: made-up days"
    )
    parser.add_argument("--symbols", nargs="+", default=[], help="play only these")
    parser.add_argument("--seed", type=int, default=0, help="of made-up days, tokens and ids")
    parser.add_argument("--speed", type=float, help="paced; without: lockstep")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="a fault script in JSON")
    parser.add_argument("--chaos", type=int, metavar="SEED", help="faults and an owner by chance")
    parser.add_argument("--owner", type=Path, metavar="FILE", help="what the owner does, in JSON")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="remember orders here, over a kill and a restart"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
