"""An order at the exchange, what was asked and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Literal

Side = Literal["buy", "sell"]
Kind = Literal["limit", "market"]
Trigger = Literal["immediate", "stop"]
TimeInForce = Literal["gfd", "gtc"]
Source = Literal["api", "owner"]

COLLAR = Decimal("0.05")
"""How far over its price a market buy may pay."""
_CENT = Decimal("0.01")
_SUB_PENNY = Decimal("0.0001")
_ZERO = Decimal(0)


class State(StrEnum):
    """Where an order is, in the API's words."""

    UNCONFIRMED = "unconfirmed"
    QUEUED = "queued"
    CONFIRMED = "confirmed"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    VOIDED = "voided"
    EXPIRED = "expired"


FINAL = frozenset(
    {State.FILLED, State.CANCELLED, State.REJECTED, State.VOIDED, State.EXPIRED},
)
WORKING = frozenset({State.CONFIRMED, State.PARTIALLY_FILLED})
"""States in which the order stands in the market, or would if it were open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an order asks for. Prices in dollars a share; `kind` is the API's `type`."""

    symbol: str
    side: Side
    kind: Kind
    trigger: Trigger
    quantity: Decimal
    time_in_force: TimeInForce
    ref_id: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    market_hours: str = "regular_hours"
    form_version: str | None = None
    preset_percent_limit: Decimal | None = None

    @property
    def is_extended(self) -> bool:
        """True when it may also trade outside the regular hours."""
        return (
            self.market_hours != "regular_hours"
            and self.kind == "limit"
            and self.trigger == "immediate"
        )

    @property
    def bound(self) -> Decimal | None:
        """The most a buy pays or the least a sell takes for a share; None for a market sell.

        A market buy is collared. A preset percentage widens a limit: so Robinhood's own clients
        send a market buy. What it does to a true limit is not known; here it does the same.
        """
        base = self.price if self.price is not None else self.stop_price
        if self.side == "sell":
            if self.kind == "market" or base is None:
                return None
            return _on_tick(base * (1 - (self.preset_percent_limit or _ZERO)), ROUND_CEILING)
        assert base is not None
        widened = self.preset_percent_limit or _ZERO
        if self.kind == "market":
            widened = COLLAR
        return _on_tick(base * (1 + widened), ROUND_FLOOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill. Fees in dollars; a buy has none."""

    id: str
    price: Decimal
    quantity: Decimal
    at: datetime
    trade_date: date
    settlement_date: date
    sec_fee: Decimal = _ZERO
    taf_fee: Decimal = _ZERO

    @property
    def notional(self) -> Decimal:
        """Price times quantity, to the cent, halves up: what cash moves by before fees."""
        return (self.price * self.quantity).quantize(_CENT, rounding=ROUND_HALF_UP)

    @property
    def fees(self) -> Decimal:
        return self.sec_fee + self.taf_fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a fault does to an order or to its cancel; the defaults do nothing.

    `confirmed_after_s` keeps an order unconfirmed that much longer. `unseen_s` and `unseen_reads`
    hide a new order from the lists that long or that many times. `pieces` fills it in so many
    parts, `pieces_every_s` apart. `bust_after_s` takes its first execution back.
    `is_taken_as_repeated` answers a first send as a repeated one. `fill_wins` and `cancel_ignored`
    are of a cancel, `positions_lag_s` of a read of positions.
    """

    reject_reason: str | None = None
    confirmed_after_s: float = 0
    unseen_s: float = 0
    unseen_reads: int = 0
    pieces: int = 1
    pieces_every_s: float = 0
    bust_after_s: float | None = None
    is_taken_as_repeated: bool = False
    fill_wins: bool = False
    cancel_ignored: bool = False
    positions_lag_s: float = 0


NO_EFFECTS = Effects()


@dataclass(slots=True, kw_only=True)
class Order:
    """An order the exchange took; the order book alone changes it.

    `number` counts the orders taken, from 1. `expires_at` is the end of its hours. `price` is what
    the API shows: a triggered stop sell shows one though it asked for none.
    """

    id: str
    number: int
    terms: Terms
    source: Source
    created_at: datetime
    expires_at: datetime
    effects: Effects = NO_EFFECTS
    replaces: "Order | None" = None
    state: State = State.UNCONFIRMED
    price: Decimal | None = None
    updated_at: datetime
    last_transaction_at: datetime | None = None
    executions: list[Execution] = field(default_factory=list)
    reject_reason: str | None = None
    stop_triggered_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    is_live: bool = False
    busted: Decimal = _ZERO
    updates: int = 0
    reads_left: int = 0

    @property
    def is_open(self) -> bool:
        return self.state not in FINAL

    @property
    def filled(self) -> Decimal:
        """Shares executed and not taken back."""
        return sum((one.quantity for one in self.executions), _ZERO)

    @property
    def remaining(self) -> Decimal:
        """Shares still to execute; those of a busted execution are not."""
        return self.terms.quantity - self.filled - self.busted

    @property
    def is_ours(self) -> bool:
        """True when it came through the API, or took the place of one that did."""
        return self.source == "api" or (self.replaces is not None and self.replaces.is_ours)


def notional_of(executions: Sequence[Execution]) -> Decimal:
    """What the executions amount to, each to the cent."""
    return sum((one.notional for one in executions), _ZERO)


def tick_at(price: Decimal) -> Decimal:
    """The price step from one dollar up is a cent, below a hundredth of one (Reg NMS 612)."""
    return _CENT if price >= 1 else _SUB_PENNY


def _on_tick(price: Decimal, rounding: str) -> Decimal:
    return price.quantize(tick_at(price), rounding=rounding)
