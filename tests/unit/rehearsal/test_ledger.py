"""The exchange's ledger: what it counts, how long shares stood bare, and that its sums hold."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.rehearsal import (
    CALENDAR,
    DAY,
    MARKET_SELL,
    OPEN,
    STOP,
    Client,
    after_open,
    flat_day,
    order_form,
    session_of,
)
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.brokerage import AccountSettings, Plan
from trading_bot.rehearsal.cover import Cover
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.holdings import HeldShares
from trading_bot.rehearsal.ledger import Ledger, LedgerError
from trading_bot.rehearsal.owner import Buys, Sells

AT = after_open(10, 1)
SOON = AT + timedelta(seconds=1)


def _uncovered(client: Client, at: datetime) -> Any:
    return client.ledger(at)["uncovered"].get("AAPL")


def test_the_ledger_wants_no_token_and_says_what_it_is() -> None:
    """It is served beside the API, to anyone on this machine, and labelled."""
    client = Client(flat_day())
    client.token = "none"

    said = client.ledger(AT)

    assert "Robinhood has nothing like it" in said["note"]
    assert (said["cash"], said["positions"], said["orders"]) == ("25000.00", {}, [])
    assert client.get("/rehearsal/other/", AT).status == 404


def test_everything_is_in_it_in_order() -> None:
    """An order's whole life: received, accepted, its states, its execution."""
    client = Client(flat_day())
    order = client.place(AT)

    said = client.ledger(SOON)

    kinds = [entry["kind"] for entry in said["entries"]]
    assert kinds == ["opened", "received", "accepted", "order", "executed", "order"]
    assert [entry["number"] for entry in said["entries"]] == [1, 2, 3, 4, 5, 6]
    (one,) = said["orders"]
    assert (one["ref_id"], one["state"], one["source"]) == (order["ref_id"], "filled", "api")
    (execution,) = said["executions"]
    assert (execution["quantity"], execution["price"]) == ("100", "100.01")
    assert (said["cash"], said["positions"]) == ("14999.00", {"AAPL": "100"})
    assert said["account"] == {"cash": "14999.00", "positions": {"AAPL": "100"}}


def test_repeated_sends_are_counted_by_ref_id() -> None:
    """Three sends of one ref_id are three, whether taken, refused or repeated."""
    client = Client(flat_day())
    form = order_form(quantity="1")
    for _ in range(3):
        client.post("/orders/", form, AT)
    client.place(AT, quantity="1")

    said = client.ledger(AT)

    assert said["repeated_ref_ids"] == {form["ref_id"]: 3}
    outcomes = [row["outcome"] for row in said["entries"] if row["kind"] == "received"]
    assert outcomes == ["accepted", "repeated", "repeated", "accepted"]


def test_shares_are_bare_until_a_stop_stands() -> None:
    """From the fill to the stop's confirmation, to the microsecond."""
    client = Client(flat_day())
    client.place(AT)
    client.place(AT + timedelta(seconds=3), **STOP, stop_price="90.00")

    said = _uncovered(client, after_open(30))

    assert said["longest_seconds"] == "2.800000"
    assert said["intervals"] == [
        {
            "from": "2023-05-25T13:40:01.400000Z",
            "to": "2023-05-25T13:40:04.200000Z",
            "seconds": "2.800000",
        }
    ]


def test_shares_without_a_stop_are_bare_until_now() -> None:
    """An interval still open ends at the time asked for."""
    client = Client(flat_day())
    client.place(AT)

    assert _uncovered(client, AT + timedelta(seconds=10.4))["longest_seconds"] == "10.000000"


def test_a_stop_over_a_part_leaves_the_rest_bare() -> None:
    """Sixty of a hundred shares covered is not covered."""
    client = Client(flat_day())
    client.place(AT)
    client.place(SOON, **STOP, stop_price="90.00", quantity="60")
    client.place(AT + timedelta(seconds=9), **STOP, stop_price="90.00", quantity="40")

    assert _uncovered(client, after_open(30))["longest_seconds"] == "8.800000"


def test_only_regular_hours_count() -> None:
    """Bare from a minute before the close on, over the night: one minute, and the next morning."""
    next_day = CALENDAR.next_session(DAY)
    client = Client(flat_day(), flat_day(day=next_day))
    client.place(after_open(389) - timedelta(seconds=0.4))

    said = _uncovered(client, session_of(next_day).open + timedelta(seconds=5))

    assert [one["seconds"] for one in said["intervals"]] == ["60.000000", "5.000000"]


