"""Executions into a trade and, when the broker takes one back, out of it again, exactly."""

from decimal import Decimal

from trading_bot.domain.errors import DataError
from trading_bot.domain.money import ZERO
from trading_bot.domain.order import Execution, Leg, OrderState
from trading_bot.domain.order_table import News, after, asked_after
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.performance.round_trips import ExitMatch, Lots


def move(order: TrackedOrder, news: News) -> bool:
    """Let the table answer; false when the news changes nothing."""
    state = after(order.state, news)
    if not isinstance(state, OrderState):
        return False
    order.asked = asked_after(order.asked, news, state)
    order.state = state
    return True


def book_fill(trade: Trade, order: TrackedOrder, execution: Execution) -> None:
    """Count the execution; the same id a second time is the same execution."""
    if execution.execution_id in order.executions:
        return
    order.executions[execution.execution_id] = execution
    order.filled += execution.quantity
    trade.booked.append((order.intent.ref_id, execution.execution_id))
    if order.intent.leg is Leg.ENTRY:
        trade.bought += execution.quantity
        trade.lots.buy(execution)
        trade.opened_at = trade.opened_at or execution.at
    else:
        trade.matches[execution.execution_id] = trade.lots.sell(execution)
        trade.sold += execution.quantity
    is_last = order.filled >= order.intent.quantity
    move(order, News.LAST_FILL if is_last else News.FILL)


def pass_on(order: TrackedOrder, execution: Execution) -> None:
    """The order did this, with shares that were not its trade's: nothing of it counts here."""
    if execution.execution_id not in order.passed_on:
        order.passed_on[execution.execution_id] = execution.quantity
        order.filled += execution.quantity
        is_last = order.filled >= order.intent.quantity
        move(order, News.LAST_FILL if is_last else News.FILL)


def book_bust(trade: Trade, order: TrackedOrder, execution_id: str) -> None:
    """Take the execution out: what is left is as if it had never been.

    DataError when it is not booked. ValueError when its shares were sold since.
    """
    execution = order.executions.get(execution_id)
    if execution is None:
        raise DataError(f"no execution {execution_id} of order {order.intent.ref_id} is booked")
    lots, matches = _without(trade, order, execution_id)
    del order.executions[execution_id]
    order.busted[execution_id] = execution
    order.filled -= execution.quantity
    trade.booked.remove((order.intent.ref_id, execution_id))
    trade.lots, trade.matches = lots, matches
    if order.intent.leg is Leg.ENTRY:
        trade.bought -= execution.quantity
        trade.opened_at = next(iter(e.at for e in trade.executions(of_entry=True)), None)
    else:
        trade.sold -= execution.quantity
    move(order, News.BUST)


def corrections_of(
    trade: Trade, order: TrackedOrder, execution_id: str
) -> list[tuple[Execution, Decimal]]:
    """What each of the trade's exits earns more, net in dollars, had this execution never been.

    ValueError as in `book_bust`.
    """
    _, matches = _without(trade, order, execution_id)
    after = {name: match.net_profit_loss for name, match in matches.items()}
    return [
        (match.execution, after.get(name, ZERO) - match.net_profit_loss)
        for name, match in trade.matches.items()
    ]


def _without(
    trade: Trade, order: TrackedOrder, execution_id: str
) -> tuple[Lots, dict[str, ExitMatch]]:
    """Lots and matches of the trade's other executions.

    What was bought comes first: first in, first out gives the same, and a sale that was matched
    with the lost shares takes later ones.
    """
    lots, matches = Lots(), {}
    kept = [
        (trade.orders[ref_id], name)
        for ref_id, name in trade.booked
        if (ref_id, name) != (order.intent.ref_id, execution_id)
    ]
    for other, name in kept:
        if other.intent.leg is Leg.ENTRY:
            lots.buy(other.executions[name])
    for other, name in kept:
        if other.intent.leg is not Leg.ENTRY:
            matches[name] = lots.sell(other.executions[name])
    return lots, matches
