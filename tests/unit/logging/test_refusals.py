"""Every rule of every record, broken one at a time."""

import inspect
from decimal import Decimal
from typing import Any

import pytest

from support.records import (
    LATER,
    TIMESTAMP,
    decision_values,
    exit_values,
    order_values,
    performance_values,
    risk_values,
    session_values,
    trade_values,
)
from trading_bot.domain.errors import TradingBotError
from trading_bot.domain.order import Side
from trading_bot.logging.decision_record import DecisionRecord, QuoteSeen
from trading_bot.logging.line import RecordError
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.performance_metric import PerformanceMetric
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.rule_check import RuleCheck
from trading_bot.logging.session_record import SessionRecord
from trading_bot.logging.trade_record import TradeRecord

NOT_TEXT = (None, "", " ", 5, b"x", "\ud800")
NOT_TIMES = (
    None,
    5,
    "",
    "yesterday",
    "2025-10-26",
    "2025-10-26T14:32:15.123",
    "2025-10-26T14:32:15.123+00:00",
    "2025-10-26 14:32:15.123Z",
    "2025-10-26T14:32:15.123z",
    "2025-10-26T14:32:15.123Z\n",
    "2025-10-26T14:32:15,123Z",
    "2025-10-26T14:32:15.1234567Z",
    "2025-13-26T14:32:15.123Z",
    "2025-02-29T14:32:15.123Z",
    "2025-10-26T25:32:15.123Z",
    "2025-10-26T14:32:60.123Z",
    "20251026T143215Z",
    "٢٠٢٥-10-26T14:32:15.123Z",
)
NOT_MONEY = (
    150.25,
    150,
    "150.25",
    True,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    Decimal("0.000000001"),
    Decimal("1E+12"),
    Decimal("1E+999999"),
    Decimal("1E-999999"),
    Decimal(1) / Decimal(3),
)
NOT_PRICES = (*NOT_MONEY, Decimal(0), Decimal("-0.00"), Decimal("-1.50"))
NOT_UUIDS = (
    None,
    "",
    "550e8400e29b41d4a716446655440000",
    "{550e8400-e29b-41d4-a716-446655440000}",
    "550e8400-e29b-41d4-a716-44665544000g",
    "550e8400-e29b-41d4-a716-446655440000\n",
)
NOT_VERSIONS = (
    None,
    "",
    "1",
    "1.0",
    "v1.0.0",
    "1.0.0.0",
    "01.0.0",
    "1.0.0-",
    "1.0.0\n",
    "\u0661.0.0",
)
NOT_HASHES = (None, "", "5d41402abc4b2a76b9719d911017c59", "5D41402ABC4B2A76B9719D911017C592")
NOT_SYMBOLS = (None, "", "aapl", "GOOGLE", "BRK.B", "AAPL\n", "AA L", "ÄPL", "\u0663", 5)

