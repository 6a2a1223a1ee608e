"""Orders over real sockets: sent once, and each way to fail is what it proves."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from support.paper import TEN, make_ref
from support.robinhood_orders import (
    AAPL,
    ACCOUNT,
    API,
    approved,
    dump,
    instrument_row,
    json_page,
    taken_row,
)
from trading_bot.brokers.robinhood.budget import OrderBudgetSettings
from trading_bot.brokers.robinhood.outcomes import SessionGoneError
from trading_bot.domain.errors import (
    RejectedError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
    UnknownOutcomeError,
)
from trading_bot.domain.order import Leg, OrderState, Side
from trading_bot.runtime.retry import ONCE

TOKEN = "tok-0123456789"
FOREVER = TEN + timedelta(days=3650)

# conftest's helpers come as fixtures: in importlib mode tests do not import one another.
MakeDesk = Any
RawServer = Any


def answer(status: int, body: object, *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else dump(body)
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def take(seen: Any, _connection: socket.socket) -> bytes:
    """What the broker says of an order it takes."""
    return answer(201, taken_row(seen.body))


def reset(_seen: Any, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def entry(**changes: Any) -> Any:
    return approved(Leg.ENTRY, valid_until=FOREVER, **changes)


def posts(server: RawServer) -> list[Any]:
    return [seen for seen in server.seen if seen.method == "POST"]


def test_an_order_is_one_form_with_our_token_to_our_account(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """One POST, the fields of the payload, and the answer as an order of ours."""
    desk = make_desk()
    server.script = take

    order = desk.run(desk.broker.place(entry()))

    (sent,) = server.seen
    assert (sent.method, sent.target) == ("POST", f"/orders/?account_numbers={ACCOUNT}")
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"
    form = {name: values[0] for name, values in parse_qs(sent.body.decode()).items()}
    assert form["account"] == f"{API}/accounts/{ACCOUNT}/"
    assert form["instrument"] == f"{API}/instruments/{AAPL}/"
    assert (form["price"], form["quantity"], form["ref_id"]) == ("100.50", "10", make_ref("entry"))
    assert (order.ref_id, order.symbol, order.side) == (make_ref("entry"), "AAPL", Side.BUY)
    assert order.state is OrderState.UNCONFIRMED
    assert desk.broker.execution_mode == "PAPER"


def test_an_order_without_an_instrument_looks_it_up_once(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """A stop made from old records names its symbol only."""
    desk = make_desk()

    def script(seen: Any, connection: socket.socket) -> bytes:
        if seen.method == "POST":
            return take(seen, connection)
        return answer(200, json_page(instrument_row()))

    server.script = script
    for name in ("a", "b"):
        stop = approved(Leg.STOP, name=name, instrument_id="", valid_until=FOREVER)
        desk.run(desk.broker.place(stop))

    assert [seen.method for seen in server.seen] == ["GET", "POST", "POST"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (answer(503, b"", "Connection: close"), RetryableError),
        (answer(401, {"detail": "Invalid token."}), SessionGoneError),
        (answer(200, {"results": [], "next": None}), RetryableError),
    ],
)
def test_an_order_whose_instrument_cannot_be_found_is_not_sent(
    server: RawServer, make_desk: MakeDesk, content: bytes, expected: type[TradingBotError]
) -> None:
    """No byte of it leaves, and it is said so."""
    desk = make_desk()
    server.play(content)

    with pytest.raises(expected, match="not sent"):
        desk.run(desk.broker.place(approved(Leg.STOP, instrument_id="", valid_until=FOREVER)))
    assert posts(server) == []


def test_a_refused_connection_was_never_sent(server: RawServer, make_desk: MakeDesk) -> None:
    """Nobody was there to take it."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    desk = make_desk(base_url=f"http://127.0.0.1:{port}")

    with pytest.raises(RetryableError):
        desk.run(desk.broker.place(entry()))


