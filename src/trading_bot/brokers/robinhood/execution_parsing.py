"""The executions of an order, each with its fees."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from trading_bot.brokers.robinhood import fields
from trading_bot.brokers.robinhood.fields import Row
from trading_bot.domain.errors import DataError
from trading_bot.domain.fees import sell_fees
from trading_bot.domain.money import ZERO
from trading_bot.domain.order import Execution, Side

_NEW_YORK: Final = ZoneInfo("America/New_York")
_PARTS_OF_ORDER: Final = ("sec_fees", "taf_fees", "cat_fees")
_PARTS_OF_EXECUTION: Final = ("sec_fee", "taf_fee", "cat_fee")


def parse_executions(order: Row, side: Side) -> tuple[Execution, ...] | None:
    """What was traded, by time; None when one of them is of a fraction of a share.

    An execution told twice counts once. DataError: one that cannot be read, or two different ones
    of one id.
    """
    told = order.get("executions")
    if not isinstance(told, list):
        raise DataError("executions: expected a list")
    found: dict[str, tuple[Row, Execution]] = {}
    for value in told:
        row = fields.as_row(value, "executions")
        quantity = fields.decimal(row, "quantity")
        if quantity != quantity.to_integral_value():
            return None
        execution = Execution(
            execution_id=fields.text(row, "id"),
            at=fields.moment(row, "timestamp"),
            quantity=int(quantity),
            price=fields.decimal(row, "price"),
            fees=ZERO,
        )
        known = found.setdefault(execution.execution_id, (row, execution))
        if known[1] != execution:
            raise DataError("executions: expected one of an id, got two that differ")
    ordered = sorted(found.values(), key=lambda pair: (pair[1].at, pair[1].execution_id))
    fees = _fees_of(order, ordered, side)
    return tuple(
        replace(execution, fees=fee) for (_, execution), fee in zip(ordered, fees, strict=True)
    )


def _fees_of(
    order: Row, executions: Sequence[tuple[Row, Execution]], side: Side
) -> Sequence[Decimal]:
    """A fee for each execution: its own word, else its part of the order's, else by the table.

    Of an order's fees the last execution takes what the table leaves: so those before it keep
    theirs when one more comes, and the sum is exact.
    """
    fees = [_stated(row, _PARTS_OF_EXECUTION) for row, _ in executions]
    silent = [place for place, fee in enumerate(fees) if fee is None]
    total = _stated(order, _PARTS_OF_ORDER) if silent else None
    left = None if total is None else total - sum((fee or ZERO for fee in fees), ZERO)
    for place in silent:
        fee = _by_table(executions[place][1], side)
        if left is not None:
            fee = max(left if place == silent[-1] else min(fee, left), ZERO)
            left -= fee
        fees[place] = fee
    return [fee for fee in fees if fee is not None]


def _stated(row: Row, parts: Sequence[str]) -> Decimal | None:
    """The fees a row tells, as a whole or in parts, in dollars; None when it tells none."""
    told = {
        name: fee
        for name in ("fees", *parts)
        if (fee := fields.optional_decimal(row, name)) is not None
    }
    for name, fee in told.items():
        if fee < 0:
            raise DataError(f"{name}: expected none below zero, got {fee}")
    if not told:
        return None
    whole = told.pop("fees", ZERO)
    return max(whole, sum(told.values(), ZERO))


def _by_table(execution: Execution, side: Side) -> Decimal:
    if side is Side.BUY:
        return ZERO
    day = execution.at.astimezone(_NEW_YORK).date()
    return sell_fees(quantity=execution.quantity, price=execution.price, trade_day=day)
