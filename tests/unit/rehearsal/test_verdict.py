"""The verdict: a home whose records differ from the exchange's ledger in anything is told so."""

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from support.paper import make_ref
from support.records import SESSION_ID, exit_record, trade_record
from trading_bot.domain.errors import DataError
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.rehearsal.verdict import Verdict, judge, read_report

BUY, SELL = make_ref("entry"), make_ref("stop")
ORDERS = {BUY: make_ref("order entry"), SELL: make_ref("order stop")}


class Case:
    """Ten bought at 100.10, sold at 101 for a cent of fees; all of it on record."""

    def __init__(self) -> None:
        self.report: dict[str, Any] = {
            "note": "x",
            "cash": "10008.99",
            "positions": {},
            "orders": [_order(BUY, "buy"), _order(SELL, "sell")],
            "executions": [
                _execution("b", BUY, "buy", "100.10", "0.00", "-1001.00"),
                _execution("s", SELL, "sell", "101.00", "0.01", "1009.99"),
            ],
            "repeated_ref_ids": {},
            "uncovered": {"AAPL": {"longest_seconds": "1.5", "intervals": []}},
            "entries": [{"kind": "opened", "cash": "10000.00"}],
        }
        self.trades = [
            _record(trade_record, price="100.10", commission="0.00"),
            _record(exit_record, price="101.00", commission="0.01"),
        ]
        self.events = [
            _event("intent", BUY, "BUY"),
            _event("fill", BUY, "BUY", execution_id="b", price="100.10", fees="0.00"),
            _event("intent", SELL, "SELL"),
            _event("fill", SELL, "SELL", execution_id="s", price="101.00", fees="0.01"),
        ]

    def judged(self) -> Verdict:
        ledger = read_report(self.report)
        return judge(ledger, self.trades, self.events, bare_max_s=Decimal(30))


def _order(name: str, side: str, **changes: Any) -> dict[str, Any]:
    return {
        "order_id": ORDERS[name],
        "ref_id": name,
        "is_ours": True,
        "symbol": "AAPL",
        "side": side,
        "replaces": None,
    } | changes


def _execution(
    name: str, ref_id: str, side: str, price: str, fees: str, cash: str
) -> dict[str, Any]:
    return {
        "execution_id": name,
        "order_id": ORDERS[ref_id],
        "ref_id": ref_id,
        "symbol": "AAPL",
        "side": side,
        "quantity": "10",
        "price": price,
        "fees": fees,
        "cash": cash,
    }


def _record(make: Callable[..., TradeRecord], price: str, commission: str) -> TradeRecord:
    entry = Decimal("100.10")
    changes: dict[str, Any] = {}
    if make is exit_record:
        gain = 10 * (Decimal(price) - entry)
        changes = {"profit_loss": gain, "net_profit_loss": gain - Decimal(commission)}
    return make(
        quantity=10,
        price=Decimal(price),
        total_value=10 * Decimal(price),
        order_id=ORDERS[BUY],
        commission=Decimal(commission),
        **changes,
    )


def _event(kind: str, ref_id: str, side: str, **data: Any) -> OrderEvent:
    return OrderEvent(
        seq=0,
        timestamp="2026-03-02T14:32:15.123Z",
        session_id=SESSION_ID,
        kind=kind,
        ref_id=ref_id,
        symbol="AAPL",
        side=side,
        leg="entry" if side == "BUY" else "stop",
        correlation_id=BUY,
        data={"quantity": 10, "executed_at": "2026-03-02T14:32:15+00:00"} | data,
    )


def test_records_that_tell_what_happened_agree() -> None:
    """And the verdict counts what was compared."""
    verdict = Case().judged()

    assert verdict.agrees
    assert "agree" in verdict.text()
    assert "2 of ours, 2 booked" in verdict.text()


def _sold_by_owner(case: Case) -> None:
    case.report["orders"][1] |= {"is_ours": False, "ref_id": make_ref("owner")}
    del case.events[2:], case.trades[1]
    case.report["positions"] = {}


def _bust(case: Case) -> None:
    del case.report["executions"][1]
    case.report |= {"cash": "8999.00", "positions": {"AAPL": "10"}}


def _fill_twice(case: Case) -> None:
    case.events.append(case.events[3])
    case.trades.append(case.trades[1])


