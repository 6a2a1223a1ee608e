"""Orders that the broker's history does not hold: unknown, and at length presumed never placed."""

from dataclasses import replace
from datetime import datetime, timedelta

from trading_bot.core import trades
from trading_bot.core.say import Numbers, alarm, is_news, say_order
from trading_bot.core.state import CoreState, Out, Reading
from trading_bot.domain.order import BrokerOrder, OrderState
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.execution.book import Tracked
from trading_bot.execution.evidence import (
    is_quiet,
    shows_nothing_of,
    traces_of,
    traded_by_others,
)
from trading_bot.execution.ownership import whose
from trading_bot.execution.trade import Traces, TrackedOrder

ABSENT_READS = 3
ABSENT_FOR = timedelta(seconds=60)
"""How many whole readings, over how long, must lack an order before its absence is presumed."""

_FRESH_ACCOUNT = timedelta(seconds=15)
_LONG_UNKNOWN = timedelta(minutes=5)


def keep_reading(
    state: CoreState, account: AccountSnapshot, positions: tuple[BrokerPosition, ...]
) -> None:
    """Keep what the account shows now, for symbols in which nothing is on its way."""
    if not state.book.trades and not positions:
        # Most readings: nothing is known of and nothing is there, in every symbol alike.
        nothing = Traces(held_cash=account.held_for_orders)
        state.readings.append(Reading(at=account.at, traces=dict.fromkeys(state.symbols, nothing)))
        return
    names = {*state.symbols, *(p.symbol for p in positions)}
    traces = {
        name: traces_of(name, state.book, account, positions)
        for name in sorted(names)
        if is_quiet(name, state.book)
    }
    state.readings.append(Reading(at=account.at, traces=traces))


def remember_before(state: CoreState, order: TrackedOrder) -> None:
    """Its answer was lost: keep what the broker showed before it was sent."""
    sent, symbol = order.intent.created_at, order.intent.symbol
    for reading in state.readings:
        if reading.at < sent and symbol in reading.traces:
            order.traces_before, order.traces_at = reading.traces[symbol], reading.at


def miss_orders(state: CoreState, seen: tuple[BrokerOrder, ...], at: datetime, out: Out) -> None:
    """Count whole readings that lack an order the broker may hold.

    After enough of them one that was known to be there is unknown; one that is unknown, and of
    which account and positions show nothing either, is presumed never placed: withdrawn, never sent
    again. What it was for is decided anew.
    """
    names = {order.ref_id for order in seen} | {order.order_id for order in seen}
    for trade, order in list(state.book.orders.values()):
        if (
            order.intent.ref_id in names
            or order.order_id in names
            or not _is_missable(state, order)
        ):
            order.missed_since, order.missed_reads = None, 0
            continue
        order.missed_since = order.missed_since or at
        order.missed_reads += 1
        if order.missed_reads < ABSENT_READS or at - order.missed_since < ABSENT_FOR:
            continue
        if order.state is OrderState.UNKNOWN:
            _presume_absent(state, (trade, order), seen, at, out)
        else:
            _lose_sight(state, (trade, order), at, out)


def _is_missable(state: CoreState, order: TrackedOrder) -> bool:
    """False for what is over or in flight, and for what the reading need not have held."""
    if order.state is OrderState.UNKNOWN:
        return True
    since = state.calls.orders_since
    is_there = order.is_working and order.state is not OrderState.NONE
    return is_there and since is not None and since <= order.intent.created_at


def _lose_sight(state: CoreState, found: Tracked, at: datetime, out: Out) -> None:
    trade, order = found
    reason = f"gone from {order.missed_reads} whole readings of the broker's orders"
    order.missed_since, order.missed_reads = None, 0
    say_order(state, out, "unknown", trade, order, at, {"reason": reason})
    numbers: Numbers = {"symbol": trade.symbol, "leg": order.intent.leg.value, "reason": reason}
    alarm(state, out, at, "order_gone", "looked_up_never_resent", numbers)


def _presume_absent(
    state: CoreState, found: Tracked, seen: tuple[BrokerOrder, ...], at: datetime, out: Out
) -> None:
    trade, order = found
    account, since = state.account, order.missed_since
    assert since is not None, "it was missed"
    if account is None or at - account.at > _FRESH_ACCOUNT:
        trades.ask_account(state, out)
    if account is None or state.positions is None or account.at < since:
        return
    now = traces_of(trade.symbol, state.book, account, state.positions)
    before_at = order.traces_at or trade.opened_at or order.intent.created_at
    foreign = [o for o in seen if whose(o, state.book, state.maker.identity) == "foreign"]
    by_others = traded_by_others(trade.symbol, foreign, before_at, account.at)
    now = replace(now, shares=now.shares - by_others)
    if shows_nothing_of(order, now):
        reason = (
            f"absent from {order.missed_reads} whole readings of the broker's orders, "
            "and nothing of it in the account and the positions"
        )
        say_order(state, out, "withdrawn", trade, order, at, {"reason": reason, "presumed": True})
    elif at - since >= _LONG_UNKNOWN and is_news(state, "traces", order.intent.ref_id):
        numbers: Numbers = {
            "symbol": trade.symbol,
            "leg": order.intent.leg.value,
            "shares": str(now.shares),
            "shares_in_sells": str(now.held_shares),
        }
        alarm(state, out, at, "unknown_order_left_traces", "symbol_stays_closed", numbers)
