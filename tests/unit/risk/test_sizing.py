"""Sizing: which cap decides, and that the gate agrees."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.risk_builders import LIMITS, entry_context, entry_intent, risk_limits
from trading_bot.risk.gate import judge_entry
from trading_bot.risk.sizing import Sizing, size_entry

D = Decimal


def _size(**changes: Any) -> Sizing:
    values: dict[str, Any] = {
        "price": D("100.00"),
        "stop": D("99.00"),
        "equity": D("10000.00"),
        "buying_power": D("8000.00"),
        "reserved_cash": D(0),
        "exposure": D(0),
        "limits": LIMITS,
    }
    return size_entry(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "cap", "quantity"),
    [
        ({}, "position", 10),
        ({"stop": D("94.00")}, "risk", 8),
        ({"buying_power": D("999.99")}, "cash", 9),
        ({"reserved_cash": D("7500.01")}, "cash", 4),
        ({"limits": risk_limits(quantity_max=7)}, "quantity", 7),
        ({"limits": risk_limits(max_position_pct="50")}, "risk", 50),
    ],
)
def test_smallest_cap_decides(changes: dict[str, Any], cap: str, quantity: int) -> None:
    """The quantity is the smallest the caps allow, and the sizing names which it was."""
    sizing = _size(**changes)

    assert (sizing.cap, sizing.quantity, sizing.code) == (cap, quantity, "")
    assert f"{quantity} shares, decided by {cap}" in sizing.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stop": D("49.99")}, "one share risks 50.01, over 0.5% of equity 10000.00 = 50.00"),
        (
            {"price": D("1000.01"), "stop": D("999.00")},
            "one share costs 1000.01, over 10% of equity 10000.00 = 1000.00",
        ),
        ({"buying_power": D("99.99")}, "one share costs 100.00, 99.99 is available"),
        ({"reserved_cash": D("9000.00")}, "one share costs 100.00, -1000.00 is available"),
        ({"equity": D("-1.00")}, "of equity -1.00"),
    ],
)
def test_no_share_fits(changes: dict[str, Any], words: str) -> None:
    """Nothing to buy is a refusal with a code of its own and the numbers."""
    sizing = _size(**changes)

    assert (sizing.quantity, sizing.code) == (0, "SIZE_ZERO")
    assert words in sizing.reason


@pytest.mark.parametrize("name", ["equity", "buying_power", "reserved_cash"])
@pytest.mark.parametrize("value", [None, D("NaN"), D("Infinity")])
def test_unknown_account_sizes_nothing(name: str, value: Decimal | None) -> None:
    """An account that is not known buys nothing."""
    sizing = _size(**{name: value})

    assert (sizing.quantity, sizing.code) == (0, "ACCOUNT_UNKNOWN")


@pytest.mark.parametrize("stop", [None, D("NaN"), D("100.00"), D(0), D(-1), D("101.00")])
def test_without_a_stop_below_there_is_no_size(stop: Decimal | None) -> None:
    """Risk cannot be computed without a stop below the price."""
    assert (_size(stop=stop).quantity, _size(stop=stop).code) == (0, "STOP_SIDE")


@settings(max_examples=300)
@given(
    price=st.decimals("0.5", "900", places=2),
    risk=st.decimals("0.01", "0.49", places=2),
    equity=st.decimals("500", "300000", places=2),
    power=st.decimals("0", "300000", places=2),
    reserved=st.decimals("0", "3000", places=2),
)
def test_sizes_are_the_largest_the_gate_accepts(
    price: Decimal, risk: Decimal, equity: Decimal, power: Decimal, reserved: Decimal
) -> None:
    """No size rule of the gate refuses what sizing gave, and one share more would be refused."""
    stop, limits = price - risk, LIMITS
    sizing = size_entry(
        price=price,
        stop=stop,
        equity=equity,
        buying_power=power,
        reserved_cash=reserved,
        exposure=None,
        limits=limits,
    )
    context = entry_context(equity=equity, buying_power=power, reserved_cash=reserved, stop=stop)

    def failing(quantity: int) -> set[str]:
        intent = entry_intent(quantity=quantity, limit_price=price)
        checks = judge_entry(intent, context, limits).checks
        return {c.rule for c in checks if not c.ok} & {
            "POSITION_SIZE",
            "RISK_PER_TRADE",
            "BUYING_POWER",
            "QUANTITY_LIMIT",
        }

    if sizing.quantity:
        assert not failing(sizing.quantity)
    if sizing.quantity < limits.quantity_max:
        assert failing(sizing.quantity + 1)
