"""The book of trades: changed by order events alone, orders' states only through the table."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from msgspec.structs import replace

from trading_bot.domain.errors import DataError
from trading_bot.domain.money import text_of
from trading_bot.domain.order import (
    Execution,
    Leg,
    OrderIntent,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.domain.order_table import News
from trading_bot.execution.booking import book_bust, book_fill, move, pass_on
from trading_bot.execution.corporate import apply_new_symbol, apply_split
from trading_bot.execution.trade import TrackedOrder, Trade, TradeContext
from trading_bot.logging.line import iso_text, parse_timestamp
from trading_bot.logging.order_event import OrderDatum, OrderEvent

_NEWS = {
    "rejected": News.REJECTED,
    "withdrawn": News.WITHDRAWN,
    "cancelled": News.CANCELLED,
    "expired": News.EXPIRED,
    "unknown": News.UNKNOWN,
    "cancel_requested": News.CANCEL_REQUESTED,
    "replaced": News.REPLACED,
}
_REPLIES = {
    state.value: News(state.value)
    for state in (
        OrderState.UNCONFIRMED,
        OrderState.OPEN,
        OrderState.PART_FILLED,
        OrderState.UNKNOWN,
    )
}
"""What a reply's state says; any other is what we knew already, told beside something else."""

_NO_ORDER_KINDS = frozenset({"note", "left_open", "foreign"})

Tracked = tuple[Trade, TrackedOrder]


