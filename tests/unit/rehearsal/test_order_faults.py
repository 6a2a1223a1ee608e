"""The fault menu of orders: what each fault does to the answer, and to the truth behind it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.rehearsal import (
    MARKET_SELL,
    STOP,
    Client,
    after_open,
    flat_day,
    order_form,
    session_of,
)
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.holdings import HeldShares
from trading_bot.rehearsal.wire import Hang, Reply, Reset

AT = after_open(10, 1)
SOON = AT + timedelta(seconds=1)
LATER = after_open(30)
HELD = (HeldShares(symbol="AAPL", quantity=Decimal(1_000), average_price=Decimal(90)),)


def _with(fault: menu.AnyFault, *, page_size: int = 100, **when: Any) -> Client:
    account = AccountSettings(cash=Decimal(200_000), held=HELD, others=("REH000009",))
    settings = ExchangeSettings(account=account, page_size=page_size)
    return Client(flat_day(), settings=settings, rules=[FaultRule(fault=fault, **when)])


def _send(client: Client, **changes: str | None) -> Reply:
    return client.post("/orders/", order_form(**changes), AT)


def _book(client: Client, at: Any = SOON) -> Any:
    """The orders the exchange has, whoever may see them."""
    return client.ledger(at)["orders"]


def test_an_order_is_taken_and_the_connection_dropped() -> None:
    """The client hears nothing; the exchange has the order and fills it."""
    client = _with(faults.AcceptThenDrop(), count=1)

    assert _send(client).fault == Reset()
    assert [order["state"] for order in _book(client)] == ["filled"]


def test_an_order_is_taken_and_the_answer_hangs() -> None:
    """The answer is good, and comes a minute late."""
    client = _with(faults.AcceptThenHang(60), count=1)

    reply = _send(client)

    assert (reply.status, reply.fault) == (201, Hang(60))
    assert len(_book(client)) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_order_is_taken_and_an_error_answered(status: int) -> None:
    """A page in HTML, and the order in the book."""
    client = _with(faults.AcceptThenError(status), count=1)

    reply = _send(client)

    assert (reply.status, reply.content_type[:9]) == (status, "text/html")
    assert len(_book(client)) == 1


def test_an_order_hangs_and_is_never_taken() -> None:
    """From outside as one that was taken; the book is empty."""
    client = _with(faults.HangBeforeAccepting(60), count=1)

    assert _send(client).fault == Hang(60)
    assert _book(client) == []


def test_the_connection_drops_before_an_order_is_taken() -> None:
    """From outside as one that was taken; the book is empty."""
    client = _with(faults.DropBeforeAccepting(), count=1)

    assert _send(client).fault == Reset()
    assert _book(client) == []


def test_orders_are_throttled() -> None:
    """429 on the orders' path, the order not taken."""
    client = _with(menu.Throttled(14), method="POST", path="/orders/")

    assert _send(client).status == 429
    assert _book(client) == []
    assert client.get("/orders/", AT).status == 200


def test_a_session_ends_on_an_order() -> None:
    """401 for the order, once; the order not taken."""
    client = _with(menu.Unauthorized(), method="POST", path="/orders/*", count=1)

    assert _send(client).status == 401
    assert _book(client) == []
    assert _send(client).status == 201


def test_an_order_is_rejected_after_it_was_taken() -> None:
    """201 at first; at its confirmation it is rejected with a reason, and holds nothing."""
    client = _with(faults.RejectedLater(reason="No market for it."))
    placed = client.place(AT)

    order = client.order(placed, SOON)

    assert (order["state"], order["reject_reason"]) == ("rejected", "No market for it.")
    assert order["cancel"] is None
    assert client.account(SOON)["cash_held_for_orders"] == "0.0000"


def test_a_stop_is_refused() -> None:
    """400 for a stop, in the words given; other orders are taken."""
    client = _with(faults.OrderRefused("Invalid Good Til Canceled order.", only="stop"))

    assert client.refused(AT, **STOP, stop_price="90.00") == {
        "detail": "Invalid Good Til Canceled order."
    }
    assert client.place(AT)


def test_a_stop_is_rejected_after_it_was_taken() -> None:
    """A stop is taken and rejected; its shares are free again."""
    client = _with(faults.RejectedLater(only="stop"))
    placed = client.place(AT, **STOP, stop_price="90.00")

    assert client.order(placed, SOON)["state"] == "rejected"
    assert client.position("AAPL", SOON)["shares_held_for_sells"] == "0.00000000"


def test_an_order_is_not_to_be_seen_for_a_while() -> None:
    """At 15 s old it is in no list and not found by its id; a second later it is."""
    client = _with(faults.UnseenOrder(seconds=16))
    placed = client.place(AT)
    early, late = AT + timedelta(seconds=15), AT + timedelta(seconds=16)

    assert client.json("/orders/", early)["results"] == []
    assert client.get(f"/orders/{placed['id']}/", early).status == 404
    assert client.order(placed, late)["state"] == "filled"


