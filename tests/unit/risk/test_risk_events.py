"""Trips and refusals as the contract's risk events."""

from decimal import Decimal

import pytest

from support.risk_builders import LIMITS, day_reading
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.risk.breaker import BreakerState, check_breakers
from trading_bot.risk.risk_events import DayReading, event_type_of, rejection_event, trip_event
from trading_bot.risk.rule_table import ENTRY_RULES

D = Decimal


def _rejection(rule: str, reading: DayReading) -> RiskEvent:
    return rejection_event(
        rule=rule, reason="because", symbol="AAPL", reading=reading, limits=LIMITS
    )


def test_trip_event_holds_the_contracts_fields() -> None:
    """A trip is critical, pauses trading, and carries its figures and settings."""
    reading = day_reading(realised_pnl=D("-250.00"), day_pnl=D("-260.50"), consecutive_losses=1)
    _, (trip,) = check_breakers(BreakerState(), reading, LIMITS)

    event = trip_event(trip, LIMITS)

    assert (event.event_type, event.severity) == ("circuit_breaker_trip", "CRITICAL")
    assert (event.daily_pnl, event.daily_pnl_pct) == (D("-260.50"), D("-2.6050"))
    assert (event.consecutive_losses, event.action_taken) == (1, "trading_paused")
    assert event.config_snapshot["max_daily_loss_pct"] == "2"
    assert event.config_snapshot["breaker"] == "daily_loss"


def test_rejection_event_names_the_contracts_type() -> None:
    """A position over its limit is the contract's "position_limit_exceeded"."""
    event = _rejection("POSITION_SIZE", day_reading(day_pnl=D("-50.00"), consecutive_losses=2))

    assert (event.event_type, event.severity) == ("position_limit_exceeded", "WARNING")
    assert event.action_taken == "position_rejected"
    assert (event.daily_pnl, event.daily_pnl_pct) == (D("-50.00"), D("-0.5"))
    assert event.config_snapshot == {
        "rule": "POSITION_SIZE",
        "symbol": "AAPL",
        "reason": "because",
        "max_position_pct": "10",
    }


@pytest.mark.parametrize("code", [r.code for r in ENTRY_RULES] + ["SIZE_ZERO", "OVERSELL"])
def test_every_rule_has_an_event_that_can_be_read_back(code: str) -> None:
    """Each code makes a valid record, and its line is read as the same record."""
    event = _rejection(code, day_reading())

    assert RiskEvent.from_jsonl_line(event.to_jsonl_line()) == event
    assert event.event_type == event_type_of(code)


@pytest.mark.parametrize(
    "reading",
    [
        day_reading(day_pnl=None, realised_pnl=D("-5.00")),
        day_reading(day_pnl=D("NaN"), realised_pnl=None),
        day_reading(opening_equity=None),
        day_reading(opening_equity=D(0)),
        day_reading(consecutive_losses=None),
    ],
)
def test_unknown_figures_say_so(reading: DayReading) -> None:
    """The contract has no null for the day's figures, so the record says they are not known."""
    event = _rejection("RULE_ERROR", reading)

    assert event.config_snapshot["daily_pnl_known"] is False
    assert event.severity == "CRITICAL"
