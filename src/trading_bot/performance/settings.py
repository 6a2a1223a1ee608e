"""When the rolling metric alerts."""

from decimal import Decimal

from pydantic import Field

from trading_bot.domain.settings import PlainDecimal, Settings
from trading_bot.logging.performance_metric import WINDOW_SIZE


class PerformanceSettings(Settings):
    """The window of the metric and the thresholds that make it an alert."""

    window_size: int = Field(
        default=WINDOW_SIZE,
        ge=1,
        le=1000,
        strict=True,
        description="Closed round trips the metric looks back on.",
    )
    alert_trades_min: int = Field(
        default=10,
        ge=1,
        le=1000,
        strict=True,
        description="Round trips in the window below which nothing alerts.",
    )
    win_rate_min: PlainDecimal = Field(
        default=Decimal("0.4"),
        ge=0,
        le=1,
        description="Alert when fewer of the window's round trips win, as a fraction from 0 to 1.",
    )
    profit_factor_min: PlainDecimal = Field(
        default=Decimal(1),
        ge=0,
        le=100,
        description="Alert when gross profit by gross loss of the window is less.",
    )
    drawdown_max_pct: PlainDecimal = Field(
        default=Decimal(5),
        gt=0,
        le=100,
        description="Alert when the window's equity falls further from its peak, in percent.",
    )
