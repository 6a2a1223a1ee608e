"""Everything the core is told once, before the first event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from trading_bot.domain.settings import Settings
from trading_bot.execution.ref_ids import Identity
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.market.calendar import NyseCalendar
from trading_bot.market.quote_check import QuoteLimits
from trading_bot.performance.settings import PerformanceSettings
from trading_bot.risk.limits import RiskLimits
from trading_bot.strategies.protocol import StrategyFactory

SETTLE_S: Final = 4.0
"""Seconds a stop waits for orders to settle where the broker answers at once."""


class PollSettings(Settings):
    """How often the market and the account are read."""

    interval_s: int = Field(
        default=3, ge=1, le=60, description="Seconds between quote polls while the market is open."
    )
    account_interval_s: int = Field(
        default=60, ge=5, le=600, description="Seconds between reads of the account."
    )
    reconcile_interval_s: int = Field(
        default=300,
        ge=30,
        le=3600,
        description="Seconds between comparisons of the records with the broker's account.",
    )
    failure_backoff_max_s: int = Field(
        default=60,
        ge=1,
        le=600,
        description="Longest wait in seconds between polls while they fail.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """The wiring of the core; nothing in it changes while it runs.

    `factories` are asked in their order, which is the config's. `stop_settle_s` is how long a stop
    waits for orders to settle, in seconds.
    """

    watchlist: tuple[str, ...]
    poll: PollSettings
    quotes: QuoteLimits
    risk: RiskLimits
    execution: ExecutionSettings
    performance: PerformanceSettings
    factories: Mapping[str, StrategyFactory]
    calendar: NyseCalendar
    identity: Identity
    stop_settle_s: float = SETTLE_S
