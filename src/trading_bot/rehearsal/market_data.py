"""Quotes and fundamentals as the API writes them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from trading_bot.rehearsal.tape_quotes import Phase, QuoteState, SymbolTape, today_of
from trading_bot.rehearsal.wire import (
    Json,
    Reply,
    Request,
    detail,
    dump,
    invalid,
    link,
    made_id,
    nanos_text,
    not_found,
    price,
    seconds_text,
)

FUNDAMENTALS_MAX = 100
"""Symbols in one fundamentals request; more are refused."""
QUOTES_MAX = 1220
"""Symbols in one quotes request; more made the address too long for the server."""
MADE_UP = "MADE UP: generated bars, no real company"
_KEPT_FRAGMENTS = 4


class MarketData:
    """Answers the quote and fundamentals requests from the tapes."""

    def __init__(self, tapes: Mapping[str, SymbolTape]) -> None:
        self._tapes = tapes
        self._quotes = {symbol: _Fragments(tape, _quote_of) for symbol, tape in tapes.items()}
        self._fundamentals = {
            symbol: _Fragments(tape, _fundamentals_of) for symbol, tape in tapes.items()
        }
        self._by_id = {instrument_id(symbol): symbol for symbol in tapes}

    def quotes(self, request: Request, now: datetime) -> Reply:
        """GET /quotes/?symbols=A,B: results in the request's order, null for an unknown symbol."""
        symbols = request.query.get("symbols", "").upper()
        if not symbols:
            return invalid(symbols="This field is required.")
        if symbols.count(",") >= QUOTES_MAX:
            return detail(414, "Request-URI Too Large")
        return _results(self._quotes, symbols.split(","), now)

    def quote(self, _request: Request, now: datetime, name: str) -> Reply:
        """GET /quotes/{symbol}/ and /marketdata/quotes/{id or symbol}/: one object."""
        symbol = self._by_id.get(name, name.upper())
        if symbol not in self._quotes:
            return not_found()
        return Reply(200, self._quotes[symbol].at(now, today_of(now)))

    def fundamentals(self, request: Request, now: datetime) -> Reply:
        """GET /fundamentals/?symbols=A,B, with the day's cumulative volume."""
        symbols = request.query.get("symbols", "").upper()
        if not symbols:
            return invalid(symbols="This field is required.")
        if symbols.count(",") >= FUNDAMENTALS_MAX:
            return detail(400, f"Too many symbols: at most {FUNDAMENTALS_MAX}.")
        return _results(self._fundamentals, symbols.split(","), now)

    def fundamental(self, _request: Request, now: datetime, name: str) -> Reply:
        """GET /fundamentals/{symbol}/: one object."""
        symbol = self._by_id.get(name, name.upper())
        if symbol not in self._fundamentals:
            return not_found()
        return Reply(200, self._fundamentals[symbol].at(now, today_of(now)))


class _Fragments:
    """One symbol's JSON objects, made once for each state the tape can be in and kept a while."""

    def __init__(
        self, tape: SymbolTape, make: Callable[[SymbolTape, datetime, date], bytes]
    ) -> None:
        self._tape = tape
        self._make = make
        self._kept: dict[object, bytes] = {}

    def at(self, now: datetime, today: date) -> bytes:
        key = (self._tape.key(now, today), today)
        fragment = self._kept.get(key)
        if fragment is None:
            if len(self._kept) >= _KEPT_FRAGMENTS:
                self._kept.clear()
            fragment = self._kept[key] = self._make(self._tape, now, today)
        return fragment


def instrument_id(symbol: str) -> str:
    """The exchange's id of the instrument `symbol`."""
    return made_id("instrument", symbol)


def instrument_link(symbol: str) -> str:
    """The instrument's address."""
    return link(f"/instruments/{instrument_id(symbol)}/")


def _results(fragments: Mapping[str, _Fragments], symbols: list[str], now: datetime) -> Reply:
    today = today_of(now)
    found = [fragments.get(symbol) for symbol in symbols]
    parts = [b"null" if one is None else one.at(now, today) for one in found]
    return Reply(200, b'{"results":[' + b",".join(parts) + b"]}")


def _quote_of(tape: SymbolTape, now: datetime, today: date) -> bytes:
    return dump(quote_json(tape.at(now, today)))


def quote_json(state: QuoteState) -> dict[str, Json]:
    """The quote object of `state`."""
    extended = None if state.extended is None else price(state.extended)
    quoted_at = nanos_text(state.updated_at)
    is_off = state.phase is Phase.OFF
    return {
        "ask_price": price(state.ask),
        "ask_size": state.size,
        "venue_ask_time": quoted_at,
        "bid_price": price(state.bid),
        "bid_size": state.size,
        "venue_bid_time": quoted_at,
        "last_trade_price": price(state.last),
        "venue_last_trade_time": nanos_text(state.last_at),
        "last_extended_hours_trade_price": extended,
        "last_non_reg_trade_price": extended,
        "venue_last_non_reg_trade_time": (
            nanos_text(state.extended_at) if state.extended_at else None
        ),
        "previous_close": price(state.previous_close),
        "adjusted_previous_close": price(state.adjusted_previous_close),
        "previous_close_date": state.previous_close_date.isoformat(),
        "symbol": state.symbol,
        "trading_halted": state.is_halted,
        "has_traded": state.has_traded,
        "last_trade_price_source": "consolidated" if is_off else "nls",
        "last_non_reg_trade_price_source": "nls" if extended else "",
        "updated_at": seconds_text(state.updated_at),
        "instrument": instrument_link(state.symbol),
        "instrument_id": instrument_id(state.symbol),
        "state": "active",
    }


def _fundamentals_of(tape: SymbolTape, now: datetime, today: date) -> bytes:
    figures = tape.figures(now, today)
    past = tape.past(figures.day)
    average = None if past is None else f"{past.average_volume}.000000"
    highs = [] if figures.high is None else [figures.high]
    lows = [] if figures.low is None else [figures.low]
    if past is not None:
        highs.append(past.high)
        lows.append(past.low)
    return dump(
        {
            "open": None if figures.open is None else price(figures.open),
            "high": None if figures.high is None else price(figures.high),
            "low": None if figures.low is None else price(figures.low),
            "volume": f"{figures.volume}.000000",
            "overnight_volume": "0.000000",
            "bounds": "regular",
            "market_date": figures.day.isoformat(),
            "average_volume": average,
            "average_volume_2_weeks": average,
            "average_volume_30_days": average,
            "high_52_weeks": price(max(highs)) if highs else None,
            "high_52_weeks_date": None,
            "low_52_weeks": price(min(lows)) if lows else None,
            "low_52_weeks_date": None,
            "dividend_yield": None,
            "float": None,
            "market_cap": None,
            "pb_ratio": None,
            "pe_ratio": None,
            "shares_outstanding": None,
            "description": (MADE_UP if tape.is_made_up else "Rehearsal of recorded bars"),
            "instrument": instrument_link(tape.symbol),
            "ceo": None,
            "headquarters_city": None,
            "headquarters_state": None,
            "sector": None,
            "industry": None,
            "num_employees": None,
            "year_founded": None,
        }
    )
