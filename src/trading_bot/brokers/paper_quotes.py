"""A quote source that shows the paper broker every quote before anyone else acts on it."""

from collections.abc import Mapping, Sequence
from datetime import date

from trading_bot.brokers.paper import PaperBroker
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote
from trading_bot.ports.clock import Clock
from trading_bot.ports.quote_source import HistoricalInterval, QuoteSource


class WatchedQuotes:
    """The `source`, unchanged to its caller; its quotes are matched first."""

    def __init__(self, source: QuoteSource, broker: PaperBroker, clock: Clock) -> None:
        self._source = source
        self._broker = broker
        self._clock = clock

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        """The source's quotes, after the paper broker has seen them."""
        quotes = await self._source.quotes(symbols)
        await self._broker.on_quotes(quotes, self._clock.now())
        return quotes

    async def fundamentals(self, symbols: Sequence[str]) -> Mapping[str, Fundamental | None]:
        return await self._source.fundamentals(symbols)

    async def historicals(
        self, symbols: Sequence[str], interval: HistoricalInterval
    ) -> Mapping[str, tuple[HistoricalBar, ...]]:
        return await self._source.historicals(symbols, interval)

    async def hours(self, day: date) -> MarketHours:
        return await self._source.hours(day)
