"""Order events in words: every kind says something, and nothing is left out."""

import pytest

from trading_bot.logging.order_event import KINDS, ORDER_KINDS, OrderDatum, OrderEvent
from trading_bot.query.order_words import order_words

SESSION = "9917a3eb-425d-567e-9d05-ffce6c7fa0f7"


def event(kind: str, leg: str = "stop", **data: OrderDatum) -> OrderEvent:
    """An event of one trade of AAPL."""
    is_order = kind in ORDER_KINDS
    return OrderEvent(
        seq=0,
        timestamp="2026-11-23T14:45:00.000Z",
        session_id=SESSION,
        kind=kind,
        ref_id="r" if is_order else None,
        symbol="AAPL",
        side="SELL" if is_order else None,
        leg=leg if is_order else None,
        correlation_id="t",
        data=data,
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            event(
                "intent",
                quantity=5,
                type="stop",
                stop_price="7.60",
                limit_price=None,
                time_in_force="gtc",
                purpose="protective stop",
            ),
            "stop SELL 5 stop 7.60 gtc intended: protective stop",
        ),
        (
            event("fill", "exit", quantity=5, price="7.70", fees="0.01"),
            "exit filled 5 at 7.70, fees 0.01",
        ),
        (
            event("fill", "exit", quantity=5, price="7.70", fees="0", note="over a gap"),
            "exit filled 5 at 7.70 (over a gap)",
        ),
        (event("reply", state="open"), "stop order is open at the broker"),
        (event("cancelled", reason=""), "stop cancelled"),
        (event("cancel_requested", reason="making way"), "stop cancel requested: making way"),
        (event("protected", unprotected_ms=1500), "covered by a working sell order after 1.5 s"),
        (event("unprotected", quantity=5), "5 shares have no working sell order"),
        (event("closed", quantity=5, net_profit_loss="3.21"), "trade closed, net 3.21 dollars"),
        (event("closed", quantity=0), "trade closed, unfilled"),
        (
            event("closed", quantity=5, net_profit_loss="3.21", unprotected_ms=1500),
            "trade closed, net 3.21 dollars, 1.5 s without a sell order",
        ),
        (event("reopened", reason="late news"), "trade opened again: late news"),
        (
            event("bust", "exit", quantity=5, price="7.70"),
            "exit execution of 5 at 7.70 was taken back by the broker",
        ),
        (
            event("replaced", quantity=5, type="stop", limit_price=None, stop_price="7.50"),
            "stop order was edited, not by the bot: now 5 stop 7.50",
        ),
        (
            event("reply", state="open", cancel_lost="timeout"),
            "stop order is open at the broker, its cancel got no answer: timeout",
        ),
        (event("plan_change", stop_price="7.65"), "plan: stop price 7.65"),
        (event("unknown", reason="no answer"), "stop unknown: no answer"),
        (event("left_open", quantity=5), "left open: quantity 5"),
    ],
)
def test_an_event_reads_as_a_sentence(told: OrderEvent, words: str) -> None:
    """What happened to which order, with its numbers."""
    assert order_words(told) == words


@pytest.mark.parametrize("kind", sorted(KINDS - {"protected"}))
def test_no_kind_is_without_words(kind: str) -> None:
    """Even one with no data at all."""
    assert order_words(event(kind))
