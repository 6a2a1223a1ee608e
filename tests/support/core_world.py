"""A core against a small broker that does everything a broker may do to one, in virtual time."""

import heapq
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from support.core_builders import (
    OPEN,
    SYMBOL,
    Core,
    broker_order,
    core_settings,
    execution,
    make_account,
    make_quote,
    make_signal,
)
from trading_bot.core.effects import (
    CancelOrder,
    Effect,
    PlaceOrder,
    RequestAccount,
    RequestHours,
    RequestOrders,
    RequestPoll,
)
from trading_bot.core.events import (
    AccountArrived,
    CallFailed,
    CancelAnswered,
    Event,
    HoursArrived,
    OrderFailed,
    OrderPlaced,
    OrdersArrived,
    PollArrived,
    TimerFired,
)
from trading_bot.core.settings import PollSettings
from trading_bot.core.state import CoreState
from trading_bot.domain.bar import Bar
from trading_bot.domain.order import BrokerOrder, Execution, Leg, OrderIntent, OrderState, Side
from trading_bot.domain.position import BrokerPosition
from trading_bot.domain.quote import MarketHours
from trading_bot.domain.signal import Signal
from trading_bot.execution.book import TradeBook
from trading_bot.risk.limits import RiskLimits

TICK = timedelta(milliseconds=100)
OFTEN = PollSettings(interval_s=5)
FREE = RiskLimits(
    entry_start_delay_minutes=0,
    max_position_pct=Decimal(50),
    max_consecutive_losses=100,
    max_daily_loss_pct=Decimal(50),
    max_trades_per_day=1000,
    min_reward_to_risk=Decimal(0),
)
"""Limits that stop nothing, so that there is always something to go wrong."""


@dataclass
class Held:
    """One order at the simulated broker; `rest` is what may still trade there."""

    intent: OrderIntent
    order_id: str
    state: OrderState
    executions: list[Execution] = field(default_factory=list)
    is_cancel_asked: bool = False
    late_fill: int = 0

    @property
    def filled(self) -> int:
        return sum(e.quantity for e in self.executions)

    @property
    def rest(self) -> int:
        return 0 if self.state.is_final else self.intent.quantity - self.filled