def test_an_order_is_not_to_be_seen_for_some_reads() -> None:
    """The first two lists do not have it, the third does."""
    client = _with(faults.UnseenOrder(seconds=0, reads=2))
    client.place(AT)

    counts = [len(client.json("/orders/", SOON)["results"]) for _ in range(3)]

    assert counts == [0, 0, 1]


def test_an_order_is_confirmed_late() -> None:
    """It stays unconfirmed for five seconds more."""
    client = _with(faults.ConfirmedLate(5))
    placed = client.place(AT)

    states = [client.order(placed, AT + timedelta(seconds=s))["state"] for s in (5.1, 5.2, 5.4)]

    assert states == ["unconfirmed", "confirmed", "filled"]


@pytest.mark.parametrize(("every_s", "seen"), [(1.0, [1, 2, 3]), (0.0, [3, 3, 3])])
def test_an_order_fills_in_pieces(every_s: float, seen: list[int]) -> None:
    """Three executions, one a second or all at once, which add up to the order."""
    client = _with(faults.PartialFills(3, every_s))
    placed = client.place(AT, quantity="100")

    orders = [client.order(placed, AT + timedelta(seconds=s)) for s in (0.4, 1.4, 2.4)]

    assert [len(order["executions"]) for order in orders] == seen
    quantities = [Decimal(one["quantity"]) for one in orders[-1]["executions"]]
    assert quantities == [33, 33, 34]
    assert orders[-1]["state"] == "filled"
    assert len({one["id"] for one in orders[-1]["executions"]}) == 3


def test_an_execution_is_taken_back() -> None:
    """Half a minute later the execution is gone, the quantity smaller, shares and cash undone."""
    client = _with(faults.BustedExecution(30))
    before = client.account(AT)
    placed = client.place(AT)
    filled = client.order(placed, SOON)

    order = client.order(placed, after_open(11))

    assert (filled["state"], order["state"]) == ("filled", "voided")
    assert (filled["cumulative_quantity"], order["cumulative_quantity"]) == (
        "100.00000000",
        "0.00000000",
    )
    assert order["executions"] == []
    assert client.account(after_open(11))["cash"] == before["cash"]
    assert client.position("AAPL", after_open(11))["quantity"] == "1000.00000000"


def test_busted_shares_are_not_bought_again() -> None:
    """Half filled, the half taken back, the other half filled: the order ends with that half."""
    rules = [
        FaultRule(fault=faults.PartialFills(2, 5)),
        FaultRule(fault=faults.BustedExecution(2)),
    ]
    client = Client(flat_day(), rules=rules)
    placed = client.place(AT)

    part, after = client.order(placed, AT + timedelta(seconds=3)), client.order(placed, LATER)

    assert (part["state"], part["cumulative_quantity"]) == ("confirmed", "0.00000000")
    assert (after["state"], after["cumulative_quantity"]) == ("cancelled", "50.00000000")
    assert client.position("AAPL", LATER)["quantity"] == "50.00000000"


def test_a_bust_ends_the_stop_over_the_shares() -> None:
    """A stop that asks for shares no longer held is cancelled by the exchange."""
    rules = [FaultRule(fault=faults.BustedExecution(30, only="buy"))]
    client = Client(flat_day(), rules=rules)
    client.place(AT)
    stop = client.place(SOON, **STOP, stop_price="90.00")

    assert client.order(stop, after_open(11))["state"] == "cancelled"
    assert client.position("AAPL", after_open(11))["quantity"] == "0.00000000"


def test_a_busted_sale_gives_its_shares_back() -> None:
    """The proceeds go, fees and all, and the shares come back."""
    client = _with(faults.BustedExecution(30))
    before = client.account(AT)
    client.place(AT, **MARKET_SELL)

    later = after_open(11)

    assert client.account(later)["cash"] == before["cash"]
    assert client.account(later)["unsettled_funds"] == "0.0000"
    assert client.position("AAPL", later)["quantity"] == "1000.00000000"
    assert Decimal(client.position("AAPL", later)["average_buy_price"]) == 90


@pytest.mark.parametrize(
    ("form", "price"),
    [
        ({"price": "90.00"}, "90.00000000"),
        ({**STOP, "stop_price": "95.00"}, "99.99000000"),
        ({"side": "sell", "price": "120.00"}, "120.00000000"),
    ],
    ids=["a limit buy", "a stop", "a limit sell"],
)
def test_a_cancel_loses_to_a_fill(form: dict[str, str | None], price: str) -> None:
    """The cancel is accepted, and the order is filled whole, never through its limit."""
    client = _with(faults.CancelLoses())
    placed = client.place(AT, **form)

    assert client.cancel(placed, SOON).body == b"{}"
    order = client.order(placed, SOON + timedelta(seconds=1))

    assert (order["state"], order["cumulative_quantity"]) == ("filled", "100.00000000")
    assert order["executions"][0]["price"] == price


def test_a_cancel_wins_where_nothing_can_fill() -> None:
    """With the market closed the forced fill cannot happen and the cancel takes effect."""
    client = _with(faults.CancelLoses())
    night = session_of().post_close
    placed = client.place(AT, price="90.00", time_in_force="gtc")

    client.cancel(placed, night)

    assert client.order(placed, night + timedelta(seconds=1))["state"] == "cancelled"


