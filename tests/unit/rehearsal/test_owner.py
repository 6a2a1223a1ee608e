"""What the owner does in the app, and what the API shows of it."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from support.rehearsal import STOP, Client, after_open, flat_day
from trading_bot.domain.errors import DataError
from trading_bot.rehearsal import owner
from trading_bot.rehearsal.brokerage import AccountSettings, Plan
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.holdings import HeldShares
from trading_bot.rehearsal.wire import Request

AT = after_open(10, 1)
SOON = AT + timedelta(seconds=1)
LATER = after_open(20)


def _client(*actions: owner.AnyAction, held: int = 0) -> Client:
    shares = (HeldShares(symbol="AAPL", quantity=Decimal(held), average_price=Decimal(90)),)
    settings = ExchangeSettings(
        account=AccountSettings(held=shares), plan=Plan(owner=tuple(actions))
    )
    return Client(flat_day(), settings=settings)


def _orders(client: Client) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = client.json("/orders/", LATER)["results"]
    return rows


def test_the_owner_buys() -> None:
    """A market buy at its time, listed among the orders with a ref_id of its own."""
    client = _client(owner.Buys(at=AT, symbol="AAPL", quantity=Decimal(10)))

    (row,) = _orders(client)

    assert (row["state"], row["side"], row["created_at"]) == (
        "filled",
        "buy",
        "2023-05-25T13:40:01.000000Z",
    )
    assert client.position("AAPL", LATER)["quantity"] == "10.00000000"
    assert client.ledger(LATER)["orders"][0]["source"] == "owner"


def test_the_owner_sells_half() -> None:
    """Half of what is held, cut to whole shares."""
    client = _client(owner.Sells(at=AT, symbol="AAPL", fraction=Decimal("0.5")), held=101)

    assert _orders(client)[0]["quantity"] == "50.00000000"
    assert client.position("AAPL", LATER)["quantity"] == "51.00000000"


def test_the_owner_sells_shares_a_stop_stands_for() -> None:
    """The app makes the owner give up the stop first."""
    client = _client(owner.Sells(at=after_open(15), symbol="AAPL", fraction=Decimal("0.5")))
    client.place(AT)
    stop = client.place(SOON, **STOP, stop_price="90.00")

    assert client.order(stop, LATER)["state"] == "cancelled"
    assert client.position("AAPL", LATER)["quantity"] == "50.00000000"


def test_the_owner_may_be_refused() -> None:
    """Without shares, money or an order nothing happens, and the ledger says why."""
    nothing = Decimal(1)
    kept = owner.Sells(symbol="AAPL", quantity=Decimal(5), cancels_first=False)
    client = _client(held=5)
    client.place(AT, **STOP, stop_price="90.00", quantity="5")
    refused = [
        client.in_the_app(action, SOON)
        for action in (
            owner.Sells(symbol="AAPL", quantity=Decimal(9)),
            kept,
            owner.Buys(symbol="AAPL", quantity=Decimal(900)),
            owner.PlacesStop(symbol="AAPL", quantity=Decimal(1), stop_price=Decimal(90)),
            owner.Cancels(symbol="AAPL", only="buy"),
            owner.Edits(symbol="AAPL", percent=nothing, only="buy"),
            owner.Withdraws(amount=Decimal(25_001)),
        )
    ]

    assert refused == [
        "refused: not enough shares",
        "refused: shares are held for other orders",
        "refused: not enough buying power",
        "refused: not enough shares",
        "refused: no such order",
        "refused: no such order",
        "refused: not enough cash",
    ]
    assert len(_orders(client)) == 1


def test_the_owner_places_orders_of_their_own() -> None:
    """A limit and a stop, beside ours, that stay the owner's."""
    client = _client(
        owner.PlacesLimit(at=AT, symbol="AAPL", side="buy", quantity=Decimal(1), price=Decimal(90)),
        owner.PlacesStop(at=AT, symbol="AAPL", quantity=Decimal(5), stop_price=Decimal(80)),
        held=5,
    )

    stop, limit = _orders(client)

    assert (limit["type"], limit["state"], limit["price"]) == (
        "limit",
        "confirmed",
        "90.00000000",
    )
    assert (stop["trigger"], stop["stop_price"]) == ("stop", "80.00000000")
    assert client.in_the_app(owner.Cancels(symbol="AAPL"), LATER) == "refused: no such order"


def test_the_owner_cancels_one_of_ours() -> None:
    """The newest of those meant is cancelled, and no other."""
    client = _client(owner.Cancels(at=after_open(15), symbol="AAPL", only="stop"))
    client.place(AT)
    stop = client.place(SOON, **STOP, stop_price="90.00", quantity="50")
    other = client.place(SOON, side="sell", price="120.00", quantity="50")

    assert client.order(stop, LATER)["state"] == "cancelled"
    assert client.order(other, LATER)["state"] == "confirmed"


def test_the_owner_edits_one_of_ours() -> None:
    """Another order takes its place at once: its own ref_id, its price, and what it replaces."""
    client = _client(owner.Edits(at=after_open(15), symbol="AAPL", percent=Decimal(-5)))
    client.place(AT)
    stop = client.place(SOON, **STOP, stop_price="90.00")

    edited = _orders(client)[0]

    assert client.order(stop, LATER)["state"] == "cancelled"
    assert edited["replaces"] == stop["id"]
    assert edited["ref_id"] != stop["ref_id"]
    assert (edited["stop_price"], edited["state"]) == ("85.50000000", "confirmed")
    assert client.ledger(LATER)["orders"][-1]["is_ours"] is True


def test_the_owner_moves_money() -> None:
    """Cash and buying power follow at once."""
    client = _client(
        owner.Deposits(at=AT, amount=Decimal("1000.50")),
        owner.Withdraws(at=SOON, amount=Decimal(500)),
    )

    assert client.account(AT)["cash"] == "26000.5000"
    assert client.account(LATER)["buying_power"] == "25500.5000"
    assert client.ledger(LATER)["cash"] == "25500.50"


def test_what_is_no_action_is_refused() -> None:
    """The back door says what it expected."""
    request = Request("POST", "/rehearsal/owner/", {}, b'{"kind":"dance"}')

    reply = _client().exchange.handle(request, AT)

    assert reply.status == 400
    assert "owner's action" in json.loads(reply.body)["detail"]


def test_a_script_reads_from_a_file(tmp_path: Path) -> None:
    """A list of actions with their times; anything else names the file."""
    path = tmp_path / "owner.json"
    path.write_text('[{"kind":"sell","at":"2023-05-25T14:10:00Z","symbol":"AAPL"}]')

    (action,) = owner.load_actions(path)

    assert isinstance(action, owner.Sells)
    assert action.fraction == 1
    for text in ('[{"kind":"sell","symbol":"AAPL"}]', "[1]"):
        path.write_text(text)
        with pytest.raises(DataError, match=r"owner\.json"):
            owner.load_actions(path)
