"""What a trade earned: exits matched to entries, first in, first out, exactly."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import Execution


class Outcome(StrEnum):
    """How a closed part of a trade ended, net of fees, in the contract's words."""

    WIN = "win"
    LOSS = "loss"
    BREAKEVEN = "breakeven"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitMatch:
    """One exit execution with the entry shares it closed.

    `profit_loss` is before fees, `net_profit_loss` after the exit's own; the entry's fees belong to
    the entry's record and to the round trip. `hold_duration_s` counts from the first share matched.
    """

    execution: Execution
    profit_loss: Decimal
    net_profit_loss: Decimal
    hold_duration_s: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """A closed trade, from its first execution to its last; dollars, fees of both sides."""

    trade_id: str
    symbol: str
    quantity: int
    opened_at: datetime
    closed_at: datetime
    profit_loss: Decimal
    fees: Decimal

    @property
    def net_profit_loss(self) -> Decimal:
        return self.profit_loss - self.fees

    @property
    def hold_duration_s(self) -> int:
        return _seconds(self.opened_at, self.closed_at)

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.net_profit_loss)


def outcome_of(net: Decimal) -> Outcome:
    """Win, loss or break-even of a net result."""
    if net > ZERO:
        return Outcome.WIN
    return Outcome.LOSS if net < ZERO else Outcome.BREAKEVEN


def match_exits(entries: Sequence[Execution], exits: Sequence[Execution]) -> tuple[ExitMatch, ...]:
    """Each exit against the oldest entry shares left; both in the order they were booked.

    ValueError when more was sold than bought: a trade cannot have done that.
    """
    lots = Lots()
    for entry in entries:
        lots.buy(entry)
    return tuple(lots.sell(exit_) for exit_ in exits)


def round_trip(
    trade_id: str, symbol: str, entries: Sequence[Execution], exits: Sequence[Execution]
) -> RoundTrip:
    """The trade's result; ValueError unless everything bought was sold."""
    bought, sold = sum(e.quantity for e in entries), sum(e.quantity for e in exits)
    if not bought or bought != sold:
        raise ValueError(f"{symbol}: a round trip sells what it bought, got {bought} and {sold}")
    return RoundTrip(
        trade_id=trade_id,
        symbol=symbol,
        quantity=bought,
        opened_at=min(e.at for e in entries),
        closed_at=max(e.at for e in exits),
        profit_loss=sum((m.profit_loss for m in match_exits(entries, exits)), ZERO),
        fees=sum((e.fees for e in (*entries, *exits)), ZERO),
    )


class Lots:
    """Shares held, oldest first, each with its price; `quantity` and `cost` kept as they change."""

    __slots__ = ("_lots", "cost", "quantity")

    def __init__(self) -> None:
        self._lots: deque[tuple[int, Decimal, datetime]] = deque()
        self.quantity = 0
        self.cost = ZERO

    def buy(self, execution: Execution) -> None:
        self._lots.append((execution.quantity, execution.price, execution.at))
        self.quantity += execution.quantity
        self.cost += execution.quantity * execution.price

    def sell(self, execution: Execution) -> ExitMatch:
        """Take the oldest shares out; ValueError when there are not as many."""
        if execution.quantity > self.quantity:
            raise ValueError(f"sold {execution.quantity} of {self.quantity} shares held")
        held_since = self._lots[0][2]
        cost = self._take(execution.quantity)
        profit_loss = execution.quantity * execution.price - cost
        net = profit_loss - execution.fees
        return ExitMatch(
            execution=execution,
            profit_loss=profit_loss,
            net_profit_loss=net,
            hold_duration_s=_seconds(held_since, execution.at),
            outcome=outcome_of(net),
        )

    def value_at(self, price: Decimal) -> None:
        """Count what is held as bought at `price`: a new day's result starts from there."""
        self._lots = deque((quantity, price, at) for quantity, _, at in self._lots)
        self.cost = self.quantity * price

    def _take(self, quantity: int) -> Decimal:
        cost, left = ZERO, quantity
        while left:
            held, price, at = self._lots.popleft()
            taken = min(held, left)
            if taken < held:
                self._lots.appendleft((held - taken, price, at))
            cost += taken * price
            left -= taken
        self.quantity -= quantity
        self.cost -= cost
        return cost


def _seconds(start: datetime, end: datetime) -> int:
    """Whole seconds, never negative: execution times of one source may disagree a little."""
    return max(0, int((end - start).total_seconds()))