def test_between_a_cancelled_stop_and_a_sell_shares_are_bare() -> None:
    """From the cancel's effect to the sell's confirmation."""
    client = Client(flat_day())
    client.place(AT)
    stop = client.place(SOON, **STOP, stop_price="90.00")
    client.cancel(stop, after_open(20))
    client.place(after_open(20, 2), **MARKET_SELL)

    said = _uncovered(client, after_open(30))

    assert [one["seconds"] for one in said["intervals"]] == ["0.800000", "1.900000"]


def test_a_stop_that_fills_leaves_nothing_bare() -> None:
    """A stop that sells all its shares ends with nothing to cover."""
    client = Client(flat_day())
    client.place(AT)
    client.place(AT + timedelta(seconds=0.4), **STOP, stop_price="99.90")

    said = _uncovered(client, after_open(30))

    assert client.ledger(after_open(30))["positions"] == {}
    assert said["longest_seconds"] == "0.200000"


def test_the_owners_shares_need_no_cover() -> None:
    """What the owner bought, or held before, is not counted."""
    held = (HeldShares(symbol="AAPL", quantity=Decimal(10), average_price=Decimal(90)),)
    plan = Plan(owner=(Buys(at=AT, symbol="AAPL", quantity=Decimal(5)),))
    account = AccountSettings(held=held)
    client = Client(flat_day(), settings=ExchangeSettings(account=account, plan=plan))

    assert client.ledger(after_open(20))["positions"] == {"AAPL": "15"}
    assert _uncovered(client, after_open(20)) is None


def test_what_the_owner_sold_needs_no_cover() -> None:
    """Half of our shares sold on the phone: the other half alone must be covered."""
    plan = Plan(owner=(Sells(at=after_open(15), symbol="AAPL", fraction=Decimal("0.5")),))
    client = Client(flat_day(), settings=ExchangeSettings(plan=plan))
    client.place(AT)
    client.place(AT + timedelta(seconds=0.4), **STOP, stop_price="90.00")
    client.place(after_open(16), **STOP, stop_price="90.00", quantity="50")

    said = _uncovered(client, after_open(30))

    assert client.ledger(after_open(30))["positions"] == {"AAPL": "50"}
    # The sale needed the stop's shares, so it took the stop away at 15:00.
    assert [one["seconds"] for one in said["intervals"]] == ["0.200000", "60.200000"]


def _ledger() -> Ledger:
    ledger = Ledger(Cover(CALENDAR))
    ledger.add("opened", OPEN, cash=Decimal(100))
    _accept(ledger, "a")
    return ledger


def _accept(ledger: Ledger, name: str, side: str = "buy") -> None:
    ledger.add(
        "accepted",
        OPEN,
        order_id=name,
        symbol="AAPL",
        side=side,
        is_ours=True,
        quantity=Decimal(2),
    )


def _trade(kind: str = "executed", **facts: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "at": OPEN,
        "order_id": "a",
        "execution_id": "x",
        "quantity": Decimal(1),
        "cash": Decimal(-50),
        **facts,
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_trade(at=OPEN - timedelta(seconds=1)), "or later"),
        (_trade(cash=Decimal("-0.001")), "whole cents"),
        (_trade(cash=Decimal(-101)), "0 dollars"),
        (_trade(order_id="b"), "0 shares"),
        (_trade(quantity=Decimal(3)), "no more than 2 shares"),
        (_trade("busted"), "an execution of this order"),
    ],
)
def test_the_ledger_refuses_what_cannot_be(wrong: dict[str, Any], said: str) -> None:
    """An entry after which the sums could not be true is an error of the exchange."""
    ledger = _ledger()
    _accept(ledger, "b", "sell")

    with pytest.raises(LedgerError, match=said):
        ledger.add(**wrong)


def test_the_ledger_counts_an_execution_once() -> None:
    """The same execution twice, or the same order twice, is an error of the exchange."""
    ledger = _ledger()
    ledger.add(**_trade())

    with pytest.raises(LedgerError, match="not seen before"):
        ledger.add(**_trade())
    with pytest.raises(LedgerError, match="a new order"):
        _accept(ledger, "a")


