"""Readings of the orders: complete, of our account, each order once, or an error."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support.paper import TEN, make_ref
from support.robinhood_orders import (
    ACCOUNT,
    API,
    dump,
    execution_row,
    instrument_row,
    json_page,
    order_row,
    stamp,
)
from trading_bot.brokers.robinhood.order_readings import Ownership
from trading_bot.domain.errors import (
    DataError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
)
from trading_bot.domain.order import OrderState

SINCE = TEN - timedelta(hours=1)
PAGE_TWO = f"{API}/orders/?cursor=two"

MakeDesk = Any
RawServer = Any
Rows = Mapping[str, Any]


def answer(status: int, body: object, *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else dump(body)
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def serve(
    server: RawServer,
    first: object,
    second: object = None,
    *,
    instrument: Callable[[], bytes] = lambda: answer(200, instrument_row()),
) -> None:
    """Two pages of orders, and the one instrument; bytes are sent as they are."""

    def script(seen: Any, _connection: Any) -> bytes:
        if seen.target.startswith("/instruments/"):
            return instrument()
        body = second if "cursor=two" in seen.target else first
        return body if isinstance(body, bytes) else answer(200, body)

    server.script = script


def order_gets(server: RawServer) -> list[str]:
    return [seen.target for seen in server.seen if seen.target.startswith("/orders/")]


def test_orders_are_asked_for_by_account_and_change(server: RawServer, make_desk: MakeDesk) -> None:
    """One request for a page; the instrument's symbol is asked for once and remembered."""
    desk = make_desk()
    serve(server, json_page(order_row("a"), order_row("b")))

    for _ in range(2):
        orders = desk.run(desk.broker.orders(SINCE))

    query = parse_qs(urlsplit(order_gets(server)[0]).query)
    assert query == {"account_numbers": [ACCOUNT], "updated_at[gte]": [stamp(SINCE)]}
    assert [order.symbol for order in orders] == ["AAPL", "AAPL"]
    assert len(server.seen) == 3


def test_every_page_is_read_and_the_first_once_more(server: RawServer, make_desk: MakeDesk) -> None:
    """What changed while the second was read has moved to the first."""
    desk = make_desk()
    changed = order_row("old", state="filled", updated_at=stamp(TEN + timedelta(seconds=9)))
    firsts = [
        json_page(order_row("new"), next_url=PAGE_TWO),
        json_page(changed, order_row("new"), next_url=PAGE_TWO),
    ]

    def script(seen: Any, _connection: Any) -> bytes:
        if seen.target.startswith("/instruments/"):
            return answer(200, instrument_row())
        if "cursor=two" in seen.target:
            return answer(200, json_page())
        return answer(200, firsts.pop(0))

    server.script = script

    orders = desk.run(desk.broker.orders(SINCE))

    assert {order.ref_id for order in orders} == {make_ref("old"), make_ref("new")}
    assert len(order_gets(server)) == 3


@pytest.mark.parametrize("is_newer_first", [True, False])
def test_an_order_on_two_pages_is_one_as_it_was_last(
    server: RawServer, make_desk: MakeDesk, is_newer_first: bool
) -> None:
    """Its executions are not counted twice, and the older state does not win."""
    desk = make_desk()
    part = order_row(
        "a",
        state="partially_filled",
        cumulative_quantity="5.0",
        executions=[execution_row("one")],
        updated_at=stamp(TEN + timedelta(seconds=1)),
    )
    full = order_row(
        "a",
        state="filled",
        cumulative_quantity="10.0",
        executions=[execution_row("one"), execution_row("two")],
        updated_at=stamp(TEN + timedelta(seconds=2)),
    )
    first, second = (full, part) if is_newer_first else (part, full)
    serve(server, json_page(first, next_url=PAGE_TWO), json_page(second))

    (order,) = desk.run(desk.broker.orders(SINCE))

    assert order.state is OrderState.FILLED
    assert [e.quantity for e in order.executions] == [5, 5]