def test_a_cancel_is_accepted_and_never_takes_effect() -> None:
    """The order goes on; a second cancel ends it."""
    client = _with(faults.CancelIgnored(), count=1)
    placed = client.place(AT, price="90.00")

    assert client.cancel(placed, SOON).body == b"{}"
    assert client.order(placed, after_open(20))["state"] == "confirmed"
    client.cancel(placed, after_open(20))
    assert client.order(placed, after_open(21))["state"] == "cancelled"


@pytest.mark.parametrize(
    ("fault", "lost", "state"),
    [
        (faults.CancelThenDrop(), Reset(), "cancelled"),
        (faults.CancelThenHang(30), Hang(30), "cancelled"),
        (faults.CancelNeverArrives(), Reset(), "confirmed"),
    ],
)
def test_the_answer_to_a_cancel_is_lost(fault: menu.AnyFault, lost: object, state: str) -> None:
    """From outside alike; whether the order ends depends on whether the cancel arrived."""
    client = _with(fault, count=1)
    placed = client.place(AT, price="90.00")

    assert client.cancel(placed, SOON).fault == lost
    assert client.order(placed, after_open(11))["state"] == state


@pytest.mark.parametrize(
    ("fault", "taken"), [(faults.RepeatedAndTaken(), 1), (faults.RepeatedNotTaken(), 0)]
)
def test_a_first_send_is_answered_as_repeated(fault: menu.AnyFault, taken: int) -> None:
    """400 by ref_id for a first send: the exchange may have the order or may not."""
    client = _with(fault, count=1)

    assert client.refused(AT) == {"ref_id": ["Order with this ref_id already exists."]}
    assert len(_book(client)) == taken


def test_the_second_page_of_orders_fails() -> None:
    """The first page comes, the second is an error page."""
    client = _with(menu.PageError(503), page_size=1, path="/orders/")
    client.place(AT)
    client.place(AT)

    first = client.json("/orders/", AT)
    reply = client.get(first["next"].removeprefix("https://api.robinhood.com"), AT)

    assert len(first["results"]) == 1
    assert (reply.status, reply.content_type[:9]) == (503, "text/html")


def test_an_execution_is_listed_twice() -> None:
    """In the list and by id the last execution stands twice, with one id; the sums are right."""
    client = _with(faults.DoubledExecution())
    placed = client.place(AT)
    order = client.order(placed, SOON)
    (row,) = client.json("/orders/", SOON)["results"]

    assert row == order
    assert len(order["executions"]) == 2
    assert len({one["id"] for one in order["executions"]}) == 1
    assert order["cumulative_quantity"] == "100.00000000"


def test_a_state_has_another_word() -> None:
    """A state is spelled another way, or is one nobody knows; the order is what it is."""
    client = _with(faults.StateWord(word="under_review", of="filled"), count=2)
    placed = client.place(AT)

    seen = [client.order(placed, SOON)["state"]]
    seen.append(client.json("/orders/", SOON)["results"][0]["state"])
    seen.append(client.order(placed, SOON)["state"])

    assert seen == ["under_review", "under_review", "filled"]


def test_the_accounts_change_places() -> None:
    """Ours is not always the last of the list."""
    client = _with(menu.Reordered(), path="/accounts/", count=1)

    orders = [
        [row["account_number"] for row in client.json("/accounts/", AT)["results"]]
        for _ in range(2)
    ]

    assert orders == [["REH000001", "REH000009"], ["REH000009", "REH000001"]]


def test_the_average_price_is_zero() -> None:
    """Every position's average is 0.0000 and its clearing cost right."""
    row = _with(faults.ZeroAveragePrice()).position("AAPL", AT)

    assert row["average_buy_price"] == "0.0000"
    assert Decimal(row["clearing_average_cost"]) == 90


def test_positions_lag_behind_fills() -> None:
    """Ten seconds after a fill the position still is what it was; then it catches up."""
    client = _with(faults.LaggingPositions(10))
    client.place(AT)

    seen = [client.position("AAPL", AT + timedelta(seconds=s))["quantity"] for s in (1, 10, 10.4)]

    assert seen == ["1000.00000000", "1000.00000000", "1100.00000000"]


@pytest.mark.parametrize(
    ("fault", "status", "lost"),
    [
        (faults.Outage(), 503, Reset()),
        (faults.Outage("hang", 45), 503, Hang(45)),
        (faults.Outage("error", status=502), 502, None),
    ],
)
@pytest.mark.parametrize("target", ["/quotes/?symbols=AAPL", "/accounts/", "/orders/"])
def test_everything_is_out(fault: menu.AnyFault, status: int, lost: object, target: str) -> None:
    """Each read fails in the same way until the window ends; the ledger can still be read."""
    client = _with(fault, until=after_open(12))

    reply = client.get(target, AT)

    assert (reply.status, reply.fault) == (status, lost)
    assert client.get(target, after_open(12)).status == 200
    assert client.get("/rehearsal/ledger/", AT).status == 200
