"""PerformanceMetric: the rolling window after a closed round trip, as the contract's fields."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from trading_bot.logging.checks import (
    check_flag,
    check_money,
    check_optional_text,
    check_timestamp,
    check_whole,
)
from trading_bot.logging.line import decode, encode, refused, shape_of

WINDOW_SIZE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceMetric:
    """How the last `window_size` closed round trips went.

    `win_rate` is a fraction from 0 to 1 of `total_trades`, the round trips in the window (fewer
    than its size at first). `profit_factor` is gross profit by gross loss, None while there is no
    loss to divide by. `max_drawdown_pct` is the deepest fall of the window's equity curve in
    percent, never above 0. Break-evens count in the window, neither as win nor as loss.
    Raises RecordError.
    """

    timestamp: str
    window_size: int = WINDOW_SIZE
    win_rate: Decimal
    profit_factor: Decimal | None
    max_drawdown_pct: Decimal
    consecutive_losses: int
    total_trades: int
    alert_triggered: bool
    alert_message: str | None = None

    def __post_init__(self) -> None:
        check_timestamp("timestamp", self.timestamp)
        check_whole("window_size", self.window_size, 1)
        check_whole("total_trades", self.total_trades, 0, self.window_size)
        check_whole("consecutive_losses", self.consecutive_losses, 0)
        check_flag("alert_triggered", self.alert_triggered)
        check_optional_text("alert_message", self.alert_message)
        if self.alert_triggered and self.alert_message is None:
            raise refused("alert_message", "a text, the alert is triggered", None)
        _check_figures(self)

    def to_jsonl_line(self) -> str:
        """The record's line, without LF."""
        return encode(self)

    @classmethod
    def from_jsonl_line(cls, line: str | bytes) -> Self:
        """The record in `line`; RecordError says what is wrong."""
        return decode(cls, _SHAPE, line)


_SHAPE: Final = shape_of(
    PerformanceMetric, decimals=("win_rate", "profit_factor", "max_drawdown_pct")
)


def _check_figures(metric: PerformanceMetric) -> None:
    win_rate = check_money("win_rate", metric.win_rate)
    if not 0 <= win_rate <= 1:
        raise refused("win_rate", "a fraction from 0 to 1", win_rate)
    drawdown = check_money("max_drawdown_pct", metric.max_drawdown_pct)
    if drawdown > 0:
        raise refused("max_drawdown_pct", "0 or less", drawdown)
    factor = metric.profit_factor
    if factor is not None:
        factor = check_money("profit_factor", factor)
        if factor < 0:
            raise refused("profit_factor", "0 or more, or null without losses", factor)
    for name, value in (
        ("win_rate", win_rate),
        ("max_drawdown_pct", drawdown),
        ("profit_factor", factor),
    ):
        object.__setattr__(metric, name, value)