class World:
    """Runs a core minute by minute; `chance` decides what the broker does to it.

    `is_kind` brokers answer at once, fill in full and never fail: the control. Every order sent is
    checked at the broker's door: shares in working sells never exceed the shares held there.
    """

    def __init__(self, seed: int, *, is_kind: bool = False, entry_every: int = 4) -> None:
        self.chance = random.Random(seed)
        self.is_kind = is_kind
        self.price = Decimal("100.00")
        self.position = 0
        self.orders: dict[str, Held] = {}
        self.problems: list[str] = []
        self._entry_every = entry_every
        self.core = Core(settings=core_settings(self._script, risk=FREE, poll=OFTEN))
        self._queue: list[tuple[datetime, int, Event]] = []
        self._numbers = count()
        self._fills = count()
        self.restarts = 0

    def _script(self, bar: Bar) -> Signal | None:
        minute = int((bar.end - OPEN).total_seconds() // 60)
        if minute % self._entry_every:
            return None
        close = bar.close
        return make_signal(
            bar,
            stop_loss=Decimal(repr(round(close * 0.997, 2))),
            target=Decimal(repr(round(close * 1.003, 2))),
        )

    def run(self, until: datetime) -> None:
        """Start if need be, and go on until then."""
        core = self.core
        if core.state.info is None:
            self._perform(core.start(), core.now)
        while True:
            at, event = self._next()
            if at > until:
                if not isinstance(event, TimerFired):
                    heapq.heappush(self._queue, (at, next(self._numbers), event))
                return
            if isinstance(event, TimerFired):
                core.timers.pop(event.name)
            self._live(at)
            self._perform(core.send(event), at)
            self.check()

    def restart(self, at: datetime) -> None:
        """Kill the core; answers under way are lost; another starts from the lines."""
        self.restarts += 1
        self._queue.clear()
        lines = self.core.lines
        self.core = Core(settings=self.core.settings, lines=lines)
        self._perform(self.core.start(at), at)

    def check(self) -> None:
        """What must hold after every event."""
        for trade in self.core.state.book.trades.values():
            if trade.working_sells > max(trade.held, 0):
                self.problems.append(
                    f"{self.core.now}: {trade.working_sells} in sells, {trade.held} held"
                )

    @property
    def guarded(self) -> int:
        """Shares that working sells at the broker stand for."""
        return sum(o.rest for o in self.orders.values() if o.intent.side is Side.SELL)

    def _next(self) -> tuple[datetime, Event]:
        timers = self.core.timers
        name = min(timers, key=lambda n: (timers[n], n)) if timers else None
        if self._queue and (name is None or self._queue[0][0] <= timers[name]):
            at, _, event = heapq.heappop(self._queue)
            at = max(at, self.core.now)
            return at, _moved(event, at)
        assert name is not None
        at = max(timers[name], self.core.now)
        return at, TimerFired(at=at, name=name)

    def _later(self, at: datetime, event: Event) -> None:
        lag = TICK if self.is_kind else TICK * self.chance.randint(1, 30)
        heapq.heappush(self._queue, (at + lag, next(self._numbers), _moved(event, at + lag)))

    def _rolls(self, percent: int) -> bool:
        return not self.is_kind and self.chance.random() * 100 < percent

    def _live(self, at: datetime) -> None:
        """Prices move, resting orders fill or end; what was late happens."""
        step = Decimal(self.chance.randint(-12, 12)) / 100
        self.price = max(Decimal("50.00"), self.price + step)
        for order in self.orders.values():
            if order.state.is_final:
                continue
            if order.is_cancel_asked and (self.is_kind or self.chance.random() < 0.5):
                if self._rolls(25) and order.rest:
                    self._fill(order, self.chance.randint(1, order.rest), at)
                if not order.state.is_final:
                    order.state = OrderState.CANCELLED
            elif self._is_reached(order.intent) and (self.is_kind or self.chance.random() < 0.5):
                some = order.rest if self.is_kind else self.chance.randint(1, order.rest)
                self._fill(order, some, at)

    def _is_reached(self, intent: OrderIntent) -> bool:
        if intent.leg is Leg.STOP:
            return intent.stop_price is not None and self.price <= intent.stop_price
        if intent.limit_price is None:
            return True
        if intent.side is Side.BUY:
            return intent.limit_price >= self.price
        return intent.limit_price <= self.price

    def _fill(self, order: Held, quantity: int, at: datetime) -> None:
        done = execution(f"fill-{next(self._fills)}", quantity, str(self.price), at)
        order.executions.append(done)
        sign = 1 if order.intent.side is Side.BUY else -1
        self.position += sign * quantity
        if self.position < 0:
            self.problems.append(f"{at}: sold short, {self.position}")
        whole = order.filled == order.intent.quantity
        order.state = OrderState.FILLED if whole else OrderState.PART_FILLED

    def _perform(self, effects: list[Effect], at: datetime) -> None:
        for effect in effects:
            match effect:
                case PlaceOrder():
                    self._place(effect.order.intent, at)
                case CancelOrder():
                    self._cancel(effect, at)
                case RequestPoll():
                    self._later(at, self._poll(effect, at))
                case RequestOrders() if self._rolls(10):
                    self._later(at, _failed("orders", at))
                case RequestOrders():
                    self._later(at, OrdersArrived(at=at, orders=self._reading()))
                case RequestAccount() if self._rolls(5):
                    self._later(at, _failed("account", at))
                case RequestAccount():
                    self._later(at, self._account(at))
                case RequestHours():
                    session = self.core.state.session
                    assert session is not None
                    self._later(at, HoursArrived(at=at, hours=_hours(session.open, session.close)))
                case _:
                    pass

    def _place(self, intent: OrderIntent, at: datetime) -> None:
        if intent.ref_id in self.orders:
            self.problems.append(f"{at}: {intent.leg} {intent.ref_id} was sent twice")
        if intent.side is Side.SELL and intent.quantity + self.guarded > self.position:
            self.problems.append(
                f"{at}: a {intent.leg} of {intent.quantity} with {self.guarded} in sells and "
                f"{self.position} held"
            )
        fate = 50 if self.is_kind else self.chance.randint(0, 99)
        if fate < 5:
            self._later(at, _order_failed(intent, "not_sent", at))
        elif fate < 10:
            self._later(at, _order_failed(intent, "rejected", at))
        elif fate < 14:
            self._later(at, _order_failed(intent, "unknown", at))
        else:
            order = Held(intent, f"order-{intent.ref_id}", OrderState.OPEN)
            self.orders[intent.ref_id] = order
            if fate < 20:
                self._later(at, _order_failed(intent, "unknown", at))
            else:
                reading = self._read(order)
                self._later(at, OrderPlaced(at=at, ref_id=intent.ref_id, order=reading))

    def _cancel(self, effect: CancelOrder, at: datetime) -> None:
        order = self.orders[effect.ref_id]
        accepted = not order.state.is_final and not self._rolls(10)
        order.is_cancel_asked = order.is_cancel_asked or accepted
        reason = "" if accepted else "cannot be cancelled"
        self._later(
            at, CancelAnswered(at=at, ref_id=effect.ref_id, accepted=accepted, reason=reason)
        )

    def _read(self, order: Held) -> BrokerOrder:
        return broker_order(order.intent, order.state, *order.executions, order_id=order.order_id)

    def _reading(self) -> tuple[BrokerOrder, ...]:
        readings = [self._read(o) for o in self.orders.values()]
        if not self.is_kind:
            self.chance.shuffle(readings)
        return tuple(readings)

    def _account(self, at: datetime) -> AccountArrived:
        held = (
            BrokerPosition(
                symbol=SYMBOL,
                quantity=Decimal(self.position),
                held_for_sells=Decimal(self.guarded),
                average_price=None,
            ),
        )
        return AccountArrived(
            at=at, account=make_account(at), positions=held if self.position else ()
        )

    def _poll(self, effect: RequestPoll, at: datetime) -> Event:
        if self._rolls(4):
            return _failed("poll", at, effect.request)
        quote = make_quote(str(self.price), at=at, is_halted=self._rolls(3))
        is_missing = self._rolls(3)
        return PollArrived(
            at=at,
            request=effect.request,
            asked_at=at,
            quotes=() if is_missing else (quote,),
            missing=(SYMBOL,) if is_missing else (),
        )


def _hours(opens_at: datetime, closes_at: datetime) -> MarketHours:
    return MarketHours(day=opens_at.date(), is_open=True, opens_at=opens_at, closes_at=closes_at)


def _failed(what: str, at: datetime, request: int = 0) -> CallFailed:
    return CallFailed(at=at, what=what, request=request, family="retryable", reason="down")


def _order_failed(intent: OrderIntent, outcome: str, at: datetime) -> OrderFailed:
    return OrderFailed(at=at, ref_id=intent.ref_id, outcome=outcome, reason="told to")


def _moved(event: Event, at: datetime) -> Event:
    return replace(event, at=at)


def book_view(book: TradeBook, *, is_live: bool = False) -> object:
    """All that events decide of a book; a live one's unanswered intents as a restart sees them."""

    def state_of(state: OrderState) -> OrderState:
        return OrderState.UNKNOWN if is_live and state is OrderState.NONE else state

    every = [*book.trades.values(), *book.closed.values()]
    return {
        trade.trade_id: (
            trade.is_closed,
            trade.watch_until,
            trade.unprotected_ms,
            trade.stop_life,
            trade.trail_high,
            trade.booked,
            trade.symbol,
            trade.context,
            trade.stop_price,
            trade.target,
            trade.exit_reason,
            trade.exit_expected,
            trade.unprotected_since,
            trade.opened_at,
            trade.bought,
            trade.sold,
            (trade.lots.quantity, trade.lots.cost),
            trade.matches,
            trade.generations,
            [
                (
                    order.intent,
                    order.purpose,
                    order.expected_price,
                    state_of(order.state),
                    order.asked,
                    order.order_id,
                    order.former_ids,
                    order.was_presumed_absent,
                    order.is_cancel_lost,
                    order.end_reason,
                    order.changed_at,
                    order.busted,
                    order.turned_at,
                    order.cancel_asked_at,
                    order.ended_at,
                    order.executions,
                    order.filled,
                )
                for order in trade.orders.values()
            ],
        )
        for trade in every
    }


def state_view(state: CoreState, *, is_live: bool = False) -> object:
    """What a restart in the same day must find again."""
    return (
        book_view(state.book, is_live=is_live),
        state.day.realised,
        state.day.trades,
        state.day.opening_equity,
        state.breaker,
        len(state.losses),
        state.order_seq,
        state.decision_seq,
        state.trading_day,
    )
