"""Builders for the risk room: an entry every rule lets through, a day without a trade."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from trading_bot.domain.order import Leg, OrderIntent, OrderType, Side, TimeInForce
from trading_bot.market.calendar import Session
from trading_bot.risk.context import EntryContext, ExitContext
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.risk_events import DayReading

DAY = date(2026, 11, 23)
OPEN = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
CLOSE = OPEN + timedelta(minutes=390)
NOW = OPEN + timedelta(minutes=60)
SESSION = Session(
    day=DAY,
    open=OPEN,
    close=CLOSE,
    pre_open=OPEN - timedelta(minutes=150),
    post_close=CLOSE + timedelta(hours=4),
    is_early_close=False,
)
LIMITS = RiskLimits(
    max_position_pct=Decimal(10),
    max_daily_loss_pct=Decimal(2),
    max_consecutive_losses=3,
    risk_per_trade_pct=Decimal("0.5"),
    max_open_positions=5,
    max_trades_per_day=20,
    quote_age_max_s=15,
    account_age_max_s=120,
    spread_max_pct=Decimal("0.5"),
    min_reward_to_risk=Decimal("1.5"),
    entry_start_delay_minutes=5,
    entry_end_margin_minutes=30,
    entry_collar_pct=Decimal("0.5"),
    entry_chase_pct=Decimal(1),
    quantity_max=10_000,
    daily_loss_confirmations=2,
    daily_loss_reset="next_session",
    consecutive_losses_reset="next_session",
)
"""What the tests of the rules count on, whatever the shipped defaults become."""
REF_ID = "0d3f6a52-6d5e-5b4e-9c1e-000000000001"


def risk_limits(**changes: Any) -> RiskLimits:
    """The tests' limits with some of them changed, checked as any settings are."""
    return RiskLimits(**(LIMITS.model_dump() | changes))


def entry_intent(**changes: Any) -> OrderIntent:
    """Ten AAPL at 100.00."""
    values: dict[str, Any] = {
        "ref_id": REF_ID,
        "trade_id": REF_ID,
        "symbol": "AAPL",
        "side": Side.BUY,
        "leg": Leg.ENTRY,
        "type": OrderType.LIMIT,
        "quantity": 10,
        "time_in_force": TimeInForce.GFD,
        "limit_price": Decimal("100.00"),
        "stop_price": None,
        "created_at": NOW,
        "valid_until": NOW + timedelta(seconds=10),
    }
    return OrderIntent(**(values | changes))


def exit_intent(**changes: Any) -> OrderIntent:
    """A stop for ten AAPL at 99.00."""
    values: dict[str, Any] = {
        "side": Side.SELL,
        "leg": Leg.STOP,
        "type": OrderType.STOP,
        "time_in_force": TimeInForce.GTC,
        "limit_price": None,
        "stop_price": Decimal("99.00"),
    }
    return entry_intent(**(values | changes))


def entry_context(**changes: Any) -> EntryContext:
    """Equity 10000, stop 99.00, target 102.00, ask 100.00: an entry nothing speaks against."""
    values: dict[str, Any] = {
        "now": NOW,
        "session": SESSION,
        "hours_agree": True,
        "bid": Decimal("99.90"),
        "ask": Decimal("100.00"),
        "last": Decimal("99.95"),
        "quote_age_s": 1.0,
        "quote_problem": None,
        "equity": Decimal("10000.00"),
        "opening_equity": Decimal("10000.00"),
        "buying_power": Decimal("8000.00"),
        "account_age_s": 10.0,
        "reserved_cash": Decimal(0),
        "position_quantity": 0,
        "foreign_quantity": Decimal(0),
        "working_orders": 0,
        "open_positions": 0,
        "exposure": Decimal(0),
        "trades_today": 0,
        "is_duplicate": False,
        "day_pnl": Decimal(0),
        "consecutive_losses": 0,
        "trips": (),
        "protect_only": None,
        "strategy_stopped": None,
        "stop": Decimal("99.00"),
        "target": Decimal("102.00"),
        "reference_price": Decimal("100.00"),
    }
    return EntryContext(**(values | changes))


def exit_context(**changes: Any) -> ExitContext:
    """Ten held, nothing working, the broker agrees."""
    values: dict[str, Any] = {
        "held_quantity": 10,
        "working_sells": 0,
        "broker_sellable": Decimal(10),
        "is_duplicate": False,
    }
    return ExitContext(**(values | changes))


def day_reading(**changes: Any) -> DayReading:
    """A day that opened with 10000 and has earned nothing yet."""
    reading = DayReading(
        at=NOW,
        trading_day=DAY,
        realised_pnl=Decimal(0),
        day_pnl=Decimal(0),
        opening_equity=Decimal("10000.00"),
        consecutive_losses=0,
    )
    return replace(reading, **changes)
