"""The limits the gate, the sizing and the breakers hold."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from trading_bot.domain.order import QUANTITY_MAX
from trading_bot.domain.settings import PlainDecimal, Settings

BreakerReset = Literal["next_session", "manual"]

_PERCENT = Decimal("0.01")


class RiskLimits(Settings):
    """What may be risked. Percents are percents, not fractions: "0.5" is half a percent."""

    max_position_pct: PlainDecimal = Field(
        default=Decimal(10),
        gt=0,
        le=100,
        description="Largest position in one symbol at its limit price, in percent of equity.",
    )
    max_daily_loss_pct: PlainDecimal = Field(
        default=Decimal(2),
        gt=0,
        le=100,
        description="Loss of the day, realised and open, in percent of the day's opening equity, "
        "at which the daily-loss breaker trips and no entry is approved.",
    )
    max_consecutive_losses: int = Field(
        default=3,
        ge=1,
        le=100,
        strict=True,
        description="Losing round trips in a row at which the consecutive-losses breaker trips.",
    )
    risk_per_trade_pct: PlainDecimal = Field(
        default=Decimal("0.5"),
        gt=0,
        le=100,
        description="Loss at the stop that one trade may cost, in percent of equity.",
    )
    max_open_positions: int = Field(
        default=5,
        ge=1,
        le=100,
        strict=True,
        description="Positions open at the same time, working entries included.",
    )
    max_trades_per_day: int = Field(
        default=20, ge=1, le=1000, strict=True, description="Entries of one trading day."
    )
    quote_age_max_s: int = Field(
        default=15,
        ge=1,
        le=300,
        strict=True,
        description="Oldest quote an entry may be decided on, in seconds.",
    )
    account_age_max_s: int = Field(
        default=120,
        ge=1,
        le=3600,
        strict=True,
        description="Oldest reading of the account an entry may be decided on, in seconds.",
    )
    spread_max_pct: PlainDecimal = Field(
        default=Decimal("0.5"),
        gt=0,
        le=10,
        description="Widest spread between bid and ask, in percent of their middle.",
    )
    min_reward_to_risk: PlainDecimal = Field(
        default=Decimal(1),
        ge=0,
        le=100,
        description="Least planned reward over planned risk at the limit price; 0 turns the rule "
        "off and lets signals without a target pass.",
    )
    entry_start_delay_minutes: int = Field(
        default=5,
        ge=0,
        le=390,
        strict=True,
        description="Minutes after the open in which nothing is entered.",
    )
    entry_end_margin_minutes: int = Field(
        default=30,
        ge=0,
        le=390,
        strict=True,
        description="Minutes before the close in which nothing is entered.",
    )
    entry_collar_pct: PlainDecimal = Field(
        default=Decimal("0.5"),
        ge=0,
        le=10,
        description="How far the limit price may lie above the ask, in percent of the ask.",
    )
    entry_chase_pct: PlainDecimal = Field(
        default=Decimal(1),
        ge=0,
        le=10,
        description="How far the limit price may lie above the price of the signal, in percent.",
    )
    quantity_max: int = Field(
        default=QUANTITY_MAX,
        ge=1,
        le=QUANTITY_MAX,
        strict=True,
        description="Largest quantity of one order, in shares.",
    )
    daily_loss_confirmations: int = Field(
        default=2,
        ge=1,
        le=10,
        strict=True,
        description="Readings in a row that must show the day's loss before it trips the breaker; "
        "a loss that is realised trips at once.",
    )
    daily_loss_reset: BreakerReset = Field(
        default="next_session",
        description="What resets the daily-loss breaker: the next session, or a person.",
    )
    consecutive_losses_reset: BreakerReset = Field(
        default="next_session",
        description="What resets the consecutive-losses breaker: the next session, or a person.",
    )

    order_notional_max_usd: PlainDecimal | None = Field(
        default=None,
        gt=0,
        le=1_000_000,
        description="Largest cost of one entry at its limit price, in dollars; null: no cap. "
        "Live, the smaller of this and `live.order_notional_max_usd` holds.",
    )
    exposure_max_usd: PlainDecimal | None = Field(
        default=None,
        gt=0,
        le=10_000_000,
        description="Largest cost of all that is held or working, in dollars; null: no cap. "
        "Live, the smaller of this and `live.exposure_max_usd` holds.",
    )
    daily_loss_max_usd: PlainDecimal | None = Field(
        default=None,
        gt=0,
        le=1_000_000,
        description="Loss of the day in dollars at which the daily-loss breaker trips even if the "
        "percentage allows more; null: no cap. Live, the smaller of this and "
        "`live.daily_loss_max_usd` holds.",
    )

    def loss_floor(self, opening: Decimal) -> Decimal:
        """The day's result at which nothing is entered any more: the nearer of percent and cap.

        Dollars, below zero, for a day that opened with `opening`.
        """
        floor = -opening * self.max_daily_loss_pct * _PERCENT
        cap = self.daily_loss_max_usd
        return floor if cap is None else max(floor, -cap)

    @model_validator(mode="after")
    def _risk_fits(self) -> Self:
        if self.risk_per_trade_pct > self.max_daily_loss_pct:
            raise ValueError(
                f"risk_per_trade_pct {self.risk_per_trade_pct} is more than max_daily_loss_pct "
                f"{self.max_daily_loss_pct}: one trade could lose more than a day may"
            )
        return self
