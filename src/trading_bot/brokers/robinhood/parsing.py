"""Robinhood's JSON as domain values: pure functions, a row each.

Rows are matched by what they say, never by where they stand. Numbers come from text alone. A field
that only describes degrades when it is missing or new; one that decides is a DataError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from trading_bot.brokers.robinhood import fields
from trading_bot.brokers.robinhood.fields import Row
from trading_bot.domain.errors import DataError
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.domain.quote import BarSession, Fundamental, HistoricalBar, MarketHours, Quote

_SESSIONS: Mapping[object, BarSession] = {"reg": "reg", "pre": "pre", "post": "post"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What is traded; `tick_size` is None where the general rule applies."""

    id: str
    symbol: str
    is_tradable: bool
    tick_size: Decimal | None
    name: str


def parse_quote(row: Row) -> Quote:
    """One row of /quotes/; prices are not checked here."""
    return Quote(
        symbol=fields.text(row, "symbol"),
        bid=fields.optional_decimal(row, "bid_price"),
        ask=fields.optional_decimal(row, "ask_price"),
        bid_size=fields.optional_shares(row, "bid_size") or 0,
        ask_size=fields.optional_shares(row, "ask_size") or 0,
        last=fields.optional_decimal(row, "last_trade_price"),
        last_at=fields.optional_moment(row, "venue_last_trade_time"),
        previous_close=fields.optional_decimal(row, "previous_close"),
        adjusted_previous_close=fields.optional_decimal(row, "adjusted_previous_close"),
        updated_at=fields.optional_moment(row, "updated_at"),
        is_halted=fields.flag(row, "trading_halted"),
        has_traded=fields.flag(row, "has_traded"),
        instrument_id=fields.instrument_id(row) if row.get("instrument") else "",
    )


def parse_quotes(page: object, symbols: Sequence[str]) -> dict[str, Quote | None]:
    """The answer for `symbols`: exactly these keys, None where no row names the symbol."""
    found: dict[str, Quote | None] = dict.fromkeys(symbols)
    for value in fields.as_rows(page, "quotes"):
        if value is None:
            continue
        quote = parse_quote(fields.as_row(value, "quotes"))
        _once(found, quote.symbol, "quotes")
        found[quote.symbol] = quote
    return found


def parse_instrument(row: Row) -> Instrument:
    """One row of /instruments/; an unknown tradability is not tradable."""
    return Instrument(
        id=fields.text(row, "id"),
        symbol=fields.text(row, "symbol"),
        is_tradable=row.get("tradeable") is True and row.get("tradability") == "tradable",
        tick_size=fields.optional_decimal(row, "min_tick_size"),
        name=_described(row, "simple_name") or _described(row, "name"),
    )


def parse_fundamentals(
    page: object, symbols_by_instrument: Mapping[str, str]
) -> dict[str, Fundamental | None]:
    """The answer for the symbols of the mapping; rows are known by their instrument alone."""
    found: dict[str, Fundamental | None] = dict.fromkeys(symbols_by_instrument.values())
    for value in fields.as_rows(page, "fundamentals"):
        if value is None:
            continue
        row = fields.as_row(value, "fundamentals")
        symbol = symbols_by_instrument.get(fields.instrument_id(row))
        if symbol is None:
            raise DataError("fundamentals: expected instruments we asked for, got another")
        _once(found, symbol, "fundamentals")
        found[symbol] = Fundamental(
            symbol=symbol,
            volume=fields.optional_shares(row, "volume"),
            average_volume=fields.optional_shares(row, "average_volume"),
        )
    return found


def parse_historicals(page: object, symbols: Sequence[str]) -> dict[str, tuple[HistoricalBar, ...]]:
    """The answer for `symbols`: exactly these keys, bars oldest first; no row is no bars."""
    found: dict[str, tuple[HistoricalBar, ...] | None] = dict.fromkeys(symbols)
    for value in fields.as_rows(page, "historicals"):
        if value is None:
            continue
        row = fields.as_row(value, "historicals")
        symbol = fields.text(row, "symbol")
        _once(found, symbol, "historicals")
        bars = row.get("historicals")
        if not isinstance(bars, list):
            raise DataError(f"historicals of {symbol}: expected a list of bars")
        found[symbol] = tuple(_bar(symbol, fields.as_row(bar, "historicals")) for bar in bars)
        _check_order(symbol, found[symbol] or ())
    return {symbol: bars or () for symbol, bars in found.items()}


