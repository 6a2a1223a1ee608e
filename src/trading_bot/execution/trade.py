"""A trade and its orders as the order events left them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import (
    FINAL_STATES,
    Execution,
    Leg,
    OrderIntent,
    OrderState,
    TimeInForce,
)
from trading_bot.domain.order_table import Asked
from trading_bot.performance.round_trips import ExitMatch, Lots


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeContext:
    """Why a trade was taken: what its signal said; prices in dollars."""

    strategy_name: str
    entry_type: str
    bar_end: datetime
    signal_price: Decimal
    stop_loss: Decimal
    target: Decimal | None
    risk_reward_ratio: float | None
    reasons: str
    indicators_used: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What the broker shows that our known orders do not explain; see `execution.evidence`.

    Shares of one symbol and shares of it that back sells; dollars that back buys, None where the
    broker does not say.
    """

    shares: Decimal = ZERO
    held_shares: Decimal = ZERO
    held_cash: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class TrackedOrder:
    """One order of a trade: what we asked, what the broker is known to hold.

    `expected_price` is the price it was decided at (for slippage), `purpose` the reason of an exit.
    `former_ids` are the broker's ids it went by before the owner edited it, `changed_at` the time
    of its latest event, `end_reason` what was said at its end. `is_cancel_lost` marks a cancel
    whose answer never came, `has_lived_out` an end that its time in force brought. `turned_at` is
    the broker's time of its latest edit or bust: an older reading undoes neither. `passed_on` are
    executions, with their shares, that sold what was not this trade's and count elsewhere.
    `was_presumed_absent` stays once set: if it shows up it is cancelled.
    Not on record, counted anew by each process: `missed_since` and `missed_reads`, whole readings
    of the broker's orders that did not hold it; `doubted`, the executions that its last reading
    had no more; `traces_before`, what the broker showed at `traces_at`, before it was sent.
    """

    intent: OrderIntent
    purpose: str
    expected_price: Decimal
    state: OrderState = OrderState.NONE
    asked: Asked = Asked.PLACE
    order_id: str = ""
    former_ids: tuple[str, ...] = ()
    cancel_asked_at: datetime | None = None
    is_cancel_lost: bool = False
    has_lived_out: bool = False
    ended_at: datetime | None = None
    end_reason: str = ""
    changed_at: datetime | None = None
    was_presumed_absent: bool = False
    missed_since: datetime | None = None
    missed_reads: int = 0
    doubted: tuple[str, ...] = ()
    traces_before: Traces | None = None
    traces_at: datetime | None = None
    executions: dict[str, Execution] = field(default_factory=dict)
    busted: dict[str, Execution] = field(default_factory=dict)
    passed_on: dict[str, int] = field(default_factory=dict)
    turned_at: datetime | None = None
    filled: int = 0

    @property
    def is_working(self) -> bool:
        """True while it may still trade: in flight, open or unknown."""
        return self.state not in FINAL_STATES

    @property
    def remaining(self) -> int:
        """Shares that may still trade; 0 once final."""
        return 0 if self.state in FINAL_STATES else self.intent.quantity - self.filled

    @property
    def ended_by_others(self) -> bool:
        """True when it was cancelled and nobody here had asked for that."""
        return (
            self.state is OrderState.CANCELLED
            and self.cancel_asked_at is None
            and not self.has_lived_out
        )


@dataclass(slots=True, kw_only=True)
class Trade:
    """One trade: an entry, its stops, its exits.

    `exit_reason` is set once we want out; `unprotected_since` while shares are held without a
    working sell, from their execution on; `covered_at` is when they last all had one,
    `unprotected_ms` how long they had none before that, in all. `matches` holds what each exit
    execution closed, by execution id; `booked` names executions and their orders in the order they
    were booked. `trail_high` is the bid that the stop was last moved for; `stop_life` is GFD once
    the broker refused a stop that is good until cancelled. A closed trade is watched until
    `watch_until`: fills can come late.
    """

    trade_id: str
    symbol: str
    context: TradeContext
    orders: dict[str, TrackedOrder] = field(default_factory=dict)
    stop_price: Decimal = ZERO
    target: Decimal | None = None
    exit_reason: str = ""
    exit_expected: Decimal | None = None
    unprotected_since: datetime | None = None
    covered_at: datetime | None = None
    unprotected_ms: int = 0
    opened_at: datetime | None = None
    trail_high: Decimal | None = None
    stop_life: TimeInForce = TimeInForce.GTC
    bought: int = 0
    sold: int = 0
    lots: Lots = field(default_factory=Lots)
    matches: dict[str, ExitMatch] = field(default_factory=dict)
    booked: list[tuple[str, str]] = field(default_factory=list)
    generations: dict[Leg, int] = field(default_factory=dict)
    is_closed: bool = False
    watch_until: datetime | None = None

    @property
    def held(self) -> int:
        """Shares bought and not yet sold."""
        return self.bought - self.sold

    @property
    def working_sells(self) -> int:
        """Shares that working, in-flight or unknown sells may still sell."""
        total = 0
        for order in self.orders.values():
            intent = order.intent
            if intent.leg is not Leg.ENTRY and order.state not in FINAL_STATES:
                total += intent.quantity - order.filled
        return total

    def working(self, leg: Leg) -> list[TrackedOrder]:
        """The orders of `leg` that may still trade, oldest first."""
        return [
            o for o in self.orders.values() if o.intent.leg is leg and o.state not in FINAL_STATES
        ]

    def executions(self, *, of_entry: bool) -> list[Execution]:
        """Executions of the entry, or of everything that sold, in the order they were booked."""
        return [
            e
            for o in self.orders.values()
            if (o.intent.leg is Leg.ENTRY) is of_entry
            for e in o.executions.values()
        ]
