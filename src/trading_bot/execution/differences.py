"""The book against what the broker says: pure comparison, no judgement of what to do about it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trading_bot.domain.money import ZERO, text_of
from trading_bot.domain.order import BrokerOrder, OrderState
from trading_bot.domain.position import BrokerPosition
from trading_bot.execution.book import TradeBook
from trading_bot.execution.lost import LostTrade, find_lost, is_another_bots
from trading_bot.execution.ref_ids import Identity
from trading_bot.execution.trade import TrackedOrder


class DifferenceKind(StrEnum):
    """What does not agree."""

    MISSING_TRADE = "missing_trade"
    UNKNOWN_ORDER = "unknown_order"
    MISSING_ORDER = "missing_order"
    ORDER_CHANGED = "order_changed"
    SHARES = "shares"
    ANOTHER_BOT = "another_bot"
    CORPORATE_ACTION = "corporate_action"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that does not agree.

    `key` names it, the numbers included: two readings with the same key agree on it. `ours` and
    `broker` are the two sides as text, `text` says it in a sentence, `order_ids` are the broker's
    orders it is about.
    """

    kind: DifferenceKind
    key: str
    symbol: str
    ours: str
    broker: str
    text: str
    order_ids: tuple[str, ...] = ()


RENAMED = "symbol:"
"""How the last part of a corporate action's key begins where the symbol is another one now."""


def new_symbol_of(key: str) -> str:
    """The symbol that a corporate action gave instead of the old one; empty of any other."""
    kind, _, rest = key.partition(":")
    what = rest.partition(":")[2]
    is_renamed = kind == DifferenceKind.CORPORATE_ACTION and what.startswith(RENAMED)
    return what.removeprefix(RENAMED) if is_renamed else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the broker said while its orders stood still."""

    orders: Sequence[BrokerOrder]
    positions: Sequence[BrokerPosition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known beside the book.

    `ref_ids` are orders of ours whose trades are closed, as far back as `closed_since`; `not_ours`
    are the order ids and `foreign` the shares, by symbol, that a person said are not ours;
    `frozen` are symbols whose shares are not to be compared.
    """

    identity: Identity
    strategies: Sequence[str]
    watchlist: Collection[str]
    closed_since: datetime
    ref_ids: Collection[str] = ()
    not_ours: Collection[str] = ()
    foreign: Mapping[str, Decimal] = field(default_factory=dict)
    frozen: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What came of a comparison; `lost` are trades of ours that no record knows."""

    differences: tuple[Difference, ...]
    lost: tuple[LostTrade, ...]


def is_same_reading(one: Sequence[BrokerOrder], other: Sequence[BrokerOrder]) -> bool:
    """True when both say the same of every order, in whatever sequence."""
    return sorted(map(_matters, one)) == sorted(map(_matters, other))


def _matters(order: BrokerOrder) -> tuple[str, ...]:
    executions = sorted(e.execution_id for e in order.executions)
    prices = (str(order.limit_price), str(order.stop_price))
    amounts = (str(order.quantity), str(order.filled_quantity))
    return (order.order_id, order.state.value, *amounts, *prices, *executions)


def compare(book: TradeBook, reading: Reading, known: Known) -> Compared:
    """Every difference between the book, which has taken the reading's orders, and the reading."""
    others = [o for o in reading.orders if o.order_id not in known.not_ours]
    recorded = {*known.ref_ids, *book.orders}
    lost, strays = find_lost(others, recorded, known.identity, known.strategies)
    lost = [trade for trade in lost if _is_open_or_late(trade, known.closed_since)]
    found = [_missing_trade(trade) for trade in lost]
    found += [_unknown_order(order) for order in strays]
    found += _orders(book, reading.orders)
    found += _shares(book, reading.positions, lost, known)
    found += _another_bot(others, known, recorded)
    return Compared(differences=tuple(found), lost=tuple(lost))


def _is_open_or_late(trade: LostTrade, closed_since: datetime) -> bool:
    """False for what was over before the time that the known orders go back to."""
    is_open = trade.held > 0 or trade.working_sells > 0 or not trade.entry.state.is_final
    return is_open or trade.entry.created_at >= closed_since


def _missing_trade(trade: LostTrade) -> Difference:
    entry = trade.entry
    sold = sum(s.filled_quantity for s in trade.sells)
    return Difference(
        kind=DifferenceKind.MISSING_TRADE,
        key=f"{DifferenceKind.MISSING_TRADE}:{entry.symbol}:{entry.order_id}",
        symbol=entry.symbol,
        ours="no record",
        broker=f"bought {entry.filled_quantity}, sold {sold}",
        text=f"the broker holds an entry of ours in {entry.symbol} that no record knows",
        order_ids=(entry.order_id, *(s.order_id for s in trade.sells)),
    )


