"""Robinhood's order objects as domain orders: pure functions.

An order tells its instrument and never its symbol. Averages are not read: the broker rounds them;
executions are what was traded.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from trading_bot.brokers.robinhood import fields
from trading_bot.brokers.robinhood.execution_parsing import parse_executions
from trading_bot.brokers.robinhood.fields import Row
from trading_bot.brokers.robinhood.parsing import check_account
from trading_bot.domain.errors import DataError
from trading_bot.domain.money import shares_up
from trading_bot.domain.order import (
    BrokerOrder,
    Execution,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)

STATES: Final[Mapping[str, OrderState]] = MappingProxyType(
    {
        "unconfirmed": OrderState.UNCONFIRMED,
        # Taken while the market is closed.
        "queued": OrderState.OPEN,
        "confirmed": OrderState.OPEN,
        "partially_filled": OrderState.PART_FILLED,
        "filled": OrderState.FILLED,
        # Both spellings have been seen.
        "cancelled": OrderState.CANCELLED,
        "canceled": OrderState.CANCELLED,
        "partially_filled_rest_cancelled": OrderState.CANCELLED,
        "voided": OrderState.CANCELLED,
        "expired": OrderState.EXPIRED,
        "rejected": OrderState.REJECTED,
        "failed": OrderState.REJECTED,
        "locate_failed": OrderState.REJECTED,
    }
)
"""The broker's words.

Any other is taken for an order that works: one believed final is forgotten, and may still trade.
"""

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_TYPES: Final = {
    ("limit", "immediate"): OrderType.LIMIT,
    ("market", "immediate"): OrderType.MARKET,
    ("market", "stop"): OrderType.STOP,
}
_REASON_MAX: Final = 200


def parse_order(row: Row, account_number: str, symbol: str) -> BrokerOrder:
    """One order of our account, in the instrument that `symbol` trades; DataError when unreadable.

    What we can never have sent says so in `unlike_ours`.
    """
    check_account(row, account_number, "orders")
    kind, is_kind_ours = _type_of(row)
    side = _side_of(row)
    executions, unlike = _executions_of(row, side, is_kind_ours=is_kind_ours)
    filled = fields.optional_decimal(row, "cumulative_quantity") or Decimal(0)
    traded = sum(execution.quantity for execution in executions)
    return BrokerOrder(
        order_id=fields.text(row, "id"),
        ref_id=optional_text(row, "ref_id"),
        symbol=symbol,
        side=side,
        type=kind,
        state=state_of(row),
        quantity=shares_up(fields.optional_decimal(row, "quantity") or Decimal(0)),
        filled_quantity=max(shares_up(filled), traded),
        limit_price=fields.optional_decimal(row, "price") if kind is OrderType.LIMIT else None,
        stop_price=_stop_price(row),
        created_at=fields.moment(row, "created_at"),
        updated_at=updated_at(row),
        executions=executions,
        reject_reason=optional_text(row, "reject_reason")[:_REASON_MAX],
        time_in_force=_time_in_force(row),
        instrument_id=fields.instrument_id(row),
        replaces=replaced_id(row),
        unlike_ours=unlike,
    )


def state_of(row: Row) -> OrderState:
    """The state, an unknown one as working."""
    state = STATES.get(fields.text(row, "state"))
    if state is not None:
        return state
    has_traded = bool(fields.optional_decimal(row, "cumulative_quantity"))
    return OrderState.PART_FILLED if has_traded else OrderState.OPEN


def updated_at(row: Row) -> datetime:
    """When the order last changed at the broker."""
    return fields.moment(row, "updated_at")


def optional_text(row: Row, field: str) -> str:
    """A text, empty where the field is null, missing or no text."""
    value = row.get(field)
    return value if isinstance(value, str) else ""


def _type_of(row: Row) -> tuple[OrderType, bool]:
    """The type, and whether it is one we send."""
    words = (optional_text(row, "type"), optional_text(row, "trigger") or "immediate")
    known = _TYPES.get(words)
    if known is not None:
        return known, True
    return (OrderType.LIMIT if words[0] == "limit" else OrderType.MARKET), False


def _side_of(row: Row) -> Side:
    side = _SIDES.get(fields.text(row, "side"))
    if side is None:
        raise DataError(f"orders: expected buy or sell as side, got {fields.text(row, 'side')!r}")
    return side


def _executions_of(
    row: Row, side: Side, *, is_kind_ours: bool
) -> tuple[tuple[Execution, ...], str]:
    """The executions in whole shares, or none and why the order is unlike ours."""
    if not is_kind_ours:
        words = f"{optional_text(row, 'trigger')} {optional_text(row, 'type')}".strip()
        return (), f"an order of the type {words[:40] or 'none'}"
    if row.get("trailing_peg") is not None:
        return (), "a trailing stop"
    if row.get("dollar_based_amount") is not None:
        return (), "an order in dollars"
    quantity = fields.optional_decimal(row, "quantity")
    if quantity is None or quantity <= 0 or not _is_whole(quantity):
        return (), "an order of a fraction of a share"
    if not _is_whole(fields.optional_decimal(row, "cumulative_quantity") or Decimal(0)):
        return (), "a fraction of a share was traded"
    executions = parse_executions(row, side)
    return (executions, "") if executions is not None else ((), "a fraction of a share was traded")


def _is_whole(quantity: Decimal) -> bool:
    return quantity == quantity.to_integral_value()


def _stop_price(row: Row) -> Decimal | None:
    if optional_text(row, "trigger") != "stop":
        return None
    return fields.optional_decimal(row, "stop_price")


def _time_in_force(row: Row) -> TimeInForce | None:
    try:
        return TimeInForce(optional_text(row, "time_in_force"))
    except ValueError:
        return None


def replaced_id(row: Row) -> str:
    """The id of the order this one took the place of, told as an id or as a link; or nothing."""
    told = optional_text(row, "replaces")
    return fields.id_of_url(told) if told else ""
