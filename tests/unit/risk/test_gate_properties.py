"""The gate over generated contexts, against the rules stated anew."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.risk_builders import CLOSE, LIMITS, OPEN, SESSION, entry_context, entry_intent
from trading_bot.domain.order import OrderIntent
from trading_bot.logging.rule_check import Answers, validate
from trading_bot.risk.context import EntryContext
from trading_bot.risk.gate import Approved, judge_entry

D = Decimal


def _usually(good: st.SearchStrategy[Any], *bad: object) -> st.SearchStrategy[Any]:
    """Mostly the good ones: with thirty inputs, nothing else would ever be approved."""
    return st.integers(0, 39).flatmap(lambda n: good if n else st.sampled_from(bad))


def _money(low: str, high: str) -> st.SearchStrategy[Decimal]:
    return _usually(
        st.decimals(low, high, places=2), None, D("NaN"), D("Infinity"), D(0), D("-5"), D("1E+30")
    )


def _age(limit: int) -> st.SearchStrategy[float | None]:
    return _usually(st.floats(0, limit * 1.02), None, float("nan"), float("inf"), -3.0)


CONTEXTS = st.fixed_dictionaries(
    {
        "now": _usually(
            st.integers(5, 359).map(lambda m: OPEN + timedelta(minutes=m)),
            OPEN,
            CLOSE,
            OPEN - timedelta(minutes=10),
            CLOSE - timedelta(minutes=30),
            OPEN + timedelta(days=1),
        ),
        "session": _usually(st.just(SESSION), None),
        "hours_agree": _usually(st.just(True), False, None),
        "bid": _money("99.50", "100.00"),
        "ask": _money("99.90", "100.30"),
        "last": _money("99.80", "100.20"),
        "quote_age_s": _age(15),
        "quote_problem": _usually(st.none(), "QUOTE_JUMP", ""),
        "equity": _money("9000", "30000"),
        "opening_equity": _money("9000", "30000"),
        "buying_power": _money("900", "5000"),
        "account_age_s": _age(120),
        "reserved_cash": _money("0", "500"),
        "position_quantity": _usually(st.just(0), 1, -1, None),
        "foreign_quantity": _usually(st.just(D(0)), D(1), D("0.5"), None, D("NaN")),
        "working_orders": _usually(st.just(0), 1, None),
        "open_positions": _usually(st.integers(0, 4), 5, -1, None),
        "exposure": _money("0", "2000"),
        "trades_today": _usually(st.integers(0, 19), 20, 21, None),
        "is_duplicate": _usually(st.just(False), True, None),
        "day_pnl": _money("-210", "500"),
        "consecutive_losses": _usually(st.integers(0, 2), 3, 4, None),
        "trips": _usually(st.just(()), ("daily_loss",)),
        "protect_only": _usually(st.none(), "difference", ""),
        "strategy_stopped": _usually(st.none(), "raised", ""),
        "stop": _money("97.00", "99.50"),
        "target": _money("102.50", "106.00"),
        "reference_price": _money("99.00", "101.00"),
    }
)


def _restated(intent: OrderIntent, c: EntryContext) -> bool:
    """What may be bought under the default limits, in this test's own words; all must be true."""
    money = (c.bid, c.ask, c.last, c.equity, c.opening_equity, c.buying_power, c.reserved_cash)
    plan = (c.foreign_quantity, c.day_pnl, c.stop, c.target, c.reference_price)
    if any(x is None or not x.is_finite() for x in (*money, *plan)):
        return False
    counts = (c.position_quantity, c.working_orders, c.open_positions, c.trades_today)
    ages = (c.quote_age_s, c.account_age_s)
    if any(x is None for x in (*counts, *ages, c.consecutive_losses, c.session)):
        return False
    q, p = intent.quantity, intent.limit_price
    return (
        OPEN + timedelta(minutes=5) <= c.now < CLOSE - timedelta(minutes=30)
        and c.hours_agree is True
        and c.is_duplicate is False
        and c.trips == ()
        and (c.protect_only, c.strategy_stopped, c.quote_problem) == (None, None, None)
        and 0 < c.bid <= c.ask
        and c.last > 0
        and (c.ask - c.bid) / ((c.ask + c.bid) / 2) <= D("0.005")
        and -2 <= c.quote_age_s <= 15
        and -2 <= c.account_age_s <= 120
        and c.equity > 0
        and c.opening_equity > 0
        and c.reserved_cash >= 0
        and c.position_quantity == c.working_orders == c.foreign_quantity == 0
        and 0 <= c.open_positions <= 4
        and 0 <= c.trades_today <= 19
        and 0 <= c.consecutive_losses <= 2
        and c.day_pnl / c.opening_equity > D("-0.02")
        and 0 < c.stop < p
        and (c.target - p) / (p - c.stop) >= D("1.5")
        and p / c.ask - 1 <= D("0.005")
        and p <= c.reference_price * D("1.01")
        and q * p <= c.equity / 10
        and q * (p - c.stop) <= c.equity / 200
        and q * p <= c.buying_power - c.reserved_cash
    )


ORDERS = st.builds(
    lambda quantity, price: entry_intent(quantity=quantity, limit_price=price),
    st.integers(1, 12),
    st.decimals("99.90", "100.20", places=2),
)


@settings(max_examples=400)
@given(intent=ORDERS, values=CONTEXTS)
def test_approved_exactly_when_every_rule_stated_anew_holds(
    intent: OrderIntent, values: dict[str, Any]
) -> None:
    """Over generated contexts the gate approves nothing the rules forbid, and nothing less."""
    context = entry_context(**values)

    verdict = judge_entry(intent, context, LIMITS)

    assert isinstance(verdict, Approved) is _restated(intent, context)
    assert verdict.reason


@settings(max_examples=400)
@given(intent=ORDERS, values=CONTEXTS)
def test_answers_that_are_trusted_would_pass_the_record(
    intent: OrderIntent, values: dict[str, Any]
) -> None:
    """What a decision takes from the gate unseen has nothing in it that it would refuse."""
    checks = judge_entry(intent, entry_context(**values), LIMITS).checks

    if isinstance(checks, Answers):
        validate(tuple(checks))


@pytest.mark.parametrize(
    "violate",
    [
        lambda c: {"day_pnl": -c["opening_equity"]},
        lambda c: {"equity": c["equity"] / 100},
        lambda c: {"buying_power": D(1)},
        lambda c: {"stop": D("100.20")},
        lambda c: {"trips": ("x",)},
        lambda c: {"session": None},
    ],
)
@settings(max_examples=40)
@given(intent=ORDERS, equity=st.decimals("20000", "30000", places=2))
def test_one_violation_is_enough(
    violate: Callable[[dict[str, Any]], dict[str, Any]], intent: OrderIntent, equity: Decimal
) -> None:
    """Whatever else is right, one violated rule refuses."""
    good = {"equity": equity, "opening_equity": equity}

    verdict = judge_entry(intent, entry_context(**(good | violate(good))), LIMITS)

    assert not isinstance(verdict, Approved)