FAILURES: dict[str, tuple[object, object, type[TradingBotError]]] = {
    "second page 503": (
        json_page(order_row("a"), next_url=PAGE_TWO),
        answer(503, b"", "Connection: close"),
        RetryableError,
    ),
    "second page torn": (
        json_page(order_row("a"), next_url=PAGE_TWO),
        answer(200, b'{"results": ['),
        RetryableError,
    ),
    "second page 401": (
        json_page(order_row("a"), next_url=PAGE_TWO),
        answer(401, {"detail": "Invalid token."}),
        SessionExpiredError,
    ),
    "second page elsewhere": (
        json_page(order_row("a"), next_url="https://pages.example.com/orders/"),
        None,
        DataError,
    ),
    "a loop": (
        json_page(order_row("a"), next_url=PAGE_TWO),
        json_page(order_row("b"), next_url=PAGE_TWO),
        DataError,
    ),
    "another account on the second page": (
        json_page(order_row("a"), next_url=PAGE_TWO),
        json_page(order_row("b", account=f"{API}/accounts/5OTHER999/")),
        DataError,
    ),
    "no account": (json_page(order_row("a", account=None)), None, DataError),
    "an order without an id": (json_page(order_row("a", id="")), None, DataError),
    "an order that cannot be read": (json_page(order_row("a", side="none")), None, DataError),
    "no results": ({"detail": "?"}, None, DataError),
    "an instrument of another sort": (
        json_page(order_row("a", instrument_id="../accounts")),
        None,
        DataError,
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_reading_that_is_not_whole_is_an_error(
    server: RawServer, make_desk: MakeDesk, case: str
) -> None:
    """Never the part that could be read: an order missing from it would be presumed dead."""
    desk = make_desk()
    first, second, expected = FAILURES[case]
    serve(server, first, second)

    with pytest.raises(expected) as caught:
        desk.run(desk.broker.orders(SINCE))
    assert ACCOUNT not in str(caught.value)
    assert "5OTHER" not in str(caught.value)


def test_a_failed_look_up_of_a_symbol_is_not_remembered(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """One bad minute of the broker's must not rename an instrument for the day."""
    desk = make_desk()
    answers = [answer(404, {"detail": "Not found."}), answer(200, instrument_row())]
    serve(server, json_page(order_row("a")), instrument=lambda: answers.pop(0))

    with pytest.raises(DataError):
        desk.run(desk.broker.orders(SINCE))
    (order,) = desk.run(desk.broker.orders(SINCE))

    assert order.symbol == "AAPL"


def test_an_answer_about_another_instrument_is_refused(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """It would book our shares under somebody else's name."""
    desk = make_desk()
    wrong = answer(200, instrument_row("MSFT"))
    serve(server, json_page(order_row("a")), instrument=lambda: wrong)

    with pytest.raises(DataError, match="instrument"):
        desk.run(desk.broker.orders(SINCE))


def test_the_window_is_in_the_servers_time(server: RawServer, make_desk: MakeDesk) -> None:
    """A server whose clock is behind stamped the order earlier than we sent it."""
    desk = make_desk()
    behind = timedelta(seconds=90)
    date = format_datetime(desk.clock.now() - behind, usegmt=True)
    rows = answer(200, json_page(order_row("a", updated_at=stamp(SINCE - behind))), f"Date: {date}")
    serve(server, rows)
    desk.run(desk.broker.orders(SINCE))

    (order,) = desk.run(desk.broker.orders(SINCE))

    query = parse_qs(urlsplit(order_gets(server)[-1]).query)
    assert datetime.fromisoformat(query["updated_at[gte]"][0]) == SINCE - behind
    assert order.ref_id == make_ref("a")


def test_rows_from_before_the_window_are_left_out(server: RawServer, make_desk: MakeDesk) -> None:
    """However the server takes the question."""
    desk = make_desk()
    early = order_row("early", updated_at=stamp(SINCE - timedelta(seconds=1)))
    serve(server, json_page(order_row("a"), early))

    orders = desk.run(desk.broker.orders(SINCE))

    assert [order.ref_id for order in orders] == [make_ref("a")]


def test_a_reading_is_made_on_a_turn_of_its_own(server: RawServer, make_desk: MakeDesk) -> None:
    """A page that fails once is read again, and only that page."""
    desk = make_desk()
    answers = [answer(503, b"", "Connection: close"), answer(200, json_page(order_row("b")))]

    def script(seen: Any, _connection: Any) -> bytes:
        if seen.target.startswith("/instruments/"):
            return answer(200, instrument_row())
        if "cursor=two" in seen.target:
            return answers.pop(0)
        return answer(200, json_page(order_row("a"), next_url=PAGE_TWO))

    server.script = script

    orders = desk.run(desk.broker.orders(SINCE))

    assert {order.ref_id for order in orders} == {make_ref("a"), make_ref("b")}
    assert sum("cursor=two" in target for target in order_gets(server)) == 2


def test_the_reason_of_a_rejection_is_told_without_our_account(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """It goes into a record that names no account."""
    desk = make_desk()
    rejected = order_row("a", state="rejected", reject_reason=f"Account {ACCOUNT} may not.")
    serve(server, json_page(rejected))

    (order,) = desk.run(desk.broker.orders(SINCE))

    assert order.state is OrderState.REJECTED
    assert "may not" in order.reject_reason
    assert ACCOUNT not in order.reject_reason


OURS = make_ref("a")
THEIRS = "99999999-2222-4333-8444-555555555555"
ODD: Mapping[str, Mapping[str, Any]] = {
    "short": {"side": "sell_short"},
    "no executions": {"executions": None},
    "a number": {"quantity": 1},
    "no time": {"updated_at": "soon"},
    "no instrument": {"instrument_id": None, "instrument": None},
}


def ownership(warned: list[str]) -> Ownership:
    """Only OURS carries our tag."""
    return Ownership(is_ours=lambda name: name == OURS, warned=warned.append)


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_an_odd_order_of_somebody_else_hides_none_of_ours(
    server: RawServer, make_desk: MakeDesk, change: Rows
) -> None:
    """It is passed over and told once; ours is read all the same."""
    warned: list[str] = []
    desk = make_desk(ownership=ownership(warned))
    odd = order_row("b") | {"ref_id": THEIRS} | change
    serve(server, json_page(odd, order_row("a") | {"ref_id": OURS}))

    readings = [desk.run(desk.broker.orders(SINCE)) for _ in range(2)]

    assert [[order.ref_id for order in orders] for orders in readings] == [[OURS], [OURS]]
    assert len(warned) == 1
    assert "not the bot's" in warned[0]


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
@pytest.mark.parametrize(
    "names",
    [{"ref_id": OURS}, {"ref_id": None}, {"ref_id": THEIRS, "replaces": order_row("a")["id"]}],
    ids=["our name", "no name", "in the place of ours"],
)
def test_an_odd_order_that_may_be_ours_fails_the_reading(
    server: RawServer, make_desk: MakeDesk, names: Rows, change: Rows
) -> None:
    """Part of our orders is no answer."""
    desk = make_desk(ownership=ownership([]))
    serve(server, json_page(order_row("b") | names | change, order_row("a") | {"ref_id": OURS}))

    with pytest.raises(TradingBotError):
        desk.run(desk.broker.orders(SINCE))


def test_an_odd_order_that_turns_out_to_be_in_the_place_of_ours_is_passed_over_no_more(
    server: RawServer, make_desk: MakeDesk
) -> None:
    """Ours was not in the first reading; with it the edited one is no stranger's."""
    desk = make_desk(ownership=ownership([]))
    ours = order_row("a") | {"ref_id": OURS}
    odd = order_row("b") | {"ref_id": THEIRS, "replaces": ours["id"], "executions": None}
    serve(server, json_page(odd))
    assert desk.run(desk.broker.orders(SINCE)) == ()

    serve(server, json_page(odd, ours))
    with pytest.raises(TradingBotError):
        desk.run(desk.broker.orders(SINCE))
