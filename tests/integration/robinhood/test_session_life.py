"""A session is loaded, used, renewed and lost against a server, with the real robin_stocks."""

import asyncio
import base64
import json
import pickle
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from trading_bot.brokers.robinhood import session_file
from trading_bot.brokers.robinhood.grants import CLIENT_ID
from trading_bot.brokers.robinhood.refresh import LoginNeededError, SessionKeeper
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import (
    NAME,
    SessionFile,
    SessionFileError,
    SessionNotStoredError,
)
from trading_bot.domain.errors import (
    DataError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
)

START = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
API = "https://api.robinhood.com"

MakeLine = Any
RawServer = Any


def jwt(name: str, ends_at: datetime) -> str:
    claims = json.dumps({"exp": ends_at.timestamp(), "name": name, "pad": "x" * 300}).encode()
    return f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"


OLD = BrokerSession(
    access_token=jwt("old", START + timedelta(hours=1)),
    token_type="Bearer",
    refresh_token="refresh-canary-old",
    device_token="device-canary",
    expires_at=START + timedelta(hours=1),
    obtained_at=START - timedelta(days=1),
)
NEW = {
    "access_token": jwt("new", START + timedelta(days=5)),
    "refresh_token": "refresh-canary-new",
    "token_type": "Bearer",
    "expires_in": 86_400,
    "scope": "internal",
    "mfa_code": None,
}


def answer(status: int, body: object) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


@pytest.fixture
def file(tmp_path: Path) -> SessionFile:
    stored = SessionFile(tmp_path / NAME)
    stored.save(OLD)
    return stored


def test_loaded_session_is_used_without_a_login(
    server: RawServer, make_line: MakeLine, file: SessionFile
) -> None:
    """The daemon starts from the file alone; the server sees its token."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    server.play(answer(200, {}))

    line.run(keeper.start())
    line.run(line.transport.get_json(f"{API}/markets/"))

    assert server.seen[0].headers["authorization"] == f"Bearer {OLD.access_token}"
    assert [seen.target for seen in server.seen] == ["/markets/"]


def test_file_written_by_the_library_starts_the_daemon(
    server: RawServer, make_line: MakeLine, tmp_path: Path
) -> None:
    """Four strings without an expiry: the token's own word says when it ends."""
    path = tmp_path / NAME
    four = ("access_token", "token_type", "refresh_token", "device_token")
    path.write_bytes(pickle.dumps({name: getattr(OLD, name) for name in four}))
    path.chmod(0o600)
    line = make_line()
    keeper = SessionKeeper(line.transport, SessionFile(path), line.clock)

    line.run(keeper.start())

    assert keeper.is_due(timedelta(hours=2))
    assert not keeper.is_due(timedelta(minutes=30))


def test_missing_session_is_refused(make_line: MakeLine, tmp_path: Path) -> None:
    """Without a file nothing is used, and the way out is named."""
    line = make_line()
    keeper = SessionKeeper(line.transport, SessionFile(tmp_path / NAME), line.clock)

    with pytest.raises(SessionFileError, match="must log in"):
        line.run(keeper.start())
    assert keeper.is_due()


def test_renewed_pair_is_on_disk_before_it_is_used(
    server: RawServer, make_line: MakeLine, file: SessionFile
) -> None:
    """The old pair is dead once the new one is given: it is stored first, then used."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    stored_when_used: list[str] = []
    library = line.transport.library
    used = library.log_in

    def log_in(token_type: str, access_token: str) -> None:
        stored_when_used.append(file.load().access_token)
        used(token_type, access_token)

    library.log_in = log_in
    server.play(answer(200, NEW), answer(200, {}))

    line.run(keeper.start())
    line.run(keeper.renew())
    line.run(line.transport.get_json(f"{API}/markets/"))

    assert stored_when_used == [OLD.access_token, NEW["access_token"]]
    assert server.seen[1].headers["authorization"] == f"Bearer {NEW['access_token']}"
    assert file.load().expires_at == START + timedelta(days=1)
    assert SessionFile(file.previous_path).load() == OLD
    line.run(keeper.prove())
    assert not file.previous_path.exists()


def test_refresh_form_is_what_robinhood_expects(
    server: RawServer, make_line: MakeLine, file: SessionFile
) -> None:
    """A form with the refresh grant, the same device, and no old token in the header."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    server.play(answer(200, NEW))

    line.run(keeper.start())
    line.run(keeper.renew())

    seen = server.seen[0]
    form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
    assert (seen.method, seen.target) == ("POST", "/oauth2/token/")
    assert seen.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert "authorization" not in seen.headers
    assert form == {
        "grant_type": "refresh_token",
        "refresh_token": OLD.refresh_token,
        "scope": "internal",
        "client_id": CLIENT_ID,
        "device_token": OLD.device_token,
        "expires_in": "86400",
    }


