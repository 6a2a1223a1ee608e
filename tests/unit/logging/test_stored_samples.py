"""Lines written by every version there ever was: they read for ever and keep their bytes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.performance_metric import PerformanceMetric
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.session_record import SessionRecord
from trading_bot.logging.trade_record import TradeRecord

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "records"
CURRENT = {
    "trade-v1.1.0.jsonl": TradeRecord,
    "performance-v1.jsonl": PerformanceMetric,
    "risk-v1.jsonl": RiskEvent,
    "order-v1.jsonl": OrderEvent,
    "decision-v1.jsonl": DecisionRecord,
    "session-v2.jsonl": SessionRecord,
}
CONTRACT_FIELDS = [
    "timestamp",
    "symbol",
    "action",
    "quantity",
    "price",
    "total_value",
    "order_id",
    "execution_mode",
    "account_id",
    "strategy_name",
    "entry_type",
    "stop_loss",
    "target",
    "decision_reasoning",
    "indicators_used",
    "risk_reward_ratio",
    "outcome",
    "profit_loss",
    "hold_duration_seconds",
    "exit_timestamp",
    "exit_reasoning",
    "slippage",
    "commission",
    "net_profit_loss",
    "session_id",
    "bot_version",
    "config_hash",
]


def sample_lines(name: str) -> list[bytes]:
    return (SAMPLES / name).read_bytes().removesuffix(b"\n").split(b"\n")


@pytest.mark.parametrize(("name", "record"), CURRENT.items())
def test_stored_lines_come_back_byte_for_byte(name: str, record: Any) -> None:
    """A change that would write a stored line differently, or refuse it, is found here."""
    lines = sample_lines(name)

    assert len(lines) >= 2
    for line in lines:
        assert record.from_jsonl_line(line).to_jsonl_line().encode() == line


def test_the_contract_names_the_keys_and_their_order() -> None:
    """A line holds exactly the 27 keys of the requirements, in their order."""
    for line in sample_lines("trade-v1.1.0.jsonl"):
        assert list(json.loads(line)) == CONTRACT_FIELDS
    assert len(CONTRACT_FIELDS) == 27


def test_the_contract_example_is_accepted_as_it_stands() -> None:
    """The example of the requirements, printed over many lines, is a record; its line says it."""
    text = (SAMPLES / "trade-contract-example.json").read_text()

    record = TradeRecord.from_jsonl_line(text)

    assert record.total_value == Decimal("7512.50")
    assert record.indicators_used == ("VWAP", "EMA-9", "Volume")
    assert record.risk_reward_ratio == pytest.approx(2.3)
    assert json.loads(record.to_jsonl_line()) == json.loads(text)
    assert record.to_jsonl_line() == json.dumps(json.loads(text), separators=(",", ":"))


def test_lines_of_version_1_0_0_read_without_what_came_later() -> None:
    """25 fields: slippage and commission were not known, which is None and not zero."""
    for line in sample_lines("trade-v1.0.0.jsonl"):
        assert len(json.loads(line)) == 25

        record = TradeRecord.from_jsonl_line(line)

        assert record.slippage is None
        assert record.commission is None
        later = b'"slippage":null,"commission":null,"net_profit_loss"'
        written = record.to_jsonl_line().encode()
        assert written == line.replace(b'"net_profit_loss"', later)


def test_sessions_from_before_the_code_was_hashed_read_without_it() -> None:
    """What was not recorded is None, and a reader says so instead of guessing."""
    for line in sample_lines("session-v1.jsonl"):
        record = SessionRecord.from_jsonl_line(line)

        assert record.code_hash is None
        assert record.to_jsonl_line().encode() == line[:-1] + b',"code_hash":null}'
