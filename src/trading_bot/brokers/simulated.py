"""The simulated broker: orders fill against recorded bars, by a model that is written down.

The model. A bar is lived through twice: its open, then its range.

- Open (`open_bars`): what was sent since the bar before trades at the open, at once and in full. A
  market order pays the open and the slippage; a limit order that the open satisfies the same, never
  beyond its limit; a sell stop that the open has gone through the open and the slippage.
- Range (`finish_bars`): what the open left, and a stop sent after it, meets the low and the high. A
  sell stop with low <= stop trades at the lower of stop and open, less the slippage. A resting
  limit order trades at its limit, and only when the market went through it: to be touched means to
  stand in a queue behind others.

Stops come before limits, so that of a stop and a target inside one bar the loss is taken. The time
of a fill is the bar's start at the open and its end in the range. A cancel is done when it is asked
for: between two bars nothing trades. No order moves the market, whatever its size; all cash is
settled; a buy needs a limit, for nothing else bounds it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from pydantic import Field

from trading_bot.brokers.paper_orders import as_just_taken, check_order, make_id
from trading_bot.domain.bar import Bar
from trading_bot.domain.errors import RejectedError, UnknownOutcomeError
from trading_bot.domain.fees import sell_fees
from trading_bot.domain.money import ZERO, price_from_float, round_buy, round_sell, tick_size
from trading_bot.domain.order import (
    ApprovedOrder,
    BrokerOrder,
    Execution,
    OrderIntent,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.domain.settings import PlainDecimal, Settings
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.clock import Clock

_BPS: Final = Decimal(10_000)


class SimulatedSettings(Settings):
    """The simulated account and what trading costs it."""

    starting_cash: PlainDecimal = Field(default=Decimal("25000.00"), gt=0, le=10**9)
    """Dollars in the account at the beginning."""
    slippage_bps: PlainDecimal = Field(default=Decimal(2), ge=0, le=500)
    """What a fill that takes liquidity pays beyond the bar's price, in hundredths of a percent."""
    charges_fees: bool = True
    """Whether sells pay the regulatory fees of their day."""


@dataclass(slots=True)
class _Order:
    """An order in the simulation; `level` is its limit or stop as a bar's prices are compared."""

    intent: OrderIntent
    order_id: str
    created_at: datetime
    updated_at: datetime
    level: float
    is_buy: bool
    is_stop: bool
    is_new: bool = True
    state: OrderState = OrderState.OPEN
    execution: Execution | None = None

    def as_reported(self) -> BrokerOrder:
        intent, execution = self.intent, self.execution
        return BrokerOrder(
            order_id=self.order_id,
            ref_id=intent.ref_id,
            symbol=intent.symbol,
            side=intent.side,
            type=intent.type,
            state=self.state,
            quantity=intent.quantity,
            filled_quantity=0 if execution is None else intent.quantity,
            limit_price=intent.limit_price,
            stop_price=intent.stop_price,
            created_at=self.created_at,
            updated_at=self.updated_at,
            executions=() if execution is None else (execution,),
        )


@dataclass(slots=True)
class _Holding:
    """Shares of one symbol and what they cost."""

    quantity: int = 0
    cost: Decimal = ZERO