_FORMS: list[dict[str, str | None]] = [
    {"price": "101.00"},
    {"price": "99.91"},
    {"price": "99.00", "time_in_force": "gtc"},
    {"type": "market", "price": "100.00"},
    {"side": "sell", "price": "100.10"},
    {"side": "sell", "price": "99.00"},
    MARKET_SELL,
    {**STOP, "stop_price": "99.90"},
    {**STOP, "stop_price": "90.00"},
    {**STOP, "type": "limit", "stop_price": "100.00", "price": "99.95"},
]
_FAULTS = [
    faults.PartialFills(3, 0.5),
    faults.BustedExecution(20),
    faults.CancelLoses(),
    faults.CancelIgnored(),
    faults.RejectedLater(),
    faults.AcceptThenDrop(),
    faults.ConfirmedLate(3),
]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "place", "place", "cancel", "sell in the app"]),
        st.integers(0, len(_FORMS) - 1),
        st.integers(1, 900),
        st.floats(0, 120).map(lambda seconds: round(seconds, 1)),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(
    steps=_STEPS,
    chosen=st.lists(st.integers(0, len(_FAULTS) - 1), max_size=4),
    kind=st.sampled_from(["cash", "margin"]),
    cents=st.integers(0, 99),
)
def test_shares_and_cash_are_conserved(
    steps: list[tuple[str, int, int, float]], chosen: list[int], kind: Any, cents: int
) -> None:
    """Whatever is ordered, cancelled, busted or sold in the app: cash, shares and holds add up."""
    start = Decimal(50_000) + Decimal(cents) / 100
    account = AccountSettings(
        kind=kind,
        cash=start,
        held=(HeldShares(symbol="AAPL", quantity=Decimal(300), average_price=Decimal(90)),),
    )
    rules = [FaultRule(fault=_FAULTS[one], count=2) for one in chosen]
    client = Client(flat_day(), settings=ExchangeSettings(account=account), rules=rules)
    at = after_open(1)
    placed: list[str] = []
    for what, number, quantity, wait in steps:
        at += timedelta(seconds=wait)
        if what == "place":
            form = order_form(**{**_FORMS[number], "quantity": str(quantity)})
            client.post("/orders/", form, at)
            placed = [order["order_id"] for order in client.ledger(at)["orders"]]
        elif what == "cancel" and placed:
            client.post(f"/orders/{placed[quantity % len(placed)]}/cancel/", {}, at)
        elif what == "sell in the app":
            client.in_the_app(Sells(symbol="AAPL", quantity=Decimal(quantity)), at)

        _assert_sums(client, at, start)
    _assert_sums(client, session_of().post_close, start)


def _assert_sums(client: Client, at: datetime, start: Decimal) -> None:
    orders = client.json("/orders/", at)["results"]
    account, position = client.account(at), client.position("AAPL", at)
    said = client.ledger(at)

    cash, shares, for_sells = start, Decimal(300), Decimal(0)
    for order in orders:
        sign = 1 if order["side"] == "buy" else -1
        executed = Decimal(0)
        for one in order["executions"]:
            cash -= sign * Decimal(one["rounded_notional"]) + Decimal(one["fees"])
            executed += Decimal(one["quantity"])
        shares += sign * executed
        assert executed == Decimal(order["cumulative_quantity"]) <= Decimal(order["quantity"])
        if order["side"] == "sell" and order["cancel"] is not None:
            for_sells += Decimal(order["quantity"]) - executed
    assert Decimal(account["cash"]) == cash == Decimal(said["cash"]) >= 0
    assert Decimal(account["buying_power"]) >= 0
    assert Decimal(position["quantity"]) == shares >= Decimal(position["shares_held_for_sells"])
    assert Decimal(position["shares_held_for_sells"]) <= for_sells
    assert said["account"]["positions"] == said["positions"]
    assert all(one["at"] <= other["at"] for one, other in pairwise(said["entries"]))


@settings(max_examples=25, deadline=None)
@given(steps=_STEPS)
def test_the_same_requests_make_the_same_bytes(steps: list[tuple[str, int, int, float]]) -> None:
    """Two exchanges asked the same at the same times answer the same, ledger included."""

    def play() -> list[bytes]:
        client, at, said = Client(flat_day()), after_open(1), []
        for index, (_, number, quantity, wait) in enumerate(steps):
            at += timedelta(seconds=wait)
            form = order_form(
                **{**_FORMS[number], "quantity": str(quantity), "ref_id": f"ref {index}"}
            )
            said.append(client.post("/orders/", form, at).body)
        said.append(client.get("/orders/", session_of().close).body)
        return [*said, client.get("/rehearsal/ledger/", session_of().close).body]

    assert play() == play()