def _unknown_order(order: BrokerOrder) -> Difference:
    return Difference(
        kind=DifferenceKind.UNKNOWN_ORDER,
        key=f"{DifferenceKind.UNKNOWN_ORDER}:{order.symbol}:{order.order_id}",
        symbol=order.symbol,
        ours="no record",
        broker=f"{order.side} {order.quantity}, {order.state}, {order.filled_quantity} filled",
        text=f"the broker holds a sell of ours in {order.symbol} that no record knows",
        order_ids=(order.order_id,),
    )


def _orders(book: TradeBook, seen: Sequence[BrokerOrder]) -> Iterator[Difference]:
    by_id = {order.order_id: order for order in seen}
    for _, order in book.orders.values():
        if not order.order_id or order.state is OrderState.UNKNOWN:
            continue
        at_broker = by_id.get(order.order_id)
        if at_broker is not None:
            yield from _changed(order, at_broker)
        elif order.is_working and order.state is not OrderState.UNCONFIRMED:
            # One that was only just taken may be listed late; gone for long it becomes unknown.
            yield _missing_order(order)


def _missing_order(order: TrackedOrder) -> Difference:
    intent = order.intent
    return Difference(
        kind=DifferenceKind.MISSING_ORDER,
        key=f"{DifferenceKind.MISSING_ORDER}:{intent.symbol}:{order.order_id}",
        symbol=intent.symbol,
        ours=f"{intent.leg} {intent.side} {order.remaining}, {order.state}",
        broker="no such order",
        text=f"our {intent.leg} order in {intent.symbol} is not among the broker's orders",
        order_ids=(order.order_id,),
    )


def _changed(order: TrackedOrder, seen: BrokerOrder) -> Iterator[Difference]:
    if not order.is_working or seen.replaces:
        # An order that took the place of ours is the owner's edit, which the book follows.
        return
    ours = (order.intent.quantity, order.intent.limit_price, order.intent.stop_price)
    theirs = (seen.quantity, seen.limit_price, seen.stop_price)
    if all(b is None or a == b for a, b in zip(ours, theirs, strict=True)):
        return
    own, other = (_terms(*ours), _terms(*theirs))
    symbol = order.intent.symbol
    yield Difference(
        kind=DifferenceKind.ORDER_CHANGED,
        key=f"{DifferenceKind.ORDER_CHANGED}:{symbol}:{order.order_id}:{other.replace(' ', '_')}",
        symbol=symbol,
        ours=own,
        broker=other,
        text=f"our {order.intent.leg} order in {symbol} is another one at the broker",
        order_ids=(order.order_id,),
    )


def _terms(quantity: int, limit: Decimal | None, stop: Decimal | None) -> str:
    text = str(quantity)
    if limit is not None:
        text += f" limit {text_of(limit)}"
    return text if stop is None else f"{text} stop {text_of(stop)}"


def _shares(
    book: TradeBook, positions: Sequence[BrokerPosition], lost: Sequence[LostTrade], known: Known
) -> Iterator[Difference]:
    """Only where we hold: shares in other symbols are the owner's own affair."""
    at_broker = {p.symbol: p.quantity for p in positions}
    ours: dict[str, int] = {}
    for trade in book.trades.values():
        ours[trade.symbol] = ours.get(trade.symbol, 0) + trade.held
    for unknown in lost:
        symbol = unknown.entry.symbol
        ours[symbol] = ours.get(symbol, 0) + unknown.held
    for symbol in sorted(ours):
        foreign = known.foreign.get(symbol, ZERO)
        if not ours[symbol] or symbol in known.frozen:
            continue
        theirs = at_broker.get(symbol, ZERO) - foreign
        if theirs != ours[symbol]:
            yield shares_differ(symbol, ours[symbol], theirs)


def shares_differ(symbol: str, ours: int, theirs: Decimal) -> Difference:
    """We think we hold other shares than the broker says."""
    return Difference(
        kind=DifferenceKind.SHARES,
        key=f"{DifferenceKind.SHARES}:{symbol}:{ours}:{_plain(theirs)}",
        symbol=symbol,
        ours=str(ours),
        broker=_plain(theirs),
        text=f"our executions say {ours} {symbol}, the broker says {_plain(theirs)}",
    )


def _plain(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _another_bot(
    orders: Sequence[BrokerOrder], known: Known, recorded: Collection[str]
) -> Iterator[Difference]:
    found: dict[str, list[str]] = {}
    for order in orders:
        if (
            order.symbol in known.watchlist
            and order.ref_id not in recorded
            and is_another_bots(order, known.identity, known.strategies)
        ):
            found.setdefault(order.symbol, []).append(order.order_id)
    for symbol in sorted(found):
        ids = tuple(sorted(found[symbol]))
        yield Difference(
            kind=DifferenceKind.ANOTHER_BOT,
            key=f"{DifferenceKind.ANOTHER_BOT}:{symbol}:{len(ids)}",
            symbol=symbol,
            ours="no such order",
            broker=f"{len(ids)} buys under names this home cannot make",
            text=f"another bot buys {symbol} on this account",
            order_ids=ids,
        )
