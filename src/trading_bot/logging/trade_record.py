"""TradeRecord: one execution, as the contract's 27 fields."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from trading_bot.domain.order import QUANTITY_MAX
from trading_bot.logging.checks import (
    check_choice,
    check_config_hash,
    check_money,
    check_price,
    check_ratio,
    check_symbol,
    check_text,
    check_texts,
    check_timestamp,
    check_uuid,
    check_version,
    check_whole,
)
from trading_bot.logging.line import RecordError, decode, encode, refused, shape_of

ACTIONS: Final = frozenset({"BUY", "SELL"})
EXECUTION_MODES: Final = frozenset({"PAPER", "LIVE"})
CLOSED_OUTCOMES: Final = frozenset({"win", "loss", "breakeven"})
OUTCOMES: Final = CLOSED_OUTCOMES | {"open"}

_EXIT_FIELDS: Final = (
    "profit_loss",
    "hold_duration_seconds",
    "exit_timestamp",
    "exit_reasoning",
    "net_profit_loss",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRecord:
    """One execution: what, why, under which settings, and, if it closed a trade, how it went.

    Prices in dollars a share, the rest in dollars. An entry's execution is `open` and knows nothing
    of its exit; an exit's execution is a record of its own with the entry's `order_id`, the outcome
    and all exit fields. `net_profit_loss`, what is left after fees, decides between win, loss and
    breakeven. `slippage` and `commission` came with version 1.1.0; older lines read with None.

    A record states what happened, so nothing is refused for being unwise: a fill beyond its stop or
    target is still a fill. Raises RecordError.
    """

    timestamp: str
    symbol: str
    action: str
    quantity: int
    price: Decimal
    total_value: Decimal
    order_id: str
    execution_mode: str
    account_id: str | None = None
    strategy_name: str
    entry_type: str
    stop_loss: Decimal | None = None
    target: Decimal | None = None
    decision_reasoning: str
    indicators_used: tuple[str, ...]
    risk_reward_ratio: float | None = None
    outcome: str | None = None
    profit_loss: Decimal | None = None
    hold_duration_seconds: int | None = None
    exit_timestamp: str | None = None
    exit_reasoning: str | None = None
    slippage: Decimal | None = None
    commission: Decimal | None = None
    net_profit_loss: Decimal | None = None
    session_id: str
    bot_version: str
    config_hash: str

    def __post_init__(self) -> None:
        _check_origin(self)
        _check_decision(self)
        _check_execution(self)
        _check_exit(self)

    @property
    def is_closing(self) -> bool:
        """True when the execution closed a trade or a part of one."""
        return self.outcome in CLOSED_OUTCOMES

    def to_jsonl_line(self) -> str:
        """The record's line, without LF: the 27 keys in the contract's order, compact."""
        return encode(self)

    @classmethod
    def from_jsonl_line(cls, line: str | bytes) -> Self:
        """The record in `line`, of this or any earlier version; RecordError says what is wrong."""
        return decode(cls, _SHAPE, line)


_SHAPE: Final = shape_of(
    TradeRecord,
    decimals=(
        "price",
        "total_value",
        "stop_loss",
        "target",
        "profit_loss",
        "slippage",
        "commission",
        "net_profit_loss",
    ),
)


def _check_origin(record: TradeRecord) -> None:
    check_uuid("session_id", record.session_id)
    check_version("bot_version", record.bot_version)
    check_config_hash("config_hash", record.config_hash)
    check_choice("execution_mode", record.execution_mode, EXECUTION_MODES)
    if record.account_id is not None:
        try:
            check_text("account_id", record.account_id)
        except RecordError:
            # The account belongs into trade records only, so not into this error's text.
            raise RecordError("account_id: expected null or a text that is not empty") from None


def _check_decision(record: TradeRecord) -> None:
    check_text("strategy_name", record.strategy_name)
    check_text("entry_type", record.entry_type)
    check_text("decision_reasoning", record.decision_reasoning)
    _keep(record, "indicators_used", check_texts("indicators_used", record.indicators_used))
    if record.stop_loss is not None:
        _keep(record, "stop_loss", check_price("stop_loss", record.stop_loss))
    if record.target is not None:
        _keep(record, "target", check_price("target", record.target))
    if record.risk_reward_ratio is not None:
        ratio = check_ratio("risk_reward_ratio", record.risk_reward_ratio)
        _keep(record, "risk_reward_ratio", ratio)


def _check_execution(record: TradeRecord) -> None:
    check_timestamp("timestamp", record.timestamp)
    check_symbol("symbol", record.symbol)
    check_choice("action", record.action, ACTIONS)
    check_whole("quantity", record.quantity, 1, QUANTITY_MAX)
    check_text("order_id", record.order_id)
    _keep(record, "price", check_price("price", record.price))
    _keep(record, "total_value", check_money("total_value", record.total_value))
    # Exact in any decimal context of 25 digits and more: 12 digits, 8 decimals, times 10,000.
    if record.total_value != record.quantity * record.price:
        expected = f"quantity times price, {record.quantity} x {record.price}"
        raise refused("total_value", expected, record.total_value)
    if record.slippage is not None:
        _keep(record, "slippage", check_money("slippage", record.slippage))
    if record.commission is not None:
        commission = check_money("commission", record.commission)
        if commission < 0:
            raise refused("commission", "0 or more", commission)
        _keep(record, "commission", commission)


def _check_exit(record: TradeRecord) -> None:
    if record.outcome is not None:
        check_choice("outcome", record.outcome, OUTCOMES)
    if record.outcome not in CLOSED_OUTCOMES:
        for name in _EXIT_FIELDS:
            value = getattr(record, name)
            if value is not None:
                raise refused(name, f"null while the outcome is {record.outcome}", value)
        return
    for name in _EXIT_FIELDS:
        if getattr(record, name) is None:
            raise refused(name, f"a value, the outcome is {record.outcome}", None)
    check_whole("hold_duration_seconds", record.hold_duration_seconds, 0)
    check_text("exit_reasoning", record.exit_reasoning)
    exited = check_timestamp("exit_timestamp", record.exit_timestamp)
    if exited < check_timestamp("timestamp", record.timestamp):
        raise refused("exit_timestamp", f"{record.timestamp} or later", record.exit_timestamp)
    _check_result(record)


def _check_result(record: TradeRecord) -> None:
    gross = check_money("profit_loss", record.profit_loss)
    net = check_money("net_profit_loss", record.net_profit_loss)
    _keep(record, "profit_loss", gross)
    _keep(record, "net_profit_loss", net)
    if record.commission is not None and net != gross - record.commission:
        expected = f"profit_loss less commission, {gross} - {record.commission}"
        raise refused("net_profit_loss", expected, net)
    decided = "win" if net > 0 else "loss" if net < 0 else "breakeven"
    if record.outcome != decided:
        raise refused("outcome", f"{decided}, as net_profit_loss is {net}", record.outcome)


def _keep(record: TradeRecord, name: str, value: object) -> None:
    """Store what a check had to correct; the one place that writes into a frozen record."""
    if getattr(record, name) is not value:
        object.__setattr__(record, name, value)
