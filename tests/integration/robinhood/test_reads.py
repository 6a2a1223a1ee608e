"""Quotes, volumes, history, hours, account through the real robin_stocks session over HTTP."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from trading_bot.brokers.robinhood.account import RobinhoodAccount
from trading_bot.brokers.robinhood.quotes import RobinhoodQuoteSource
from trading_bot.domain.errors import ConfigError, DataError, RetryableError

API = "https://api.robinhood.com"
ACCOUNT = "5TEST1234"

MakeLine = Any
RawServer = Any


def answer(body: object, status: int = 200) -> bytes:
    content = json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def quote_row(symbol: str, bid: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "bid_price": bid,
        "ask_price": "200.00",
        "bid_size": 1,
        "ask_size": 1,
        "trading_halted": False,
        "has_traded": True,
        "updated_at": "2026-11-23T14:30:00Z",
        "instrument": f"{API}/instruments/id-{symbol}/",
    }


def instrument_row(symbol: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"id-{symbol}",
        "symbol": symbol,
        "tradeable": True,
        "tradability": "tradable",
    } | changes


def test_all_quotes_come_in_one_request(server: RawServer, make_line: MakeLine) -> None:
    """One GET for all symbols; null and reordered rows find their places."""
    line = make_line()
    server.play(answer({"results": [quote_row("MSFT", "2"), None, quote_row("AAPL", "1")]}))

    quotes = line.run(RobinhoodQuoteSource(line.transport).quotes(["AAPL", "NOPE", "MSFT"]))

    assert len(server.seen) == 1
    assert {s: q and q.bid for s, q in quotes.items()} == {
        "AAPL": Decimal(1),
        "NOPE": None,
        "MSFT": Decimal(2),
    }


def test_poll_is_made_once(server: RawServer, make_line: MakeLine) -> None:
    """A failed poll fails at once: the next poll is its retry."""
    line = make_line()
    server.play(answer({}, 503))

    with pytest.raises(RetryableError):
        line.run(RobinhoodQuoteSource(line.transport).quotes(["AAPL"]))
    assert len(server.seen) == 1


@pytest.mark.parametrize("symbol", ["", "A,B", "A&x=1", "../x", "BRK.B", "aapl", "ÄÖ"])
def test_symbol_that_is_none_is_not_sent(
    server: RawServer, make_line: MakeLine, symbol: str
) -> None:
    """What would change the request is refused before it."""
    line = make_line()

    with pytest.raises(DataError, match="symbol"):
        line.run(RobinhoodQuoteSource(line.transport).quotes([symbol]))
    assert server.seen == []


def test_volumes_are_matched_by_instruments_asked_for_once(
    server: RawServer, make_line: MakeLine
) -> None:
    """Each symbol's instrument is resolved once; a failed look-up is not remembered."""
    line = make_line()
    source = RobinhoodQuoteSource(line.transport)
    failures = [True]

    def script(seen: Any, _connection: Any) -> bytes:
        if seen.target.startswith("/instruments/"):
            if failures and failures.pop():
                return answer({"detail": "No."}, 404)
            symbol = seen.target.rpartition("=")[2]
            rows = [instrument_row(symbol)] if symbol != "NOPE" else []
            return answer({"results": rows, "next": None})
        rows = [
            {"instrument": f"{API}/instruments/id-B/", "volume": "20.000000"},
            {"instrument": f"{API}/instruments/id-A/", "volume": "10.000000"},
        ]
        return answer({"results": rows})

    server.script = script

    with pytest.raises(DataError):
        line.run(source.fundamentals(["A", "B"]))
    for _ in range(2):
        found = line.run(source.fundamentals(["A", "NOPE", "B"]))
        assert {s: f and f.volume for s, f in found.items()} == {"A": 10, "NOPE": None, "B": 20}

    asked = [seen.target for seen in server.seen if seen.target.startswith("/instruments/")]
    assert asked.count("/instruments/?symbol=A") == 2
    assert asked.count("/instruments/?symbol=B") == 1


def test_volumes_after_quotes_need_one_request(server: RawServer, make_line: MakeLine) -> None:
    """Quotes name their instruments, so nothing is looked up before the volumes."""
    line = make_line()
    source = RobinhoodQuoteSource(line.transport)
    volumes = {"results": [{"instrument": f"{API}/instruments/id-A/", "volume": "10.0"}]}
    server.play(answer({"results": [quote_row("A", "1")]}), answer(volumes))

    line.run(source.quotes(["A"]))
    found = line.run(source.fundamentals(["A"]))

    assert found["A"] is not None
    assert found["A"].volume == 10
    assert len(server.seen) == 2


