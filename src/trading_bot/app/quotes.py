"""A quote source that shows every answer to the paper broker before the core sees it."""

from collections.abc import Mapping, Sequence
from datetime import date

from trading_bot.brokers.paper import PaperBroker
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote
from trading_bot.ports.clock import Clock
from trading_bot.ports.quote_source import HistoricalInterval, QuoteSource


class ShownToPaper:
    """The QuoteSource port around another one."""

    def __init__(self, source: QuoteSource, paper: PaperBroker, clock: Clock) -> None:
        self._source = source
        self._paper = paper
        self._clock = clock

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        """The source's quotes; by now the paper broker has matched its orders against them."""
        quotes = await self._source.quotes(symbols)
        await self._paper.on_quotes(quotes, self._clock.now())
        return quotes

    async def fundamentals(self, symbols: Sequence[str]) -> Mapping[str, Fundamental | None]:
        """As the source."""
        return await self._source.fundamentals(symbols)

    async def historicals(
        self, symbols: Sequence[str], interval: HistoricalInterval
    ) -> Mapping[str, tuple[HistoricalBar, ...]]:
        """As the source."""
        return await self._source.historicals(symbols, interval)

    async def hours(self, day: date) -> MarketHours:
        """As the source."""
        return await self._source.hours(day)
