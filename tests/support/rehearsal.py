"""Builders for the rehearsal exchange: days of a few bars repeated, and a client's requests."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.rehearsal.bar_file import MinuteBar
from trading_bot.rehearsal.day import Halt, PlayedDay, played_days, symbol_day
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.market_data import instrument_link
from trading_bot.rehearsal.wire import Reply, Request

CALENDAR = NyseCalendar()
DAY = date(2023, 5, 25)
OPEN = datetime(2023, 5, 25, 13, 30, tzinfo=UTC)
"""The regular open of DAY."""
LABEL = "a test's bars"
FORM_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
_REFS = count(1)


def session_of(day: date = DAY) -> Session:
    session = CALENDAR.session(day)
    assert session is not None
    return session


def minute_bar(
    start: datetime,
    prices: str = "100.00 101.00 99.50 100.50",
    *,
    volume: int = 10_000,
    symbol: str = "AAPL",
) -> MinuteBar:
    """A bar from "open high low close"."""
    open_, high, low, close = (Decimal(text) for text in prices.split())
    return MinuteBar(symbol, start, open_, high, low, close, volume)


def flat_day(
    symbol: str = "AAPL",
    day: date = DAY,
    *,
    special: Mapping[int, str] | None = None,
    extended: Sequence[MinuteBar] = (),
    halts: tuple[Halt, ...] = (),
    prices: str = "100.00 100.20 99.90 100.10",
    volume: int = 10_000,
    is_made_up: bool = False,
    spread_bps: int = 0,
) -> PlayedDay:
    """A whole session of equal bars; `special` gives a minute (from the open) prices of its own."""
    session = session_of(day)
    bars = [
        minute_bar(
            session.open + timedelta(minutes=i),
            (special or {}).get(i, prices),
            volume=volume,
            symbol=symbol,
        )
        for i in range(session.minutes)
        if not any(h.start <= session.open + timedelta(minutes=i) < h.end for h in halts)
    ]
    one = symbol_day(
        symbol,
        session,
        sorted([*extended, *bars], key=lambda bar: bar.start),
        where=LABEL,
        halts=halts,
        is_made_up=is_made_up,
        spread_bps=spread_bps,
    )
    return played_days([one])[0]


def together(*days: PlayedDay) -> tuple[PlayedDay, ...]:
    """Days of several symbols or dates as one sequence."""
    return played_days(one for day in days for one in day.symbols.values())


class Client:
    """Asks an exchange directly, with the session it issues."""

    def __init__(
        self,
        *days: PlayedDay,
        settings: ExchangeSettings | None = None,
        rules: Sequence[FaultRule] = (),
        start: datetime = OPEN,
    ) -> None:
        self.faults = FaultScript(rules)
        self.exchange = Exchange(together(*days), CALENDAR, settings, self.faults)
        self.session = self.exchange.first_session(start)
        self.token = self.session.access_token

    def get(self, target: str, at: datetime = OPEN) -> Reply:
        headers = {"authorization": f"Bearer {self.token}"}
        return self.exchange.handle(Request("GET", target, headers), at)

    def json(self, target: str, at: datetime = OPEN) -> Any:
        reply = self.get(target, at)
        assert reply.status == 200, reply
        return json.loads(reply.body)

    def post(self, target: str, form: Mapping[str, str], at: datetime = OPEN) -> Reply:
        headers = {"authorization": f"Bearer {self.token}", "content-type": FORM_TYPE}
        return self.exchange.handle(Request("POST", target, headers, urlencode(form).encode()), at)

    def place(self, at: datetime = OPEN, **changes: str | None) -> Any:
        """The order object of an order taken; see `order_form`."""
        reply = self.post("/orders/", order_form(**changes), at)
        assert reply.status == 201, reply
        return json.loads(reply.body)

    def order(self, order: Any, at: datetime) -> Any:
        """The order as it is at a later moment."""
        return self.json(f"/orders/{order['id']}/", at)

    def cancel(self, order: Any, at: datetime) -> Reply:
        return self.post(f"/orders/{order['id']}/cancel/", {}, at)

    def account(self, at: datetime) -> Any:
        return self.json("/accounts/REH000001/", at)

    def position(self, symbol: str, at: datetime) -> Any:
        rows = self.json("/positions/", at)["results"]
        return next((row for row in rows if row["symbol"] == symbol), None)

    def refused(self, at: datetime = OPEN, **changes: str | None) -> Any:
        """What a refused order was answered; it must have been a 400."""
        reply = self.post("/orders/", order_form(**changes), at)
        assert reply.status == 400, reply
        return json.loads(reply.body)

    def ledger(self, at: datetime) -> Any:
        return self.json("/rehearsal/ledger/", at)

    def refresh(self, token: str, at: datetime = OPEN) -> Reply:
        form = f"grant_type=refresh_token&refresh_token={token}&scope=internal".encode()
        headers = {"content-type": FORM_TYPE}
        return self.exchange.handle(Request("POST", "/oauth2/token/", headers, form), at)


def order_form(**changes: str | None) -> dict[str, str]:
    """The form of a limit buy of 100 AAPL at 101; each change sets a field, None leaves it out.

    `symbol` names the instrument. A ref_id is made from the other fields unless one is given.
    """
    symbol = changes.pop("symbol", "AAPL") or "AAPL"
    fields: dict[str, str | None] = {
        "account": "https://api.robinhood.com/accounts/REH000001/",
        "instrument": instrument_link(symbol),
        "symbol": symbol,
        "side": "buy",
        "type": "limit",
        "trigger": "immediate",
        "price": "101.00",
        "quantity": "100",
        "time_in_force": "gfd",
        "market_hours": "regular_hours",
        "extended_hours": "False",
        "order_form_version": "7",
        **changes,
    }
    if "ref_id" not in fields:
        fields["ref_id"] = str(uuid5(NAMESPACE_URL, f"{next(_REFS)}"))
    return {name: text for name, text in fields.items() if text is not None}


STOP: dict[str, str | None] = {
    "side": "sell",
    "type": "market",
    "trigger": "stop",
    "price": None,
    "time_in_force": "gtc",
}
"""What makes an order form a protective stop, but for its `stop_price`."""
MARKET_SELL: dict[str, str | None] = {"side": "sell", "type": "market", "price": None}


def after_open(minutes: float = 0, seconds: float = 0) -> datetime:
    """A moment of DAY's session."""
    return OPEN + timedelta(minutes=minutes, seconds=seconds)
