"""The exchange's doors: auth, instruments, markets, account, and honest refusals."""

import base64
import json
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from support.rehearsal import CALENDAR, OPEN, Client, after_open, flat_day, minute_bar
from trading_bot.rehearsal.accounts import AccountSettings, HeldShares
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.wire import Request

READS = [
    "/quotes/?symbols=AAPL",
    "/quotes/AAPL/",
    "/fundamentals/?symbols=AAPL",
    "/quotes/historicals/?symbols=AAPL",
    "/instruments/?symbol=AAPL",
    "/markets/",
    "/markets/XNYS/",
    "/markets/XNYS/hours/2023-05-25/",
    "/accounts/?default_to_all_accounts=true",
    "/accounts/REH000001/",
    "/accounts/REH000001",
    "/accounts/REH000001/recent_day_trades/",
    "/portfolios/",
    "/portfolios/REH000001",
    "/positions/?nonzero=true",
    "/orders/",
]
HELD = (
    HeldShares(symbol="AAPL", quantity=Decimal(10), average_price=Decimal("90.5")),
    HeldShares(symbol="MSFT", quantity=Decimal("0.5"), average_price=Decimal(200)),
    HeldShares(symbol="TSLA", quantity=Decimal(0), average_price=Decimal(0)),
)


def _holding(**account: object) -> Client:
    settings = ExchangeSettings(
        account=AccountSettings(held=HELD, **account),  # type: ignore[arg-type]
        page_size=1,
    )
    days = (flat_day("AAPL"), flat_day("MSFT"), flat_day("TSLA"))
    return Client(*days, settings=settings)


@pytest.mark.parametrize("target", READS)
def test_every_read_wants_a_token(target: str) -> None:
    """Without credentials, with others or with a wrong token: 401 in the API's words."""
    client = Client(flat_day())

    def reply(headers: dict[str, str]) -> tuple[int, bytes]:
        answer = client.exchange.handle(Request("GET", target, headers), OPEN)
        return answer.status, answer.body

    missing = b'{"detail":"Authentication credentials were not provided."}'
    wrong = b'{"detail":"Invalid token."}'
    assert reply({}) == (401, missing)
    assert reply({"authorization": "Token x"}) == (401, wrong)
    assert reply({"authorization": "Bearer x.y.z"}) == (401, wrong)
    assert reply({"authorization": "Bearer é"}) == (401, wrong)
    assert reply({"authorization": f"Bearer {client.session.refresh_token}"}) == (401, wrong)


def test_the_token_is_a_jwt_that_says_when_it_ends() -> None:
    """Three parts, longer than 255 characters, with the end of its life in `exp`."""
    session = Client(flat_day()).session

    payload = session.access_token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))

    assert len(session.access_token) > 255
    assert claims["exp"] == int(session.expires_at.timestamp())


def test_a_token_ends() -> None:
    """At the end of its life a token is invalid."""
    client = Client(flat_day(), settings=ExchangeSettings(access_life=timedelta(hours=1)))

    assert client.get("/quotes/?symbols=AAPL", after_open(59, 59)).status == 200
    assert client.get("/quotes/?symbols=AAPL", after_open(60)).status == 401


def test_a_refresh_rotates_both_tokens() -> None:
    """The new pair works, the old one is void: access and refresh token alike."""
    client = Client(flat_day())
    old = client.session

    answer = json.loads(client.refresh(old.refresh_token).body)

    assert answer["token_type"] == "Bearer"
    assert answer["scope"] == "internal"
    assert answer["expires_in"] == 7 * 24 * 3600
    assert client.get("/quotes/?symbols=AAPL").status == 401
    client.token = answer["access_token"]
    assert client.get("/quotes/?symbols=AAPL").status == 200
    assert client.refresh(old.refresh_token).status == 401
    assert client.refresh(answer["refresh_token"]).status == 200


def test_an_exchange_started_again_knows_its_tokens() -> None:
    """A token issued before a restart is taken, and voids the ones before it."""
    first = Client(flat_day())
    newer = json.loads(first.refresh(first.session.refresh_token).body)["access_token"]

    second = Client(flat_day())
    assert second.get("/quotes/?symbols=AAPL").status == 200
    second.token = newer
    assert second.get("/quotes/?symbols=AAPL").status == 200
    second.token = first.session.access_token
    assert second.get("/quotes/?symbols=AAPL").status == 401


def test_an_exchange_of_another_seed_does_not() -> None:
    """Tokens open only the exchange of their seed."""
    other = Client(flat_day(), settings=ExchangeSettings(seed=2))
    other.token = Client(flat_day()).token

    assert other.get("/quotes/?symbols=AAPL").status == 401