class TradeBook:
    """Every trade that is not closed, by trade id, and the orders in them by ref_id.

    `closed` holds the trades that are over and still watched: fills come late. `watched_since` is
    from when on their orders are to be read, None when each was filled in full.
    """

    __slots__ = ("_closed_orders", "_ids", "closed", "orders", "trades", "watched_since")

    def __init__(self) -> None:
        self.trades: dict[str, Trade] = {}
        self.orders: dict[str, Tracked] = {}
        self.closed: dict[str, Trade] = {}
        self.watched_since: datetime | None = None
        self._closed_orders: dict[str, Tracked] = {}
        self._ids: dict[str, Tracked] = {}

    def restore(self, events: Iterable[OrderEvent]) -> list[str]:
        """Apply a record's events; returns what could not be, for the record may be damaged.

        An intent without any answer becomes UNKNOWN: it may have been sent.
        """
        problems = []
        for event in events:
            try:
                self.apply(event)
            except (DataError, LookupError, ValueError, ArithmeticError) as error:
                problems.append(f"order event {event.seq}: {type(error).__name__}: {error}")
        for _, order in self.orders.values():
            move(order, News.RESTARTED)
        return problems

    def find(self, ref_id: str, order_id: str) -> Tracked | None:
        """The order of that name, else of that broker's id, of a trade that is open or watched."""
        found = None
        if ref_id:
            found = self.orders.get(ref_id) or self._closed_orders.get(ref_id)
        return found or self._ids.get(order_id)

    def order(self, ref_id: str) -> Tracked:
        """The order of that name, of an open or a watched trade; LookupError when there is none."""
        return self.orders.get(ref_id) or self._closed_orders[ref_id]

    def every(self) -> Iterator[Tracked]:
        """Every order of open trades, then of watched ones."""
        yield from self.orders.values()
        yield from self._closed_orders.values()

    def forget(self, before: date) -> None:
        """Drop the closed trades that are watched until a day before `before` only."""
        for trade_id, trade in list(self.closed.items()):
            if trade.watch_until is not None and trade.watch_until.date() < before:
                del self.closed[trade_id]
                for ref_id, order in trade.orders.items():
                    del self._closed_orders[ref_id]
                    self._drop_ids(order)
        self.watched_since = None
        for _, order in self._closed_orders.values():
            self._watch(order)

    def in_symbol(self, symbol: str) -> list[Trade]:
        """The open trades of `symbol`, oldest first."""
        return [t for t in self.trades.values() if t.symbol == symbol]

    def apply(self, event: OrderEvent) -> None:
        """Change the book as `event` says.

        DataError when the event names an order nobody intended.
        """
        kind = event.kind
        if kind == "intent":
            self._intend(event)
            return
        if kind == "reopened":
            self._reopen(event)
            return
        trade = self.trades.get(event.correlation_id or "")
        if trade is None:
            raise DataError(
                f"order event {event.seq} ({kind}): trade {event.correlation_id} is not open"
            )
        if kind == "closed":
            self._close(trade, event)
        elif kind in ("plan", "plan_change"):
            _apply_plan(trade, event)
        elif kind == "unprotected":
            trade.unprotected_since = _time(event.data.get("since", event.timestamp))
        elif kind == "protected":
            trade.unprotected_since = None
            trade.covered_at = parse_timestamp(event.timestamp)
            trade.unprotected_ms += int(str(event.data.get("unprotected_ms", 0)))
        elif kind not in _NO_ORDER_KINDS:
            self._apply_to_order(trade, event)

    def _intend(self, event: OrderEvent) -> None:
        intent = intent_of(event)
        trade = self.trades.get(event.correlation_id or "")
        if trade is None:
            if intent.leg is not Leg.ENTRY:
                raise DataError(
                    f"order event {event.seq} is a {intent.leg} of a trade that was never entered"
                )
            trade = Trade(
                trade_id=intent.trade_id, symbol=intent.symbol, context=_context_of(event)
            )
            trade.stop_price, trade.target = trade.context.stop_loss, trade.context.target
            self.trades[trade.trade_id] = trade
        order = TrackedOrder(
            intent=intent,
            purpose=str(event.data["purpose"]),
            expected_price=Decimal(str(event.data["expected_price"])),
            changed_at=intent.created_at,
        )
        trade.orders[intent.ref_id] = order
        trade.generations[intent.leg] = trade.generations.get(intent.leg, 0) + 1
        self.orders[intent.ref_id] = (trade, order)

    def _apply_to_order(self, trade: Trade, event: OrderEvent) -> None:
        order = trade.orders.get(event.ref_id or "")
        if order is None:
            raise DataError(
                f"order event {event.seq} ({event.kind}) names order {event.ref_id} nobody intended"
            )
        at = parse_timestamp(event.timestamp)
        order.changed_at = at
        kind, former_id = event.kind, order.order_id
        if event.broker_order_id and event.broker_order_id not in order.former_ids:
            order.order_id = event.broker_order_id
            self._ids[order.order_id] = (trade, order)
        if kind == "fill":
            book_fill(trade, order, _execution_of(event))
        elif kind == "passed_on":
            pass_on(order, _execution_of(event))
        elif kind == "bust":
            book_bust(trade, order, str(event.data["execution_id"]))
            order.turned_at = _time(event.data["seen_at"])
        elif kind == "reply":
            _take_reply(order, event)
        elif kind in _NEWS and move(order, _NEWS[kind]):
            _follow(trade, order, event, former_id)

    def _close(self, trade: Trade, event: OrderEvent) -> None:
        trade.is_closed = True
        del self.trades[trade.trade_id]
        watch_until = event.data.get("watch_until")
        for ref_id, order in trade.orders.items():
            del self.orders[ref_id]
            if watch_until is not None:
                self._closed_orders[ref_id] = (trade, order)
                self._watch(order)
            else:
                self._drop_ids(order)
        if watch_until is not None:
            trade.watch_until = _time(watch_until)
            self.closed[trade.trade_id] = trade

    def _drop_ids(self, order: TrackedOrder) -> None:
        for order_id in (order.order_id, *order.former_ids):
            self._ids.pop(order_id, None)

    def _watch(self, order: TrackedOrder) -> None:
        if order.state is not OrderState.FILLED:
            since = order.intent.created_at
            self.watched_since = min(self.watched_since or since, since)

    def _reopen(self, event: OrderEvent) -> None:
        trade = self.closed.pop(event.correlation_id or "", None)
        if trade is None:
            raise DataError(
                f"order event {event.seq} reopens trade {event.correlation_id} that nobody watches"
            )
        trade.is_closed, trade.watch_until = False, None
        self.trades[trade.trade_id] = trade
        for ref_id in trade.orders:
            self.orders[ref_id] = self._closed_orders.pop(ref_id)


def _take_reply(order: TrackedOrder, event: OrderEvent) -> None:
    if "cancel_lost" in event.data:
        order.is_cancel_lost = True
    news = _REPLIES.get(str(event.data["state"]))
    if news is not None:
        move(order, news)


def _follow(trade: Trade, order: TrackedOrder, event: OrderEvent, former_id: str) -> None:
    """What the table took: the times and reasons that go with it."""
    at, data = parse_timestamp(event.timestamp), event.data
    if event.kind == "cancel_requested":
        order.cancel_asked_at, order.is_cancel_lost = at, False
    elif event.kind == "replaced":
        if former_id != order.order_id:
            order.former_ids += (former_id,)
        order.cancel_asked_at, order.ended_at, order.end_reason = None, None, ""
        order.turned_at = _time(data["seen_at"])
        order.intent = replace(
            order.intent,
            type=OrderType(str(data["type"])),
            quantity=int(str(data["quantity"])),
            limit_price=_price(data["limit_price"]),
            stop_price=_price(data["stop_price"]),
            created_at=at,
        )
        if order.intent.leg is Leg.STOP and order.intent.stop_price is not None:
            trade.stop_price = order.intent.stop_price
    elif order.state.is_final:
        order.ended_at, order.end_reason = at, str(data.get("reason", ""))
        order.has_lived_out = bool(data.get("lived_out"))
        if event.kind == "withdrawn":
            order.was_presumed_absent = bool(data.get("presumed"))


