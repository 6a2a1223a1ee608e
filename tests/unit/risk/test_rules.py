"""Each rule at its boundary, on both sides, and with what is unknown or no number."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.risk_builders import (
    CLOSE,
    LIMITS,
    OPEN,
    entry_context,
    entry_intent,
    exit_intent,
    risk_limits,
)
from trading_bot.risk.gate import Approved, Refused, judge_entry
from trading_bot.risk.rule_table import ENTRY_RULES

D = Decimal
SECOND = timedelta(seconds=1)

# code, what still holds, what does not; a change named "intent" is one of the order's.
BOUNDARIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("BREAKER_TRIPPED", {"trips": ()}, {"trips": ("daily_loss",)}),
    ("PROTECT_ONLY", {"protect_only": None}, {"protect_only": "journal poisoned"}),
    ("PROTECT_ONLY", {"protect_only": None}, {"protect_only": ""}),
    ("STRATEGY_STOPPED", {"strategy_stopped": None}, {"strategy_stopped": "it raised"}),
    ("MARKET_CLOSED", {"now": CLOSE - timedelta(minutes=31)}, {"now": CLOSE}),
    ("MARKET_CLOSED", {"now": OPEN + timedelta(minutes=5)}, {"now": OPEN - SECOND}),
    ("HOURS_DISAGREE", {"hours_agree": True}, {"hours_agree": False}),
    (
        "ENTRY_WINDOW",
        {"now": OPEN + timedelta(minutes=5)},
        {"now": OPEN + timedelta(minutes=5) - SECOND},
    ),
    (
        "ENTRY_WINDOW",
        {"now": CLOSE - timedelta(minutes=30) - SECOND},
        {"now": CLOSE - timedelta(minutes=30)},
    ),
    ("QUOTE_BAD", {"quote_problem": None}, {"quote_problem": "QUOTE_HALTED"}),
    ("QUOTE_BAD", {"bid": D("100.00")}, {"bid": D("100.01")}),
    ("QUOTE_BAD", {"last": D("0.01")}, {"last": D(0)}),
    ("QUOTE_STALE", {"quote_age_s": 15.0}, {"quote_age_s": 15.001}),
    ("QUOTE_STALE", {"quote_age_s": -2.0}, {"quote_age_s": -2.001}),
    ("SPREAD_WIDE", {"bid": D("99.5013")}, {"bid": D("99.5012")}),
    ("ACCOUNT_UNKNOWN", {"account_age_s": 120.0}, {"account_age_s": 120.001}),
    ("ACCOUNT_UNKNOWN", {"reserved_cash": D(0)}, {"reserved_cash": D("-0.01")}),
    ("DUPLICATE_ORDER", {"is_duplicate": False}, {"is_duplicate": True}),
    ("POSITION_OPEN", {"position_quantity": 0}, {"position_quantity": 1}),
    ("POSITION_OPEN", {"position_quantity": 0}, {"position_quantity": -1}),
    ("ORDER_WORKING", {"working_orders": 0}, {"working_orders": 1}),
    ("FOREIGN_HOLDING", {"foreign_quantity": D(0)}, {"foreign_quantity": D("0.0001")}),
    ("DAILY_LOSS", {"day_pnl": D("-199.99")}, {"day_pnl": D("-200.00")}),
    ("CONSECUTIVE_LOSSES", {"consecutive_losses": 2}, {"consecutive_losses": 3}),
    ("TRADES_PER_DAY", {"trades_today": 19}, {"trades_today": 20}),
    ("OPEN_POSITIONS", {"open_positions": 4}, {"open_positions": 5}),
    ("STOP_SIDE", {"stop": D("99.99")}, {"stop": D("100.00")}),
    ("STOP_SIDE", {"stop": D("99.00")}, {"stop": D(0)}),
    ("REWARD_RISK", {"target": D("101.50")}, {"target": D("101.49")}),
    (
        "PRICE_COLLAR",
        {"ask": D("99.51"), "bid": D("99.45")},
        {"ask": D("99.50"), "bid": D("99.45")},
    ),
    ("PRICE_CHASE", {"reference_price": D("99.01")}, {"reference_price": D("99.00")}),
    (
        "POSITION_SIZE",
        {"equity": D("10000.00")},
        {"equity": D("9999.99")},
    ),
    ("BUYING_POWER", {"buying_power": D("1000.00")}, {"buying_power": D("999.99")}),
    ("BUYING_POWER", {"reserved_cash": D("7000.00")}, {"reserved_cash": D("7000.01")}),
]

UNKNOWN: list[tuple[str, str]] = [
    ("session", "MARKET_CLOSED"),
    ("hours_agree", "HOURS_DISAGREE"),
    ("bid", "QUOTE_BAD"),
    ("ask", "QUOTE_BAD"),
    ("last", "QUOTE_BAD"),
    ("quote_age_s", "QUOTE_STALE"),
    ("equity", "ACCOUNT_UNKNOWN"),
    ("opening_equity", "ACCOUNT_UNKNOWN"),
    ("buying_power", "ACCOUNT_UNKNOWN"),
    ("account_age_s", "ACCOUNT_UNKNOWN"),
    ("reserved_cash", "ACCOUNT_UNKNOWN"),
    ("position_quantity", "POSITION_OPEN"),
    ("foreign_quantity", "FOREIGN_HOLDING"),
    ("working_orders", "ORDER_WORKING"),
    ("open_positions", "OPEN_POSITIONS"),
    ("trades_today", "TRADES_PER_DAY"),
    ("is_duplicate", "DUPLICATE_ORDER"),
    ("day_pnl", "DAILY_LOSS"),
    ("consecutive_losses", "CONSECUTIVE_LOSSES"),
    ("stop", "STOP_SIDE"),
    ("target", "REWARD_RISK"),
    ("reference_price", "PRICE_CHASE"),
]

NUMBERS = [
    "bid",
    "ask",
    "last",
    "equity",
    "opening_equity",
    "buying_power",
    "reserved_cash",
    "foreign_quantity",
    "day_pnl",
    "stop",
    "target",
    "reference_price",
]


def test_the_plain_entry_passes_every_rule() -> None:
    """The builder's entry is approved, so that each other test changes one thing only."""
    verdict = judge_entry(entry_intent(), entry_context(), LIMITS)

    assert isinstance(verdict, Approved)
    assert [check.rule for check in verdict.checks] == [rule.code for rule in ENTRY_RULES]


