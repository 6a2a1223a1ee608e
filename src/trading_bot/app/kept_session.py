"""Quotes and a broker whose session is renewed, once, when the broker says it has ended."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime

from trading_bot.app.renewals import Renewals
from trading_bot.brokers.robinhood.outcomes import SessionGoneError
from trading_bot.domain.errors import TradingBotError
from trading_bot.domain.order import ApprovedOrder, BrokerOrder
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote
from trading_bot.ports.broker import Broker, ExecutionMode
from trading_bot.ports.quote_source import HistoricalInterval, QuoteSource


class KeptSession:
    """The QuoteSource port around another one."""

    def __init__(self, source: QuoteSource, renewals: Renewals) -> None:
        self._source = source
        self._renewals = renewals

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        """As the source."""
        return await self._renewals.kept(lambda: self._source.quotes(symbols))

    async def fundamentals(self, symbols: Sequence[str]) -> Mapping[str, Fundamental | None]:
        """As the source."""
        return await self._renewals.kept(lambda: self._source.fundamentals(symbols))

    async def historicals(
        self, symbols: Sequence[str], interval: HistoricalInterval
    ) -> Mapping[str, tuple[HistoricalBar, ...]]:
        """As the source."""
        return await self._renewals.kept(lambda: self._source.historicals(symbols, interval))

    async def hours(self, day: date) -> MarketHours:
        """As the source."""
        return await self._renewals.kept(lambda: self._source.hours(day))


class KeptBroker:
    """The Broker port around another one."""

    def __init__(self, broker: Broker, renewals: Renewals) -> None:
        self._broker = broker
        self._renewals = renewals

    @property
    def execution_mode(self) -> ExecutionMode:
        """As the broker."""
        return self._broker.execution_mode

    async def place(self, order: ApprovedOrder) -> BrokerOrder:
        """As the broker, once: without a session the order was not taken, and is decided anew.

        The session is renewed meanwhile, so that what is decided finds one.
        """
        used = self._renewals.session
        try:
            return await self._broker.place(order)
        except SessionGoneError as gone:
            # The order's fate is the news here; the session's has a watch of its own.
            with suppress(TradingBotError):
                await self._renewals.renew(used, gone)
            raise

    async def cancel(self, order_id: str) -> None:
        """As the broker; asked again with a renewed session."""
        await self._renewals.kept(lambda: self._broker.cancel(order_id))

    async def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """As the broker."""
        return await self._renewals.kept(lambda: self._broker.orders(since))

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """As the broker."""
        return await self._renewals.kept(self._broker.positions)

    async def account(self) -> AccountSnapshot:
        """As the broker."""
        return await self._renewals.kept(self._broker.account)