def _apply_plan(trade: Trade, event: OrderEvent) -> None:
    data = event.data
    if "renamed_to" in data:
        apply_new_symbol(trade, str(data["renamed_to"]))
    if "split_ratio" in data:
        apply_split(trade, Fraction(str(data["split_ratio"])), int(str(data["held_after"])))
    if "stop_price" in data:
        trade.stop_price = Decimal(str(data["stop_price"]))
    if "trail_high" in data:
        trade.trail_high = Decimal(str(data["trail_high"]))
    if "stop_life" in data:
        trade.stop_life = TimeInForce(str(data["stop_life"]))
    if "target" in data:
        trade.target = None if data["target"] is None else Decimal(str(data["target"]))
    if "exit_reason" in data:
        trade.exit_reason = str(data["exit_reason"])
        trade.exit_expected = Decimal(str(data["exit_expected"]))


def _execution_of(event: OrderEvent) -> Execution:
    data = event.data
    return Execution(
        execution_id=str(data["execution_id"]),
        at=_time(data["executed_at"]),
        quantity=int(str(data["quantity"])),
        price=Decimal(str(data["price"])),
        fees=Decimal(str(data["fees"])),
        note=str(data.get("note", "")),
    )


def intent_of(event: OrderEvent) -> OrderIntent:
    """The intent that an `intent` event holds."""
    data = event.data
    return OrderIntent(
        ref_id=_given(event, "ref_id", event.ref_id),
        trade_id=_given(event, "correlation_id", event.correlation_id),
        symbol=_given(event, "symbol", event.symbol),
        side=Side(event.side or ""),
        leg=Leg(event.leg or ""),
        type=OrderType(str(data["type"])),
        quantity=int(str(data["quantity"])),
        time_in_force=TimeInForce(str(data["time_in_force"])),
        limit_price=_price(data["limit_price"]),
        stop_price=_price(data["stop_price"]),
        created_at=_time(data.get("created_at", event.timestamp)),
        valid_until=_time(data["valid_until"]),
        instrument_id=str(data["instrument_id"]),
    )


def _context_of(event: OrderEvent) -> TradeContext:
    data = event.data
    ratio = data["risk_reward_ratio"]
    used = data["indicators_used"]
    return TradeContext(
        strategy_name=str(data["strategy_name"]),
        entry_type=str(data["entry_type"]),
        bar_end=_time(data["bar_end"]),
        signal_price=Decimal(str(data["signal_price"])),
        stop_loss=Decimal(str(data["stop_loss"])),
        target=_price(data["target"]),
        risk_reward_ratio=None if ratio is None else float(str(ratio)),
        reasons=str(data["reasons"]),
        indicators_used=tuple(used) if isinstance(used, (list, tuple)) else (),
    )


def _given(event: OrderEvent, name: str, value: str | None) -> str:
    if value is None:
        raise DataError(f"order event {event.seq} ({event.kind}) has no {name}")
    return value


def _price(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _time(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def intent_data(order: TrackedOrder, context: TradeContext | None) -> dict[str, OrderDatum]:
    """The data of an `intent` event: all of the order, and of an entry also why."""
    intent = order.intent
    data: dict[str, OrderDatum] = {
        "type": intent.type.value,
        "quantity": intent.quantity,
        "time_in_force": intent.time_in_force.value,
        "limit_price": _text(intent.limit_price),
        "stop_price": _text(intent.stop_price),
        "valid_until": iso_text(intent.valid_until),
        "instrument_id": intent.instrument_id,
        "purpose": order.purpose,
        "expected_price": text_of(order.expected_price),
    }
    if context is not None:
        ratio = context.risk_reward_ratio
        data |= {
            "strategy_name": context.strategy_name,
            "entry_type": context.entry_type,
            "bar_end": iso_text(context.bar_end),
            "signal_price": text_of(context.signal_price),
            "stop_loss": text_of(context.stop_loss),
            "target": _text(context.target),
            "risk_reward_ratio": None if ratio is None else str(ratio),
            "reasons": context.reasons,
            "indicators_used": context.indicators_used,
        }
    return data


def _text(price: Decimal | None) -> str | None:
    return None if price is None else text_of(price)
