"""What companies do overnight: split their shares, change their symbol.

Both happen at midnight in New York before the session of `day`. Orders that stand in the symbol are
cancelled by the exchange, unless a change of symbol lets them stand. A split keeps the instrument's
id and multiplies the shares held; quotes of that day show the close before it as it was
(`previous_close`) and as it would have been (`adjusted_previous_close`). A change of symbol keeps
the id too: only the name is another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from trading_bot.rehearsal.bar_file import MinuteBar
from trading_bot.rehearsal.day import PlayedDay, SymbolDay

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """From `day` on there are `multiplier` shares for each `divisor` before."""

    symbol: str
    day: date
    multiplier: int
    divisor: int = 1

    def __post_init__(self) -> None:
        if self.multiplier < 1 or self.divisor < 1:
            raise ValueError(f"expected a split of whole shares, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """From `day` on `old` is traded as `new`. The exchange plays both days' bars as `old`'s.

    `keeps_orders` where orders go by the instrument and stand on.
    """

    old: str
    new: str
    day: date
    keeps_orders: bool = False


def split_days(days: Sequence[PlayedDay], split: Split) -> tuple[PlayedDay, ...]:
    """The days with the bars from the split on told in new shares, for bars that ignore it."""
    return tuple(
        replace(
            day, symbols={**day.symbols, split.symbol: _split(day.symbols[split.symbol], split)}
        )
        if day.day >= split.day and split.symbol in day.symbols
        else day
        for day in days
    )


def _split(one: SymbolDay, split: Split) -> SymbolDay:
    return replace(one, bars=tuple(_split_bar(bar, split) for bar in one.bars))


def _split_bar(bar: MinuteBar, split: Split) -> MinuteBar:
    def new(price: Decimal) -> Decimal:
        return (price * split.divisor / split.multiplier).quantize(_CENT, rounding=ROUND_HALF_UP)

    return MinuteBar(
        bar.symbol,
        bar.start,
        new(bar.open),
        new(bar.high),
        new(bar.low),
        new(bar.close),
        bar.volume * split.multiplier // split.divisor,
    )
