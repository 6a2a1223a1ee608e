"""How orders are priced, timed and closed."""

from decimal import Decimal

from pydantic import Field

from trading_bot.domain.settings import PlainDecimal, Settings


class ExecutionSettings(Settings):
    """Prices, deadlines and the end of the day for orders."""

    entry_collar_pct: PlainDecimal = Field(
        default=Decimal("0.05"),
        ge=0,
        le=5,
        description="Limit of an entry above the ask, in percent of the ask.",
    )
    entry_timeout_s: int = Field(
        default=10, ge=1, le=300, description="Seconds after which an unfilled entry is cancelled."
    )
    exit_collar_pct: PlainDecimal = Field(
        default=Decimal("0.20"),
        ge=0,
        le=10,
        description="Limit of an exit below the bid, in percent of the bid.",
    )
    exit_timeout_s: int = Field(
        default=10,
        ge=1,
        le=300,
        description="Seconds after which an unfilled exit is cancelled and priced anew.",
    )
    exit_confirmations: int = Field(
        default=2,
        ge=1,
        le=10,
        description="Checked quotes in a row at or past the target before it is taken.",
    )
    exit_reprices_max: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Exits in a row without a fill after which the stop comes back; at the end of "
        "the day it does not.",
    )
    exit_pause_s: int = Field(
        default=30,
        ge=1,
        le=3600,
        description="Seconds that a stop which came back stands before the exit is tried again.",
    )
    trail_pct: PlainDecimal | None = Field(
        default=None,
        gt=0,
        le=50,
        description="Keep the stop this many percent under the highest bid; null for a fixed stop.",
    )
    trail_step_pct: PlainDecimal = Field(
        default=Decimal("0.1"),
        ge=0,
        le=10,
        description="Least move of a trailing stop, in percent of the stop: each move leaves the "
        "position without one for a moment.",
    )
    break_even_at_r: PlainDecimal | None = Field(
        default=None,
        gt=0,
        le=100,
        description="Raise the stop to the entry's price once the bid is this many times the "
        "planned risk above it; null for never.",
    )
    use_margin: bool = Field(
        default=False,
        description="Let entries spend the whole buying power; false for settled cash alone.",
    )
    max_hold_minutes: int | None = Field(
        default=None,
        ge=1,
        le=390,
        description="Close a position after this many minutes; null for never.",
    )
    flatten_before_close_minutes: int = Field(
        default=10,
        ge=2,
        le=120,
        description="Minutes before the close at which every position is closed.",
    )
    orphan_stop_pct: PlainDecimal = Field(
        default=Decimal(2),
        gt=0,
        le=20,
        description="Stop of a position whose records are lost, in percent under what was paid, "
        "when the broker holds no earlier stop of it.",
    )
    order_poll_s: int = Field(
        default=1, ge=1, le=30, description="Seconds between reads of the broker's orders."
    )