TRADE: dict[str, tuple[Any, ...]] = {
    "timestamp": NOT_TIMES,
    "symbol": NOT_SYMBOLS,
    "action": (None, "", "buy", "HOLD", "BUY ", 1),
    "quantity": (None, 0, -1, 10001, 50.0, "50", True, Decimal(50)),
    "price": NOT_PRICES,
    "total_value": (
        *NOT_MONEY,
        None,
        Decimal("7512.49"),
        Decimal("7512.51"),
        Decimal("-7512.50"),
        Decimal(0),
    ),
    "order_id": NOT_TEXT,
    "execution_mode": (None, "", "paper", "REHEARSAL"),
    "account_id": ("", " ", 5),
    "strategy_name": NOT_TEXT,
    "entry_type": NOT_TEXT,
    "stop_loss": NOT_PRICES,
    "target": NOT_PRICES,
    "decision_reasoning": NOT_TEXT,
    "indicators_used": (None, "VWAP", {"VWAP"}, ("",), (None,), ("VWAP", 9)),
    "risk_reward_ratio": (float("nan"), float("inf"), -0.5, "2.3", True, Decimal("2.3")),
    "outcome": ("", "won", "OPEN", "win", "loss", "breakeven", 1),
    "profit_loss": (Decimal("1.00"),),
    "hold_duration_seconds": (0, 60),
    "exit_timestamp": (LATER,),
    "exit_reasoning": ("Target reached",),
    "slippage": NOT_MONEY,
    "commission": (*NOT_MONEY, Decimal("-0.01")),
    "net_profit_loss": (Decimal("1.00"),),
    "session_id": NOT_UUIDS,
    "bot_version": NOT_VERSIONS,
    "config_hash": NOT_HASHES,
}
EXIT: dict[str, tuple[Any, ...]] = {
    "outcome": ("loss", "breakeven", "open", None),
    "profit_loss": (None, *NOT_MONEY, Decimal("237.51"), Decimal("-237.50")),
    "hold_duration_seconds": (None, -1, 1800.0, "1800", True),
    "exit_timestamp": (*NOT_TIMES, TIMESTAMP),
    "exit_reasoning": NOT_TEXT,
    "net_profit_loss": (None, *NOT_MONEY, Decimal("237.50"), Decimal("-237.45")),
    "commission": (Decimal("0.06"),),
}
METRIC: dict[str, tuple[Any, ...]] = {
    "timestamp": NOT_TIMES,
    "window_size": (None, 0, -20, 20.0, True),
    "win_rate": (*NOT_MONEY, None, Decimal("-0.01"), Decimal("1.01")),
    "profit_factor": (*NOT_MONEY, Decimal("-0.01")),
    "max_drawdown_pct": (*NOT_MONEY, None, Decimal("0.01")),
    "consecutive_losses": (None, -1, 1.0, True),
    "total_trades": (None, -1, 21, 20.0),
    "alert_triggered": (None, 0, "false", True),
    "alert_message": ("", 5),
}
RISK: dict[str, tuple[Any, ...]] = {
    "timestamp": NOT_TIMES,
    "event_type": (None, "", "Circuit Breaker", "CIRCUIT_BREAKER", "trip\n", "_trip", "trip_"),
    "severity": (None, "", "INFO", "critical"),
    "daily_pnl": (*NOT_MONEY, None),
    "daily_pnl_pct": (*NOT_MONEY, None),
    "consecutive_losses": (None, -1, 3.0, True),
    "action_taken": NOT_TEXT,
    "config_snapshot": (
        None,
        [],
        "{}",
        {1: 2},
        {"limit": Decimal(3)},
        {"limit": float("nan")},
        {"limits": [3]},
        {"limit": {"pct": 3}},
        {"\ud800": 1},
        {"limit": "\ud800"},
    ),
}
ORDER: dict[str, tuple[Any, ...]] = {
    "seq": (None, -1, 1.0, True),
    "timestamp": NOT_TIMES,
    "session_id": NOT_UUIDS,
    "kind": (None, "", "filled", "INTENT"),
    "ref_id": NOT_TEXT,
    "broker_order_id": ("", 5),
    "symbol": NOT_SYMBOLS,
    "side": (None, "buy", "SHORT"),
    "leg": (None, "ENTRY", "target"),
    "correlation_id": NOT_TEXT,
    "data": (
        None,
        [],
        {"": 1},
        {1: 1},
        {"price": Decimal("1.50")},
        {"price": 1.5},
        {"nested": {"price": "1.50"}},
        {"list": [1]},
        {"text": "\ud800"},
    ),
}
DECISION: dict[str, tuple[Any, ...]] = {
    "seq": (None, -1, 1.0, True),
    "timestamp": NOT_TIMES,
    "session_id": NOT_UUIDS,
    "symbol": NOT_SYMBOLS,
    "strategy_name": NOT_TEXT,
    "entry_type": NOT_TEXT,
    "signal_id": NOT_TEXT,
    "ref_id": ("", 5),
    "verdict": (None, "", "APPROVED", "approved"),
    "rule": (None, "", "position_size", "POSITION SIZE", "POSITION_SIZE\n"),
    "reason": NOT_TEXT,
    "signal_reasons": (None, 5, "\ud800"),
    "signal_price": NOT_PRICES,
    "quantity": (-1, 50.0, "50", True),
    "limit_price": NOT_PRICES,
    "stop_loss": NOT_PRICES,
    "target": NOT_PRICES,
    "bar_end": NOT_TIMES,
    "checks": (
        None,
        "POSITION_SIZE",
        ({"rule": "A", "ok": True, "value": "1", "limit": "2"},),
        (RuleCheck(rule="position", ok=True, value="1", limit="2"),),
        (RuleCheck(rule="A", ok=1, value="1", limit="2"),),  # type: ignore[arg-type]
        (RuleCheck(rule="A", ok=True, value="", limit="2"),),
        (RuleCheck(rule="A", ok=True, value="1", limit=" "),),
        (RuleCheck(rule="A", ok=True, value="\ud800", limit="2"),),
    ),
    "quote": (
        {"bid": None, "ask": None, "last": None, "at": None},
        QuoteSeen(bid=None, ask=None, last=None, at="now"),
        QuoteSeen(bid=Decimal("NaN"), ask=None, last=None, at=None),
        QuoteSeen(bid=None, ask=1.5, last=None, at=None),  # type: ignore[arg-type]
    ),
}
SESSION: dict[str, tuple[Any, ...]] = {
    "kind": (None, "stop", "end", "reload"),
    "session_id": NOT_UUIDS,
    "timestamp": NOT_TIMES,
    "mode": (None, "", "LIVE", "demo"),
    "bot_version": NOT_VERSIONS,
    "python_version": NOT_TEXT,
    "config_hash": NOT_HASHES,
    "config": (None, [], {1: 2}, {"risk": {"pct": Decimal(5)}}, {"list": [float("inf")]}),
    "strategy_hashes": (None, [], {"": "a"}, {"flag": ""}, {"flag": None}),
    "calendar_hash": NOT_TEXT,
    "zone_data_version": NOT_TEXT,
    "start_state_hash": NOT_TEXT,
    "reason": ("", 5),
    "code_hash": ("", 5),
}
TABLES = (
    (TradeRecord, trade_values, TRADE),
    (TradeRecord, exit_values, EXIT),
    (PerformanceMetric, performance_values, METRIC),
    (RiskEvent, risk_values, RISK),
    (OrderEvent, order_values, ORDER),
    (DecisionRecord, decision_values, DECISION),
    (SessionRecord, session_values, SESSION),
)
CASES = [
    pytest.param(record, values, field, bad, id=f"{record.__name__}-{field}-{bad!a}"[:90])
    for record, values, table in TABLES
    for field, bads in table.items()
    for bad in bads
]


