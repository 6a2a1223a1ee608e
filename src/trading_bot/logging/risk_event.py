"""RiskEvent: a limit reached, a breaker tripped, as the contract's fields."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Self

import msgspec
from msgspec.structs import force_setattr

from trading_bot.logging.checks import (
    check_choice,
    check_money,
    check_snake_case,
    check_text,
    check_timestamp,
    check_whole,
    json_scalars,
)
from trading_bot.logging.line import decode, encode, shape_of

SEVERITIES: Final = frozenset({"WARNING", "CRITICAL"})


class RiskEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the risk side found and did about it.

    `daily_pnl` in dollars, realised and open; `daily_pnl_pct` in percent of the day's opening
    equity. `config_snapshot` holds the settings that decided, amounts as text. Raises RecordError.
    """

    timestamp: str
    event_type: str
    severity: str
    daily_pnl: Decimal
    daily_pnl_pct: Decimal
    consecutive_losses: int
    action_taken: str
    config_snapshot: Mapping[str, str | int | float | bool | None]

    def __post_init__(self) -> None:
        check_timestamp("timestamp", self.timestamp)
        check_snake_case("event_type", self.event_type)
        check_choice("severity", self.severity, SEVERITIES)
        check_whole("consecutive_losses", self.consecutive_losses, 0)
        check_text("action_taken", self.action_taken)
        # Written back: a corrected amount, and a copy nobody else can change.
        force_setattr(self, "daily_pnl", check_money("daily_pnl", self.daily_pnl))
        force_setattr(self, "daily_pnl_pct", check_money("daily_pnl_pct", self.daily_pnl_pct))
        snapshot = json_scalars("config_snapshot", self.config_snapshot)
        force_setattr(self, "config_snapshot", snapshot)

    def to_jsonl_line(self) -> str:
        """The record's line, without LF."""
        return encode(self)

    @classmethod
    def from_jsonl_line(cls, line: str | bytes) -> Self:
        """The record in `line`; RecordError says what is wrong."""
        return decode(cls, _SHAPE, line)


_SHAPE: Final = shape_of(RiskEvent, decimals=("daily_pnl", "daily_pnl_pct"))
