"""The real robin_stocks session against a server that misbehaves: an outage is never an answer."""

import gzip
import json
import socket
import struct
import time
from typing import Any

import pytest

from trading_bot.brokers.robinhood.account import RobinhoodAccount
from trading_bot.brokers.robinhood.quotes import RobinhoodQuoteSource
from trading_bot.brokers.robinhood.transport import TransportSettings
from trading_bot.domain.errors import (
    ConfigError,
    DataError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
)
from trading_bot.runtime.retry import ONCE

API = "https://api.robinhood.com"
ACCOUNT = "5CANARY77"
TOKEN = "eyJcanarycanary.eyJsecretsecret.signaturesignature"

# conftest's helpers come as fixtures: in importlib mode tests do not import one another.
MakeLine = Any
RawServer = Any


def answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def reset(_seen: Any, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


HTML = b"<html><body>Bad gateway</body></html>"
DETAIL = b'{"detail": "No."}'
FAULTS: dict[str, tuple[Any, type[TradingBotError]]] = {
    "400": (answer(400, DETAIL), DataError),
    "401": (answer(401, b'{"detail":"Invalid token."}'), SessionExpiredError),
    "402": (answer(402, DETAIL), DataError),
    "403": (answer(403, DETAIL), DataError),
    "404": (answer(404, DETAIL), DataError),
    "408": (answer(408, DETAIL), RetryableError),
    "429": (answer(429, DETAIL), RetryableError),
    "500": (answer(500, HTML), RetryableError),
    "502": (answer(502, HTML), RetryableError),
    "503": (answer(503, b""), RetryableError),
    "304": (answer(304, b""), DataError),
    "200 with HTML": (answer(200, HTML, "Content-Type: text/html"), RetryableError),
    "200 and empty": (answer(200, b""), RetryableError),
    "200, torn JSON": (answer(200, b'{"results": [{"sym'), RetryableError),
    "200, body cut short": (
        b"HTTP/1.1 200 X\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{}",
        RetryableError,
    ),
    "200, chunk cut short": (
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n40\r\n{}",
        RetryableError,
    ),
    "200, broken gzip": (
        answer(200, b"not gzip at all", "Content-Encoding: gzip"),
        RetryableError,
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\nConnection: close\r\n\r\n", RetryableError),
    "closed": (None, RetryableError),
    "JSON null": (answer(200, b"null"), DataError),
    "JSON list": (answer(200, b"[]"), DataError),
    "results missing": (answer(200, b"{}"), DataError),
    "results null": (answer(200, b'{"results": null}'), DataError),
    "results an object": (answer(200, b'{"results": {}}'), DataError),
}


@pytest.mark.parametrize("call", ["quotes", "fundamentals", "historicals", "positions"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_its_error_and_never_an_empty_answer(
    server: RawServer, make_line: MakeLine, fault: str, call: str
) -> None:
    """Each way to fail raises what says what to do next, for every call that returns many."""
    line = make_line()
    content, expected = FAULTS[fault]
    server.play(content)
    source = RobinhoodQuoteSource(line.transport)
    account = RobinhoodAccount(line.transport, ACCOUNT, line.clock)
    calls = {
        "quotes": lambda: source.quotes(["AAPL"]),
        "fundamentals": lambda: source.fundamentals(["AAPL"]),
        "historicals": lambda: source.historicals(["AAPL"], "5minute"),
        "positions": account.positions,
    }

    with pytest.raises(expected):
        line.run(calls[call]())


@pytest.mark.parametrize("call", ["hours", "account"])
@pytest.mark.parametrize("fault", [name for name in FAULTS if not name.startswith("results")])
def test_fault_of_a_single_object_is_its_error(
    server: RawServer, make_line: MakeLine, fault: str, call: str
) -> None:
    """Hours and account likewise."""
    line = make_line()
    content, expected = FAULTS[fault]
    server.play(content)
    source = RobinhoodQuoteSource(line.transport)
    account = RobinhoodAccount(line.transport, ACCOUNT, line.clock)
    work = source.hours(line.clock.now().date()) if call == "hours" else account.account()

    with pytest.raises(expected):
        line.run(work)


def test_reset_connection_is_retryable(server: RawServer, make_line: MakeLine) -> None:
    """A connection reset after the request is no answer."""
    line = make_line()
    server.script = reset

    with pytest.raises(RetryableError):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))


def test_refused_connection_is_retryable(server: RawServer, make_line: MakeLine) -> None:
    """Nobody listening is no answer either, and is counted as an exchange without status."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    line = make_line(base_url=f"http://127.0.0.1:{port}")

    with pytest.raises(RetryableError, match="ConnectionError"):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))
    assert [exchange.status for exchange in line.exchanges] == [None]


def test_silent_server_is_given_up_after_the_read_timeout(
    server: RawServer, make_line: MakeLine
) -> None:
    """No request can block for ever, whatever the library's own default is."""
    line = make_line(read_timeout_s=0.2)
    server.script = lambda _seen, _connection: server.released.wait(10) and None
    began = time.monotonic()

    with pytest.raises(RetryableError, match="Timeout"):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))
    assert time.monotonic() - began < 2


