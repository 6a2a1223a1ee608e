"""The HTTP door on real sockets: keep-alive, time, and every transport fault."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
import requests

from support.rehearsal import Client, after_open, flat_day
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.server import ExchangeServer


class _StillClock:
    """A paced exchange's clock that stands at one moment."""

    def now(self) -> datetime:
        return after_open(5)


@contextmanager
def _serving(
    *faults: menu.AnyFault, paced: bool = False, speed: float = 1.0, count: int | None = None
) -> Iterator[tuple[ExchangeServer, requests.Session]]:
    client = Client(flat_day(), rules=[FaultRule(fault=fault, count=count) for fault in faults])
    clock = _StillClock() if paced else None
    with (
        ExchangeServer(client.exchange, clock=clock, speed=speed) as server,
        requests.Session() as session,
    ):
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {client.token}"
        if not paced:
            session.headers["X-Rehearsal-Now"] = after_open(3).isoformat()
        yield server, session


def _get(
    server: ExchangeServer, session: requests.Session, timeout: float = 10
) -> requests.Response:
    url = f"http://127.0.0.1:{server.port}/quotes/"
    return session.get(url, params={"symbols": "AAPL"}, timeout=timeout)


def test_one_connection_serves_many_requests() -> None:
    """The connection is kept: one socket at the server for all of a client's requests."""
    with _serving() as (server, session):
        for _ in range(5):
            assert _get(server, session).status_code == 200
        assert len(server._connections) == 1


def test_lockstep_time_comes_from_the_request() -> None:
    """The quote is of the time the header names; without it, or with a bad one, a 400 says so."""
    with _serving() as (server, session):
        assert _get(server, session).json()["results"][0]["updated_at"] == "2023-05-25T13:33:00Z"
        for wrong in ("", "yesterday", "2023-05-25T13:33:00"):
            session.headers["X-Rehearsal-Now"] = wrong
            answer = _get(server, session)
            assert answer.status_code == 400
            assert "X-Rehearsal-Now" in answer.json()["detail"]


def test_paced_time_comes_from_the_clock() -> None:
    """A paced exchange looks at its own clock, whatever the request says."""
    with _serving(paced=True) as (server, session):
        session.headers["X-Rehearsal-Now"] = after_open(300).isoformat()

        assert _get(server, session).json()["results"][0]["updated_at"] == "2023-05-25T13:35:00Z"


def test_a_hang_in_lockstep_is_named_at_once() -> None:
    """No time passes; the header tells the client what to charge to its clock."""
    with _serving(menu.Hangs(3600.0)) as (server, session):
        assert _get(server, session).headers["X-Rehearsal-Hang"] == "3600"


def test_a_slow_body_in_lockstep_is_named_at_once() -> None:
    """Likewise for a body that drips."""
    with _serving(menu.SlowBody(3600.0)) as (server, session):
        assert _get(server, session).headers["X-Rehearsal-Slow"] == "3600"


def test_a_hang_when_paced_holds_the_reply() -> None:
    """The client's read deadline passes; stopping the server does not wait for the hang."""
    with (
        _serving(menu.Hangs(3600.0), paced=True) as (server, session),
        pytest.raises(requests.exceptions.ReadTimeout),
    ):
        _get(server, session, timeout=0.2)


def test_a_hang_is_in_the_day_s_own_seconds() -> None:
    """At a thousand times real time sixty seconds pass unnoticed."""
    with _serving(menu.Hangs(60.0), paced=True, speed=1000) as (server, session):
        assert _get(server, session).status_code == 200


def test_a_slow_body_when_paced_arrives_whole() -> None:
    """Piece by piece, and complete."""
    with _serving(menu.SlowBody(60.0), paced=True, speed=1000) as (server, session):
        assert _get(server, session).json()["results"][0]["symbol"] == "AAPL"


@pytest.mark.parametrize("paced", [False, True])
def test_a_reset_breaks_the_connection(paced: bool) -> None:
    """The client sees a reset; a new connection is served."""
    with _serving(menu.ResetConnection(), paced=paced, count=1) as (server, session):
        with pytest.raises(requests.ConnectionError, match="reset"):
            _get(server, session)
        assert _get(server, session).status_code == 200


@pytest.mark.parametrize("fault", [menu.BodyCutOff(7), menu.ResetConnection(7)])
def test_a_body_cut_short_is_noticed(fault: menu.AnyFault) -> None:
    """Fewer bytes than promised: the client's reading fails; the next request is served."""
    with _serving(fault, count=1) as (server, session):
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
            _get(server, session)
        assert _get(server, session).status_code == 200


def test_truncated_json_arrives_as_a_whole_reply() -> None:
    """HTTP is content, JSON is not."""
    with _serving(menu.TruncatedJson(9)) as (server, session):
        assert len(_get(server, session).content) == 9


def test_what_is_no_http_is_dropped() -> None:
    """A client that speaks something else is cut off, others are served."""
    with _serving() as (server, session):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as stranger:
            stranger.sendall(b"\x16\x03\x01 no http\r\n\r\n")
            assert stranger.recv(100) == b""
        assert _get(server, session).status_code == 200


def test_clients_are_served_side_by_side() -> None:
    """A client held by a hang does not hold another one."""
    with _serving(menu.Hangs(3600.0), paced=True, count=1) as (server, session):
        held = threading.Thread(target=lambda: _swallow(server, session))
        held.start()
        while not server._exchange._faults.fired[0]:
            held.join(0.001)
        with requests.Session() as other:
            other.headers.update(session.headers)
            assert _get(server, other).status_code == 200
        server.stop()
        held.join()


def _swallow(server: ExchangeServer, session: requests.Session) -> None:
    with pytest.raises(requests.ConnectionError):
        _get(server, session, timeout=60)


def test_stopping_frees_the_port_and_ends_the_threads() -> None:
    """After stop, which may be called twice, nothing listens and no thread is left."""
    with _serving() as (server, session):
        port = server.port
        _get(server, session)
        server.stop()
        server.stop()

        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        assert not [one for one in server._threads if one.is_alive()]
        again = ExchangeServer(server._exchange, port=port)
        assert again.start() == port
        again.stop()


def test_a_server_not_started_has_no_port() -> None:
    """Asking for the port too early is an error that says so."""
    with pytest.raises(RuntimeError, match="not started"):
        _ = ExchangeServer(Client(flat_day()).exchange).port
