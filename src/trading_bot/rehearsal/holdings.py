"""The account's cash and shares, moved by executions and by nothing else."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from trading_bot.rehearsal.order import Execution, Side

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShares:
    """Shares the account begins with; `average_price` is what one cost, in dollars."""

    symbol: str
    quantity: Decimal
    average_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Shares of one symbol. `cost` is what those held cost; the rest counts the day `day`.

    `start` are the shares held when the day began, `bought_cost` what those bought since cost.
    """

    symbol: str
    quantity: Decimal
    cost: Decimal
    changed_at: datetime | None = None
    day: date | None = None
    start: Decimal = _ZERO
    bought: Decimal = _ZERO
    bought_cost: Decimal = _ZERO
    sold: Decimal = _ZERO

    @property
    def average(self) -> Decimal:
        """What a share cost on average; 0 when there is none."""
        return self.cost / self.quantity if self.quantity else _ZERO

    def intraday(self, today: date) -> Decimal:
        """Shares bought today and still held; shares held overnight are sold first."""
        if self.day != today:
            return _ZERO
        return self.quantity - max(_ZERO, self.start - self.sold)

    def intraday_average(self, today: date) -> Decimal:
        """What a share bought today cost on average; 0 when there is none."""
        return self.bought_cost / self.bought if self.day == today and self.bought else _ZERO

    def on(self, day: date) -> "Position":
        """The same with its day's counts begun anew when `day` is another."""
        if self.day == day:
            return self
        return replace(
            self, day=day, start=self.quantity, bought=_ZERO, bought_cost=_ZERO, sold=_ZERO
        )


class Holdings:
    """Cash, proceeds not settled yet, and every position with its past."""

    def __init__(self, cash: Decimal, held: Sequence[HeldShares]) -> None:
        self.cash = cash
        self._proceeds: list[tuple[date, Decimal]] = []
        self._positions = {
            one.symbol: Position(
                symbol=one.symbol, quantity=one.quantity, cost=one.quantity * one.average_price
            )
            for one in held
        }
        self._past: list[tuple[datetime, Position]] = []
        self._initial = dict(self._positions)

    @property
    def positions(self) -> Mapping[str, Position]:
        """By symbol, in the order they were first held; emptied ones included."""
        return self._positions

    def quantity(self, symbol: str) -> Decimal:
        held = self._positions.get(symbol)
        return _ZERO if held is None else held.quantity

    def unsettled(self, today: date) -> Decimal:
        """Proceeds of sales that settle after `today`."""
        return sum((amount for day, amount in self._proceeds if day > today), _ZERO)

    def as_of(self, moment: datetime) -> Mapping[str, Position]:
        """The positions as they were at `moment`."""
        past = dict(self._initial)
        count = bisect_right(self._past, moment, key=lambda change: change[0])
        for _, position in self._past[:count]:
            past[position.symbol] = position
        return past

    def move_cash(self, amount: Decimal) -> None:
        """A deposit, or a withdrawal when negative."""
        self.cash += amount

    def execute(self, symbol: str, side: Side, one: Execution) -> None:
        """Book a fill."""
        before = self._positions.get(
            symbol, Position(symbol=symbol, quantity=_ZERO, cost=_ZERO)
        ).on(one.trade_date)
        if side == "buy":
            self.cash -= one.notional
            after = replace(
                before,
                quantity=before.quantity + one.quantity,
                cost=before.cost + one.notional,
                bought=before.bought + one.quantity,
                bought_cost=before.bought_cost + one.notional,
            )
        else:
            proceeds = one.notional - one.fees
            self.cash += proceeds
            self._proceeds.append((one.settlement_date, proceeds))
            left = before.quantity - one.quantity
            after = replace(
                before,
                quantity=left,
                cost=before.cost * left / before.quantity if left else _ZERO,
                sold=before.sold + one.quantity,
            )
        self._set(replace(after, changed_at=one.at))

    def take_back(self, symbol: str, side: Side, one: Execution, now: datetime) -> None:
        """Undo a fill that was busted."""
        before = self._positions[symbol]
        if side == "buy":
            self.cash += one.notional
            left = before.quantity - one.quantity
            cost = max(_ZERO, before.cost - one.notional) if left else _ZERO
            is_todays = before.day == one.trade_date
            after = replace(
                before,
                quantity=left,
                cost=cost,
                bought=before.bought - one.quantity if is_todays else before.bought,
                bought_cost=before.bought_cost - one.notional if is_todays else before.bought_cost,
            )
        else:
            proceeds = one.notional - one.fees
            self.cash -= proceeds
            self._proceeds.remove((one.settlement_date, proceeds))
            after = replace(
                before,
                quantity=before.quantity + one.quantity,
                cost=before.cost + one.quantity * before.average,
                sold=max(_ZERO, before.sold - one.quantity),
            )
        self._set(replace(after, changed_at=now))

    def split(self, symbol: str, multiplier: int, divisor: int, now: datetime) -> None:
        """`multiplier` shares for each `divisor` held; what they cost stays."""
        before = self._positions.get(symbol)
        if before is not None:
            quantity = before.quantity * multiplier / divisor
            self._set(replace(before, quantity=quantity, changed_at=now, day=None))

    def _set(self, position: Position) -> None:
        if position.quantity < 0:
            raise ValueError(f"expected no fewer than 0 shares of {position.symbol}: {position}")
        self._positions[position.symbol] = position
        assert position.changed_at is not None
        self._past.append((position.changed_at, position))
