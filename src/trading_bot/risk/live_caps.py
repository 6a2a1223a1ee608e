"""What real money may be risked at first: small sums that the operator raises on purpose."""

from decimal import Decimal

from pydantic import Field

from trading_bot.domain.settings import PlainDecimal, Settings


class LiveCaps(Settings):
    """Caps in dollars for mode live, beside every limit in percent; the smaller one holds."""

    order_notional_max_usd: PlainDecimal = Field(
        default=Decimal(500),
        gt=0,
        le=1_000_000,
        description="Largest cost of one entry at its limit price, in dollars.",
    )
    exposure_max_usd: PlainDecimal = Field(
        default=Decimal(1000),
        gt=0,
        le=10_000_000,
        description="Largest cost of all that is held or working, in dollars.",
    )
    daily_loss_max_usd: PlainDecimal = Field(
        default=Decimal(50),
        gt=0,
        le=1_000_000,
        description="Loss of the day, realised and open, in dollars, at which the daily-loss "
        "breaker trips even if the percentage allows more.",
    )