def test_a_name_that_is_not_found_was_never_sent(
    server: RawServer, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an address there is nobody to send to."""
    desk = make_desk(base_url=server.url.replace("127.0.0.1", "localhost"))

    def not_found(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("urllib3.util.connection.socket.getaddrinfo", not_found)

    with pytest.raises(RetryableError):
        desk.run(desk.broker.place(entry()))
    assert server.seen == []


def test_an_approval_that_ran_out_while_connecting_was_never_sent(
    server: RawServer, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected at last, but too late: not one byte of the form leaves."""
    import urllib3.util.connection as connecting

    desk = make_desk(is_lockstep=False)
    server.script = take
    now = [TEN]
    monkeypatch.setattr(desk.clock, "now", lambda: now[0])
    connect = connecting.create_connection

    def slowly(*args: Any, **kwargs: Any) -> socket.socket:
        now[0] += timedelta(seconds=20)
        return connect(*args, **kwargs)

    monkeypatch.setattr(connecting, "create_connection", slowly)

    with pytest.raises(RetryableError, match="nothing was sent"):
        desk.run(desk.broker.place(approved()))
    assert server.seen == []


def test_an_order_too_late_is_not_sent_at_all(server: RawServer, make_desk: MakeDesk) -> None:
    """Its approval is over before anyone looks at the network."""
    desk = make_desk()
    server.script = take
    late = approved(valid_until=desk.clock.now() - timedelta(microseconds=1))

    with pytest.raises(RetryableError, match="nothing was sent"):
        desk.run(desk.broker.place(late))
    assert server.seen == []


def test_a_stop_whose_turn_would_come_too_late_is_not_sent(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """It gives its place in line up at once: who waited in vain would hold up the next."""
    desk = make_desk(budget=OrderBudgetSettings(burst=1, per_second=0.1))
    server.script = take
    desk.run(desk.broker.place(approved(Leg.STOP, name="first", valid_until=FOREVER)))
    late = approved(Leg.STOP, valid_until=desk.clock.now() + timedelta(seconds=5))

    asked_at = desk.clock.now()
    with pytest.raises(RetryableError, match="not sent"):
        desk.run(desk.broker.place(late))
    assert desk.clock.now() - asked_at < timedelta(seconds=5)
    assert len(posts(server)) == 1


def before_headers(seen: Any, connection: socket.socket) -> None:
    """Took it, said nothing, went."""


def mid_headers(seen: Any, connection: socket.socket) -> bytes:
    return b"HTTP/1.1 201 Crea"


def mid_body(seen: Any, connection: socket.socket) -> bytes:
    whole = answer(201, taken_row(seen.body), "Connection: close")
    return whole[:-40]


def another_order(**changes: Any) -> Callable[[Any, socket.socket], bytes]:
    return lambda seen, _connection: answer(201, taken_row(seen.body, **changes))


LOST: dict[str, Any] = {
    "taken, then reset": reset,
    "taken, then closed": before_headers,
    "closed within the headers": lambda s, c: (c.sendall(mid_headers(s, c)), None)[1],
    "closed within the body": mid_body,
    "201 and no JSON": lambda s, c: answer(201, b"<html>"),
    "201 and half the JSON": lambda s, c: answer(201, dump(taken_row(s.body))[:60]),
    "201 and nothing": lambda s, c: answer(201, b""),
    "500": lambda s, c: answer(500, b"<html>"),
    "503": lambda s, c: answer(503, {"detail": "Later."}),
    "504": lambda s, c: answer(504, b""),
    "redirected": lambda s, c: answer(302, b"", f"Location: {API}/orders/"),
    "not HTTP": lambda s, c: b"SSH-2.0-OpenSSH_9.6\r\nConnection: close\r\n\r\n",
    "broken gzip": lambda s, c: answer(201, b"no gzip", "Content-Encoding: gzip"),
    "its ref_id exists": lambda s, c: answer(
        400, {"ref_id": ["Order with this ref_id already exists."]}
    ),
    "another ref_id": another_order(ref_id=make_ref("another")),
    "another side": another_order(side="sell"),
    "another instrument": another_order(
        instrument=f"{API}/instruments/{make_ref('x')}/", instrument_id=make_ref("x")
    ),
    "another quantity": another_order(quantity="11.00000000"),
    "a fraction": another_order(quantity="10.50000000"),
    "another account": another_order(account=f"{API}/accounts/5OTHER999/"),
    "no state": another_order(state=None),
}


@pytest.mark.parametrize("fault", LOST)
def test_an_order_without_a_readable_answer_is_unknown(
    server: RawServer, make_desk: MakeDesk, fault: str
) -> None:
    """It left, so it may be working; it is sent once and never again by itself."""
    desk = make_desk()
    server.script = LOST[fault]

    with pytest.raises(UnknownOutcomeError) as caught:
        desk.run(desk.broker.place(entry()))
    assert len(server.seen) == len(posts(server)) == 1
    assert ACCOUNT not in str(caught.value)
    assert "5OTHER" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_silence_after_the_order_is_unknown(server: RawServer, make_desk: MakeDesk) -> None:
    """A read timeout says nothing of what the other side did."""
    desk = make_desk(is_lockstep=False, read_timeout_s=0.2)
    server.script = lambda _seen, _connection: server.released.wait(10) and None

    with pytest.raises(UnknownOutcomeError):
        desk.run(desk.broker.place(entry()))


def test_headers_and_then_nothing_is_unknown(server: RawServer, make_desk: MakeDesk) -> None:
    """A 201 whose order never comes."""
    desk = make_desk(is_lockstep=False, read_timeout_s=0.2)

    def script(_seen: Any, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 201 X\r\nContent-Length: 500\r\n\r\n")
        server.released.wait(10)

    server.script = script

    with pytest.raises(UnknownOutcomeError):
        desk.run(desk.broker.place(entry()))


def test_a_connection_the_server_closed_is_not_used_again(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """The next order goes on a new one, and once."""
    desk = make_desk()
    server.script = take
    desk.run(desk.broker.place(entry(name="first")))

    def close_and_take(seen: Any, connection: socket.socket) -> bytes:
        return answer(201, taken_row(seen.body), "Connection: close")

    server.script = close_and_take
    desk.run(desk.broker.place(entry(name="second")))
    desk.run(desk.broker.place(entry(name="third")))

    assert len(posts(server)) == 3


def test_a_throttled_order_is_not_taken_and_quiet_is_kept(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """The wait the broker names is kept for entries, and nothing is sent meanwhile."""
    desk = make_desk()
    server.play(answer(429, {"detail": "Request was throttled. Expected available in 14 seconds."}))

    with pytest.raises(RetryableError) as caught:
        desk.run(desk.broker.place(entry()))
    assert caught.value.retry_after_s == 14
    assert not desk.broker.may_place_entry()
    with pytest.raises(RetryableError, match="not sent"):
        desk.run(desk.broker.place(entry(name="next")))
    assert len(posts(server)) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_stop_refused_for_a_day_is_tried_again_within_a_minute(
    server: RawServer, make_desk: MakeDesk, status: int
) -> None:
    """And no entry leaves meanwhile: what it bought could not be protected."""
    desk = make_desk()
    began = desk.clock.now()
    busy = {"detail": "Request was throttled."}
    server.play(answer(status, busy, "Retry-After: 86400"))
    with pytest.raises((RetryableError, UnknownOutcomeError)):
        desk.run(desk.broker.place(approved(Leg.STOP, name="a", valid_until=FOREVER)))

    with pytest.raises(RetryableError, match="quiet"):
        desk.run(desk.lines.post("sells", f"{API}/orders/", {}))
    desk.run(desk.clock.sleep(45))
    with pytest.raises(RetryableError, match="not sent"):
        desk.run(desk.broker.place(entry()))
    assert len(posts(server)) == 1
    server.script = take
    desk.run(desk.broker.place(approved(Leg.STOP, name="b", valid_until=FOREVER)))

    assert len(posts(server)) == 2
    assert desk.clock.now() - began < timedelta(minutes=1)


def test_once_a_stop_is_taken_again_so_is_an_entry(server: RawServer, make_desk: MakeDesk) -> None:
    """The line of the sells has been seen to be open."""
    desk = make_desk()
    server.play(answer(503, {"detail": "Busy."}, "Retry-After: 86400"))
    with pytest.raises(UnknownOutcomeError):
        desk.run(desk.broker.place(approved(Leg.STOP, name="a", valid_until=FOREVER)))
    server.script = take
    desk.run(desk.clock.sleep(31))
    desk.run(desk.broker.place(approved(Leg.STOP, name="b", valid_until=FOREVER)))

    desk.run(desk.broker.place(entry()))

    assert len(posts(server)) == 3


def test_a_refusal_is_told_in_the_brokers_words_without_our_account(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """Even when the broker repeats what we sent."""
    desk = make_desk()
    server.play(answer(400, {"account": [f"Account {ACCOUNT} with {TOKEN} is restricted."]}))

    with pytest.raises(RejectedError, match="is restricted") as caught:
        desk.run(desk.broker.place(entry()))
    assert ACCOUNT not in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert ACCOUNT not in repr(desk.exchanges)


@pytest.mark.parametrize("status", [401, 403])
def test_an_order_without_a_session_was_not_taken(
    server: RawServer, make_desk: MakeDesk, status: int
) -> None:
    """It is a RetryableError, so the caller counts it as not sent."""
    desk = make_desk()
    server.play(answer(status, {"detail": "Invalid token."}))

    with pytest.raises(SessionGoneError):
        desk.run(desk.broker.place(entry()))


@pytest.mark.parametrize("leg", [Leg.ENTRY, Leg.STOP])
def test_a_hung_quote_does_not_delay_an_order(
    server: RawServer, make_desk: MakeDesk, leg: Leg
) -> None:
    """The order is taken while the quote's request is still open."""
    desk = make_desk(is_lockstep=False, read_timeout_s=20.0)
    asked = threading.Event()

    def script(seen: Any, connection: socket.socket) -> bytes | None:
        if seen.method == "GET":
            asked.set()
            server.released.wait(15)
            return None
        return take(seen, connection)

    server.script = script

    async def both() -> Any:
        async with asyncio.TaskGroup() as group:
            quote = group.create_task(
                _ignored(desk.transport.get_json(f"{API}/quotes/", None, ONCE))
            )
            reading = group.create_task(_ignored(desk.broker.orders(TEN)))
            await asyncio.to_thread(asked.wait, 10)
            placed = await desk.broker.place(approved(leg, valid_until=FOREVER))
            was_open = not quote.done() and not reading.done()
            quote.cancel()
            reading.cancel()
        return placed, was_open

    placed, was_open = desk.run(both())

    assert placed.ref_id == make_ref(leg.value)
    assert was_open


async def _ignored(call: Any) -> None:
    try:
        await call
    except TradingBotError:
        return


def test_a_hung_entry_does_not_delay_a_stop(server: RawServer, make_desk: MakeDesk) -> None:
    """Entries have a session of their own."""
    desk = make_desk(is_lockstep=False, read_timeout_s=20.0)
    asked = threading.Event()

    def script(seen: Any, connection: socket.socket) -> bytes | None:
        if b"side=buy" in seen.body:
            asked.set()
            server.released.wait(15)
            return None
        return take(seen, connection)

    server.script = script

    async def both() -> Any:
        async with asyncio.TaskGroup() as group:
            hung = group.create_task(_ignored(desk.broker.place(entry())))
            await asyncio.to_thread(asked.wait, 10)
            placed = await desk.broker.place(approved(Leg.STOP, valid_until=FOREVER))
            was_open = not hung.done()
            hung.cancel()
        return placed, was_open

    placed, was_open = desk.run(both())

    assert placed.side is Side.SELL
    assert was_open


def test_a_line_that_hangs_for_good_is_replaced(
    server: RawServer, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers that drip outlive every deadline of a socket; the next stop goes on a new one."""
    monkeypatch.setattr("trading_bot.brokers.robinhood.order_lines.ORDER_HANG_S", 0.3)
    desk = make_desk(is_lockstep=False, read_timeout_s=1.0)

    def drip(_seen: Any, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\n")
        while not server.released.wait(0.02):
            connection.sendall(b"X: x\r\n")

    server.script = drip
    with pytest.raises(UnknownOutcomeError, match="hangs"):
        desk.run(desk.broker.place(approved(Leg.STOP, name="first", valid_until=FOREVER)))
    server.script = take
    began = time.monotonic()

    placed = desk.run(desk.broker.place(approved(Leg.STOP, valid_until=FOREVER)))

    assert placed.ref_id == make_ref("stop")
    assert time.monotonic() - began < 2


def test_an_order_that_waits_behind_a_hung_one_is_called_off(
    server: RawServer, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had no turn within its time, so it was never sent and never will be."""
    monkeypatch.setattr("trading_bot.brokers.robinhood.order_lines.ORDER_HANG_S", 0.3)
    desk = make_desk(is_lockstep=False, read_timeout_s=5.0)
    hung = threading.Event()

    def script(_seen: Any, _connection: socket.socket) -> None:
        hung.set()
        server.released.wait(10)

    server.script = script

    async def both() -> Any:
        first = asyncio.ensure_future(
            desk.broker.place(approved(Leg.STOP, name="first", valid_until=FOREVER))
        )
        await asyncio.to_thread(hung.wait, 10)
        second = desk.broker.place(approved(Leg.STOP, valid_until=FOREVER))
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = desk.run(both())
    server.released.set()

    assert isinstance(first, UnknownOutcomeError)
    assert isinstance(second, RetryableError)
    assert len(posts(server)) == 1


def test_a_cancel_is_asked_for_at_the_orders_own_address(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """An empty object is a yes."""
    desk = make_desk()
    server.play(answer(200, {}))
    order_id = make_ref("order entry")

    desk.run(desk.broker.cancel(order_id))

    assert [seen.target for seen in server.seen] == [f"/orders/{order_id}/cancel/"]
    assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (answer(400, {"detail": "Order cannot be cancelled at this time."}), RejectedError),
        (answer(404, {"detail": "Not found."}), RejectedError),
        (answer(401, {"detail": "Invalid token."}), SessionExpiredError),
        (answer(502, b"<html>"), RetryableError),
        (None, RetryableError),
    ],
)
def test_a_cancels_failure_is_its_error(
    server: RawServer,
    make_desk: MakeDesk,
    content: bytes | None,
    expected: type[TradingBotError],
) -> None:
    """None of them is unknown: a cancel may be asked for twice."""
    desk = make_desk()
    server.play(content)

    with pytest.raises(expected):
        desk.run(desk.broker.cancel(make_ref("order entry")))


def test_an_order_id_that_is_none_goes_into_no_address(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """Nothing is sent for it."""
    desk = make_desk()

    with pytest.raises(RejectedError):
        desk.run(desk.broker.cancel("../accounts"))
    assert server.seen == []


def test_a_stop_is_told_back_as_a_stop(server: RawServer, make_desk: MakeDesk) -> None:
    """The answer's type, trigger and prices as ours."""
    desk = make_desk()
    server.script = take

    stop = desk.run(desk.broker.place(approved(Leg.STOP, valid_until=FOREVER)))

    assert (stop.type.value, stop.stop_price, stop.limit_price) == ("stop", Decimal("95.00"), None)