def test_dripping_body_is_given_up_after_the_total_timeout(
    server: RawServer, make_line: MakeLine
) -> None:
    """A body that comes a byte at a time, each within the read timeout, is bounded as a whole."""
    line = make_line(read_timeout_s=1.0, total_timeout_s=0.3)

    def drip(_seen: Any, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 5000\r\n\r\n")
        while not server.released.wait(0.02):
            connection.sendall(b" ")

    server.script = drip
    began = time.monotonic()

    with pytest.raises(RetryableError, match="not whole"):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))
    assert time.monotonic() - began < 2


def test_dripping_headers_are_given_up_though_the_thread_still_waits(
    server: RawServer, make_line: MakeLine
) -> None:
    """Headers that come one by one outlive every deadline of a socket; the caller is told."""
    line = make_line(is_lockstep=False, read_timeout_s=1.0, hang_timeout_s=0.5)

    def drip(_seen: Any, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\n")
        while not server.released.wait(0.02):
            connection.sendall(b"X: x\r\n")

    server.script = drip
    began = time.monotonic()

    with pytest.raises(RetryableError, match="hangs"):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))
    assert time.monotonic() - began < 2
    server.released.set()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (answer(429, DETAIL, "Retry-After: 7"), 7.0),
        (answer(429, b'{"detail":"Request was throttled. Expected available in 14 seconds."}'), 14),
        (answer(503, DETAIL, "Retry-After: Mon, 23 Nov 2026 14:30:30 GMT"), 30.0),
        (answer(503, DETAIL, "Retry-After: Mon, 23 Nov 2026 14:00:00 GMT"), 0.0),
        (answer(503, DETAIL, "Retry-After: Mon, 23 Nov 2026 14:30:30 -0000"), 30.0),
        (answer(429, DETAIL, "Retry-After: soon"), None),
        (answer(429, DETAIL, "Retry-After: nan"), None),
        (answer(429, DETAIL), None),
    ],
)
def test_wait_the_server_asks_for_is_kept(
    server: RawServer, make_line: MakeLine, content: bytes, expected: float | None
) -> None:
    """Retry-After as seconds or date, or the sentence in the body, is in the error."""
    line = make_line()
    server.play(content)

    with pytest.raises(RetryableError) as caught:
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))
    assert caught.value.retry_after_s == expected
    assert line.exchanges[0].retry_after_s == expected


def test_read_is_repeated_after_the_wait_the_server_asked_for(
    server: RawServer, make_line: MakeLine
) -> None:
    """A throttled read waits on the clock and then gets its answer."""
    line = make_line()
    server.play(answer(429, DETAIL, "Retry-After: 7"), answer(503, HTML), answer(200, b'{"a": 1}'))

    found = line.run(line.transport.get_json(f"{API}/markets/"))

    assert found == {"a": 1}
    assert [exchange.status for exchange in line.exchanges] == [429, 503, 200]
    assert 7 <= line.clock.monotonic() < 9


