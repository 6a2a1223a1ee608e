"""Builders of records: complete and valid, each test changes what it is about."""

from decimal import Decimal
from typing import Any

from trading_bot.logging.decision_record import DecisionRecord, QuoteSeen
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.performance_metric import PerformanceMetric
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.rule_check import RuleCheck
from trading_bot.logging.session_record import SessionRecord
from trading_bot.logging.trade_record import TradeRecord

SESSION_ID = "550e8400-e29b-41d4-a716-446655440000"
CONFIG_HASH = "5d41402abc4b2a76b9719d911017c592"
TIMESTAMP = "2026-03-02T14:32:15.123Z"
LATER = "2026-03-02T15:02:15.623Z"
REF_ID = "7f9c24e5-1d3b-5a68-9c1e-0b6d2f4a8e11"


def trade_values(**changes: Any) -> dict[str, Any]:
    """The values of an entry's execution."""
    values: dict[str, Any] = {
        "timestamp": TIMESTAMP,
        "symbol": "AAPL",
        "action": "BUY",
        "quantity": 50,
        "price": Decimal("150.25"),
        "total_value": Decimal("7512.50"),
        "order_id": REF_ID,
        "execution_mode": "PAPER",
        "account_id": None,
        "strategy_name": "bull-flag-breakout",
        "entry_type": "breakout",
        "stop_loss": Decimal("148.50"),
        "target": Decimal("155.00"),
        "decision_reasoning": "Closed above the flag's high of 150.10 on 2.4 times its volume",
        "indicators_used": ("VWAP", "EMA-9"),
        "risk_reward_ratio": 2.5,
        "outcome": "open",
        "profit_loss": None,
        "hold_duration_seconds": None,
        "exit_timestamp": None,
        "exit_reasoning": None,
        "slippage": Decimal("0.01"),
        "commission": Decimal("0.00"),
        "net_profit_loss": None,
        "session_id": SESSION_ID,
        "bot_version": "1.0.0",
        "config_hash": CONFIG_HASH,
    }
    return values | changes


def exit_values(**changes: Any) -> dict[str, Any]:
    """The values of an exit's execution: a win of 237.50 before fees of 0.05."""
    return (
        trade_values(
            timestamp=LATER,
            action="SELL",
            price=Decimal("155.00"),
            total_value=Decimal("7750.00"),
            outcome="win",
            profit_loss=Decimal("237.50"),
            hold_duration_seconds=1800,
            exit_timestamp=LATER,
            exit_reasoning="Target of 155.00 reached",
            commission=Decimal("0.05"),
            net_profit_loss=Decimal("237.45"),
        )
        | changes
    )


def trade_record(**changes: Any) -> TradeRecord:
    return TradeRecord(**trade_values(**changes))


def exit_record(**changes: Any) -> TradeRecord:
    return TradeRecord(**exit_values(**changes))


def performance_values(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "timestamp": TIMESTAMP,
        "window_size": 20,
        "win_rate": Decimal("0.6500"),
        "profit_factor": Decimal("1.8400"),
        "max_drawdown_pct": Decimal("-2.35"),
        "consecutive_losses": 1,
        "total_trades": 20,
        "alert_triggered": False,
        "alert_message": None,
    }
    return values | changes


def performance_metric(**changes: Any) -> PerformanceMetric:
    return PerformanceMetric(**performance_values(**changes))


def risk_values(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "timestamp": TIMESTAMP,
        "event_type": "circuit_breaker_trip",
        "severity": "CRITICAL",
        "daily_pnl": Decimal("-301.20"),
        "daily_pnl_pct": Decimal("-3.01"),
        "consecutive_losses": 3,
        "action_taken": "trading_paused",
        "config_snapshot": {"max_daily_loss_pct": "3.0", "max_consecutive_losses": 3},
    }
    return values | changes


def risk_event(**changes: Any) -> RiskEvent:
    return RiskEvent(**risk_values(**changes))


def order_values(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "seq": 7,
        "timestamp": TIMESTAMP,
        "session_id": SESSION_ID,
        "kind": "intent",
        "ref_id": REF_ID,
        "broker_order_id": None,
        "symbol": "AAPL",
        "side": "BUY",
        "leg": "entry",
        "correlation_id": REF_ID,
        "data": {"quantity": 50, "limit_price": "150.30", "reasons": ("flag", "volume")},
    }
    return values | changes


def order_event(**changes: Any) -> OrderEvent:
    return OrderEvent(**order_values(**changes))


def decision_values(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "seq": 3,
        "timestamp": TIMESTAMP,
        "session_id": SESSION_ID,
        "symbol": "AAPL",
        "strategy_name": "bull-flag-breakout",
        "entry_type": "breakout",
        "signal_id": "AAPL-bull-flag-breakout-20260302T1432",
        "ref_id": REF_ID,
        "verdict": "refused",
        "rule": "POSITION_SIZE",
        "reason": "The position would be 7512.50 dollars, 7.5% of 100000.00, above 5.0%",
        "signal_reasons": "Pole of 2.1 ATRs; flag gave back 31%; closed above its high of 150.10",
        "signal_price": Decimal("150.22"),
        "quantity": 50,
        "limit_price": Decimal("150.30"),
        "stop_loss": Decimal("148.50"),
        "target": Decimal("155.00"),
        "bar_end": TIMESTAMP,
        "checks": (
            RuleCheck(rule="TRADING_HOURS", ok=True, value="09:32", limit="09:35-15:45"),
            RuleCheck(rule="POSITION_SIZE", ok=False, value="7.5%", limit="5.0%"),
        ),
        "quote": QuoteSeen(
            bid=Decimal("150.24"), ask=Decimal("150.26"), last=Decimal("150.25"), at=TIMESTAMP
        ),
    }
    return values | changes


def decision_record(**changes: Any) -> DecisionRecord:
    return DecisionRecord(**decision_values(**changes))


def session_values(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "kind": "start",
        "session_id": SESSION_ID,
        "timestamp": TIMESTAMP,
        "mode": "paper",
        "bot_version": "1.0.0",
        "python_version": "3.11.7",
        "config_hash": CONFIG_HASH,
        "config": {"mode": "paper", "symbols": ["AAPL", "MSFT"], "risk": {"slots": 3}},
        "strategy_hashes": {"bull-flag-breakout": "a" * 64},
        "calendar_hash": "b" * 64,
        "zone_data_version": "2026a",
        "start_state_hash": "c" * 64,
        "reason": None,
        "code_hash": "d" * 64,
    }
    return values | changes


def session_record(**changes: Any) -> SessionRecord:
    return SessionRecord(**session_values(**changes))
