"""Quotes and fundamentals in Robinhood's formats."""

import re
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from support.rehearsal import OPEN, Client, after_open, flat_day

QUOTE_FIELDS = {
    "ask_price", "ask_size", "venue_ask_time", "bid_price", "bid_size", "venue_bid_time",
    "last_trade_price", "venue_last_trade_time", "last_extended_hours_trade_price",
    "last_non_reg_trade_price", "venue_last_non_reg_trade_time", "previous_close",
    "adjusted_previous_close", "previous_close_date", "symbol", "trading_halted", "has_traded",
    "last_trade_price_source", "last_non_reg_trade_price_source", "updated_at", "instrument",
    "instrument_id", "state",
}  # fmt: skip
FUNDAMENTAL_FIELDS = {
    "open", "high", "low", "volume", "overnight_volume", "bounds", "market_date", "average_volume",
    "average_volume_2_weeks", "average_volume_30_days", "high_52_weeks", "high_52_weeks_date",
    "low_52_weeks", "low_52_weeks_date", "dividend_yield", "float", "market_cap", "pb_ratio",
    "pe_ratio", "shares_outstanding", "description", "instrument", "ceo", "headquarters_city",
    "headquarters_state", "sector", "industry", "num_employees", "year_founded",
}  # fmt: skip
PRICE = re.compile(r"\d+\.\d{6}")
NANOS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


def test_a_quote_has_the_fields_and_formats_of_the_api() -> None:
    """Prices are text with six decimals, sizes whole numbers, times ISO with Z, links absolute."""
    (quote,) = Client(flat_day()).json("/quotes/?symbols=AAPL", after_open(1, 20))["results"]

    assert set(quote) == QUOTE_FIELDS
    for name in ("ask_price", "bid_price", "last_trade_price", "previous_close"):
        assert PRICE.fullmatch(quote[name]), name
    for name in ("venue_ask_time", "venue_bid_time", "venue_last_trade_time"):
        assert NANOS.fullmatch(quote[name]), name
    assert type(quote["ask_size"]) is type(quote["bid_size"]) is int
    assert quote["venue_last_trade_time"] == "2023-05-25T13:31:15.000000000Z"
    assert quote["updated_at"] == "2023-05-25T13:31:20Z"
    assert str(UUID(quote["instrument_id"])) == quote["instrument_id"]
    assert quote["instrument"] == (
        f"https://api.robinhood.com/instruments/{quote['instrument_id']}/"
    )
    assert (quote["trading_halted"], quote["has_traded"]) == (False, True)


def test_quotes_come_in_the_order_asked_with_null_for_the_unknown() -> None:
    """One row a symbol, in the request's order, whatever the exchange's own order is."""
    client = Client(flat_day("AAPL"), flat_day("MSFT"))

    results = client.json("/quotes/?symbols=MSFT,NOPE,AAPL")["results"]

    assert [row and row["symbol"] for row in results] == ["MSFT", None, "AAPL"]


def test_one_quote_by_symbol_or_instrument_id() -> None:
    """The single forms answer the same object as the list."""
    client = Client(flat_day())
    (listed,) = client.json("/quotes/?symbols=AAPL")["results"]

    assert client.json("/quotes/AAPL/") == listed
    assert client.json(f"/marketdata/quotes/{listed['instrument_id']}/") == listed
    assert client.get("/quotes/NOPE/").status == 404


def test_quotes_move_with_the_time_asked_for_and_back() -> None:
    """The answer depends on the time asked for, not on the requests before."""
    client = Client(flat_day(special={5: "100.00 110.00 95.00 105.00"}))
    moments = [after_open(5, s) for s in (0, 15, 30, 45)] + [after_open(5, 15)]

    prices = [
        client.json("/quotes/?symbols=AAPL", at)["results"][0]["last_trade_price"] for at in moments
    ]

    assert [Decimal(price) for price in prices] == [100, 95, 110, 105, 95]


def test_a_symbol_is_required() -> None:
    """A request without symbols is a 400 that names the field."""
    for path in ("/quotes/", "/fundamentals/", "/quotes/historicals/"):
        reply = Client(flat_day()).get(path)
        assert reply.status == 400
        assert reply.body == b'{"symbols":["This field is required."]}'


def test_fundamentals_have_the_day_s_volume_so_far() -> None:
    """Volume is the day's cumulative count as text, zero before the first trade."""
    client = Client(flat_day(volume=900))

    (row,) = client.json("/fundamentals/?symbols=AAPL", after_open(2))["results"]

    assert set(row) == FUNDAMENTAL_FIELDS
    assert row["volume"] == "1800.000000"
    assert row["market_date"] == "2023-05-25"
    assert row["average_volume"] is None
    assert client.json("/fundamentals/AAPL/", after_open(-1))["volume"] == "0.000000"


def test_fundamentals_average_the_days_before() -> None:
    """On the second day the average volume is the first day's."""
    client = Client(flat_day(volume=900), flat_day(day=date(2023, 5, 26), volume=10))

    row = client.json("/fundamentals/AAPL/", OPEN + timedelta(days=1, seconds=50))

    assert row["average_volume"] == f"{900 * 390}.000000"
    assert row["volume"] == "10.000000"
    assert row["high_52_weeks"] == "100.200000"


@pytest.mark.parametrize(("count", "status"), [(100, 200), (101, 400)])
def test_fundamentals_take_a_hundred_symbols(count: int, status: int) -> None:
    """More than a hundred symbols in one request are refused."""
    symbols = ",".join(f"S{i}" for i in range(count))

    assert Client(flat_day()).get(f"/fundamentals/?symbols={symbols}").status == status


def test_a_made_up_day_says_so() -> None:
    """The label is on every reply and in what describes the company."""
    made, real = Client(flat_day(is_made_up=True)), Client(flat_day())

    assert made.get("/quotes/?symbols=AAPL").headers["X-Rehearsal-Day"] == "made-up"
    assert "MADE UP" in made.json("/fundamentals/AAPL/")["description"]
    assert "MADE UP" in made.json("/instruments/?symbol=AAPL")["results"][0]["name"]
    assert real.get("/quotes/?symbols=AAPL").headers["X-Rehearsal-Day"] == "recorded"


def test_replies_carry_the_virtual_date() -> None:
    """The Date header is the time played, as the daemon's look-up windows need it."""
    reply = Client(flat_day()).get("/quotes/?symbols=AAPL", OPEN)

    assert reply.headers["Date"] == "Thu, 25 May 2023 13:30:00 GMT"


def test_polls_rebuild_the_bars() -> None:
    """Polling quotes and volume at the four seconds gives back prices and volume of each minute."""
    special = {i: f"{100 + i}.00 {102 + i}.50 {99 + i}.25 {101 + i}.75" for i in range(30)}
    client = Client(flat_day(special=special, volume=1234))
    before = 0
    for minute in range(30):
        told = [
            Decimal(
                client.json("/quotes/?symbols=AAPL", after_open(minute, s))["results"][0][
                    "last_trade_price"
                ]
            )
            for s in (0, 15, 30, 45)
        ]
        volume = int(Decimal(client.json("/fundamentals/AAPL/", after_open(minute + 1))["volume"]))
        rebuilt = (told[0], max(told), min(told), told[-1])
        assert rebuilt == tuple(map(Decimal, special[minute].split()))
        assert volume - before == 1234
        before = volume