@pytest.mark.parametrize(("code", "holds", "fails"), BOUNDARIES)
def test_rule_holds_up_to_its_limit_and_not_past_it(
    code: str, holds: dict[str, Any], fails: dict[str, Any]
) -> None:
    """The last value a rule lets through is approved; the next one is refused by that rule."""
    inside = judge_entry(entry_intent(), entry_context(**holds), LIMITS)
    outside = judge_entry(entry_intent(), entry_context(**fails), LIMITS)

    assert isinstance(inside, Approved), inside
    assert isinstance(outside, Refused)
    assert outside.rule == code
    assert not next(check for check in outside.checks if check.rule == code).ok


@pytest.mark.parametrize(
    ("code", "changes", "ok"),
    [
        ("MARKET_CLOSED", {"now": OPEN}, True),
        ("MARKET_CLOSED", {"now": CLOSE - SECOND}, True),
        ("MARKET_CLOSED", {"now": CLOSE}, False),
        ("QUOTE_BAD", {"bid": D(0)}, False),
        ("SPREAD_WIDE", {"bid": D("99.75"), "ask": D("100.25")}, True),
        ("SPREAD_WIDE", {"bid": D("99.75"), "ask": D("100.26")}, False),
        ("PRICE_COLLAR", {"ask": D("100.00"), "reference_price": D("90.00")}, True),
        ("BUYING_POWER", {"buying_power": D("1000.00")}, True),
    ],
)
def test_rule_alone_at_its_boundary(code: str, changes: dict[str, Any], ok: bool) -> None:
    """Where another rule refuses first, the rule's own answer still turns at its limit."""
    checks = judge_entry(entry_intent(), entry_context(**changes), LIMITS).checks

    assert next(check for check in checks if check.rule == code).ok is ok


@pytest.mark.parametrize(
    ("code", "price", "ok"),
    [
        ("PRICE_COLLAR", "100.50", True),
        ("PRICE_COLLAR", "100.51", False),
        ("PRICE_CHASE", "101.00", True),
        ("PRICE_CHASE", "101.01", False),
    ],
)
def test_prices_exactly_at_their_bounds(code: str, price: str, ok: bool) -> None:
    """A limit price exactly as far above ask and signal as allowed holds; a cent more does not."""
    intent = entry_intent(limit_price=D(price))

    checks = judge_entry(intent, entry_context(), LIMITS).checks

    assert next(check for check in checks if check.rule == code).ok is ok


def test_limits_are_written_as_they_are() -> None:
    """The record of a plain approval shows each limit, so that no other one was asked."""
    checks = judge_entry(entry_intent(), entry_context(), LIMITS).checks

    assert {check.rule: check.limit for check in checks} == {
        "ENTRY_SHAPE": "BUY, limit",
        "BREAKER_TRIPPED": "none",
        "PROTECT_ONLY": "none",
        "STRATEGY_STOPPED": "none",
        "MARKET_CLOSED": "2026-11-23T21:00:00Z",
        "HOURS_DISAGREE": "yes",
        "ENTRY_WINDOW": "2026-11-23T14:30:00Z",
        "QUOTE_BAD": "0 < bid <= ask, last > 0",
        "QUOTE_STALE": "15",
        "SPREAD_WIDE": "0.49975",
        "ACCOUNT_UNKNOWN": "120",
        "DUPLICATE_ORDER": "first use",
        "POSITION_OPEN": "0",
        "ORDER_WORKING": "0",
        "FOREIGN_HOLDING": "0",
        "DAILY_LOSS": "-200.00",
        "CONSECUTIVE_LOSSES": "3",
        "TRADES_PER_DAY": "20",
        "OPEN_POSITIONS": "5",
        "STOP_SIDE": "100.00",
        "REWARD_RISK": "1.50",
        "PRICE_COLLAR": "100.50",
        "PRICE_CHASE": "101.00",
        "QUANTITY_LIMIT": "10000",
        "POSITION_SIZE": "1000.00",
        "RISK_PER_TRADE": "50.00",
        "BUYING_POWER": "8000.00",
        "NOTIONAL_CAP": "none",
        "EXPOSURE_CAP": "none",
    }


