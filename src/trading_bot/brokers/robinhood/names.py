"""Which symbol an instrument trades under, and which instrument a symbol is; asked once."""

from dataclasses import dataclass
from typing import Final

from trading_bot.brokers.robinhood.fields import as_row
from trading_bot.brokers.robinhood.parsing import parse_instrument
from trading_bot.brokers.robinhood.payload import instrument_link, is_uuid
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import DataError
from trading_bot.ports.clock import Clock

KEPT_S: Final = 12 * 3600.0
"""A symbol may change over a night."""


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    until_s: float


class InstrumentNames:
    """Looked up through `transport`; a failed look-up is an error each time, never remembered."""

    def __init__(self, transport: RobinhoodTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._symbols: dict[str, _Known] = {}
        self._ids: dict[str, _Known] = {}

    def learn(self, instrument_id: str, symbol: str) -> None:
        """Remember what an answer told of both."""
        until_s = self._clock.monotonic() + KEPT_S
        self._symbols[instrument_id] = _Known(symbol, until_s)
        self._ids[symbol] = _Known(instrument_id, until_s)

    async def symbol_of(self, instrument_id: str) -> str:
        """The symbol the instrument trades under today."""
        known = self._symbols.get(instrument_id)
        if known is not None and known.until_s > self._clock.monotonic():
            return known.name
        if not is_uuid(instrument_id):
            # It goes into an address.
            raise DataError(f"instrument: expected a UUID, got {instrument_id[:40]!r}")
        page = await self._transport.get_json(instrument_link(instrument_id))
        instrument = parse_instrument(as_row(page, "instrument"))
        if instrument.id != instrument_id:
            raise DataError(f"instrument: expected {instrument_id}, got {instrument.id[:40]!r}")
        self.learn(instrument_id, instrument.symbol)
        return instrument.symbol

    async def id_of(self, symbol: str) -> str:
        """The one instrument that trades as `symbol`; DataError when there is none or another."""
        known = self._ids.get(symbol)
        if known is not None and known.until_s > self._clock.monotonic():
            return known.name
        url = self._transport.urls.instruments_url()
        rows = await self._transport.get_pages(url, {"symbol": symbol})
        found = [parse_instrument(as_row(row, "instruments")) for row in rows]
        named = [instrument for instrument in found if instrument.symbol == symbol]
        live = [instrument for instrument in named if instrument.is_tradable] or named
        if len(live) != 1:
            raise DataError(f"instruments: expected one that trades as {symbol}, got {len(live)}")
        self.learn(live[0].id, symbol)
        return live[0].id
