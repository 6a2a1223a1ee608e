"""A trade and its orders as the order events left them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import FINAL_STATES, Execution, Leg, OrderIntent, OrderState
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


@dataclass(slots=True, kw_only=True)
class TrackedOrder:
    """One order of a trade: what we asked, what the broker is known to hold.

    `expected_price` is the price it was decided at (for slippage), `purpose` the reason of an exit.
    `missed_since` and `missed_reads` count whole readings of the broker's orders that did not hold
    an order whose fate is unknown.
    """

    intent: OrderIntent
    purpose: str
    expected_price: Decimal
    state: OrderState = OrderState.NONE
    order_id: str = ""
    cancel_asked_at: datetime | None = None
    ended_at: datetime | None = None
    missed_since: datetime | None = None
    missed_reads: int = 0
    executions: dict[str, Execution] = field(default_factory=dict)
    filled: int = 0

    @property
    def is_working(self) -> bool:
        """True while it may still trade: in flight, open or unknown."""
        return self.state not in FINAL_STATES

    @property
    def remaining(self) -> int:
        """Shares that may still trade; 0 once final."""
        return 0 if self.state in FINAL_STATES else self.intent.quantity - self.filled


@dataclass(slots=True, kw_only=True)
class Trade:
    """One trade: an entry, its stops, its exits.

    `exit_reason` is set once we want out; `unprotected_since` while shares are held without a stop,
    from their execution on; `covered_at` is when they last all had one; `matches` holds what each
    exit execution closed, by execution id.
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
    opened_at: datetime | None = None
    bought: int = 0
    sold: int = 0
    lots: Lots = field(default_factory=Lots)
    matches: dict[str, ExitMatch] = field(default_factory=dict)
    generations: dict[Leg, int] = field(default_factory=dict)
    is_closed: bool = False

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
