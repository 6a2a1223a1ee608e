"""Symbols, signals and intents: a bad one cannot exist."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from trading_bot.domain.order import (
    FINAL_STATES,
    Leg,
    OrderIntent,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.domain.signal import Signal
from trading_bot.domain.symbol import is_symbol, parse_symbol

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.mark.parametrize("text", ["A", "AAPL", "ABCDE", "A1"])
def test_symbols_of_one_to_five_capitals_and_digits(text: str) -> None:
    """What the trade record can hold."""
    assert parse_symbol(text) == text


@pytest.mark.parametrize("text", ["", "aapl", "ABCDEF", "AAPL\n", "ÄPL", "BRK.B", "BF-A"])
def test_other_symbols_are_refused(text: str) -> None:
    """Lower case, too long, a line end, other letters; a class share with its reason."""
    assert not is_symbol(text)
    with pytest.raises(ValueError, match="class shares" if text in ("BRK.B", "BF-A") else "1-5"):
        parse_symbol(text)


def signal(**changes: Any) -> Signal:
    values: dict[str, Any] = {
        "symbol": "AAPL",
        "strategy_name": "bull-flag-breakout",
        "entry_type": "breakout",
        "bar_end": AT,
        "price": Decimal("100.00"),
        "stop_loss": Decimal("99.00"),
        "target": Decimal("102.00"),
        "reasons": "closed above the flag",
        "indicators_used": ("VWAP",),
    }
    return Signal(**(values | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"stop_loss": Decimal("100.00")},
        {"stop_loss": Decimal(0)},
        {"target": Decimal("100.00")},
        {"bar_end": AT.replace(tzinfo=None)},
        {"reasons": ""},
        {"strategy_name": ""},
        {"entry_type": ""},
    ],
)
def test_a_signal_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    """Stop below price below target, aware time, and words for the record."""
    with pytest.raises(ValueError, match=r".+"):
        signal(**changes)


def test_reward_to_risk_is_planned_from_stop_and_target() -> None:
    """Two dollars to win, one to lose; nothing without a target."""
    assert signal().risk_reward_ratio == 2.0
    assert signal(target=None).risk_reward_ratio is None


def intent(**changes: Any) -> OrderIntent:
    values: dict[str, Any] = {
        "ref_id": "r",
        "trade_id": "r",
        "symbol": "AAPL",
        "side": Side.BUY,
        "leg": Leg.ENTRY,
        "type": OrderType.LIMIT,
        "quantity": 1,
        "time_in_force": TimeInForce.GFD,
        "limit_price": Decimal("100.00"),
        "stop_price": None,
        "created_at": AT,
        "valid_until": AT + timedelta(seconds=5),
    }
    return OrderIntent(**(values | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 0},
        {"quantity": 10_001},
        {"limit_price": None},
        {"limit_price": Decimal(0)},
        {"stop_price": Decimal("99.00")},
        {"type": OrderType.STOP},
        {"type": OrderType.MARKET},
        {"leg": Leg.STOP},
        {"side": Side.SELL},
    ],
)
def test_an_intent_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    """Quantity in the contract's bounds, just the prices its type has, only entries buy."""
    with pytest.raises(ValueError, match=r".+"):
        intent(**changes)


def test_the_largest_quantity_is_allowed() -> None:
    """The contract's limit itself is inside."""
    assert intent(quantity=10_000).quantity == 10_000


def test_unknown_is_not_final() -> None:
    """An order whose fate is unknown may still trade; only five states end it."""
    assert not OrderState.UNKNOWN.is_final
    assert {state for state in OrderState if state.is_final} == set(FINAL_STATES)
    assert len(FINAL_STATES) == 5
