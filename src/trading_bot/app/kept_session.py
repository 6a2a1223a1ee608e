"""A quote source whose session is renewed, once, when the broker says it has ended."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from trading_bot.brokers.robinhood.refresh import SessionKeeper
from trading_bot.domain.errors import RetryableError, SessionExpiredError
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote
from trading_bot.ports.clock import Clock
from trading_bot.ports.quote_source import HistoricalInterval, QuoteSource

RENEW_PAUSE_S = 300.0
"""A session that ends again this soon after it was renewed is a person's matter."""

_T = TypeVar("_T")


class KeptSession:
    """The QuoteSource port around another one."""

    def __init__(self, source: QuoteSource, keeper: SessionKeeper, clock: Clock) -> None:
        self._source = source
        self._keeper = keeper
        self._clock = clock
        self._renewed_at: float | None = None

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        """As the source."""
        return await self._kept(lambda: self._source.quotes(symbols))

    async def fundamentals(self, symbols: Sequence[str]) -> Mapping[str, Fundamental | None]:
        """As the source."""
        return await self._kept(lambda: self._source.fundamentals(symbols))

    async def historicals(
        self, symbols: Sequence[str], interval: HistoricalInterval
    ) -> Mapping[str, tuple[HistoricalBar, ...]]:
        """As the source."""
        return await self._kept(lambda: self._source.historicals(symbols, interval))

    async def hours(self, day: date) -> MarketHours:
        """As the source."""
        return await self._kept(lambda: self._source.hours(day))

    async def _kept(self, call: Callable[[], Awaitable[_T]]) -> _T:
        used = self._keeper.session
        try:
            found = await call()
        except SessionExpiredError:
            if self._keeper.session != used:
                # Another session was taken into use while the old one was on its way.
                return await call()
            now = self._clock.monotonic()
            if self._renewed_at is not None and now - self._renewed_at < RENEW_PAUSE_S:
                raise
            try:
                await self._keeper.renew()
            except RetryableError:
                # The network's fault: the next call may try again.
                raise
            except BaseException:
                self._renewed_at = now
                raise
            self._renewed_at = now
            found = await call()
        await self._keeper.prove()
        return found