def test_nothing_is_sent_while_quiet_is_asked_for(server: RawServer, make_line: MakeLine) -> None:
    """After "wait 14 seconds" every other read fails at once, unsent, until they are over."""
    line = make_line()
    server.play(answer(429, DETAIL, "Retry-After: 14"), answer(200, b"{}"))

    def poll() -> Any:
        return line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))

    with pytest.raises(RetryableError, match="429"):
        poll()
    line.run(line.clock.sleep(10))
    with pytest.raises(RetryableError, match="nothing was sent") as caught:
        poll()

    assert caught.value.retry_after_s == 4
    assert len(server.seen) == 1
    line.run(line.clock.sleep(4))
    assert poll() == {}


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_compressed_body_in_any_pieces_is_whole(
    server: RawServer, make_line: MakeLine, piece: int
) -> None:
    """Chunks that cut the compressed stream anywhere give the same answer."""
    line = make_line()
    packed = gzip.compress(json.dumps({"results": list(range(500))}).encode())
    chunks = [packed[start : start + piece] for start in range(0, len(packed), piece)]
    body = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    head = b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.play(head + body + b"0\r\n\r\n")

    assert line.run(line.transport.get_json(f"{API}/quotes/")) == {"results": list(range(500))}


def test_later_transport_keeps_its_token(server: RawServer, make_line: MakeLine) -> None:
    """Closing a transport whose session another has taken over does not log that one out."""
    first, second = make_line(), make_line()
    server.play(answer(200, b"{}"))

    first.transport.close()

    assert second.run(second.transport.get_json(f"{API}/quotes/")) == {}
    assert "authorization" in server.seen[0].headers


def test_refusals_are_not_repeated(server: RawServer, make_line: MakeLine) -> None:
    """What would be refused again is asked once."""
    line = make_line()
    server.play(answer(403, DETAIL))

    with pytest.raises(DataError, match="403"):
        line.run(line.transport.get_json(f"{API}/markets/"))
    assert len(server.seen) == 1


def test_token_and_library_headers_are_sent(server: RawServer, make_line: MakeLine) -> None:
    """The server sees the library's own session: its agent, its version header, our token."""
    line = make_line()
    server.play(answer(200, b"{}"))

    line.run(line.transport.get_json(line.transport.urls.quotes_url(), {"symbols": "A,B"}))

    seen = server.seen[0]
    assert seen.target.startswith("/quotes/?symbols=A")
    assert seen.headers["authorization"] == "Bearer tok-0123456789"
    assert seen.headers["user-agent"] == "*"
    assert "x-robinhood-api-version" in seen.headers


def test_virtual_time_is_sent_in_lockstep_only(server: RawServer, make_line: MakeLine) -> None:
    """The exchange is told the daemon's time; Robinhood itself never is."""
    server.play(answer(200, b"{}"))

    for is_lockstep in (True, False):
        line = make_line(is_lockstep=is_lockstep)
        line.run(line.transport.get_json(f"{API}/markets/"))

    assert server.seen[0].headers["x-rehearsal-now"] == "2026-11-23T14:30:00.000000Z"
    assert "x-rehearsal-now" not in server.seen[1].headers


def test_rehearsed_hang_costs_virtual_time_only(server: RawServer, make_line: MakeLine) -> None:
    """A marked answer is a timeout after the read timeout on the clock, at once in real time."""
    line = make_line(read_timeout_s=5.0)
    server.play(answer(200, b"{}", "X-Rehearsal-Hang: 30"))

    with pytest.raises(RetryableError, match="within 5 s"):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))
    assert line.clock.monotonic() == 5


def test_rehearsed_slowness_costs_its_time_and_answers(
    server: RawServer, make_line: MakeLine
) -> None:
    """A hang shorter than the timeout is a slow answer."""
    line = make_line(read_timeout_s=5.0)
    server.play(answer(200, b"{}", "X-Rehearsal-Hang: 2"))

    assert line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE)) == {}
    assert line.clock.monotonic() == 2


@pytest.mark.parametrize("marked", ["soon", "-1", "nan"])
def test_unreadable_mark_of_the_exchange_is_refused(
    server: RawServer, make_line: MakeLine, marked: str
) -> None:
    """A hang of no length is a fault of the exchange, and is said."""
    line = make_line()
    server.play(answer(200, b"{}", f"X-Rehearsal-Hang: {marked}"))

    with pytest.raises(DataError, match="X-Rehearsal-Hang"):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))


