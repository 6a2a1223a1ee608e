"""The real robin_stocks reads from the exchange over HTTP, as it would from Robinhood."""

from decimal import Decimal

import pytest
from robin_stocks import robinhood
from robin_stocks.robinhood import helper

from support.library import SYMBOLS, Library
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal.faults import FaultRule


def test_quotes(library: Library) -> None:
    """Quotes come with their symbols, prices as text."""
    quotes = robinhood.get_quotes(SYMBOLS)

    assert [quote["symbol"] for quote in quotes] == SYMBOLS
    assert robinhood.get_latest_price(SYMBOLS, includeExtendedHours=False) == [
        "100.000000",
        "100.000000",
    ]


def test_fundamentals(library: Library) -> None:
    """The day's cumulative volume is there, and the rows stand in the request's order."""
    rows = robinhood.get_fundamentals(SYMBOLS)

    assert {row["symbol"]: row["volume"] for row in rows} == {
        "MSFT": f"{30 * 700}.000000",
        "AAPL": f"{30 * 500}.000000",
    }


def test_historicals(library: Library) -> None:
    """Half an hour into the day there are six five-minute bars of each symbol."""
    bars = robinhood.get_stock_historicals(SYMBOLS, interval="5minute", span="day")

    assert len(bars) == 12
    assert {bar["symbol"] for bar in bars} == set(SYMBOLS)
    assert sum(bar["volume"] for bar in bars if bar["symbol"] == "AAPL") == 30 * 500


def test_account_and_portfolio(library: Library) -> None:
    """The profile calls, which leave out the last slash and are redirected, keep their bearer."""
    account = robinhood.load_account_profile("REH000001")
    portfolio = robinhood.load_portfolio_profile("REH000001")

    assert account["cash"] == "25000.0000"
    assert Decimal(portfolio["equity"]) == 25_000 + 6 * Decimal(100)


def test_positions_over_pages(library: Library) -> None:
    """All positions are read through the pages' links."""
    positions = robinhood.get_open_stock_positions("REH000001")

    assert sorted(row["symbol"] for row in positions) == ["AAPL", "MSFT"]
    assert {row["quantity"] for row in positions} == {"3.00000000"}


def test_instruments_and_hours(library: Library) -> None:
    """Instruments by symbol and by address, markets and the hours of a date."""
    (instrument,) = robinhood.get_instruments_by_symbols("AAPL")

    assert robinhood.get_instrument_by_url(instrument["url"]) == instrument
    assert helper.id_for_stock("AAPL") == instrument["id"]
    assert robinhood.get_market_hours("XNYS", "2023-05-25")["opens_at"] == "2023-05-25T13:30:00Z"
    assert len(robinhood.get_markets()) == 2


def test_an_unknown_symbol_is_left_out(library: Library) -> None:
    """The library drops the null row."""
    quotes = robinhood.get_quotes(["AAPL", "NOPE"])

    assert [quote and quote["symbol"] for quote in quotes] == ["AAPL"]


@pytest.mark.parametrize(
    "library", [(FaultRule(fault=menu.PageError(503)),)], indirect=True, ids=["second page fails"]
)
def test_a_failing_second_page_fools_the_library(library: Library) -> None:
    """robin_stocks returns the first page as if it were all: why the daemon reads for itself."""
    assert len(robinhood.get_open_stock_positions("REH000001")) == 1


@pytest.mark.parametrize(
    "library", [(FaultRule(fault=menu.Unauthorized()),)], indirect=True, ids=["session ended"]
)
def test_an_ended_session_looks_like_an_empty_account(library: Library) -> None:
    """A 401 is an empty list in the library: why the daemon reads for itself."""
    assert robinhood.get_open_stock_positions("REH000001") == []
