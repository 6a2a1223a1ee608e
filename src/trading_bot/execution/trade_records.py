"""Trade records: pure functions of a trade's orders."""

from dataclasses import dataclass

from trading_bot.domain.money import text_of
from trading_bot.domain.order import Execution, Leg
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.trade_record import TradeRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What every trade record of this run carries."""

    session_id: str
    bot_version: str
    config_hash: str
    execution_mode: str
    account_id: str | None


def trade_record(
    trade: Trade, order: TrackedOrder, execution: Execution, origin: Origin
) -> TradeRecord:
    """The record of one execution that is already booked in `trade`."""
    if order.intent.leg is Leg.ENTRY:
        return _entry_record(trade, order, execution, origin)
    return _exit_record(trade, order, execution, origin)


def _entry_record(
    trade: Trade, order: TrackedOrder, execution: Execution, origin: Origin
) -> TradeRecord:
    context = trade.context
    return TradeRecord(
        timestamp=format_timestamp(execution.at),
        symbol=trade.symbol,
        action="BUY",
        quantity=execution.quantity,
        price=execution.price,
        total_value=execution.price * execution.quantity,
        order_id=order.order_id,
        execution_mode=origin.execution_mode,
        account_id=origin.account_id,
        strategy_name=context.strategy_name,
        entry_type=context.entry_type,
        stop_loss=trade.stop_price,
        target=trade.target,
        decision_reasoning=context.reasons,
        indicators_used=context.indicators_used,
        risk_reward_ratio=context.risk_reward_ratio,
        outcome="open",
        slippage=execution.price - order.expected_price,
        commission=execution.fees,
        session_id=origin.session_id,
        bot_version=origin.bot_version,
        config_hash=origin.config_hash,
    )


def _exit_record(
    trade: Trade, order: TrackedOrder, execution: Execution, origin: Origin
) -> TradeRecord:
    context = trade.context
    match = trade.matches[execution.execution_id]
    return TradeRecord(
        timestamp=format_timestamp(execution.at),
        symbol=trade.symbol,
        action="SELL",
        quantity=execution.quantity,
        price=execution.price,
        total_value=execution.price * execution.quantity,
        order_id=entry_order_id(trade),
        execution_mode=origin.execution_mode,
        account_id=origin.account_id,
        strategy_name=context.strategy_name,
        entry_type=context.entry_type,
        stop_loss=trade.stop_price,
        target=trade.target,
        decision_reasoning=context.reasons,
        indicators_used=context.indicators_used,
        risk_reward_ratio=context.risk_reward_ratio,
        outcome=match.outcome.value,
        profit_loss=match.profit_loss,
        hold_duration_seconds=match.hold_duration_s,
        exit_timestamp=format_timestamp(execution.at),
        exit_reasoning=_exit_reasoning(trade, order, execution),
        slippage=order.expected_price - execution.price,
        commission=execution.fees,
        net_profit_loss=match.net_profit_loss,
        session_id=origin.session_id,
        bot_version=origin.bot_version,
        config_hash=origin.config_hash,
    )


def entry_order_id(trade: Trade) -> str:
    """The broker's id of the trade's entry: what its records are linked by."""
    return trade.orders[trade.trade_id].order_id


def _exit_reasoning(trade: Trade, order: TrackedOrder, execution: Execution) -> str:
    if order.intent.leg is Leg.STOP:
        text = f"stop {text_of(order.expected_price)} reached"
        if trade.exit_reason:
            text += f" while leaving: {trade.exit_reason}"
    else:
        text = order.purpose
    return f"{text} ({execution.note})" if execution.note else text
