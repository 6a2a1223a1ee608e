"""Splits and changed symbols: what was held overnight is compared before anything is done for it.

A symbol that does not compare is frozen: no order of ours in it, no part in the day's loss, until
a person accepts the action, a split with its ratio. The price that a stop was set at means nothing
after a split, and nobody quotes an old symbol. Executions are booked all the same.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from trading_bot.core import reconcile_notes
from trading_bot.core.events import ReconcileArrived
from trading_bot.core.state import CoreState, Out
from trading_bot.domain.money import ZERO
from trading_bot.domain.order import BrokerOrder, Side
from trading_bot.domain.quote import Quote
from trading_bot.execution.differences import RENAMED, Difference, DifferenceKind
from trading_bot.execution.ref_ids import is_ours
from trading_bot.execution.trade import TrackedOrder, Trade

_CLOSE_TOLERANCE = Decimal("0.05")
"""Closes nearer than this are a dividend's adjustment; the smallest usual split is 5 for 4."""

_RATIOS = tuple(
    sorted(
        {Fraction(n) for n in (*range(2, 11), 12, 15, 16, 20, 25, 30, 40, 50, 60, 80, 100)}
        | {Fraction(3, 2), Fraction(4, 3), Fraction(5, 4), Fraction(5, 2), Fraction(5, 3)}
    )
)
"""Shares after for a share before, as exchanges announce them; inverted for reverse splits."""


def begin_day(state: CoreState) -> None:
    """What was held overnight stands still until it was compared with the broker's position."""
    state.reconciled.unchecked = {t.symbol for t in _held_overnight(state) if state.reconciles}


def _held_overnight(state: CoreState) -> Iterator[Trade]:
    calendar = state.settings.calendar
    for trade in state.book.trades.values():
        opened_at = trade.opened_at
        if opened_at is not None and calendar.trading_day(opened_at) < state.trading_day:
            yield trade


def look_at_positions(state: CoreState, event: ReconcileArrived, out: Out) -> None:
    """Freeze what was held overnight and is now called otherwise, or a split's multiple of it."""
    _look_at_names(state, event, out)
    at_broker = {p.symbol: p.quantity for p in event.positions}
    ours: dict[str, int] = {}
    for trade in _held_overnight(state):
        ours[trade.symbol] = ours.get(trade.symbol, 0) + trade.held
    for symbol, held in ours.items():
        state.reconciled.unchecked.discard(symbol)
        theirs = at_broker.get(symbol, ZERO) - state.reconciled.foreign.get(symbol, ZERO)
        ratio = split_ratio(held, theirs)
        if ratio is None or symbol in state.reconciled.frozen or _was_traded(state, symbol, event):
            continue
        text = f"{symbol}: {held} shares became {theirs.normalize():f} overnight without an order"
        _freeze(state, symbol, f"{ratio}", text, event.at, out)


def _look_at_names(state: CoreState, event: ReconcileArrived, out: Out) -> None:
    """A position under another symbol, of the instrument that we bought, and none under ours."""
    held_now = {p.symbol for p in event.positions if p.quantity}
    names = {p.instrument_id: p.symbol for p in event.positions if p.quantity and p.instrument_id}
    for trade in _held_overnight(state):
        name = names.get(_instrument_of(trade), trade.symbol)
        if name != trade.symbol and trade.symbol not in held_now:
            _freeze_renamed(state, trade.symbol, name, event.at, out)


def in_our_words(
    state: CoreState, trade: Trade, order: TrackedOrder, seen: BrokerOrder, at: datetime, out: Out
) -> BrokerOrder:
    """`seen` under the symbol that the book has for it; of an open trade, a new one is a finding.

    The instrument is the proof that it is the same share.
    """
    intent = order.intent
    is_same = bool(intent.instrument_id) and intent.instrument_id == seen.instrument_id
    if seen.symbol == intent.symbol or not is_same:
        return seen
    if not trade.is_closed:
        _freeze_renamed(state, intent.symbol, seen.symbol, at, out)
    return replace(seen, symbol=intent.symbol)


def _freeze_renamed(state: CoreState, old: str, new: str, at: datetime, out: Out) -> None:
    if old not in state.reconciled.frozen:
        text = f"{old} is called {new} now: it is the instrument that we bought"
        _freeze(state, old, f"{RENAMED}{new}", text, at, out, broker=new)


def _instrument_of(trade: Trade) -> str:
    return next(iter(trade.orders.values())).intent.instrument_id


def _was_traded(state: CoreState, symbol: str, event: ReconcileArrived) -> bool:
    """Somebody else's executions may be the reason; our own are booked or about to be."""
    identity = state.settings.identity
    return any(
        o.symbol == symbol and o.filled_quantity and not is_ours(o.ref_id, identity)
        for o in event.orders
    ) or any(
        o.symbol == symbol
        and o.side is Side.SELL
        and o.ref_id in state.book.orders
        and o.filled_quantity > state.book.orders[o.ref_id][1].filled
        for o in event.orders
    )


def split_ratio(before: int, after: Decimal) -> Fraction | None:
    """The usual ratio that makes `after` of `before` shares, fractions paid out; None if none."""
    if before <= 0 or after <= 0 or after == before:
        return None
    for ratio in (*_RATIOS, *(1 / r for r in _RATIOS)):
        if 0 <= Fraction(before) * ratio - Fraction(after) < 1:
            return ratio
    return None


def look_at_quote(state: CoreState, symbol: str, quote: Quote, at: datetime, out: Out) -> None:
    """Compare a held symbol's quote of the day with what it was when we bought it."""
    trades = [t for t in _held_overnight(state) if t.symbol == symbol]
    if not trades or symbol in state.reconciled.frozen:
        return
    bought = {_instrument_of(trade) for trade in trades} - {""}
    plain, adjusted = quote.previous_close, quote.adjusted_previous_close
    if quote.instrument_id and bought and quote.instrument_id not in bought:
        text = f"{symbol} is another instrument than the one we bought"
        _freeze(state, symbol, "instrument", text, at, out)
    elif plain and adjusted and abs(adjusted / plain - 1) > _CLOSE_TOLERANCE:
        text = f"{symbol} closed at {plain}, adjusted {adjusted}: its shares are other ones today"
        _freeze(state, symbol, "price", text, at, out)
    else:
        state.reconciled.unchecked.discard(symbol)


def _freeze(
    state: CoreState,
    symbol: str,
    what: str,
    text: str,
    at: datetime,
    out: Out,
    *,
    broker: str = "",
) -> None:
    state.reconciled.frozen[symbol] = text
    held = sum(t.held for t in state.book.in_symbol(symbol))
    difference = Difference(
        kind=DifferenceKind.CORPORATE_ACTION,
        key=f"{DifferenceKind.CORPORATE_ACTION}:{symbol}:{what}",
        symbol=symbol,
        ours=str(held),
        broker=broker or what,
        text=text,
    )
    reconcile_notes.open_difference(state, difference, at, out)
