"""The paper broker's state: what its ledger's lines add up to, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, assert_never

from trading_bot.brokers.paper_events import (
    Cancelled,
    CancelRequested,
    Expired,
    Filled,
    Opened,
    PaperEvent,
    Placed,
    Rested,
    Triggered,
    Watched,
)
from trading_bot.domain.errors import DataError
from trading_bot.domain.money import ZERO
from trading_bot.domain.order import (
    BrokerOrder,
    Execution,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.logging.line import parse_timestamp

_AVERAGE_STEP: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOrder:
    """An order the paper broker took. `rests` and `is_triggered` as the ledger's lines say."""

    order_id: str
    ref_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    price_bound: Decimal | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    state: OrderState = OrderState.OPEN
    executions: tuple[Execution, ...] = ()
    filled_quantity: int = 0
    rests: bool = False
    is_triggered: bool = False
    is_cancel_requested: bool = False

    @property
    def remaining(self) -> int:
        """Shares that may still trade; 0 once the order is final."""
        return 0 if self.state.is_final else self.quantity - self.filled_quantity

    @property
    def held_cash(self) -> Decimal:
        """Dollars the order may still spend."""
        return ZERO if self.price_bound is None else self.remaining * self.price_bound

    def as_reported(self) -> BrokerOrder:
        """The order as the port tells it."""
        return BrokerOrder(
            order_id=self.order_id,
            ref_id=self.ref_id,
            symbol=self.symbol,
            side=self.side,
            type=self.type,
            state=self.state,
            quantity=self.quantity,
            filled_quantity=self.filled_quantity,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            created_at=self.created_at,
            updated_at=self.updated_at,
            executions=self.executions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPosition:
    """Shares held, above 0; prices in dollars a share."""

    quantity: int
    average_price: Decimal
    last_price: Decimal


@dataclass(slots=True)
class PaperBook:
    """Orders, positions and cash. Changed by `apply` alone, so that the ledger rebuilds it.

    `unsettled` maps a settlement date to the proceeds that may be spent from then on.
    `watched_until` is when good quotes were last seen for certain, at most minutes before the last.
    """

    next_seq: int = 0
    cash: Decimal = ZERO
    orders: dict[str, PaperOrder] = field(default_factory=dict)
    order_ids: dict[str, str] = field(default_factory=dict)
    working_ids: dict[str, None] = field(default_factory=dict)
    positions: dict[str, PaperPosition] = field(default_factory=dict)
    unsettled: dict[date, Decimal] = field(default_factory=dict)
    execution_count: int = 0
    watched_until: datetime | None = None

    @property
    def is_opened(self) -> bool:
        return self.next_seq > 0

    def working(self) -> Iterator[PaperOrder]:
        """Orders that are not final, in the order they were taken; they may change meanwhile."""
        return (self.orders[order_id] for order_id in tuple(self.working_ids))

    def held_shares(self, symbol: str) -> int:
        """Shares that back working sells."""
        return sum(
            order.remaining
            for order in self.working()
            if order.symbol == symbol and order.side is Side.SELL
        )

    def free_shares(self, symbol: str) -> int:
        """Shares that may still be offered."""
        position = self.positions.get(symbol)
        return (position.quantity if position else 0) - self.held_shares(symbol)

    def held_cash(self) -> Decimal:
        """Dollars that working buys may spend."""
        held = ZERO
        for order in self.working():
            held += order.held_cash
        return held

    def settled_cash(self, today: date) -> Decimal:
        """Cash without the proceeds that settle after the New York date `today`."""
        settled = self.cash
        for day, amount in self.unsettled.items():
            if day > today:
                settled -= amount
        return settled

    def apply(self, event: PaperEvent) -> None:
        """Take the ledger's next line; DataError when it does not follow from those before."""
        if event.seq != self.next_seq:
            raise DataError(
                f"paper broker's ledger: expected line {self.next_seq}, got line {event.seq}"
            )
        if isinstance(event, Opened) == self.is_opened:
            raise DataError(f"paper broker's ledger: line {event.seq} opens it twice or never")
        match event:
            case Opened():
                self.cash = event.cash
            case Watched():
                self.watched_until = parse_timestamp(event.at)
            case Placed():
                self._place(event)
            case Filled():
                self._fill(event)
            case _:
                self._turn(event)
        self.next_seq += 1

    def _turn(self, event: Rested | Triggered | CancelRequested | Cancelled | Expired) -> None:
        order = self._order(event)
        match event:
            case Rested():
                # Not news to anyone: what the port tells of the order is the same.
                self._change(replace(order, rests=True))
            case Triggered():
                self._change(replace(order, is_triggered=True), event.at)
            case CancelRequested():
                self._change(replace(order, is_cancel_requested=True), event.at)
            case Cancelled():
                self._change(replace(order, state=OrderState.CANCELLED), event.at)
            case Expired():
                self._change(replace(order, state=OrderState.EXPIRED), event.at)
            case _:
                assert_never(event)

    def _order(
        self, event: Rested | Triggered | Filled | CancelRequested | Cancelled | Expired
    ) -> PaperOrder:
        order = self.orders.get(event.order_id)
        if order is None or order.state.is_final:
            raise DataError(
                f"paper broker's ledger: line {event.seq} expects the working order"
                f" {event.order_id}, it is {order.state if order else 'unknown'}"
            )
        return order

    def _place(self, event: Placed) -> None:
        if event.order_id in self.orders or event.ref_id in self.order_ids:
            raise DataError(f"paper broker's ledger: line {event.seq} takes an order twice")
        at = parse_timestamp(event.at)
        self.order_ids[event.ref_id] = event.order_id
        self._change(
            PaperOrder(
                order_id=event.order_id,
                ref_id=event.ref_id,
                symbol=event.symbol,
                side=event.side,
                type=event.type,
                time_in_force=event.time_in_force,
                quantity=event.quantity,
                limit_price=event.limit_price,
                stop_price=event.stop_price,
                price_bound=event.price_bound,
                expires_at=None if event.expires_at is None else parse_timestamp(event.expires_at),
                created_at=at,
                updated_at=at,
            )
        )

    def _change(self, order: PaperOrder, at: str | None = None) -> None:
        if at is not None:
            order = replace(order, updated_at=parse_timestamp(at))
        self.orders[order.order_id] = order
        if order.state.is_final:
            self.working_ids.pop(order.order_id, None)
        else:
            self.working_ids[order.order_id] = None

    def _fill(self, event: Filled) -> None:
        order = self._order(event)
        if not 0 < event.quantity <= order.remaining:
            raise DataError(
                f"paper broker's ledger: line {event.seq} fills {event.quantity} shares,"
                f" {order.remaining} may trade"
            )
        execution = Execution(
            execution_id=event.execution_id,
            at=parse_timestamp(event.executed_at),
            quantity=event.quantity,
            price=event.price,
            fees=event.fees,
            note=event.note,
        )
        if order.side is Side.BUY:
            self._buy(order.symbol, execution)
        else:
            self._sell(order.symbol, execution, date.fromisoformat(event.settles_on))
        filled = order.filled_quantity + event.quantity
        is_filled = filled == order.quantity
        self._change(
            replace(
                order,
                executions=(*order.executions, execution),
                filled_quantity=filled,
                state=OrderState.FILLED if is_filled else OrderState.PART_FILLED,
            ),
            event.at,
        )
        self.execution_count += 1

    def _buy(self, symbol: str, execution: Execution) -> None:
        self.cash -= execution.quantity * execution.price + execution.fees
        held = self.positions.get(symbol)
        before = held.quantity if held else 0
        cost = before * held.average_price if held else ZERO
        quantity = before + execution.quantity
        average = (cost + execution.quantity * execution.price) / quantity
        self.positions[symbol] = PaperPosition(
            quantity=quantity,
            average_price=average.quantize(_AVERAGE_STEP, ROUND_HALF_EVEN),
            last_price=execution.price,
        )

    def _sell(self, symbol: str, execution: Execution, settles_on: date) -> None:
        held = self.positions.get(symbol)
        if held is None or held.quantity < execution.quantity:
            raise DataError(
                f"paper broker's ledger: sells {execution.quantity} {symbol},"
                f" {held.quantity if held else 0} are held"
            )
        proceeds = execution.quantity * execution.price - execution.fees
        self.cash += proceeds
        self.unsettled[settles_on] = self.unsettled.get(settles_on, ZERO) + proceeds
        if held.quantity == execution.quantity:
            del self.positions[symbol]
        else:
            self.positions[symbol] = replace(
                held, quantity=held.quantity - execution.quantity, last_price=execution.price
            )