DEFECTS: dict[str, tuple[Callable[[Case], Any], str]] = {
    "a lost fill": (lambda c: (c.events.pop(1), c.trades.pop(0)), "is booked 0x"),
    "a fill counted twice": (_fill_twice, "is booked 2x"),
    "a fill that never was": (lambda c: c.report["executions"].pop(1), "no execution"),
    "a bust not followed": (_bust, "no execution"),
    "a trade record too few": (lambda c: c.trades.pop(1), "1 trade records are missing"),
    "a trade record twice": (lambda c: c.trades.append(c.trades[1]), "too many"),
    "another price": (lambda c: c.report["executions"][0].update(price="100.11"), "booked as"),
    "another fee": (lambda c: c.report["executions"][1].update(fees="0.02"), "booked as"),
    "another quantity": (lambda c: c.report["executions"][0].update(quantity="9"), "booked as"),
    "another entry": (
        lambda c: c.report["orders"][0].update(order_id=make_ref("x")),
        "trade records are missing",
    ),
    "two orders of one intent": (
        lambda c: c.report["orders"].append(_order(BUY, "buy", order_id=make_ref("two"))),
        "2 orders for the intent",
    ),
    "an order sent twice": (
        lambda c: c.report["repeated_ref_ids"].update({BUY: 2}),
        "was sent 2 times",
    ),
    "an order without an intent": (lambda c: c.events.pop(2), "without an intent"),
    "one intent twice": (lambda c: c.events.append(c.events[2]), "2 intents of one name"),
    "cash": (lambda c: c.report.update(cash="10008.98"), "10008.98 in the ledger, 10008.99"),
    "shares": (lambda c: c.report.update(positions={"AAPL": "10"}), "10 shares are held, 0 by"),
    "an oversell": (lambda c: c.events.insert(0, c.events.pop(3)), "oversold: 10 AAPL"),
    "too long unprotected": (
        lambda c: c.report["uncovered"]["AAPL"].update(longest_seconds="30.1"),
        "unprotected for 30.1 s",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_disagreement_is_named(defect: str) -> None:
    """Nothing of the ledger may be missing, doubled or different."""
    change, words = DEFECTS[defect]
    case = Case()
    change(case)

    verdict = case.judged()

    assert not verdict.agrees
    assert any(words in problem for problem in verdict.problems), verdict.problems
    assert "DISAGREE" in verdict.text()


def test_a_bust_that_was_followed_agrees() -> None:
    """The fill and its trade record stay, a bust takes them back."""
    case = Case()
    _bust(case)
    case.events.append(_event("bust", SELL, "SELL", execution_id="s", price="101.00", fees="0.01"))

    assert case.judged().agrees, case.judged().problems


def test_what_the_owner_trades_need_not_be_booked() -> None:
    """It counts for cash and shares by the ledger's word."""
    case = Case()
    _sold_by_owner(case)

    verdict = case.judged()

    assert [p for p in verdict.problems if "shares" not in p] == []


@pytest.mark.parametrize("is_ours", [True, False])
def test_the_owners_edit_of_our_order_is_ours_to_book(is_ours: bool) -> None:
    """The order that took the place of ours sells our shares, and needs no intent of ours."""
    case = Case()
    replaced = deepcopy(case.report["orders"][1])
    edit = _order(SELL, "sell", order_id=make_ref("edit"), ref_id=make_ref("app"))
    case.report["orders"].append(edit | {"is_ours": is_ours, "replaces": replaced["order_id"]})
    case.report["executions"][1]["order_id"] = make_ref("edit")
    assert case.judged().agrees

    del case.events[3], case.trades[1]

    assert not case.judged().agrees


def test_money_brought_in_is_no_gain() -> None:
    """Deposits and withdrawals move cash without a trade."""
    case = Case()
    case.report["entries"] += [
        {"kind": "deposited", "cash": "500.00"},
        {"kind": "withdrawn", "cash": "-200.00"},
    ]
    case.report["cash"] = "10308.99"

    assert case.judged().agrees


def test_another_answer_than_a_ledger_is_an_error() -> None:
    """It is not taken for an empty one."""
    with pytest.raises(DataError, match="ledger"):
        read_report({"detail": "Not found."})
