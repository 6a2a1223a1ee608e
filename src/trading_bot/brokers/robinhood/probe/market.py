"""Quotes, volumes, history, instruments, hours, and the server's clock."""

import statistics
from datetime import date, timedelta

from trading_bot.brokers.robinhood.fields import as_row
from trading_bot.brokers.robinhood.parsing import (
    parse_fundamentals,
    parse_historicals,
    parse_hours,
    parse_instrument,
    parse_quotes,
)
from trading_bot.brokers.robinhood.probe.points import Point, Reads, Seen, fields_seen
from trading_bot.brokers.robinhood.quotes import EXCHANGE
from trading_bot.domain.errors import DataError
from trading_bot.domain.quote import MarketHours
from trading_bot.market.calendar import NyseCalendar, Session

UNKNOWN_SYMBOL = "ZZZZQ"
SKEW_MAX = timedelta(seconds=2)
_DAYS_AHEAD = 400
_QUOTE = (
    "symbol", "bid_price", "ask_price", "bid_size", "ask_size", "last_trade_price",
    "venue_last_trade_time", "previous_close", "updated_at", "trading_halted", "has_traded",
    "instrument", "instrument_id",
)  # fmt: skip
_FUNDAMENTAL = ("instrument", "volume", "average_volume")
_INSTRUMENT = ("id", "symbol", "tradeable", "tradability", "min_tick_size", "simple_name")


def market_points(reads: Reads, symbol: str, calendar: NyseCalendar) -> list[Point]:
    """What the market data look like, for one symbol."""
    return [*_quote_points(reads, symbol), *_other_points(reads, symbol, calendar)]


def _quote_points(reads: Reads, symbol: str) -> list[Point]:
    url = reads.urls.quotes_url()

    async def anonymous() -> Seen:
        status = (await reads.answer(url, {"symbols": symbol}, is_anonymous=True)).status
        return Seen(str(status), status == 401)

    async def quote_fields() -> Seen:
        seen = fields_seen(await reads.rows(url, {"symbols": symbol}), _QUOTE)
        parse_quotes(await reads.json(url, {"symbols": symbol}), [symbol])
        return seen

    async def unknown() -> Seen:
        asked = [UNKNOWN_SYMBOL, symbol]
        page = as_row(await reads.json(url, {"symbols": ",".join(asked)}), "quotes")
        rows = page.get("results")
        shown = (
            ["null" if row is None else "a row" for row in rows]
            if isinstance(rows, list)
            else "no list"
        )
        parse_quotes(page, asked)
        return Seen(str(shown), shown == ["null", "a row"])

    return [
        Point("quotes: without a token", "401", anonymous),
        Point("quotes: fields", "all that are read", quote_fields),
        Point("quotes: an unknown symbol", "['null', 'a row']", unknown),
    ]


def _other_points(reads: Reads, symbol: str, calendar: NyseCalendar) -> list[Point]:
    async def fundamentals() -> Seen:
        url, params = reads.urls.fundamentals_url(), {"symbols": symbol}
        rows = await reads.rows(url, params)
        seen = fields_seen(rows, _FUNDAMENTAL)
        instrument = await _instrument_id(reads, symbol)
        parse_fundamentals(await reads.json(url, params), {instrument: symbol})
        return seen

    async def historicals() -> Seen:
        params = {"symbols": symbol, "interval": "5minute", "span": "week", "bounds": "regular"}
        page = await reads.json(reads.urls.historicals_url(), params)
        bars = parse_historicals(page, [symbol])[symbol]
        return Seen(f"{len(bars)} bars", bool(bars))

    async def instrument() -> Seen:
        rows = await reads.rows(reads.urls.instruments_url(), {"symbol": symbol})
        seen = fields_seen(rows, _INSTRUMENT)
        if not seen.is_ok:
            return seen
        found = [parse_instrument(row) for row in rows]
        ticks = {str(one.tick_size) if one.tick_size else "the rule's" for one in found}
        return Seen(f"all; tick {', '.join(sorted(ticks))}", is_ok=True)

    async def today() -> Seen:
        day = calendar.new_york_date(reads.now())
        return await _hours(reads, day, calendar.session(day))

    async def half_day() -> Seen:
        found = _next_early_close(calendar, calendar.new_york_date(reads.now()))
        if found is None:
            return Seen("no half day within a year", None)
        return await _hours(reads, found.day, found)

    async def clock() -> Seen:
        if not reads.offsets:
            return Seen("no Date header was sent", None)
        off_s = statistics.median(offset.total_seconds() for offset in reads.offsets)
        return Seen(f"{off_s:+.1f} s", abs(off_s) <= SKEW_MAX.total_seconds())

    return [
        Point("fundamentals: fields", "all that are read", fundamentals),
        Point("historicals: five minutes, a week", "bars, oldest first", historicals),
        Point("instrument: fields and tick", "all that are read", instrument),
        Point("hours: today", "the calendar's", today),
        Point("hours: the next half day", "the calendar's, an early close", half_day),
        Point("clock: the Date header", f"within {SKEW_MAX.seconds} s of ours", clock),
    ]


async def _instrument_id(reads: Reads, symbol: str) -> str:
    page = await reads.json(reads.urls.quotes_url(), {"symbols": symbol})
    quote = parse_quotes(page, [symbol])[symbol]
    if quote is None:
        raise DataError(f"quotes: expected a row of {symbol}, got none")
    return quote.instrument_id


async def _hours(reads: Reads, day: date, session: Session | None) -> Seen:
    page = await reads.json(reads.urls.market_hours_url(EXCHANGE, day.isoformat()))
    hours = parse_hours(as_row(page, "hours"), day)
    own = (None, None) if session is None else (session.open, session.close)
    return Seen(_shown(hours), (hours.opens_at, hours.closes_at) == own)


def _shown(hours: MarketHours) -> str:
    if hours.opens_at is None or hours.closes_at is None:
        return f"{hours.day} closed"
    return f"{hours.day} {hours.opens_at:%H:%M}-{hours.closes_at:%H:%M} UTC"


def _next_early_close(calendar: NyseCalendar, after: date) -> Session | None:
    days = (after + timedelta(days=n) for n in range(1, _DAYS_AHEAD))
    sessions = (calendar.session(day) for day in days)
    return next((one for one in sessions if one is not None and one.is_early_close), None)
