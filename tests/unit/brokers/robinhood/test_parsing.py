"""Robinhood's rows as domain values: matched by what they say, exact, strict where it decides."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.brokers.robinhood import parsing
from trading_bot.domain.errors import DataError

ACCOUNT = "5TEST1234"
API = "https://api.robinhood.com"


def quote_row(symbol: str = "AAPL", **changes: Any) -> dict[str, Any]:
    return {
        "ask_price": "187.250000",
        "ask_size": 300,
        "bid_price": "187.200000",
        "bid_size": 100,
        "last_trade_price": "187.230000",
        "venue_last_trade_time": "2026-11-23T14:30:01.123456789Z",
        "last_extended_hours_trade_price": None,
        "previous_close": "186.000000",
        "symbol": symbol,
        "trading_halted": False,
        "has_traded": True,
        "updated_at": "2026-11-23T14:30:02Z",
        "instrument": f"{API}/instruments/id-{symbol}/",
        "instrument_id": f"id-{symbol}",
        "state": "active",
    } | changes


def bar_row(begins_at: str = "2026-11-23T14:30:00Z", **changes: Any) -> dict[str, Any]:
    return {
        "begins_at": begins_at,
        "open_price": "1.000000",
        "close_price": "1.100000",
        "high_price": "1.200000",
        "low_price": "0.900000",
        "volume": 1200,
        "session": "reg",
        "interpolated": False,
    } | changes


def position_row(symbol: str = "AAPL", **changes: Any) -> dict[str, Any]:
    return {
        "instrument": f"{API}/instruments/id-{symbol}/",
        "instrument_id": f"id-{symbol}",
        "account": f"{API}/accounts/{ACCOUNT}/",
        "account_number": ACCOUNT,
        "symbol": symbol,
        "quantity": "10.00000000",
        "average_buy_price": "187.2000",
        "shares_held_for_sells": "4.00000000",
    } | changes


NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def account_row(**changes: Any) -> dict[str, Any]:
    return {
        "account_number": ACCOUNT,
        "type": "cash",
        "cash": "1000.0000",
        "unsettled_funds": "300.0000",
        "cash_held_for_orders": "100.0000",
        "buying_power": "900.0000",
    } | changes


def portfolio_row(**changes: Any) -> dict[str, Any]:
    return {"account": f"{API}/accounts/{ACCOUNT}/", "equity": "2872.0000"} | changes


def hours_row(**changes: Any) -> dict[str, Any]:
    return {
        "date": "2026-11-23",
        "is_open": True,
        "opens_at": "2026-11-23T14:30:00Z",
        "closes_at": "2026-11-23T21:00:00Z",
    } | changes


DAY = date(2026, 11, 23)


def test_quote_is_exact_and_timed() -> None:
    """Prices are exact to the last digit that means something, times UTC to the microsecond."""
    quote = parsing.parse_quote(quote_row(ask_price="187.251300"))

    assert (str(quote.bid), str(quote.ask)) == ("187.20", "187.2513")
    assert quote.last_at == datetime(2026, 11, 23, 14, 30, 1, 123456, UTC)
    assert (quote.bid_size, quote.ask_size, quote.instrument_id) == (100, 300, "id-AAPL")
    assert not quote.is_halted


def test_quotes_are_matched_by_their_own_symbol() -> None:
    """The order of the rows and null rows change nothing."""
    page = {"results": [None, quote_row("MSFT", bid_price="400.1"), quote_row("AAPL")]}

    quotes = parsing.parse_quotes(page, ["AAPL", "NOPE", "MSFT"])

    assert list(quotes) == ["AAPL", "NOPE", "MSFT"]
    assert quotes["NOPE"] is None
    assert quotes["MSFT"] is not None
    assert quotes["MSFT"].bid == Decimal("400.1")


@given(st.permutations(["A", "B", "C", "D", "E"]), st.integers(0, 5))
def test_no_order_of_rows_mislabels_a_quote(order: list[str], nulls: int) -> None:
    """Every permutation gives each symbol its own price or none."""
    prices = {"A": "1", "B": "2", "C": "3", "D": "4"}
    rows: list[Any] = [quote_row(s, bid_price=prices[s]) for s in order if s in prices]
    rows[nulls:nulls] = [None]

    quotes = parsing.parse_quotes({"results": rows}, ["A", "B", "C", "D", "E"])

    assert {s: str(q.bid) for s, q in quotes.items() if q is not None} == prices


@pytest.mark.parametrize("rows", [[quote_row("TSLA")], [quote_row(), quote_row()]])
def test_quote_nobody_asked_for_is_refused(rows: list[Any]) -> None:
    """A row of another symbol, and a second row of one, make the whole answer unusable."""
    with pytest.raises(DataError, match="expected"):
        parsing.parse_quotes({"results": rows}, ["AAPL"])


def test_missing_prices_are_none_not_zero() -> None:
    """A quote without a bid has none; checking it is somebody else's job."""
    quote = parsing.parse_quote(
        quote_row(bid_price=None, ask_price="", last_trade_price=None, updated_at=None)
    )

    assert (quote.bid, quote.ask, quote.last, quote.updated_at) == (None, None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"bid_price": 187.2},
        {"bid_price": 187},
        {"bid_price": "NaN"},
        {"bid_price": "1e5"},
        {"bid_price": "1_000"},
        {"bid_price": "1" + 40 * "0" + ".000"},
        {"bid_price": "0." + 40 * "0" + "1"},
        {"ask_price": True},
        {"ask_price": ["1"]},
        {"bid_size": -1},
        {"bid_size": "many"},
        {"bid_size": True},
        {"symbol": None},
        {"symbol": ""},
        {"symbol": 7},
        {"trading_halted": None},
        {"trading_halted": "false"},
        {"has_traded": 1},
        {"updated_at": "yesterday"},
        {"updated_at": "2026-11-23T14:30:00"},
        {"updated_at": 1763908200},
        {"instrument": 5, "instrument_id": None},
    ],
)
def test_wrong_type_names_field_expectation_and_value(changes: dict[str, Any]) -> None:
    """What decides and cannot be read is an error that names the field."""
    field = next(iter(changes))

    with pytest.raises(DataError, match=rf"{field}: expected .*, got "):
        parsing.parse_quote(quote_row(**changes))


