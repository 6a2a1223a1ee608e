"""Orders: what we intend, what the broker holds, what was executed.

An *intent* is ours, an *order* is at the broker, a *fill* is one execution.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

QUANTITY_MAX = 10_000
"""Largest quantity of one order; the contract's position limit."""


class Side(StrEnum):
    """Direction of an order, in the contract's spelling."""

    BUY = "BUY"
    SELL = "SELL"


class Leg(StrEnum):
    """Which part of a trade an order is: it opens, it protects, or it closes on our decision."""

    ENTRY = "entry"
    STOP = "stop"
    EXIT = "exit"


class OrderType(StrEnum):
    """How the order is priced; STOP is a stop-market order."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"


class TimeInForce(StrEnum):
    """Good for the day, or until cancelled."""

    GFD = "gfd"
    GTC = "gtc"


class OrderState(StrEnum):
    """What the broker is known to hold; `domain.order_table` says how news changes it.

    UNKNOWN is an order that may exist without a readable answer. WITHDRAWN is one that never left,
    or that was looked for long enough to be presumed absent: given up, never sent again.
    """

    NONE = "none"
    UNCONFIRMED = "unconfirmed"
    OPEN = "open"
    PART_FILLED = "part_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"

    @property
    def is_final(self) -> bool:
        """True when the broker will do nothing more with the order."""
        return self in FINAL_STATES


# A tuple: members are compared by identity, while hashing an enum's member is a call of its own.
FINAL_STATES = (
    OrderState.FILLED,
    OrderState.CANCELLED,
    OrderState.REJECTED,
    OrderState.EXPIRED,
    OrderState.WITHDRAWN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """An order we want: complete, priced, named by its `ref_id`, before anyone approved it.

    `ref_id` has UUID shape and is a pure function of what the order is for (execution.ref_ids).
    `limit_price` is set for limit orders, `stop_price` for stops. `trade_id` is the entry's ref_id
    and ties the legs of one trade together. `valid_until` bounds how late the bytes may leave.
    """

    ref_id: str
    trade_id: str
    symbol: str
    side: Side
    leg: Leg
    type: OrderType
    quantity: int
    time_in_force: TimeInForce
    limit_price: Decimal | None
    stop_price: Decimal | None
    created_at: datetime
    valid_until: datetime
    instrument_id: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.quantity <= QUANTITY_MAX:
            raise ValueError(f"order quantity must be 1-{QUANTITY_MAX}, got {self.quantity}")
        for name, price, wanted in (
            ("limit_price", self.limit_price, self.type is OrderType.LIMIT),
            ("stop_price", self.stop_price, self.type is OrderType.STOP),
        ):
            if wanted and (price is None or price <= 0):
                raise ValueError(f"a {self.type} order needs a positive {name}, got {price}")
            if not wanted and price is not None:
                raise ValueError(f"a {self.type} order has no {name}, got {price}")
        if self.side is Side.BUY and self.leg is not Leg.ENTRY:
            raise ValueError(f"only entries buy, got a buying {self.leg}")
        if self.side is Side.SELL and self.leg is Leg.ENTRY:
            raise ValueError("an entry buys; short selling is not supported")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedOrder:
    """An intent the risk gate let through; the only thing a broker accepts.

    Made by `risk.gate` alone: a test of the architecture fails when anything else makes one.
    `rule_set` names the rules that were asked.
    """

    intent: OrderIntent
    rule_set: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution at the broker; price in dollars a share, fees in dollars (0 for buys).

    `note` says what is unusual about it (a fill settled over a gap); empty otherwise.
    """

    execution_id: str
    at: datetime
    quantity: int
    price: Decimal
    fees: Decimal
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOrder:
    """An order as the broker reports it; `ref_id` is empty when the broker does not echo it.

    `replaces` is the order_id of the order this one took the place of: an owner's edit in the app.
    `unlike_ours` says why we can never have sent it (a fraction of a share, a type we do not use),
    empty when we can: such an order is somebody else's, its quantities are rounded up to whole
    shares, and its executions are left out.
    """

    order_id: str
    ref_id: str
    symbol: str
    side: Side
    type: OrderType
    state: OrderState
    quantity: int
    filled_quantity: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    created_at: datetime
    updated_at: datetime
    executions: tuple[Execution, ...] = ()
    reject_reason: str = ""
    time_in_force: TimeInForce | None = None
    instrument_id: str = ""
    replaces: str = ""
    unlike_ours: str = ""
