"""The limits: what may be configured, and what says so."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from trading_bot.risk.limits import RiskLimits


def test_contract_defaults() -> None:
    """The contract's three limits carry its names, with the shipped defaults."""
    limits = RiskLimits()

    assert (limits.max_position_pct, limits.max_daily_loss_pct) == (Decimal(10), Decimal(2))
    assert limits.max_consecutive_losses == 3


@pytest.mark.parametrize(
    "values",
    [
        {"max_position_pct": 10.5},
        {"max_position_pct": True},
        {"max_position_pct": "0"},
        {"max_position_pct": "100.01"},
        {"max_position_pct": "NaN"},
        {"max_daily_loss_pct": "-1"},
        {"max_consecutive_losses": 0},
        {"max_consecutive_losses": "3"},
        {"max_consecutive_losses": 3.0},
        {"quantity_max": 10_001},
        {"daily_loss_reset": "never"},
        {"max_positon_pct": "5"},
        {"risk_per_trade_pct": "2.01"},
    ],
)
def test_refuses_what_cannot_be_a_limit(values: dict[str, Any]) -> None:
    """Floats, wrong types, values out of range and unknown names are errors, never corrected."""
    with pytest.raises(ValidationError):
        RiskLimits(**values)


def test_amounts_come_from_text_or_whole_numbers() -> None:
    """JSON carries percents as text or as whole numbers."""
    limits = RiskLimits.model_validate_json('{"max_position_pct":"12.5","max_daily_loss_pct":3}')

    assert limits.max_position_pct == Decimal("12.5")
    assert limits.max_daily_loss_pct == Decimal(3)


def test_every_limit_is_described() -> None:
    """The schema explains each limit: it is what the documentation is made from."""
    for name, field in RiskLimits.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
