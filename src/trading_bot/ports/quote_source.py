"""Where prices come from."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, Protocol

from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote

HistoricalInterval = Literal["5minute", "day"]


class QuoteSource(Protocol):
    """Prices, volumes, history and hours.

    Each call raises RetryableError, SessionExpiredError or DataError.
    """

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        """One request for all; None where the source knows no quote. Keys are exactly `symbols`."""
        ...

    async def fundamentals(self, symbols: Sequence[str]) -> Mapping[str, Fundamental | None]:
        """The day's cumulative volume and averages; keys are exactly `symbols`."""
        ...

    async def historicals(
        self, symbols: Sequence[str], interval: HistoricalInterval
    ) -> Mapping[str, tuple[HistoricalBar, ...]]:
        """Bars oldest first: today's (and the week's) five-minute bars, or a year of daily ones."""
        ...

    async def hours(self, day: date) -> MarketHours:
        """The exchange's hours on the New York date `day` as the broker sees them."""
        ...
