"""What the paper broker assumes about the market it cannot touch."""

from decimal import Decimal

from pydantic import Field

from trading_bot.domain.settings import PlainDecimal, Settings


class PaperSettings(Settings):
    """The paper account and its fill model; `_bps` are hundredths of a percent of the price."""

    starting_cash: PlainDecimal = Field(
        default=Decimal("25000.00"),
        gt=0,
        le=10**9,
        description="Dollars in the account when its ledger is begun; later changes do nothing.",
    )
    slippage_bps: PlainDecimal = Field(
        default=Decimal(2),
        ge=0,
        le=500,
        description="What a fill that takes liquidity pays beyond the far side of the quote, in "
        "hundredths of a percent of the price.",
    )
    depth_slippage_bps: PlainDecimal = Field(
        default=Decimal(10),
        ge=0,
        le=1000,
        description="What the shares of a market order beyond the displayed size pay on top of "
        "that, in hundredths of a percent of the price.",
    )
    participation_pct: PlainDecimal = Field(
        default=Decimal(100),
        gt=0,
        le=100,
        description="Share of the displayed size that is ours to take, once for each quote, in "
        "percent.",
    )
    market_collar_pct: PlainDecimal = Field(
        default=Decimal(5),
        gt=0,
        le=20,
        description="How far above the ask (or its stop) a buy without a limit may go, in percent; "
        "Robinhood's own is 5.",
    )
    requires_settled_cash: bool = Field(
        default=True,
        description="A cash account: the proceeds of a sell buy again from its settlement date on.",
    )