def test_marks_of_the_exchange_mean_nothing_from_robinhood(
    server: RawServer, make_line: MakeLine
) -> None:
    """Only an exchange we were told of may make us wait by a header."""
    line = make_line()
    line.transport.is_rehearsed = False
    server.play(answer(200, b"{}", "X-Rehearsal-Hang: 30"))

    assert line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE)) == {}
    assert line.clock.monotonic() == 0


def test_endless_body_is_cut_off(
    server: RawServer, make_line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer larger than any real one does not fill the memory."""
    monkeypatch.setattr("trading_bot.brokers.robinhood.transport.BODY_BYTES_MAX", 1000)
    line = make_line()
    server.play(answer(200, b" " * 2000))

    with pytest.raises(DataError, match="longer than 1000 bytes"):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))


@pytest.mark.parametrize(
    "url", ["https://api.robinhood.com:port/", "https://", "quotes", "file:///etc/passwd"]
)
def test_address_that_is_none_is_refused(server: RawServer, make_line: MakeLine, url: str) -> None:
    """What cannot be an address of Robinhood is a data error, not a crash."""
    line = make_line()

    with pytest.raises(DataError):
        line.run(line.transport.get_json(url, None, ONCE))
    assert server.seen == []


def test_redirect_keeps_the_token_on_our_hosts(server: RawServer, make_line: MakeLine) -> None:
    """The form without a slash is redirected to the one with it and still authorised."""
    line = make_line()
    server.play(
        answer(301, b"", f"Location: {API}/accounts/5ABC/"),
        answer(200, b'{"account_number": "5ABC"}'),
    )

    line.run(line.transport.get_json(line.transport.urls.account_profile_url("5ABC")))

    assert server.seen[1].target == "/accounts/5ABC/"
    assert server.seen[1].headers["authorization"] == "Bearer tok-0123456789"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/quotes/",
        "http://api.robinhood.com/quotes/",
        "https://api.robinhood.com.evil.example/",
        "https://robinhood.com@evil.example/",
        "https://user:pw@api.robinhood.com/",
        "https://api.robinhood.com:8443/",
        "https://evilrobinhood.com/",
        "//evil.example/",
        "https://evil.example\\.robinhood.com/",
    ],
)
def test_foreign_redirect_is_refused(server: RawServer, make_line: MakeLine, location: str) -> None:
    """Nothing is sent to a host that is not Robinhood's, over TLS, on its own port."""
    line = make_line()
    server.play(answer(302, b"", f"Location: {location}"))

    with pytest.raises(DataError, match="refused"):
        line.run(line.transport.get_json(f"{API}/quotes/"))
    assert len(server.seen) == 1


def test_endless_redirects_end(server: RawServer, make_line: MakeLine) -> None:
    """A redirect loop is an error, not a hang."""
    line = make_line()
    server.play(answer(302, b"", f"Location: {API}/quotes/"))

    with pytest.raises(DataError, match="TooManyRedirects"):
        line.run(line.transport.get_json(f"{API}/quotes/"))


def test_every_page_is_read(server: RawServer, make_line: MakeLine) -> None:
    """Rows of all pages in order; the first page's parameters are not added to its cursor."""
    line = make_line()
    server.play(
        answer(200, f'{{"results":[1,2],"next":"{API}/orders/?cursor=b"}}'.encode()),
        answer(200, b'{"results":[3],"next":null}'),
    )

    rows = line.run(line.transport.get_pages(f"{API}/orders/", {"nonzero": "true"}))

    assert rows == [1, 2, 3]
    assert [seen.target for seen in server.seen] == ["/orders/?nonzero=true", "/orders/?cursor=b"]


def _second(content: bytes) -> list[bytes]:
    return [answer(200, f'{{"results":[1],"next":"{API}/orders/?cursor=b"}}'.encode()), content]


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (_second(answer(503, HTML)), RetryableError),
        (_second(answer(401, DETAIL)), SessionExpiredError),
        (_second(answer(404, DETAIL)), DataError),
        (_second(answer(200, b'{"results": null}')), DataError),
        (_second(answer(200, b'{"results": [], "next": 7}')), DataError),
        (_second(answer(200, f'{{"results":[],"next":"{API}/orders/"}}'.encode())), DataError),
        (_second(answer(200, b'{"results":[],"next":"https://evil.example/"}')), DataError),
    ],
)
def test_part_of_the_pages_is_no_answer(
    server: RawServer, make_line: MakeLine, pages: list[bytes], expected: type[TradingBotError]
) -> None:
    """A later page that fails, loops or leads away fails the whole read."""
    line = make_line()
    server.play(*pages)

    with pytest.raises(expected):
        line.run(line.transport.get_pages(f"{API}/orders/"))