@pytest.mark.parametrize(("record", "values", "field", "bad"), CASES)
def test_a_bad_value_makes_no_record(record: Any, values: Any, field: str, bad: object) -> None:
    """Each broken rule is refused with an error of our own that names a field."""
    with pytest.raises(RecordError) as caught:
        record(**values(**{field: bad}))

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TradingBotError)
    assert ": " in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("record", "values", "table"), TABLES)
def test_the_table_of_refusals_leaves_no_field_out(record: Any, values: Any, table: Any) -> None:
    """A field added to a record without a refusal of its own is noticed here."""
    if values is not exit_values:
        assert list(table) == list(inspect.signature(record).parameters)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"quantity": 10001}, "quantity: expected a whole number from 1 to 10000, got int 10001"),
        ({"price": 150.25}, "price: expected a Decimal, got float 150.25"),
        ({"symbol": "aapl"}, "symbol: expected 1-5 upper-case letters or digits, got str 'aapl'"),
        (
            {"total_value": Decimal(7500)},
            "total_value: expected quantity times price, 50 x 150.25, got Decimal Decimal('7500')",
        ),
    ],
)
def test_an_error_names_field_expected_and_got(values: dict[str, Any], message: str) -> None:
    """Who made the record reads from the error alone what to change."""
    with pytest.raises(RecordError) as caught:
        TradeRecord(**trade_values(**values))

    assert str(caught.value) == message