def test_unknown_paths_and_methods_are_refused() -> None:
    """404 in the API's words; 405 for a write where only reads are."""
    client = Client(flat_day())
    headers = {"authorization": f"Bearer {client.token}"}

    assert client.get("/nothing/here/").body == b'{"detail":"Not found."}'
    assert client.exchange.handle(Request("POST", "/quotes/", headers), OPEN).status == 405


def test_an_instrument_by_symbol_and_by_id() -> None:
    """A symbol's page has its instrument, an unknown symbol's is empty, and the id leads back."""
    client = Client(flat_day())

    found = client.json("/instruments/?symbol=AAPL")
    (instrument,) = found["results"]

    assert (found["next"], found["previous"]) == (None, None)
    assert instrument["symbol"] == "AAPL"
    assert instrument["tradability"] == "tradable"
    assert instrument["tradeable"] is True
    assert instrument["min_tick_size"] is None
    assert client.json(f"/instruments/{instrument['id']}/") == instrument
    assert client.json("/instruments/?symbol=NOPE")["results"] == []
    assert client.get("/instruments/00000000-0000-0000-0000-000000000000/").status == 404


def test_the_hours_of_a_winter_day() -> None:
    """Opens 14:30Z, closes 21:00Z, extended 12:00Z to 01:00Z, as captured from the API."""
    hours = Client(flat_day()).json("/markets/XNYS/hours/2025-11-25/")

    assert hours["date"] == "2025-11-25"
    assert hours["is_open"] is True
    assert hours["opens_at"] == "2025-11-25T14:30:00Z"
    assert hours["closes_at"] == "2025-11-25T21:00:00Z"
    assert hours["extended_opens_at"] == "2025-11-25T12:00:00Z"
    assert hours["extended_closes_at"] == "2025-11-26T01:00:00Z"
    assert hours["all_day_opens_at"] == "2025-11-25T01:00:00Z"
    assert hours["all_day_closes_at"] == "2025-11-26T01:00:00Z"
    assert hours["next_open_hours"].endswith("/markets/XNYS/hours/2025-11-26/")
    assert hours["previous_open_hours"].endswith("/markets/XNYS/hours/2025-11-24/")


def test_a_holiday_has_no_hours() -> None:
    """Thanksgiving: not open, all times null."""
    client = Client(flat_day())

    hours = client.json("/markets/XNAS/hours/2025-11-27/")

    assert hours["is_open"] is False
    assert {hours[name] for name in hours if name.endswith("s_at")} == {None}
    assert hours["next_open_hours"].endswith("/2025-11-28/")


def test_an_early_close_shows_in_closes_at() -> None:
    """The day after Thanksgiving closes at 13:00 New York time."""
    reply = Client(flat_day()).get("/markets/XNYS/hours/2025-11-28/")

    assert json.loads(reply.body)["closes_at"] == "2025-11-28T18:00:00Z"
    assert reply.headers["cache-control"] == "max-age=60, private"


@pytest.mark.parametrize("path", ["/markets/XXXX/hours/2025-11-28/", "/markets/XXXX/"])
def test_an_unknown_market_is_not_found(path: str) -> None:
    """404 for a market code the exchange does not know."""
    assert Client(flat_day()).get(path).status == 404


def test_a_bad_date_is_refused() -> None:
    """400 for what is no date or lies before the calendar."""
    client = Client(flat_day())

    assert client.get("/markets/XNYS/hours/today/").status == 400
    assert client.get("/markets/XNYS/hours/1850-01-02/").status == 400


def test_markets_are_listed() -> None:
    """The list names both exchanges with their codes and zone."""
    rows = Client(flat_day()).json("/markets/")["results"]

    assert [row["mic"] for row in rows] == ["XNYS", "XNAS"]
    assert {row["timezone"] for row in rows} == {"US/Eastern"}


def test_the_account_is_the_same_by_every_road() -> None:
    """The list, the address with and without the last slash give one account."""
    client = Client(flat_day())
    (account,) = client.json("/accounts/?default_to_all_accounts=true")["results"]

    assert client.json("/accounts/REH000001/") == account
    assert client.json("/accounts/REH000001") == account
    assert account["type"] == "cash"
    assert account["cash"] == account["buying_power"] == "25000.0000"
    assert account["margin_balances"] is None
    assert client.get("/accounts/OTHER/").status == 404
    assert client.get("/portfolios/OTHER").status == 404