PENDING = {"verification_workflow": {"id": "w", "workflow_status": "pending"}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (answer(400, {"error": "invalid_grant"}), LoginNeededError),
        (answer(401, {"detail": "Invalid refresh token."}), LoginNeededError),
        (answer(403, PENDING), LoginNeededError),
        (answer(200, PENDING), LoginNeededError),
        (answer(429, {"detail": "Expected available in 9 seconds."}), RetryableError),
        (answer(503, b"<html>"), RetryableError),
        (answer(200, b"<html>"), RetryableError),
        (None, RetryableError),
        (answer(200, {"mfa_required": True}), DataError),
        (answer(200, NEW | {"refresh_token": None}), DataError),
        (answer(404, {}), DataError),
    ],
)
def test_refresh_that_fails_keeps_the_old_session(
    server: RawServer,
    make_line: MakeLine,
    file: SessionFile,
    content: bytes | None,
    expected: type[TradingBotError],
) -> None:
    """Refused, unreachable or unreadable: file and token in use stay, and no secret is told."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    server.play(content)

    line.run(keeper.start())
    with pytest.raises(expected) as caught:
        line.run(keeper.renew())

    assert file.load() == OLD
    assert keeper.session == OLD
    assert "canary" not in f"{caught.value!r} {line.exchanges}"
    with file.lock():
        pass


def test_session_renewed_by_another_process_is_taken_over(
    server: RawServer, make_line: MakeLine, file: SessionFile
) -> None:
    """The file has a newer pair than we use: it is used, and not renewed once more."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    line.run(keeper.start())
    theirs = BrokerSession(
        access_token=jwt("theirs", START + timedelta(days=3)),
        token_type="Bearer",
        refresh_token="refresh-canary-theirs",
        device_token="device-canary",
    )
    file.save(theirs)

    line.run(keeper.renew())

    assert server.seen == []
    assert keeper.session == theirs


def test_renewal_beside_another_one_waits(
    server: RawServer, make_line: MakeLine, file: SessionFile
) -> None:
    """While another process holds the file nothing is sent."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    line.run(keeper.start())

    with SessionFile(file.path).lock(), pytest.raises(RetryableError, match="another process"):
        line.run(keeper.renew())
    assert server.seen == []


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_stops_a_renewal_before_it_costs_the_session(
    server: RawServer, make_line: MakeLine, file: SessionFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Robinhood forgets the old pair when it gives the new one: it is not even asked."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    line.run(keeper.start())
    monkeypatch.setattr(session_file.os, "fsync", no_space)

    with pytest.raises(RetryableError, match="No space"):
        line.run(keeper.renew())

    assert server.seen == []
    assert keeper.session == file.load() == OLD
    assert keeper.problem == ""


def unstored(
    server: RawServer, line: Any, file: SessionFile, disk: pytest.MonkeyPatch
) -> SessionKeeper:
    """A keeper whose disk failed after Robinhood had given the new pair."""
    keeper = SessionKeeper(line.transport, file, line.clock)
    server.play(answer(200, NEW), answer(200, {}))
    line.run(keeper.start())
    disk.setattr(SessionFile, "save", _failing_save)
    line.run(keeper.renew())
    return keeper


def _failing_save(*_: object) -> None:
    raise SessionNotStoredError("No space left on device")


def test_a_pair_that_cannot_be_stored_is_used_and_stored_later(
    server: RawServer, make_line: MakeLine, file: SessionFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one is dead: the daemon goes on with what it has, and says so until it is safe."""
    line = make_line()
    with monkeypatch.context() as disk:
        keeper = unstored(server, line, file, disk)

        line.run(line.transport.get_json(f"{API}/markets/"))
        assert server.seen[-1].headers["authorization"] == f"Bearer {NEW['access_token']}"
        assert file.load() == OLD
        assert "could not be stored" in keeper.problem
        assert not line.run(keeper.look())
        with pytest.raises(RetryableError):
            line.run(keeper.store())

    line.run(keeper.store())
    assert keeper.is_stored
    assert keeper.problem == ""
    assert file.load() == keeper.session
    assert not line.run(keeper.look())


