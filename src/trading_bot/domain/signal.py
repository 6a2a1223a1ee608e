"""What a strategy says of a bar: a signal to buy, or why not."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trading_bot.domain.money import ZERO


class Signal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A wish to buy `symbol`; the gate decides.

    Prices in dollars. `price` is the strategy's reference price (the close of the bar that ended at
    `bar_end`); `stop_loss < price < target`. `reasons` says the rule and its numbers in a sentence.
    """

    symbol: str
    strategy_name: str
    entry_type: str
    bar_end: datetime
    price: Decimal
    stop_loss: Decimal
    target: Decimal | None
    reasons: str
    indicators_used: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.bar_end.tzinfo is None:
            raise ValueError(f"bar_end must be aware, got {self.bar_end!r}")
        if not self.strategy_name or not self.entry_type or not self.reasons:
            raise ValueError("a signal needs a strategy name, an entry type and reasons")
        price, stop, target = self.price, self.stop_loss, self.target
        for given in (price, stop) if target is None else (price, stop, target):
            if not isinstance(given, Decimal):
                raise TypeError(f"prices are Decimals, got {type(given).__name__} {given!r}")
        if not ZERO < stop < price:
            raise ValueError(f"a long signal needs 0 < stop < price, got {stop} and {price}")
        if target is not None and target <= price:
            raise ValueError(
                f"a long signal needs target > price, got target {target}, price {price}"
            )

    @property
    def risk_reward_ratio(self) -> float | None:
        """Planned reward over planned risk, or None without a target; rounded to 4 digits."""
        if self.target is None:
            return None
        return round(float((self.target - self.price) / (self.price - self.stop_loss)), 4)


class ExitSignal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A strategy's wish to close what it holds in `symbol`, judged on the bar to `bar_end`."""

    symbol: str
    strategy_name: str
    bar_end: datetime
    reasons: str