def test_live_instrument_is_preferred_to_a_delisted_namesake(
    server: RawServer, make_line: MakeLine
) -> None:
    """Symbols are used again; two that trade under one name are an error."""
    line = make_line()
    source = RobinhoodQuoteSource(line.transport)
    dead = instrument_row("A", id="dead", tradeable=False)
    server.play(answer({"results": [dead, instrument_row("A"), instrument_row("AA")]}))

    instrument = line.run(source.instrument("A"))

    assert instrument is not None
    assert instrument.id == "id-A"
    server.play(answer({"results": [instrument_row("B"), instrument_row("B", id="other")]}))
    with pytest.raises(DataError, match="got 2"):
        line.run(source.instrument("B"))


@pytest.mark.parametrize(("interval", "span"), [("5minute", "week"), ("day", "year")])
def test_history_asks_for_regular_hours(
    server: RawServer, make_line: MakeLine, interval: Any, span: str
) -> None:
    """A week of five-minute bars or a year of daily ones, in regular hours."""
    line = make_line()
    server.play(answer({"results": [{"symbol": "A", "historicals": []}]}))

    found = line.run(RobinhoodQuoteSource(line.transport).historicals(["A"], interval))

    assert found == {"A": ()}
    target = server.seen[0].target
    assert target.startswith("/quotes/historicals/?")
    assert {f"interval={interval}", f"span={span}", "bounds=regular"} <= set(
        target.partition("?")[2].split("&")
    )


def test_hours_are_those_of_new_york(server: RawServer, make_line: MakeLine) -> None:
    """The day asked for, at the exchange's market code."""
    line = make_line()
    server.play(
        answer(
            {
                "date": "2026-11-27",
                "is_open": True,
                "opens_at": "2026-11-27T14:30:00Z",
                "closes_at": "2026-11-27T18:00:00Z",
            }
        )
    )

    hours = line.run(RobinhoodQuoteSource(line.transport).hours(date(2026, 11, 27)))

    assert server.seen[0].target == "/markets/XNYS/hours/2026-11-27/"
    assert hours.closes_at == datetime(2026, 11, 27, 18, tzinfo=UTC)


def test_account_and_positions_are_those_of_the_number(
    server: RawServer, make_line: MakeLine
) -> None:
    """Only the account named is asked for; zero positions are left out, the rest by symbol."""
    line = make_line()

    def position(symbol: str, quantity: str) -> dict[str, Any]:
        return {
            "symbol": symbol,
            "quantity": quantity,
            "account_number": ACCOUNT,
            "average_buy_price": "1.5",
            "instrument_id": f"id-{symbol}",
        }

    pages = {
        f"/accounts/{ACCOUNT}": {
            "account_number": ACCOUNT,
            "type": "cash",
            "cash": "10",
            "buying_power": "10",
        },
        f"/portfolios/{ACCOUNT}": {"account": f"{API}/accounts/{ACCOUNT}/", "equity": "25"},
        f"/positions/?account_number={ACCOUNT}&nonzero=true": {
            "results": [position("MSFT", "2"), position("ZERO", "0.0000")],
            "next": f"{API}/positions/?cursor=x",
        },
        "/positions/?cursor=x": {"results": [position("AAPL", "1.5")], "next": None},
    }
    server.script = lambda seen, _connection: answer(pages[seen.target])
    account = RobinhoodAccount(line.transport, ACCOUNT, line.clock)

    snapshot = line.run(account.account())
    positions = line.run(account.positions())

    assert (snapshot.equity, snapshot.cash) == (Decimal(25), Decimal(10))
    assert [(p.symbol, p.quantity) for p in positions] == [
        ("AAPL", Decimal("1.5")),
        ("MSFT", Decimal(2)),
    ]


def test_row_of_another_account_spoils_the_answer(server: RawServer, make_line: MakeLine) -> None:
    """One foreign row among ours and nothing is believed."""
    line = make_line()
    rows = [
        {"symbol": "A", "quantity": "1", "account_number": ACCOUNT, "instrument_id": "i"},
        {"symbol": "B", "quantity": "1", "account_number": "5OTHER", "instrument_id": "j"},
    ]
    server.play(answer({"results": rows, "next": None}))

    with pytest.raises(DataError, match="our account"):
        line.run(RobinhoodAccount(line.transport, ACCOUNT, line.clock).positions())


def test_two_rows_of_one_symbol_are_no_position(server: RawServer, make_line: MakeLine) -> None:
    """Adding them up or taking one would be a guess about shares."""
    line = make_line()
    row = {"symbol": "A", "quantity": "1", "account_number": ACCOUNT, "instrument_id": "i"}
    server.play(answer({"results": [row, row], "next": None}))

    with pytest.raises(DataError, match="one row of A"):
        line.run(RobinhoodAccount(line.transport, ACCOUNT, line.clock).positions())


@pytest.mark.parametrize("number", ["", "5A/../5B", "5A?x=1", " 5A", "A" * 40])
def test_account_number_must_be_one(make_line: MakeLine, number: str) -> None:
    """An empty number would mean the default account, which may be another."""
    line = make_line()

    with pytest.raises(ConfigError, match="account number"):
        RobinhoodAccount(line.transport, number, line.clock)