@dataclass(slots=True)
class SimulatedDesk:
    """The account and its orders; synchronous, at times it is told."""

    settings: SimulatedSettings
    calendar: NyseCalendar
    cash: Decimal = field(init=False)
    _orders: dict[str, _Order] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)
    _working: dict[str, list[_Order]] = field(default_factory=dict)
    _holdings: dict[str, _Holding] = field(default_factory=dict)
    _latest: dict[str, Bar] = field(default_factory=dict)
    _changed: list[_Order] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cash = self.settings.starting_cash

    @property
    def has_working(self) -> bool:
        """True while any order may trade."""
        return bool(self._working)

    def take(self, intent: OrderIntent, at: datetime) -> BrokerOrder:
        """Take the order, or RejectedError; UnknownOutcomeError when its ref_id is taken."""
        ref_id = intent.ref_id
        if ref_id in self._ids:
            raise UnknownOutcomeError(f"an order with the ref_id {ref_id} exists: look it up")
        check_order(intent)
        self._check_funds(intent)
        price = intent.limit_price if intent.stop_price is None else intent.stop_price
        order = _Order(
            intent=intent,
            order_id=make_id("simulated", ref_id),
            created_at=at,
            updated_at=at,
            level=0.0 if price is None else float(price),
            is_buy=intent.side is Side.BUY,
            is_stop=intent.type is OrderType.STOP,
        )
        self._ids[ref_id] = order.order_id
        self._orders[order.order_id] = order
        self._working.setdefault(intent.symbol, []).append(order)
        return order.as_reported()

    def cancel(self, order_id: str, at: datetime) -> None:
        """Cancel the order; RejectedError when there is none or it is final."""
        order = self._orders.get(order_id)
        if order is None or order.state.is_final:
            state = "unknown" if order is None else order.state.value
            raise RejectedError(f"order {order_id} cannot be cancelled: it is {state}")
        self._end(order, OrderState.CANCELLED, at)

    def open_bars(self, bars: Iterable[Bar]) -> None:
        """Let what was sent before them trade at the bars' opens."""
        working_of = self._working.get
        for bar in bars:
            working = working_of(bar.symbol)
            if working is not None and not _is_far(working, bar.open):
                for order in _stops_first(working):
                    self._at_open(order, bar)

    def finish_bars(self, bars: Iterable[Bar]) -> None:
        """Let what works meet the rest of the bars."""
        working_of, latest = self._working.get, self._latest
        for bar in bars:
            symbol = bar.symbol
            latest[symbol] = bar
            working = working_of(symbol)
            if working is not None and not _is_far(working, bar.low):
                for order in _stops_first(working):
                    self._in_range(order, bar)

    def end_session(self, at: datetime) -> None:
        """Expire what was good for the day."""
        for working in list(self._working.values()):
            for order in list(working):
                if order.intent.time_in_force is TimeInForce.GFD:
                    self._end(order, OrderState.EXPIRED, at)

    def changed(self) -> tuple[BrokerOrder, ...]:
        """Orders that ended since this was last asked, in the order they did."""
        if not self._changed:
            return ()
        reported = tuple([order.as_reported() for order in self._changed])
        self._changed.clear()
        return reported

    def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Orders that changed at or after `since`, oldest first."""
        return tuple(o.as_reported() for o in self._orders.values() if o.updated_at >= since)

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Every position, by symbol."""
        return tuple(
            BrokerPosition(
                symbol=symbol,
                quantity=Decimal(holding.quantity),
                held_for_sells=Decimal(self._held_for_sells(symbol)),
                average_price=holding.cost / holding.quantity,
            )
            for symbol, holding in sorted(self._holdings.items())
            if holding.quantity
        )

    def account(self, at: datetime) -> AccountSnapshot:
        """Cash now; equity marks a position at the latest price of its bars."""
        equity = self.cash
        for symbol, holding in self._holdings.items():
            bar = self._latest.get(symbol)
            if holding.quantity:
                marked = None if bar is None else holding.quantity * price_from_float(bar.close)
                equity += holding.cost if marked is None else marked
        return AccountSnapshot(
            at=at,
            cash=self.cash,
            settled_cash=self.cash,
            buying_power=self.cash - self._reserved(),
            equity=equity,
        )

    def _check_funds(self, intent: OrderIntent) -> None:
        if intent.side is Side.BUY:
            if intent.limit_price is None:
                raise RejectedError("a buy needs a limit price")
            free = self.cash - self._reserved()
            if intent.limit_price * intent.quantity > free:
                what = f"{intent.quantity} {intent.symbol} at {intent.limit_price}"
                raise RejectedError(f"{what} cost more than {free}")
            return
        holding = self._holdings.get(intent.symbol)
        held = 0 if holding is None else holding.quantity
        free_shares = held - self._held_for_sells(intent.symbol)
        if intent.quantity > free_shares:
            raise RejectedError(
                f"{free_shares} {intent.symbol} can be sold, got an order for {intent.quantity}"
            )

    def _reserved(self) -> Decimal:
        total = ZERO
        for working in self._working.values():
            for order in working:
                if order.is_buy:
                    assert order.intent.limit_price is not None, "a buy was taken without a limit"
                    total += order.intent.limit_price * order.intent.quantity
        return total

    def _held_for_sells(self, symbol: str) -> int:
        return sum(o.intent.quantity for o in self._working.get(symbol, ()) if not o.is_buy)

    def _at_open(self, order: _Order, bar: Bar) -> None:
        price = bar.open
        if order.is_stop:
            reached = price <= order.level
        elif order.intent.type is OrderType.LIMIT:
            reached = price <= order.level if order.is_buy else price >= order.level
        else:
            reached = True
        if not reached:
            order.is_new = False
        elif order.is_new or order.is_stop:
            self._fill(order, self._slipped(order, price), bar.start)
        else:
            # It rested, and the market opened beyond its limit: the limit is what it gets.
            self._fill_if_through(order, price, price, bar.start)

    def _in_range(self, order: _Order, bar: Bar) -> None:
        if order.is_stop:
            if bar.low <= order.level:
                self._fill(order, self._slipped(order, min(order.level, bar.open)), bar.end)
        elif not order.is_new:
            self._fill_if_through(order, bar.low, bar.high, bar.end)

    def _fill_if_through(self, order: _Order, low: float, high: float, at: datetime) -> None:
        limit = order.intent.limit_price
        assert limit is not None, "only limit orders rest"
        if low < order.level if order.is_buy else high > order.level:
            self._fill(order, limit, at)

    def _slipped(self, order: _Order, price: float) -> Decimal:
        """`price` worsened by the slippage, to the tick against us, never beyond the limit."""
        exact, bps = price_from_float(price), self.settings.slippage_bps
        limit = order.intent.limit_price
        if order.is_buy:
            paid = round_sell(exact * (1 + bps / _BPS)) if bps else exact
            return paid if limit is None else min(paid, limit)
        got = max(round_buy(exact * (1 - bps / _BPS)), tick_size(exact)) if bps else exact
        return got if limit is None else max(got, limit)

    def _fill(self, order: _Order, price: Decimal, at: datetime) -> None:
        intent = order.intent
        quantity = intent.quantity
        holding = self._holdings.setdefault(intent.symbol, _Holding())
        fees = ZERO
        if order.is_buy:
            self.cash -= quantity * price
            holding.quantity += quantity
            holding.cost += quantity * price
        else:
            if self.settings.charges_fees:
                day = self.calendar.new_york_date(at)
                fees = sell_fees(quantity=quantity, price=price, trade_day=day)
            self.cash += quantity * price - fees
            holding.cost -= holding.cost * quantity / holding.quantity
            holding.quantity -= quantity
        order.execution = Execution(
            execution_id=make_id("execution", order.order_id),
            at=at,
            quantity=quantity,
            price=price,
            fees=fees,
        )
        self._end(order, OrderState.FILLED, at)

    def _end(self, order: _Order, state: OrderState, at: datetime) -> None:
        order.state, order.updated_at = state, at
        symbol = order.intent.symbol
        working = self._working[symbol]
        working.remove(order)
        if not working:
            del self._working[symbol]
        self._changed.append(order)


