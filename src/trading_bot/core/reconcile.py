"""The book against the broker's account: what differs twice in a row stops entries."""

from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.core import (
    answers,
    corporate,
    late_sales,
    orphans,
    protect,
    reconcile_asks,
    reconcile_notes,
)
from trading_bot.core.effects import SetTimer
from trading_bot.core.events import AccountArrived, OrdersArrived, ReconcileArrived
from trading_bot.core.say import Data, is_news, note, over
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import ZERO, text_of
from trading_bot.domain.order import Side
from trading_bot.execution.differences import (
    Difference,
    DifferenceKind,
    Known,
    Reading,
    compare,
)

_SECOND_LOOK = timedelta(seconds=10)
"""A difference is looked at again after this long: positions at a broker follow its executions."""

_CERTAIN = (DifferenceKind.ANOTHER_BOT, DifferenceKind.CORPORATE_ACTION)
"""What one reading proves: an order under another's name, a share that is another one."""

_CASH_TOLERANCE = Decimal(1)
_CLOCKS_APART = timedelta(minutes=1)
"""How far the times of executions and of readings may lie apart."""


def on_reconcile(state: CoreState, event: ReconcileArrived, out: Out) -> None:
    """Take the reading in, compare, protect what no record knows, judge what differs."""
    reconciled = state.reconciled
    over(state, "reconcile_hangs")
    over(state, "reconcile_down")
    state.calls.reconcile = False
    reconciled.failures, reconciled.at, reconciled.is_deep_done = 0, event.at, True
    # Before the orders are taken: a stop that a split ended must not be placed again as it was.
    corporate.look_at_positions(state, event, out)
    _take(state, event, out)
    late_sales.settle(state, event, out)
    compared = compare(
        state.book, Reading(orders=event.orders, positions=event.positions), known(state, event.at)
    )
    orphans.guard(state, compared.lost, event, out)
    found = {d.key: d for d in compared.differences if d.key not in reconciled.accepted}
    _judge(state, found, event.at, out)
    _look_at_cash(state, event, out)
    _look_at_foreign_shares(state, event, out)
    if reconciled.pending or state.late_sales:
        out.append(SetTimer(name=reconcile_asks.TIMER, at=event.at + _SECOND_LOOK))
    else:
        protect.end(state, out, event.at, protect.Cause.NOT_RECONCILED)


def _take(state: CoreState, event: ReconcileArrived, out: Out) -> None:
    """As the readings of the account and of the orders that it holds."""
    under_way = state.calls.account, state.calls.orders
    account = AccountArrived(at=event.at, account=event.account, positions=event.positions)
    answers.on_account(state, account, out)
    answers.take_orders(state, OrdersArrived(at=event.at, orders=event.orders), out)
    if not state.is_finished:
        # Requests of their own that have not come back still will.
        state.calls.account = state.calls.account or under_way[0]
        state.calls.orders = state.calls.orders or under_way[1]


def known(state: CoreState, at: datetime) -> Known:
    """What the comparison is told beside the book."""
    reconciled = state.reconciled
    return Known(
        identity=state.settings.identity,
        strategies=tuple(state.settings.factories),
        watchlist=frozenset(state.settings.watchlist),
        closed_since=at - reconcile_asks.CLOSED_REFS_KEPT,
        ref_ids=state.closed_ref_ids,
        not_ours=reconciled.not_ours,
        foreign=reconciled.foreign,
        frozen=frozenset(reconciled.frozen),
    )


def _judge(state: CoreState, found: dict[str, Difference], at: datetime, out: Out) -> None:
    """Hold what two readings in a row agree on; write when what is held is no longer there."""
    reconciled = state.reconciled
    fresh: dict[str, Difference] = {}
    for key, difference in found.items():
        held = reconciled.open.get(key)
        if held is not None:
            held.is_gone = False
        elif key in reconciled.pending or difference.kind in _CERTAIN:
            reconcile_notes.open_difference(state, difference, at, out)
        else:
            fresh[key] = difference
    reconciled.pending = fresh
    for key, held in reconciled.open.items():
        is_compared = held.difference.kind is not DifferenceKind.CORPORATE_ACTION
        if is_compared and key not in found and not held.is_gone:
            held.is_gone = True
            note(state, out, at, {"what": "difference_vanished", "key": key})
    reconcile_notes.state_the_cause(state, at)


def _look_at_cash(state: CoreState, event: ReconcileArrived, out: Out) -> None:
    """Cash that moved by more than executions explain is noted: deposits are normal."""
    reconciled = state.reconciled
    cash = event.account.cash
    before, before_at, counted = reconciled.cash, reconciled.cash_at, reconciled.counted
    reconciled.cash, reconciled.cash_at = cash, event.account.at
    reconciled.counted = {e.execution_id for order in event.orders for e in order.executions}
    if before is None or before_at is None:
        return
    explained = ZERO
    for order in event.orders:
        sign = -1 if order.side is Side.BUY else 1
        for execution in order.executions:
            # By name, not by time alone: an execution may carry the very time of the reading.
            is_new = execution.execution_id not in counted
            if is_new and execution.at >= before_at - _CLOCKS_APART:
                explained += sign * execution.price * execution.quantity - execution.fees
    unexplained = cash - before - explained
    if abs(unexplained) > _CASH_TOLERANCE:
        data: Data = {
            "what": "cash_moved",
            "cash": text_of(cash),
            "unexplained": text_of(unexplained),
        }
        note(state, out, event.at, data)


def _look_at_foreign_shares(state: CoreState, event: ReconcileArrived, out: Out) -> None:
    """Shares of somebody else in a symbol we watch: noted once a day, its entries are refused."""
    ours = {trade.symbol for trade in state.book.trades.values()} | set(state.reconciled.lost)
    for position in event.positions:
        symbol = position.symbol
        if symbol in ours or symbol not in state.settings.watchlist or not position.quantity:
            continue
        if is_news(state, "foreign_shares", symbol):
            quantity = text_of(position.quantity)
            data: Data = {"what": "foreign_shares", "subject": symbol, "quantity": quantity}
            note(state, out, event.at, data)
