"""When faults happen: by rule, by request, once, counted, and again after a restart."""

import json
from datetime import timedelta
from typing import Any, get_args

import msgspec
import pytest

from support.rehearsal import (
    OPEN,
    Client,
    after_open,
    flat_day,
    order_form,
)
from trading_bot.domain.errors import DataError
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.faults import FAULT_HEADER, FaultRule, FaultScript
from trading_bot.rehearsal.wire import Reply, Request, Reset

AT = after_open(10, 1)
SOON = AT + timedelta(seconds=1)


def _with(fault: menu.AnyFault, **when: Any) -> Client:
    return Client(flat_day(), rules=[FaultRule(fault=fault, **when)])


def _send(client: Client, **changes: str | None) -> Reply:
    return client.post("/orders/", order_form(**changes), AT)


def _book(client: Client, at: Any = SOON) -> Any:
    """The orders the exchange has, whoever may see them."""
    return client.ledger(at)["orders"]


def test_a_request_carries_its_own_fault() -> None:
    """A fault in the header meets that request alone, and is counted."""
    client = _with(menu.HtmlPage(), count=0)
    headers = {
        "authorization": f"Bearer {client.token}",
        "content-type": "application/json",
        FAULT_HEADER: '{"kind":"accept_then_error","status":500}',
    }
    body = json.dumps(order_form()).encode()

    reply = client.exchange.handle(Request("POST", "/orders/", headers, body), AT)

    assert reply.status == 500
    assert len(_book(client)) == 1
    assert client.faults.counts == {"accept_then_error": 1}
    bad = {**headers, FAULT_HEADER: '{"kind":"earthquake"}'}
    assert client.exchange.handle(Request("GET", "/quotes/", bad), AT).status == 400


def test_a_rule_may_let_some_go_by() -> None:
    """The first two orders are answered, the third is lost, the fourth answered."""
    client = _with(faults.AcceptThenDrop(), skip=2, count=1)

    assert [_send(client, quantity="1").fault for _ in range(4)] == [None, None, Reset(), None]


def test_a_rule_may_mean_one_symbol() -> None:
    """An order for another symbol goes by."""
    rules = [FaultRule(fault=faults.AcceptThenDrop(), symbol="MSFT")]
    client = Client(flat_day("AAPL"), flat_day("MSFT"), rules=rules)

    assert _send(client, quantity="1").fault is None
    assert _send(client, quantity="1", symbol="MSFT").fault == Reset()


def test_faults_are_counted_by_kind() -> None:
    """The counts and the ledger's report say how often each kind fired."""
    client = _with(menu.Throttled(), path="/quotes/*", count=2)
    for _ in range(3):
        client.get("/quotes/?symbols=AAPL", OPEN)

    assert client.faults.counts == {"throttled": 2}
    assert client.ledger(OPEN)["faults"] == {"throttled": 2}


def test_a_script_goes_on_where_another_left_off() -> None:
    """With the memory of one that fired, a fresh script does not fire again."""
    rules = [FaultRule(fault=menu.HtmlPage(), count=1)]
    first, second = FaultScript(rules), FaultScript(rules)
    request = Request("GET", "/quotes/")
    first.firing(request, OPEN)

    second.recall(first.memory)

    assert second.firing(request, OPEN) == []
    assert second.counts == {"html_page": 1}


def test_every_fault_reads_from_json() -> None:
    """Each kind of the menu comes out of its JSON as it went in, and no two share a name."""
    kinds = [
        kind()
        for kind in menu.AnyFault.__args__
        if kind not in (menu.Hangs, menu.SlowBody, menu.SkewedClock)
    ]

    for fault in kinds:
        rule = FaultRule(fault=fault)
        assert msgspec.json.decode(msgspec.json.encode(rule), type=FaultRule) == rule
    tags = [kind.__struct_config__.tag for kind in get_args(menu.AnyFault)]
    assert len(set(tags)) == len(tags) == 44


def test_a_fault_needs_its_header_to_be_json() -> None:
    """A header without a fault in it is an error of the script's user."""
    with pytest.raises(DataError, match="expected a fault"):
        FaultScript().firing(Request("GET", "/quotes/", {FAULT_HEADER: "boom"}), OPEN)