def _is_far(working: Sequence[_Order], price: float) -> bool:
    """True for a lone stop that `price` does not reach: nearly every bar of what is held."""
    return len(working) == 1 and working[0].is_stop and price > working[0].level


def _stops_first(working: Sequence[_Order]) -> Sequence[_Order]:
    """A copy, for an order that fills leaves the list."""
    if len(working) > 1:
        return sorted(working, key=lambda order: not order.is_stop)
    return tuple(working)


class SimulatedBroker:
    """The Broker port over a desk; its time is the clock's, its market the bars shown to it."""

    def __init__(self, desk: SimulatedDesk, clock: Clock) -> None:
        self.desk = desk
        self._clock = clock

    @property
    def execution_mode(self) -> Literal["PAPER"]:
        """Never LIVE: no money moves."""
        return "PAPER"

    async def place(self, order: ApprovedOrder) -> BrokerOrder:
        """Take the order, or refuse it; its first bar is the next one."""
        return as_just_taken(self.desk.take(order.intent, self._clock.now()))

    async def cancel(self, order_id: str) -> None:
        """Cancel at once; RejectedError when there is no such order or it is final."""
        self.desk.cancel(order_id, self._clock.now())

    async def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Orders that changed at or after `since`, oldest first."""
        return self.desk.orders(since)

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """Every position, by symbol."""
        return self.desk.positions()

    async def account(self) -> AccountSnapshot:
        """Cash now; equity at the bars' latest prices."""
        return self.desk.account(self._clock.now())