def test_a_slashless_address_can_be_moved() -> None:
    """In that mode the account without its last slash is a 301 to the address with it."""
    client = Client(flat_day(), settings=ExchangeSettings(redirects_slashless=True))

    reply = client.get("/accounts/REH000001")

    assert reply.status == 301
    assert reply.headers["Location"] == "https://api.robinhood.com/accounts/REH000001/"
    assert client.get("/accounts/REH000001/").status == 200


def test_a_margin_account_has_its_balances() -> None:
    """Margin balances are there for a margin account and null the other way round."""
    account = _holding(kind="margin").json("/accounts/REH000001/")

    assert account["margin_balances"]["day_trade_buying_power"] == "25000.0000"
    assert account["cash_balances"] is None


def test_the_portfolio_is_valued_at_the_last_prices() -> None:
    """Equity is cash plus shares at their last regular price."""
    portfolio = _holding().json("/portfolios/REH000001/", after_open(0, 50))

    assert Decimal(portfolio["market_value"]) == Decimal("10.5") * Decimal("100.10")
    assert Decimal(portfolio["equity"]) == 25_000 + Decimal("10.5") * Decimal("100.10")
    assert portfolio["extended_hours_equity"] is None
    assert portfolio["account"] == "https://api.robinhood.com/accounts/REH000001/"


def test_the_portfolio_knows_the_extended_price() -> None:
    """In the morning extended equity moves, the core equity does not."""
    before = minute_bar(OPEN - timedelta(minutes=30), "110.00 110.00 110.00 110.00")
    account = AccountSettings(held=HELD[:1])
    client = Client(
        flat_day(day=date(2023, 5, 24)),
        flat_day(extended=[before]),
        settings=ExchangeSettings(account=account),
    )

    portfolio = client.json("/portfolios/REH000001/", after_open(-5))

    assert Decimal(portfolio["equity"]) == 26_001
    assert Decimal(portfolio["extended_hours_equity"]) == 26_100


def test_positions_come_in_pages() -> None:
    """Each page links to the next by a cursor on the same path and keeps the query."""
    client = _holding()
    target = "/positions/?nonzero=true&account_number=REH000001"
    symbols = []
    while target:
        page = client.json(target)
        symbols += [row["symbol"] for row in page["results"]]
        link = page["next"] or ""
        assert not link or link.startswith("https://api.robinhood.com/positions/?nonzero=true&")
        target = link.removeprefix("https://api.robinhood.com")

    assert symbols == ["AAPL", "MSFT"]
    assert client.get("/positions/?cursor=%%%").status == 404
    assert client.get("/positions/?cursor=YQ==").status == 404
    assert client.get("/positions/?account_number=OTHER").status == 400


def test_a_position_in_the_formats_of_the_api() -> None:
    """Quantities are text with eight decimals, prices text, links absolute."""
    row = _holding().json("/positions/?nonzero=true")["results"][0]

    assert row["quantity"] == "10.00000000"
    assert row["average_buy_price"] == "90.5000"
    assert row["account_number"] == "REH000001"
    assert row["shares_held_for_sells"] == "0.00000000"
    assert re.fullmatch(r"https://api.robinhood.com/instruments/[0-9a-f-]{36}/", row["instrument"])


def test_a_settled_position_may_show_no_average_price() -> None:
    """The API's own flaw on demand: average 0.0000, the clearing cost right."""
    row = _holding(has_zero_average_price=True).json("/positions/?nonzero=true")["results"][0]

    assert row["average_buy_price"] == "0.0000"
    assert Decimal(row["clearing_average_cost"]) == Decimal("90.5")
    assert Decimal(row["clearing_cost_basis"]) == 905


def test_the_summary_counts_gaps() -> None:
    """What is played is told with the regular minutes that have no bar."""
    exchange = Exchange(made_up_days(7, CALENDAR, symbols=["ZZA", "ZZF"]), CALENDAR)

    assert exchange.summary() == {
        "bars": "made-up",
        "days": ["2024-07-02", "2024-07-03"],
        "symbols": ["ZZA", "ZZF"],
        "gaps": {"ZZF 2024-07-02": 17, "ZZF 2024-07-03": 6},
    }


def test_the_same_requests_get_the_same_bytes() -> None:
    """Two exchanges of the same days and seed answer alike, ids and tokens included."""
    one, other = Client(flat_day()), Client(flat_day())

    assert one.token == other.token
    for target in READS:
        assert one.get(target, after_open(7)) == other.get(target, after_open(7))
