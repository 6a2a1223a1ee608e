"""A quote source that shows every answer to the paper broker before the core sees it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

from trading_bot.brokers.paper import PaperBroker
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote
from trading_bot.ports.clock import Clock
from trading_bot.ports.quote_source import HistoricalInterval, QuoteSource

OUTAGE = timedelta(minutes=5)
"""As long as a bar of the history: a shorter gap has no bar that lies in it."""


class ShownToPaper:
    """The QuoteSource port around another one.

    After an outage in which orders worked, what the bars say of it is settled before the first new
    quotes are shown; `warned` hears of it.
    """

    def __init__(
        self,
        source: QuoteSource,
        paper: PaperBroker,
        clock: Clock,
        warned: Callable[[str], None],
    ) -> None:
        self._source = source
        self._paper = paper
        self._clock = clock
        self._warned = warned
        self._shown_at: datetime | None = None

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        """The source's quotes; by now the paper broker has matched its orders against them."""
        quotes = await self._source.quotes(symbols)
        now = self._clock.now()
        seen = self._shown_at
        # Regular hours lie within one date of UTC; a night is no outage.
        if seen is not None and seen.date() == now.date() and now - seen >= OUTAGE:
            await settle_gap(self._paper, self._source, now, self._warned, seen)
        self._shown_at = now
        await self._paper.on_quotes(quotes, now)
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


async def settle_gap(
    paper: PaperBroker,
    source: QuoteSource,
    now: datetime,
    warned: Callable[[str], None],
    seen_until: datetime | None = None,
) -> None:
    """What happened to working paper orders while nobody looked, worst case.

    RetryableError when the history cannot be read: nothing is settled then.
    """
    symbols = sorted({o.symbol for o in paper.book.orders.values() if not o.state.is_final})
    if not symbols:
        return
    bars = await source.historicals(symbols, "5minute")
    report = await paper.settle_gap(bars, now, seen_until=seen_until)
    for order_id in report.filled:
        warned(f"settled over the gap, worst case: order {order_id}")
    for symbol in report.uncovered:
        warned(f"{symbol}: no bars cover the gap, its working orders stay as they were")
