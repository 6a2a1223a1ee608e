"""The real robin_stocks reads from the exchange over HTTP, as it would from Robinhood."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from robin_stocks import robinhood
from robin_stocks.robinhood import helper
from robin_stocks.robinhood.globals import SESSION

from support.rehearsal import Client, after_open, flat_day
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal.accounts import AccountSettings, HeldShares
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.server import ExchangeServer

SYMBOLS = ["MSFT", "AAPL"]


class _ToLoopback(HTTPAdapter):
    """Sends what is meant for Robinhood to a port of this machine and hides that it did."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        url = request.url or ""
        request.url = urlunsplit(("http", f"127.0.0.1:{self._port}", *urlsplit(url)[2:]))
        try:
            response = super().send(request, *args, **kwargs)
        finally:
            request.url = url
        response.url = url
        return response


class _Library:
    """robin_stocks pointed at an exchange of two symbols and two positions."""

    def __init__(self, *rules: FaultRule) -> None:
        held = tuple(
            HeldShares(symbol=symbol, quantity=Decimal(3), average_price=Decimal("99.5"))
            for symbol in SYMBOLS
        )
        settings = ExchangeSettings(
            account=AccountSettings(held=held), page_size=1, redirects_slashless=True
        )
        days = (flat_day("AAPL", volume=500), flat_day("MSFT", volume=700))
        self.client = Client(*days, settings=settings, rules=rules)
        self.server = ExchangeServer(self.client.exchange)

    def start(self) -> None:
        SESSION.mount("https://", _ToLoopback(self.server.start()))
        SESSION.trust_env = False
        SESSION.headers["X-Rehearsal-Now"] = after_open(30).isoformat()
        helper.update_session("Authorization", f"Bearer {self.client.token}")
        helper.set_login_state(True)


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Iterator[_Library]:
    """A running exchange with the library's global session on it; the session is restored after."""
    headers, mounted = dict(SESSION.headers), SESSION.adapters["https://"]
    one = _Library(*getattr(request, "param", ()))
    one.start()
    yield one
    SESSION.adapters["https://"].close()
    SESSION.mount("https://", mounted)
    SESSION.headers = headers  # type: ignore[assignment]
    helper.set_login_state(False)
    one.server.stop()


def test_quotes(library: _Library) -> None:
    """Quotes come with their symbols, prices as text."""
    quotes = robinhood.get_quotes(SYMBOLS)

    assert [quote["symbol"] for quote in quotes] == SYMBOLS
    assert robinhood.get_latest_price(SYMBOLS, includeExtendedHours=False) == [
        "100.000000",
        "100.000000",
    ]


def test_fundamentals(library: _Library) -> None:
    """The day's cumulative volume is there, and the rows stand in the request's order."""
    rows = robinhood.get_fundamentals(SYMBOLS)

    assert {row["symbol"]: row["volume"] for row in rows} == {
        "MSFT": f"{30 * 700}.000000",
        "AAPL": f"{30 * 500}.000000",
    }


def test_historicals(library: _Library) -> None:
    """Half an hour into the day there are six five-minute bars of each symbol."""
    bars = robinhood.get_stock_historicals(SYMBOLS, interval="5minute", span="day")

    assert len(bars) == 12
    assert {bar["symbol"] for bar in bars} == set(SYMBOLS)
    assert sum(bar["volume"] for bar in bars if bar["symbol"] == "AAPL") == 30 * 500


def test_account_and_portfolio(library: _Library) -> None:
    """The profile calls, which leave out the last slash and are redirected, keep their bearer."""
    account = robinhood.load_account_profile("REH000001")
    portfolio = robinhood.load_portfolio_profile("REH000001")

    assert account["cash"] == "25000.0000"
    assert Decimal(portfolio["equity"]) == 25_000 + 6 * Decimal(100)


def test_positions_over_pages(library: _Library) -> None:
    """All positions are read through the pages' links."""
    positions = robinhood.get_open_stock_positions("REH000001")

    assert sorted(row["symbol"] for row in positions) == ["AAPL", "MSFT"]
    assert {row["quantity"] for row in positions} == {"3.00000000"}


def test_instruments_and_hours(library: _Library) -> None:
    """Instruments by symbol and by address, markets and the hours of a date."""
    (instrument,) = robinhood.get_instruments_by_symbols("AAPL")

    assert robinhood.get_instrument_by_url(instrument["url"]) == instrument
    assert helper.id_for_stock("AAPL") == instrument["id"]
    assert robinhood.get_market_hours("XNYS", "2023-05-25")["opens_at"] == "2023-05-25T13:30:00Z"
    assert len(robinhood.get_markets()) == 2


def test_an_unknown_symbol_is_left_out(library: _Library) -> None:
    """The library drops the null row."""
    quotes = robinhood.get_quotes(["AAPL", "NOPE"])

    assert [quote and quote["symbol"] for quote in quotes] == ["AAPL"]


@pytest.mark.parametrize(
    "library", [(FaultRule(fault=menu.PageError(503)),)], indirect=True, ids=["second page fails"]
)
def test_a_failing_second_page_fools_the_library(library: _Library) -> None:
    """robin_stocks returns the first page as if it were all: why the daemon reads for itself."""
    assert len(robinhood.get_open_stock_positions("REH000001")) == 1


@pytest.mark.parametrize(
    "library", [(FaultRule(fault=menu.Unauthorized()),)], indirect=True, ids=["session ended"]
)
def test_an_ended_session_looks_like_an_empty_account(library: _Library) -> None:
    """A 401 is an empty list in the library: why the daemon reads for itself."""
    assert robinhood.get_open_stock_positions("REH000001") == []
