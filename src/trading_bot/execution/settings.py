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