def test_unknown_descriptions_degrade() -> None:
    """New states, sessions and sources do not stop the day."""
    quote = parsing.parse_quote(quote_row(state="dancing", last_trade_price_source=7, new={}))
    page = {"results": [{"symbol": "A", "historicals": [bar_row(session="lunch")]}]}
    bar = parsing.parse_historicals(page, ["A"])["A"][0]

    assert quote.symbol == "AAPL"
    assert bar.session == "reg"


def test_fundamentals_are_matched_by_instrument() -> None:
    """Rows without a symbol, in another order and with nulls, find theirs by the instrument."""
    page = {
        "results": [
            {"instrument": f"{API}/instruments/id-B/", "volume": "200.000000"},
            None,
            {"instrument": f"{API}/instruments/id-A/", "volume": "100.5", "average_volume": None},
        ]
    }

    found = parsing.parse_fundamentals(page, {"id-A": "A", "id-B": "B", "id-C": "C"})

    assert {s: f and f.volume for s, f in found.items()} == {"A": 100, "B": 200, "C": None}


@pytest.mark.parametrize(
    "row",
    [
        {"instrument": f"{API}/instruments/id-X/", "volume": "1"},
        {"volume": "1"},
        {"instrument": f"{API}/instruments/id-A/", "volume": "-1"},
        {"instrument": f"{API}/instruments/id-A/", "volume": 1.5},
    ],
)
def test_fundamentals_of_somebody_else_are_refused(row: dict[str, Any]) -> None:
    """Another instrument, none, or a volume that is none."""
    with pytest.raises(DataError, match="expected"):
        parsing.parse_fundamentals({"results": [row]}, {"id-A": "A"})


def test_historicals_keep_interpolated_bars_and_sessions() -> None:
    """Bars come as they are, marked; a symbol without a row has none."""
    page = {
        "results": [
            {
                "symbol": "B",
                "historicals": [
                    bar_row("2026-11-23T12:00:00Z", session="pre"),
                    bar_row("2026-11-23T14:30:00Z", interpolated=True, volume=0),
                ],
            }
        ]
    }

    found = parsing.parse_historicals(page, ["A", "B"])

    assert found["A"] == ()
    assert [(bar.session, bar.is_interpolated) for bar in found["B"]] == [
        ("pre", False),
        ("reg", True),
    ]


@pytest.mark.parametrize(
    "bars",
    [
        None,
        [bar_row("2026-11-23T14:35:00Z"), bar_row("2026-11-23T14:30:00Z")],
        [bar_row(), bar_row()],
        [bar_row(volume="1200")],
        [bar_row(volume=-1)],
        [bar_row(open_price=1.0)],
        [None],
    ],
)
def test_unreadable_history_is_refused(bars: Any) -> None:
    """Bars out of order, twice, or of wrong types are no history."""
    page = {"results": [{"symbol": "A", "historicals": bars}]}

    with pytest.raises(DataError, match="expected"):
        parsing.parse_historicals(page, ["A"])


def test_hours_of_an_open_and_a_closed_day() -> None:
    """Open days have both times, closed ones none whatever stands there."""
    opened = parsing.parse_hours(hours_row(), DAY)
    closed = parsing.parse_hours(hours_row(is_open=False, opens_at=None, closes_at=None), DAY)

    assert opened.closes_at == datetime(2026, 11, 23, 21, tzinfo=UTC)
    assert (closed.is_open, closed.opens_at, closed.closes_at) == (False, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"date": "2026-11-24"},
        {"date": None},
        {"is_open": None},
        {"opens_at": None},
        {"closes_at": "2026-11-23T14:30:00Z"},
    ],
)
def test_hours_of_another_day_or_incomplete_are_refused(changes: dict[str, Any]) -> None:
    """Hours decide whether we trade: nothing is assumed."""
    with pytest.raises(DataError, match="expected"):
        parsing.parse_hours(hours_row(**changes), DAY)


