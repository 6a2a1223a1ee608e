"""Instruments, markets and their hours as the API writes them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.rehearsal.corporate import Split
from trading_bot.rehearsal.market_data import MADE_UP, instrument_id, instrument_link
from trading_bot.rehearsal.tape_quotes import SymbolTape, today_of
from trading_bot.rehearsal.wire import (
    Json,
    Reply,
    Request,
    invalid,
    link,
    made_id,
    not_found,
    ok,
    page,
    seconds_text,
)

_MARKETS = {
    "XNYS": ("NYSE", "New York Stock Exchange", "https://www.nyse.com/"),
    "XNAS": ("NASDAQ", "NASDAQ - All Markets", "https://www.nasdaq.com/"),
}
_HOURS_KEPT = "max-age=60, private"
_NO_TICKS: Mapping[str, Decimal] = MappingProxyType({})
_ALL_DAY = timedelta(hours=24)


class Instruments:
    """Answers the instrument requests: one stock for each tape."""

    def __init__(
        self,
        tapes: Mapping[str, SymbolTape],
        page_size: int,
        splits: Sequence[Split] = (),
        ticks: Mapping[str, Decimal] = _NO_TICKS,
    ) -> None:
        self._rows = {
            symbol: {**_instrument(tape), "min_tick_size": _tick_text(ticks.get(symbol))}
            for symbol, tape in tapes.items()
        }
        self._splits = splits
        self._by_id = {instrument_id(symbol): symbol for symbol in tapes}
        self._page_size = page_size

    def listing(self, request: Request, _now: datetime) -> Reply:
        """GET /instruments/?symbol=X: paginated, empty for an unknown symbol."""
        wanted = request.query.get("symbol")
        rows = list(self._rows.values())
        if wanted is not None:
            rows = [self._rows[wanted.upper()]] if wanted.upper() in self._rows else []
        return page(request, rows, self._page_size)

    def one(self, _request: Request, _now: datetime, name: str) -> Reply:
        """GET /instruments/{id}/."""
        symbol = self._by_id.get(name)
        return not_found() if symbol is None else ok(self._rows[symbol])

    def splits(self, request: Request, now: datetime, name: str) -> Reply:
        """GET /instruments/{id}/splits/: those that have happened, the newest first."""
        symbol = self._by_id.get(name)
        if symbol is None:
            return not_found()
        rows: list[Json] = [
            {
                "instrument": instrument_link(symbol),
                "execution_date": split.day.isoformat(),
                "multiplier": f"{split.multiplier}.00000000",
                "divisor": f"{split.divisor}.00000000",
            }
            for split in sorted(self._splits, key=lambda split: split.day, reverse=True)
            if split.symbol == symbol and split.day <= today_of(now)
        ]
        return page(request, rows, self._page_size)


class Markets:
    """Answers the market and hours requests from the exchange calendar."""

    def __init__(self, calendar: NyseCalendar, page_size: int) -> None:
        self._calendar = calendar
        self._page_size = page_size

    def listing(self, request: Request, now: datetime) -> Reply:
        """GET /markets/: paginated."""
        return page(request, [_market(mic, today_of(now)) for mic in _MARKETS], self._page_size)

    def one(self, _request: Request, now: datetime, mic: str) -> Reply:
        """GET /markets/{mic}/."""
        return ok(_market(mic, today_of(now))) if mic in _MARKETS else not_found()

    def hours(self, _request: Request, _now: datetime, mic: str, text: str) -> Reply:
        """GET /markets/{mic}/hours/{New York date}/."""
        if mic not in _MARKETS:
            return not_found()
        try:
            day = date.fromisoformat(text)
            session = self._calendar.session(day)
            links = {
                "previous_open_hours": _hours_link(mic, self._calendar.previous_session(day)),
                "next_open_hours": _hours_link(mic, self._calendar.next_session(day)),
            }
        except ValueError:
            return invalid(date=f"{text[:20]} is not a date of this calendar.")
        return ok({**_hours(day, session), **links}, cache_control=_HOURS_KEPT)


def _tick_text(tick: Decimal | None) -> str | None:
    return None if tick is None else f"{tick:f}"


def _instrument(tape: SymbolTape) -> dict[str, Json]:
    symbol = tape.symbol
    own_id = instrument_id(symbol)
    name = f"{symbol} ({MADE_UP})" if tape.is_made_up else f"{symbol} (rehearsal)"
    return {
        "id": own_id,
        "url": instrument_link(symbol),
        "quote": link(f"/quotes/{symbol}/"),
        "fundamentals": link(f"/fundamentals/{symbol}/"),
        "splits": link(f"/instruments/{own_id}/splits/"),
        "state": "active",
        "market": link("/markets/XNAS/"),
        "simple_name": name,
        "name": name,
        "tradeable": True,
        "tradability": "tradable",
        "symbol": symbol,
        "bloomberg_unique": "",
        "margin_initial_ratio": "0.5000",
        "maintenance_ratio": "0.2500",
        "day_trade_ratio": "0.2500",
        "country": "US",
        "list_date": "2000-01-03",
        "type": "stock",
        "tradable_chain_id": None,
        "rhs_tradability": "tradable",
        "affiliate_tradability": "tradable",
        "fractional_tradability": "tradable",
        "extended_hours_fractional_tradability": False,
        "all_day_tradability": "untradable",
        "short_selling_tradability": "untradable",
        "default_collar_fraction": "0.05",
        "default_preset_percent_limit": "0.05",
        "is_spac": False,
        "is_test": False,
        "internal_halt_reason": "",
        "internal_halt_details": "",
        "internal_halt_sessions": None,
        "internal_halt_start_time": None,
        "internal_halt_end_time": None,
        "internal_halt_source": "",
        "notional_estimated_quantity_decimals": 6,
    }


def _market(mic: str, today: date) -> dict[str, Json]:
    acronym, name, website = _MARKETS[mic]
    return {
        "url": link(f"/markets/{mic}/"),
        "todays_hours": _hours_link(mic, today),
        "mic": mic,
        "operating_mic": mic,
        "acronym": acronym,
        "name": name,
        "city": "New York",
        "country": "US - United States of America",
        "timezone": "US/Eastern",
        "website": website,
        "id": made_id("market", mic),
    }


def _hours_link(mic: str, day: date) -> str:
    return link(f"/markets/{mic}/hours/{day.isoformat()}/")


def _hours(day: date, session: Session | None) -> dict[str, Json]:
    times: dict[str, Json] = dict.fromkeys(
        (
            "opens_at",
            "closes_at",
            "late_option_closes_at",
            "extended_opens_at",
            "extended_closes_at",
            "all_day_opens_at",
            "all_day_closes_at",
            "index_option_0dte_closes_at",
            "index_option_non_0dte_closes_at",
            "index_options_extended_hours",
            "fx_opens_at",
            "fx_closes_at",
            "fx_is_open",
            "fx_next_open_hours",
        )
    )
    if session is not None:
        all_day_closes = session.pre_open + timedelta(hours=13)
        times |= {
            "opens_at": seconds_text(session.open),
            "closes_at": seconds_text(session.close),
            "late_option_closes_at": seconds_text(session.close + timedelta(minutes=15)),
            "extended_opens_at": seconds_text(session.pre_open),
            "extended_closes_at": seconds_text(session.post_close),
            "all_day_opens_at": seconds_text(all_day_closes - _ALL_DAY),
            "all_day_closes_at": seconds_text(all_day_closes),
        }
    return {"date": day.isoformat(), "is_open": session is not None, **times}
