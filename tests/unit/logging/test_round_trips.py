"""Any record becomes a line, the line the same record, that record the same bytes."""

from datetime import UTC
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support.records import (
    decision_record,
    order_event,
    performance_metric,
    risk_event,
    session_record,
    trade_values,
)
from trading_bot.logging.decision_record import QuoteSeen
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.order_event import KINDS
from trading_bot.logging.rule_check import RuleCheck
from trading_bot.logging.trade_record import TradeRecord

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda text: not text.isspace()
)
TIMES = st.datetimes(timezones=st.just(UTC)).map(format_timestamp)
PRICES = st.decimals(Decimal("0.0001"), Decimal(999_999), places=4)
MONEY = st.decimals(Decimal(-999_999), Decimal(999_999), places=2)
FEES = st.decimals(Decimal(0), Decimal(99), places=2)
SYMBOLS = st.text("ABCXYZ059", min_size=1, max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
FLAT = st.dictionaries(st.text("abc_", min_size=1, max_size=5), SCALARS | st.lists(TEXTS))
NESTED = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def assert_round_trip(record: Any) -> None:
    """Record, line, record, line: equal at both ends."""
    line = record.to_jsonl_line()
    again = type(record).from_jsonl_line(line)

    assert again == record
    assert again.to_jsonl_line() == line
    assert type(record).from_jsonl_line(line.encode()) == record


@st.composite
def trades(draw: st.DrawFn) -> TradeRecord:
    """Entries and exits whose figures agree."""
    quantity, price = draw(st.integers(1, 10_000)), draw(PRICES)
    at = draw(TIMES)
    values = trade_values(
        timestamp=at,
        symbol=draw(SYMBOLS),
        quantity=quantity,
        price=price,
        total_value=quantity * price,
        order_id=draw(TEXTS),
        account_id=draw(st.none() | TEXTS),
        decision_reasoning=draw(TEXTS),
        indicators_used=draw(st.lists(TEXTS, max_size=4)),
        risk_reward_ratio=draw(st.none() | st.floats(0, 1e300)),
        stop_loss=draw(st.none() | PRICES),
        slippage=draw(st.none() | MONEY),
        commission=draw(st.none() | FEES),
        outcome=draw(st.sampled_from(["open", None])),
    )
    if draw(st.booleans()):
        gross = draw(MONEY)
        net = gross - (values["commission"] or 0)
        values |= {
            "action": "SELL",
            "outcome": "win" if net > 0 else "loss" if net < 0 else "breakeven",
            "profit_loss": gross,
            "net_profit_loss": net,
            "hold_duration_seconds": draw(st.integers(0, 10**6)),
            "exit_timestamp": at,
            "exit_reasoning": draw(TEXTS),
        }
    return TradeRecord(**values)


@given(trades())
def test_trades(record: TradeRecord) -> None:
    """Any trade record survives its line byte for byte, in the contract's keys and order."""
    assert_round_trip(record)
    assert record.to_jsonl_line().startswith('{"timestamp":')
    assert record.to_jsonl_line().count("\n") == 0


@given(
    win_rate=st.decimals(0, 1, places=4),
    profit_factor=st.none() | FEES,
    drawdown=st.decimals(-100, 0, places=2),
    message=st.none() | TEXTS,
)
def test_metrics(
    win_rate: Decimal, profit_factor: Decimal | None, drawdown: Decimal, message: str | None
) -> None:
    """Any performance metric survives its line byte for byte."""
    assert_round_trip(
        performance_metric(
            win_rate=win_rate,
            profit_factor=profit_factor,
            max_drawdown_pct=drawdown,
            alert_triggered=message is not None,
            alert_message=message,
        )
    )


@given(daily_pnl=MONEY, action=TEXTS, snapshot=st.dictionaries(st.text(max_size=9), SCALARS))
def test_risk_events(daily_pnl: Decimal, action: str, snapshot: dict[str, Any]) -> None:
    """Any risk event survives its line byte for byte."""
    assert_round_trip(
        risk_event(daily_pnl=daily_pnl, action_taken=action, config_snapshot=snapshot)
    )


@given(kind=st.sampled_from(sorted(KINDS)), data=FLAT, broker_order_id=st.none() | TEXTS)
def test_order_events(kind: str, data: dict[str, Any], broker_order_id: str | None) -> None:
    """Any order event survives its line byte for byte."""
    assert_round_trip(order_event(kind=kind, data=data, broker_order_id=broker_order_id))


@given(
    checks=st.lists(
        st.builds(
            RuleCheck,
            rule=st.text("ABC", min_size=1, max_size=9),
            ok=st.booleans(),
            value=TEXTS,
            limit=TEXTS,
        ),
        max_size=5,
    ),
    quote=st.none()
    | st.builds(
        QuoteSeen,
        bid=st.none() | MONEY,
        ask=st.none() | MONEY,
        last=st.none() | MONEY,
        at=st.none() | TIMES,
    ),
    limit_price=st.none() | PRICES,
    reason=TEXTS,
)
def test_decisions(
    checks: list[RuleCheck], quote: QuoteSeen | None, limit_price: Decimal | None, reason: str
) -> None:
    """Any decision survives its line byte for byte, whatever quote the gate saw."""
    assert_round_trip(
        decision_record(checks=checks, quote=quote, limit_price=limit_price, reason=reason)
    )


@given(config=st.dictionaries(st.text(max_size=9), NESTED), reason=TEXTS)
def test_sessions(config: dict[str, Any], reason: str) -> None:
    """Any session record survives its line byte for byte, however deep its configuration."""
    assert_round_trip(session_record(kind="end", config=config, reason=reason))