def parse_hours(row: Row, day: date) -> MarketHours:
    """The exchange's hours on `day`; DataError when the answer is for another day."""
    stated = fields.text(row, "date")
    if stated != day.isoformat():
        raise DataError(f"date: expected the hours of {day.isoformat()}, got {stated[:40]!r}")
    is_open = fields.flag(row, "is_open")
    opens_at = fields.moment(row, "opens_at") if is_open else None
    closes_at = fields.moment(row, "closes_at") if is_open else None
    if opens_at is not None and closes_at is not None and closes_at <= opens_at:
        raise DataError(f"hours of {stated}: expected to close after {opens_at}, got {closes_at}")
    return MarketHours(day=day, is_open=is_open, opens_at=opens_at, closes_at=closes_at)


def parse_position(row: Row, account_number: str) -> BrokerPosition:
    """One row of /positions/ of our account."""
    check_account(row, account_number, "positions")
    average = fields.optional_decimal(row, "average_buy_price")
    if not average:
        # Seen as "0.0000" on settled positions whose clearing cost was right.
        average = fields.optional_decimal(row, "clearing_average_cost") or None
    return BrokerPosition(
        symbol=fields.text(row, "symbol"),
        quantity=fields.decimal(row, "quantity"),
        held_for_sells=fields.optional_decimal(row, "shares_held_for_sells") or Decimal(0),
        average_price=average,
        instrument_id=fields.instrument_id(row),
    )


def parse_account(
    account: Row, portfolio: Row, account_number: str, at: datetime
) -> AccountSnapshot:
    """/accounts/{n} and /portfolios/{n} as one snapshot.

    Settled cash is cash less what is unsettled or held for orders: in a cash account spending the
    rest is a violation. In a margin account unsettled proceeds may be spent, and nothing is lent:
    there it is cash less what is held. DataError for any other type of account.
    """
    check_account(account, account_number, "account")
    check_account(portfolio, account_number, "portfolio")
    kind = fields.text(account, "type")
    if kind not in ("cash", "margin"):
        raise DataError(f"type: expected a cash or margin account, got {kind[:40]!r}")
    cash = fields.decimal(account, "cash")
    unsettled = fields.optional_decimal(account, "unsettled_funds") or Decimal(0)
    held = fields.optional_decimal(account, "cash_held_for_orders") or Decimal(0)
    spoken_for = held + unsettled if kind == "cash" else held
    return AccountSnapshot(
        at=at,
        cash=cash,
        settled_cash=max(Decimal(0), cash - spoken_for),
        buying_power=fields.decimal(account, "buying_power"),
        equity=fields.decimal(portfolio, "equity"),
        held_for_orders=held,
    )


def check_account(row: Row, account_number: str, what: str) -> None:
    """DataError unless the row names our account; the numbers are never in the text."""
    if account_of(row) != account_number:
        raise DataError(f"{what}: expected rows of our account, got one of another or of none")


def account_of(row: Row) -> str:
    """The account a row names, by number or by link; empty when it names none."""
    stated = row.get("account_number")
    if isinstance(stated, str) and stated:
        return stated
    link = row.get("account")
    return link.rstrip("/").rpartition("/")[2] if isinstance(link, str) else ""


def _bar(symbol: str, row: Row) -> HistoricalBar:
    return HistoricalBar(
        symbol=symbol,
        start=fields.moment(row, "begins_at"),
        open=fields.decimal(row, "open_price"),
        high=fields.decimal(row, "high_price"),
        low=fields.decimal(row, "low_price"),
        close=fields.decimal(row, "close_price"),
        volume=fields.integer(row, "volume"),
        session=_SESSIONS.get(row.get("session"), "reg"),
        is_interpolated=row.get("interpolated") is True,
    )


def _check_order(symbol: str, bars: Sequence[HistoricalBar]) -> None:
    if any(after.start <= before.start for before, after in pairwise(bars)):
        raise DataError(f"historicals of {symbol}: expected bars oldest first, each once")


def _described(row: Row, field: str) -> str:
    value = row.get(field)
    return value if isinstance(value, str) else ""


def _once(found: Mapping[str, object | None], symbol: str, what: str) -> None:
    """Refuse a row nobody asked for and a second row of one symbol."""
    if symbol not in found:
        raise DataError(f"{what}: expected only the symbols asked for, got {symbol[:12]!r}")
    if found[symbol] is not None:
        raise DataError(f"{what}: expected one row of {symbol}, got two")