def test_a_pair_in_memory_alone_is_never_given_up_for_the_dead_one_in_the_file(
    server: RawServer, make_line: MakeLine, file: SessionFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal stores it first; on a disk that is still full nothing is sent."""
    line = make_line()
    with monkeypatch.context() as disk:
        keeper = unstored(server, line, file, disk)
        with pytest.raises(RetryableError):
            line.run(keeper.renew())
        assert keeper.session is not None
        assert keeper.session.access_token == NEW["access_token"]
        assert len(server.seen) == 1

    newer = NEW | {"access_token": jwt("newer", START + timedelta(days=6))}
    server.play(answer(200, newer))
    line.run(keeper.renew())

    assert NEW["refresh_token"] in server.seen[-1].body.decode()
    assert file.load().access_token == newer["access_token"]


def test_a_log_in_takes_the_place_of_a_pair_that_is_not_stored(
    server: RawServer, make_line: MakeLine, file: SessionFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person has put into the file is not written over."""
    line = make_line()
    with monkeypatch.context() as disk:
        keeper = unstored(server, line, file, disk)
    theirs = replace(OLD, access_token=jwt("theirs", START + timedelta(days=3)))
    SessionFile(file.path).save(theirs)

    line.run(keeper.store())
    assert line.run(keeper.look())

    assert keeper.session == file.load() == theirs
    assert keeper.is_stored


def test_a_stop_waits_for_the_answer_to_a_renewal(
    server: RawServer, make_line: MakeLine, file: SessionFile
) -> None:
    """Broken off, the pair Robinhood has just given would be lost, and with it the session."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    asked = threading.Event()

    def script(_seen: Any, _connection: object) -> bytes:
        asked.set()
        assert server.released.wait(10)
        return answer(200, NEW)

    server.script = script

    async def stop() -> None:
        await keeper.start()
        renewing = asyncio.ensure_future(keeper.renew())
        await asyncio.to_thread(asked.wait, 10)
        renewing.cancel()
        await asyncio.sleep(0)
        server.released.set()
        with pytest.raises(asyncio.CancelledError):
            await renewing

    line.run(stop())

    assert file.load().access_token == NEW["access_token"]


def test_session_lost_in_mid_run_is_renewed_and_works(
    server: RawServer, make_line: MakeLine, file: SessionFile
) -> None:
    """A 401, one renewal, and the same read is answered."""
    line = make_line()
    keeper = SessionKeeper(line.transport, file, line.clock)
    server.script = lambda seen, _connection: (
        answer(200, NEW)
        if seen.method == "POST"
        else answer(200, {"ok": True})
        if seen.headers.get("authorization") == f"Bearer {NEW['access_token']}"
        else answer(401, {"detail": "Invalid token."})
    )
    line.run(keeper.start())

    with pytest.raises(SessionExpiredError):
        line.run(line.transport.get_json(f"{API}/markets/"))
    line.run(keeper.renew())

    assert line.run(line.transport.get_json(f"{API}/markets/")) == {"ok": True}