def test_an_error_about_the_account_does_not_show_it() -> None:
    """The account id stands in trade records and nowhere else."""
    with pytest.raises(RecordError) as caught:
        TradeRecord(**trade_values(account_id=512345678))

    assert "512345678" not in str(caught.value)


def test_a_breakeven_after_fees_is_not_a_win() -> None:
    """What is left after fees decides: a cent earned and a cent paid is a breakeven."""
    values = exit_values(
        outcome="breakeven",
        profit_loss=Decimal("0.01"),
        commission=Decimal("0.01"),
        net_profit_loss=Decimal("0.00"),
    )

    assert TradeRecord(**values).outcome == "breakeven"
    with pytest.raises(RecordError, match="outcome"):
        TradeRecord(**(values | {"outcome": "win"}))


def test_a_small_gain_eaten_by_fees_is_a_loss() -> None:
    """The sign of the net result names the outcome, not the gross one."""
    record = TradeRecord(
        **exit_values(
            outcome="loss",
            profit_loss=Decimal("0.01"),
            commission=Decimal("0.03"),
            net_profit_loss=Decimal("-0.02"),
        )
    )

    assert record.is_closing


def test_a_fill_beyond_stop_and_target_is_still_written() -> None:
    """What happened is recorded, however odd: the market does not keep to plans."""
    record = TradeRecord(**trade_values(stop_loss=Decimal(151), target=Decimal(150)))

    assert record.price == Decimal("150.25")


def test_an_order_of_ours_needs_what_a_note_does_not() -> None:
    """An account-wide note has no symbol; a foreign order may be in one we would not trade."""
    empty = {
        "ref_id": None, "side": None, "leg": None, "correlation_id": None, "data": {},
    }  # fmt: skip

    assert OrderEvent(**order_values(kind="note", symbol=None, **empty)).symbol is None
    assert OrderEvent(**order_values(kind="foreign", symbol="BRK.B", **empty)).symbol == "BRK.B"
    with pytest.raises(RecordError, match="symbol"):
        OrderEvent(**order_values(kind="plan", symbol=None, **empty))


def test_an_approval_with_a_failed_rule_cannot_be_written() -> None:
    """A decision that contradicts its own checks is a fault of the gate, found at once."""
    with pytest.raises(RecordError, match="POSITION_SIZE did not hold"):
        DecisionRecord(**decision_values(verdict="approved", rule=None))


def test_an_approval_states_what_was_approved() -> None:
    """Quantity, limit and ref_id are there when an order may follow."""
    approved = decision_values(verdict="approved", rule=None, checks=())
    for name in ("quantity", "limit_price", "ref_id"):
        with pytest.raises(RecordError, match=name):
            DecisionRecord(**(approved | {name: None}))
    assert DecisionRecord(**approved).is_approved


def test_the_words_of_the_domain_are_taken_as_their_values() -> None:
    """A Side or Leg of the domain may stand where the record wants its text."""
    record = TradeRecord(**trade_values(action=Side.BUY))

    assert '"action":"BUY"' in record.to_jsonl_line()
    assert TradeRecord.from_jsonl_line(record.to_jsonl_line()) == record


def test_what_a_record_was_given_can_be_changed_without_changing_it() -> None:
    """Lists and mappings are copied: the record stays what was checked."""
    names = ["VWAP"]
    limits: dict[str, object] = {"max_daily_loss_pct": "3.0"}
    settings: dict[str, Any] = {"risk": {"slots": 3}}
    trade = TradeRecord(**trade_values(indicators_used=names))
    risk = RiskEvent(**risk_values(config_snapshot=limits))
    session = SessionRecord(**session_values(config=settings))

    names.append("")
    limits["x"] = Decimal(1)
    settings["risk"]["slots"] = Decimal(4)

    assert trade.indicators_used == ("VWAP",)
    assert risk.config_snapshot == {"max_daily_loss_pct": "3.0"}
    assert session.config == {"risk": {"slots": 3}}