def test_quantity_limit() -> None:
    """As many shares as the limit pass, one more is refused."""
    context = entry_context(
        stop=D("99.00"), equity=D(1_000_000), opening_equity=D(1_000_000), buying_power=D(1_000_000)
    )
    limits = risk_limits(quantity_max=50)

    assert isinstance(judge_entry(entry_intent(quantity=50), context, limits), Approved)
    refused = judge_entry(entry_intent(quantity=51), context, limits)
    assert isinstance(refused, Refused)
    assert refused.rule == "QUANTITY_LIMIT"


def test_risk_per_trade() -> None:
    """A loss at the stop of exactly the limit passes; a cent more is refused."""
    inside = entry_context(stop=D("95.00"), target=D("110.00"))
    outside = entry_context(stop=D("94.99"), target=D("110.00"))

    assert isinstance(judge_entry(entry_intent(), inside, LIMITS), Approved)
    refused = judge_entry(entry_intent(), outside, LIMITS)
    assert isinstance(refused, Refused)
    assert refused.rule == "RISK_PER_TRADE"


def test_a_sell_is_no_entry() -> None:
    """A sell never passes as an entry, whatever its context."""
    refused = judge_entry(exit_intent(), entry_context(), LIMITS)

    assert isinstance(refused, Refused)
    assert refused.rule == "ENTRY_SHAPE"


def test_an_infinite_price_is_no_entry() -> None:
    """A limit price that is no finite number is refused by the first rule."""
    refused = judge_entry(entry_intent(limit_price=D("Infinity")), entry_context(), LIMITS)

    assert isinstance(refused, Refused)
    assert refused.rule == "ENTRY_SHAPE"


@pytest.mark.parametrize(("name", "code"), UNKNOWN)
def test_unknown_refuses(name: str, code: str) -> None:
    """Whatever is not known refuses, with the code of the rule that needs it first."""
    refused = judge_entry(entry_intent(), entry_context(**{name: None}), LIMITS)

    assert isinstance(refused, Refused)
    assert refused.rule == code


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_refuses(name: str, value: str) -> None:
    """A NaN or an infinity refuses wherever it stands, and never raises."""
    verdict = judge_entry(entry_intent(), entry_context(**{name: D(value)}), LIMITS)

    assert isinstance(verdict, Refused)


@pytest.mark.parametrize("name", ["quote_age_s", "account_age_s"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_an_age_that_is_no_number_refuses(name: str, value: float) -> None:
    """An age of NaN or infinity is not fresh."""
    assert isinstance(judge_entry(entry_intent(), entry_context(**{name: value}), LIMITS), Refused)


@pytest.mark.parametrize("value", [None, D("NaN"), D("sNaN"), D("Infinity")])
@pytest.mark.parametrize("name", NUMBERS)
def test_no_rule_raises_over_what_is_no_number(name: str, value: Decimal | None) -> None:
    """Each rule answers for itself: none leaves an unknown number to the gate's safety net."""
    verdict = judge_entry(entry_intent(), entry_context(**{name: value}), LIMITS)

    assert not [c for c in verdict.checks if c.limit == "an answer"]


def test_a_signal_without_target_passes_only_when_the_ratio_is_off() -> None:
    """Without a target there is no planned reward to hold against the risk."""
    context = entry_context(target=None)

    assert isinstance(judge_entry(entry_intent(), context, LIMITS), Refused)
    assert isinstance(
        judge_entry(entry_intent(), context, risk_limits(min_reward_to_risk=D(0))), Approved
    )


def test_an_equity_of_nothing_buys_nothing() -> None:
    """No equity, or less, is not an account to trade with."""
    for name in ("equity", "opening_equity"):
        refused = judge_entry(entry_intent(), entry_context(**{name: D(0)}), LIMITS)
        assert isinstance(refused, Refused)
        assert refused.rule == "ACCOUNT_UNKNOWN"


def test_every_rule_has_a_boundary_here() -> None:
    """A rule added to the table without a boundary test fails this test."""
    here = {code for code, _, _ in BOUNDARIES}
    own_tests = {
        "ENTRY_SHAPE",
        "QUANTITY_LIMIT",
        "RISK_PER_TRADE",
        "NOTIONAL_CAP",
        "EXPOSURE_CAP",
    }

    assert here | own_tests == {rule.code for rule in ENTRY_RULES}
