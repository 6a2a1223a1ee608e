"""Prices, volumes, history and hours from Robinhood: the QuoteSource port."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from trading_bot.brokers.robinhood.fields import as_row
from trading_bot.brokers.robinhood.parsing import (
    Instrument,
    parse_fundamentals,
    parse_historicals,
    parse_hours,
    parse_instrument,
    parse_quotes,
)
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import DataError
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote
from trading_bot.domain.symbol import is_symbol
from trading_bot.ports.quote_source import HistoricalInterval
from trading_bot.runtime.retry import ONCE

EXCHANGE = "XNYS"
"""The New York Stock Exchange's market code; Nasdaq keeps the same hours."""

QUOTES_MAX = 400
FUNDAMENTALS_MAX = 100
"""More symbols in one request than this are answered with 400."""

HISTORICALS_MAX = 75
_SPANS: Mapping[HistoricalInterval, str] = {"5minute": "week", "day": "year"}


class RobinhoodQuoteSource:
    """Reads through `transport`. Polls are made once: the next poll is their retry."""

    def __init__(self, transport: RobinhoodTransport) -> None:
        self._transport = transport
        self._urls = transport.urls
        self._instruments: dict[str, Instrument] = {}
        self._ids: dict[str, str] = {}

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        found: dict[str, Quote | None] = {}
        for part in _parts(symbols, QUOTES_MAX):
            page = await self._transport.get_json(
                self._urls.quotes_url(), {"symbols": ",".join(part)}, ONCE
            )
            found.update(parse_quotes(page, part))
        # A quote names its instrument: nothing to ask for when volumes are wanted.
        self._ids.update((s, q.instrument_id) for s, q in found.items() if q and q.instrument_id)
        return found

    async def fundamentals(self, symbols: Sequence[str]) -> Mapping[str, Fundamental | None]:
        """The rows bear no symbol and are known by their instrument.

        It is the one of the symbol's last quote, else it is asked for, once a symbol. A symbol
        without an instrument is None.
        """
        found: dict[str, Fundamental | None] = dict.fromkeys(symbols)
        known = {}
        for symbol in found:
            instrument_id = self._ids.get(symbol) or await self._look_up_id(symbol)
            if instrument_id:
                known[symbol] = instrument_id
        for part in _parts(tuple(known), FUNDAMENTALS_MAX):
            page = await self._transport.get_json(
                self._urls.fundamentals_url(), {"symbols": ",".join(part)}, ONCE
            )
            found.update(parse_fundamentals(page, {known[symbol]: symbol for symbol in part}))
        return found

    async def historicals(
        self, symbols: Sequence[str], interval: HistoricalInterval
    ) -> Mapping[str, tuple[HistoricalBar, ...]]:
        """Regular hours only: a week of five-minute bars, a year of daily ones."""
        found: dict[str, tuple[HistoricalBar, ...]] = {}
        for part in _parts(symbols, HISTORICALS_MAX):
            params = {
                "symbols": ",".join(part),
                "interval": interval,
                "span": _SPANS[interval],
                "bounds": "regular",
            }
            page = await self._transport.get_json(self._urls.historicals_url(), params)
            found.update(parse_historicals(page, part))
        return found

    async def hours(self, day: date) -> MarketHours:
        url = self._urls.market_hours_url(EXCHANGE, day.isoformat())
        page = await self._transport.get_json(url)
        return parse_hours(as_row(page, "hours"), day)

    async def instrument(self, symbol: str) -> Instrument | None:
        """The instrument of `symbol`, None when Robinhood knows none; kept once it is known."""
        if symbol in self._instruments:
            return self._instruments[symbol]
        rows = await self._transport.get_pages(self._urls.instruments_url(), {"symbol": symbol})
        named = [parse_instrument(as_row(row, "instruments")) for row in rows]
        found = [instrument for instrument in named if instrument.symbol == symbol]
        # An old symbol may live on in a delisted instrument: the one that trades is meant.
        live = [instrument for instrument in found if instrument.is_tradable] or found
        if len(live) > 1:
            raise DataError(f"instruments: expected one that trades as {symbol}, got {len(live)}")
        if live:
            self._instruments[symbol] = live[0]
        return live[0] if live else None

    async def _look_up_id(self, symbol: str) -> str:
        instrument = await self.instrument(symbol)
        return instrument.id if instrument is not None else ""

    async def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument | None]:
        """`instrument` for each; one request a symbol not asked for before."""
        return {symbol: await self.instrument(symbol) for symbol in symbols}


def _parts(symbols: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """`symbols`, each once, in parts of at most `size`; a bad symbol would change the request."""
    unique = tuple(dict.fromkeys(symbols))
    for symbol in unique:
        if not is_symbol(symbol):
            raise DataError(f"expected a symbol, got {symbol[:12]!r}")
    for first in range(0, len(unique), size):
        yield unique[first : first + size]