def test_pages_without_end_are_an_error(server: RawServer, make_line: MakeLine) -> None:
    """A cursor that is new for ever is cut off."""
    line = make_line()
    count = iter(range(10_000))
    server.script = lambda _seen, _connection: answer(
        200, f'{{"results":[1],"next":"{API}/orders/?cursor={next(count)}"}}'.encode()
    )

    with pytest.raises(DataError, match="pages"):
        line.run(line.transport.get_pages(f"{API}/orders/"))


def test_no_secret_is_in_an_error(server: RawServer, make_line: MakeLine) -> None:
    """Whatever fails, no error, cause or record of it shows token or account."""
    echoes = (
        f'{{"detail":"no {ACCOUNT} with Bearer {TOKEN}", "account_number":"{ACCOUNT}"}}'.encode()
    )
    foreign = f'{{"results":[],"next":"https://evil.example/{ACCOUNT}/?t={TOKEN}"}}'.encode()
    wrong = f'{{"results":[{{"account_number":"{ACCOUNT}X","symbol":"{TOKEN}"}}]}}'.encode()
    for content in (
        *(answer(status, echoes) for status in (400, 401, 403, 404, 429, 500)),
        answer(200, b"<html>" + echoes),
        answer(200, foreign),
        answer(200, wrong),
        answer(200, b'{"account_number":7}'),
        answer(302, b"", f"Location: https://evil.example/{ACCOUNT}"),
        None,
    ):
        line = make_line()
        line.transport.library.log_in("Bearer", TOKEN)
        account = RobinhoodAccount(line.transport, ACCOUNT, line.clock)
        server.play(content)
        for call in (account.positions, account.account):
            with pytest.raises(TradingBotError) as caught:
                line.run(call())
            error: BaseException | None = caught.value
            while error is not None:
                assert ACCOUNT not in f"{error} {error!r}"
                assert "eyJ" not in f"{error} {error!r}"
                error = error.__cause__ or (
                    None if error.__suppress_context__ else error.__context__
                )
        told = f"{line.exchanges} {line.printed}"
        assert ACCOUNT not in told
        assert "eyJ" not in told


def test_what_the_library_prints_is_captured_and_redacted(
    server: RawServer, make_line: MakeLine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Printed URLs reach our log without the account number, and never stdout."""
    from robin_stocks.robinhood import helper

    line = make_line()
    line.transport.library.hide(ACCOUNT)
    server.play(answer(404, DETAIL))

    helper.request_get(f"{API}/accounts/{ACCOUNT}/")

    assert any("404" in text for text in line.printed)
    assert ACCOUNT not in " ".join(line.printed)
    assert capsys.readouterr().out == ""


def test_the_token_is_for_this_machine_or_robinhood_only(make_line: MakeLine) -> None:
    """A base URL elsewhere is refused: the token would go there."""
    for url in ("http://192.0.2.7:80", "http://example.org", "ftp://127.0.0.1", "nonsense"):
        with pytest.raises(ConfigError, match="base URL"):
            make_line(base_url=url)


def test_defaults_bound_every_wait() -> None:
    """Out of the box there is a timeout for connecting, for reading and for the whole."""
    settings = TransportSettings()

    assert 0 < settings.connect_timeout_s <= 5
    assert 0 < settings.read_timeout_s <= settings.total_timeout_s <= 15


def test_closed_transport_makes_no_call(server: RawServer, make_line: MakeLine) -> None:
    """After close nothing is sent and the token is gone."""
    line = make_line()
    line.transport.close()

    with pytest.raises(RetryableError, match="closed"):
        line.run(line.transport.get_json(f"{API}/quotes/", None, ONCE))
    assert "Authorization" not in line.transport.library.session.headers