def test_position_of_our_account() -> None:
    """Quantity, holds and price are exact."""
    position = parsing.parse_position(position_row(), ACCOUNT)

    assert (position.quantity, position.held_for_sells) == (Decimal(10), Decimal(4))
    assert position.average_price == Decimal("187.2")


def test_zero_average_price_falls_back_to_the_clearing_cost() -> None:
    """The broker shows 0.0000 on settled positions; that is no price."""
    row = position_row(average_buy_price="0.0000", clearing_average_cost="187.1")

    assert parsing.parse_position(row, ACCOUNT).average_price == Decimal("187.1")
    assert (
        parsing.parse_position(position_row(average_buy_price="0.0000"), ACCOUNT).average_price
        is None
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"account_number": "5OTHER999"},
        {"account_number": None, "account": f"{API}/accounts/5OTHER999/"},
        {"account_number": None, "account": None},
    ],
)
def test_position_of_another_account_is_refused_without_naming_it(changes: dict[str, Any]) -> None:
    """Every row names our account, and no account number gets into the error."""
    with pytest.raises(DataError, match="our account") as caught:
        parsing.parse_position(position_row(**changes), ACCOUNT)
    assert "5OTHER" not in str(caught.value)
    assert ACCOUNT not in str(caught.value)


def test_account_knows_its_settled_cash() -> None:
    """Unsettled money and money held for orders may not be spent."""
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)

    snapshot = parsing.parse_account(account_row(), portfolio_row(), ACCOUNT, now)

    assert snapshot.settled_cash == Decimal(600)
    assert snapshot.held_for_orders == Decimal(100)
    assert (snapshot.cash, snapshot.buying_power) == (Decimal(1000), Decimal(900))
    assert (snapshot.equity, snapshot.at) == (Decimal(2872), now)


def test_margin_account_may_spend_what_is_unsettled_but_no_loan() -> None:
    """There unsettled proceeds may be spent; what is held for orders may not."""
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)

    snapshot = parsing.parse_account(account_row(type="margin"), portfolio_row(), ACCOUNT, now)

    assert snapshot.settled_cash == Decimal(900)


@pytest.mark.parametrize("kind", [None, "", "ira", 7])
def test_account_of_an_unknown_type_is_refused(kind: object) -> None:
    """Which cash may be spent hangs on the type, so it is never guessed."""
    with pytest.raises(DataError, match="type"):
        parsing.parse_account(account_row(type=kind), portfolio_row(), ACCOUNT, NOW)


@pytest.mark.parametrize(
    ("account", "portfolio"),
    [
        ({"cash": None}, {}),
        ({"cash": 1000.0}, {}),
        ({"buying_power": ""}, {}),
        ({"account_number": "5OTHER999"}, {}),
        ({}, {"account": f"{API}/accounts/5OTHER999/"}),
        ({}, {"account": None}),
        ({}, {"equity": None}),
    ],
)
def test_account_that_cannot_be_read_is_refused(
    account: dict[str, Any], portfolio: dict[str, Any]
) -> None:
    """Money is never guessed."""
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)

    with pytest.raises(DataError):
        parsing.parse_account(account_row(**account), portfolio_row(**portfolio), ACCOUNT, now)


def test_instrument_of_unknown_tradability_does_not_trade() -> None:
    """Only what is called tradable is."""
    row = {"id": "i", "symbol": "A", "tradeable": True, "tradability": "tradable", "name": "An A"}

    assert parsing.parse_instrument(row).is_tradable
    assert not parsing.parse_instrument(row | {"tradability": "sometimes"}).is_tradable
    assert not parsing.parse_instrument(row | {"tradeable": None}).is_tradable
    assert parsing.parse_instrument(row | {"min_tick_size": "0.05"}).tick_size == Decimal("0.05")
    assert parsing.parse_instrument(row | {"simple_name": 7}).name == "An A"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "results",
                    "symbol",
                    "bid_price",
                    "instrument",
                    "historicals",
                    "date",
                    "is_open",
                    "x",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)

PARSERS: dict[str, Callable[[Any], object]] = {
    "quotes": lambda page: parsing.parse_quotes(page, ["A"]),
    "fundamentals": lambda page: parsing.parse_fundamentals(page, {"i": "A"}),
    "historicals": lambda page: parsing.parse_historicals(page, ["A"]),
}


@pytest.mark.parametrize("parser", PARSERS)
@given(page=JSON)
def test_whatever_comes_is_a_value_or_a_data_error(parser: str, page: Any) -> None:
    """No JSON makes a parser fail in any other way."""
    try:
        PARSERS[parser](page)
    except DataError:
        return


@given(row=st.dictionaries(st.sampled_from(sorted(quote_row())), JSON))
def test_whatever_a_row_holds_is_a_value_or_a_data_error(row: dict[str, Any]) -> None:
    """Likewise for a row of which any field is replaced."""
    try:
        parsing.parse_quote(quote_row() | row)
        parsing.parse_position(position_row() | row, ACCOUNT)
    except DataError:
        return
