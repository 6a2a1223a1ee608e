"""The fault menu and its script: each fault does what it says, when it is told to."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.rehearsal import Client, after_open, flat_day
from trading_bot.domain.errors import DataError
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal.accounts import AccountSettings, HeldShares
from trading_bot.rehearsal.exchange import ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule, load_rules
from trading_bot.rehearsal.wire import CutOff, Hang, Reply, Reset, Slow

QUOTES = "/quotes/?symbols=AAPL,MSFT"
AT = after_open(10, 50)


def _client(*rules: FaultRule) -> Client:
    held = tuple(
        HeldShares(symbol=symbol, quantity=Decimal(1), average_price=Decimal(1))
        for symbol in ("AAPL", "MSFT")
    )
    settings = ExchangeSettings(account=AccountSettings(held=held), page_size=1)
    return Client(flat_day("AAPL"), flat_day("MSFT"), settings=settings, rules=rules)


def _with(fault: menu.AnyFault, **when: Any) -> Client:
    return _client(FaultRule(fault=fault, **when))


def _rows(fault: menu.AnyFault, **when: Any) -> Any:
    return _with(fault, **when).json(QUOTES, AT)["results"]


def _healthy(target: str = QUOTES) -> Reply:
    return _client().get(target, AT)


def test_a_session_ends_in_mid_run() -> None:
    """401 with the API's words, once; then all is well again."""
    client = _with(menu.Unauthorized(), count=1)

    first, second = client.get(QUOTES, AT), client.get(QUOTES, AT)

    assert (first.status, first.body) == (401, b'{"detail":"Invalid token."}')
    assert second == _healthy()
    assert client.faults.fired == (1,)


def test_throttled_with_the_wait_named() -> None:
    """429 with Retry-After and the wait in the text."""
    reply = _with(menu.Throttled(retry_after_s=14)).get(QUOTES, AT)

    assert reply.status == 429
    assert reply.headers["Retry-After"] == "14"
    assert json.loads(reply.body)["detail"] == (
        "Request was throttled. Expected available in 14 seconds."
    )


def test_throttled_without_a_wait() -> None:
    """429 without Retry-After."""
    reply = _with(menu.Throttled()).get(QUOTES, AT)

    assert reply.status == 429
    assert "Retry-After" not in reply.headers


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_is_a_page(status: int) -> None:
    """HTML with the status, whatever was asked."""
    reply = _with(menu.ServerError(status)).get(QUOTES, AT)

    assert reply.status == status
    assert reply.content_type.startswith("text/html")
    assert reply.body.startswith(b"<html>")


def test_a_page_where_json_belongs() -> None:
    """200 and HTML."""
    reply = _with(menu.HtmlPage()).get(QUOTES, AT)

    assert reply.status == 200
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(reply.body)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (menu.Hangs(30.0), Hang(30.0)),
        (menu.SlowBody(4.0), Slow(4.0)),
        (menu.ResetConnection(), Reset(None)),
        (menu.ResetConnection(10), Reset(10)),
        (menu.BodyCutOff(5), CutOff(5)),
    ],
)
def test_transport_faults_leave_the_answer_whole(fault: menu.AnyFault, expected: object) -> None:
    """The body is right; what the door does to it is named in the reply."""
    reply = _with(fault).get(QUOTES, AT)

    assert reply.fault == expected
    assert replace(reply, fault=None) == _healthy()


def test_truncated_json() -> None:
    """A body that ends in the middle of its JSON."""
    reply = _with(menu.TruncatedJson(30)).get(QUOTES, AT)

    assert reply.body == _healthy().body[:30]


def test_a_skewed_clock() -> None:
    """The Date header is ahead; nothing else is."""
    reply = _with(menu.SkewedClock(90.0)).get(QUOTES, AT)

    assert reply.headers["Date"] == "Thu, 25 May 2023 13:42:20 GMT"
    assert reply.body == _healthy().body


def test_results_in_another_order() -> None:
    """The same rows, reversed; answers without rows are left alone."""
    client = _with(menu.Reordered())

    assert [row["symbol"] for row in client.json(QUOTES, AT)["results"]] == ["MSFT", "AAPL"]
    assert client.get("/quotes/AAPL/", AT) == _healthy("/quotes/AAPL/")


def test_the_second_page_fails() -> None:
    """The first page is fine and names a next one, which is a 503."""
    client = _with(menu.PageError())
    link = client.json("/positions/?nonzero=true", AT)["next"]

    assert client.get(link.removeprefix("https://api.robinhood.com"), AT).status == 503


def test_next_leads_to_another_host() -> None:
    """The link of a page leads away from the API; replies without pages are left alone."""
    client = _with(menu.ForeignNext("pages.example.com"))

    assert client.json("/positions/", AT)["next"].startswith("https://pages.example.com/")
    assert client.get(QUOTES, AT) == _healthy()
    assert client.get("/nothing/", AT).status == 404


def test_next_leads_in_a_circle() -> None:
    """Every page's link is the same."""
    client = _with(menu.NextLoop())

    link = client.json("/positions/?nonzero=true", AT)["next"]
    again = client.json(link.removeprefix("https://api.robinhood.com"), AT)["next"]

    assert link == again == "https://api.robinhood.com/positions/?nonzero=true"


def test_a_null_quote() -> None:
    """Null for the rule's symbol alone; the single form is a 404."""
    fault, client = menu.NullQuote(), _with(menu.NullQuote(), symbol="AAPL")

    rows = client.json(QUOTES, AT)["results"]

    assert rows[0] is None
    assert rows[1]["symbol"] == "MSFT"
    assert client.get("/quotes/AAPL/", AT).status == 404
    assert client.get("/quotes/MSFT/", AT).status == 200
    assert _rows(fault) == [None, None]


def test_a_stale_quote() -> None:
    """All of the quote's times lie back by the age; its prices are unchanged."""
    stale, _ = _rows(menu.StaleQuote(600.0))
    fresh = json.loads(_healthy().body)["results"][0]

    assert fresh["updated_at"] == "2023-05-25T13:40:50Z"
    assert stale["updated_at"] == "2023-05-25T13:30:50Z"
    assert stale["venue_bid_time"] == "2023-05-25T13:30:50.000000000Z"
    assert stale["last_trade_price"] == fresh["last_trade_price"]


def test_a_zero_quote() -> None:
    """Bid and ask are zero."""
    row, _ = _rows(menu.ZeroQuote())

    assert (row["bid_price"], row["ask_price"], row["bid_size"]) == ("0.000000", "0.000000", 0)


def test_a_crossed_quote() -> None:
    """The bid is above the ask."""
    row, _ = _rows(menu.CrossedQuote())

    assert Decimal(row["bid_price"]) > Decimal(row["ask_price"])


def test_a_halted_quote() -> None:
    """trading_halted is true for the rule's symbol only."""
    rows = _rows(menu.HaltedQuote(), symbol="MSFT")

    assert [row["trading_halted"] for row in rows] == [False, True]


def test_a_price_jump() -> None:
    """Last, bid and ask are multiplied."""
    row, _ = _rows(menu.PriceJump("0.5"))
    fresh = json.loads(_healthy().body)["results"][0]

    for name in ("last_trade_price", "bid_price", "ask_price"):
        assert Decimal(row[name]) * 2 == Decimal(fresh[name])


def test_quote_faults_leave_other_answers_alone() -> None:
    """Fundamentals, historicals and unknown symbols are untouched and count nothing."""
    client = _with(menu.NullQuote())

    for target in ("/fundamentals/?symbols=AAPL", "/quotes/historicals/?symbols=AAPL"):
        assert client.get(target, AT) == _healthy(target)
    assert client.faults.fired == (0,)
    assert client.json("/quotes/?symbols=NOPE", AT)["results"] == [None]


def test_a_refresh_is_refused_or_wants_a_human() -> None:
    """A refused refresh rotates nothing; one that wants a human says so with a workflow."""
    refused = _with(menu.Unauthorized(), path="/oauth2/token/", count=1)
    human = _with(menu.HumanNeeded())
    token = refused.session.refresh_token

    assert refused.refresh(token, AT).status == 401
    assert refused.get(QUOTES, AT).status == 200
    assert refused.refresh(token, AT).status == 200
    assert human.refresh(token, AT).status == 403
    assert "verification_workflow" in json.loads(human.refresh(token, AT).body)
    assert human.get(QUOTES, AT).status == 200


def test_a_refresh_whose_answer_is_lost_has_rotated() -> None:
    """A reset after the exchange took the request leaves the client with a void pair."""
    client = _with(menu.ResetConnection(), path="/oauth2/token/")

    assert client.refresh(client.session.refresh_token, AT).fault == Reset(None)
    assert client.get(QUOTES, AT).status == 401


@pytest.mark.parametrize(
    ("when", "offset_s", "status"),
    [
        ({"since": AT}, -1, 200),
        ({"since": AT}, 0, 429),
        ({"until": AT}, -1, 429),
        ({"until": AT}, 0, 200),
        ({"path": "/quotes/"}, 0, 429),
        ({"path": "/quo*"}, 0, 429),
        ({"path": "/fundamentals/*"}, 0, 200),
        ({"symbol": "MSFT"}, 0, 429),
        ({"symbol": "TSLA"}, 0, 200),
        ({"count": 0}, 0, 200),
    ],
)
def test_a_rule_fires_only_when_all_allow_it(
    when: Mapping[str, Any], offset_s: int, status: int
) -> None:
    """Window (first moment in, last out), path, symbol and count can each keep a rule back."""
    client = _with(menu.Throttled(), **when)

    assert client.get(QUOTES, AT + timedelta(seconds=offset_s)).status == status


def test_the_first_that_stands_in_wins_and_only_it_counts() -> None:
    """Of two faults that answer in the exchange's place the first one does, until it is used up."""
    client = _client(
        FaultRule(fault=menu.Hangs(5.0)),
        FaultRule(fault=menu.Throttled(), count=1),
        FaultRule(fault=menu.ServerError(500), count=1),
    )

    replies = [client.get(QUOTES, AT) for _ in range(3)]

    assert [reply.status for reply in replies] == [429, 500, 200]
    assert [reply.fault for reply in replies] == [None, None, Hang(5.0)]
    assert client.faults.fired == (1, 1, 1)


def test_faults_that_spoil_add_up() -> None:
    """A crossed quote in a slow body is both."""
    client = _client(FaultRule(fault=menu.CrossedQuote()), FaultRule(fault=menu.SlowBody(2.0)))

    reply = client.get(QUOTES, AT)

    row = json.loads(reply.body)["results"][0]
    assert Decimal(row["bid_price"]) > Decimal(row["ask_price"])
    assert reply.fault == Slow(2.0)


def test_a_fault_leaves_what_another_spoiled() -> None:
    """After a body was cut, faults that look into it leave it as it is."""
    spoilers = (menu.TruncatedJson(9), menu.Reordered(), menu.NextLoop(), menu.NullQuote())

    reply = _client(*(FaultRule(fault=fault) for fault in spoilers)).get(QUOTES, AT)

    assert reply.body == _healthy().body[:9]


def test_a_script_is_read_from_json(tmp_path: Path) -> None:
    """Every field of a rule and the fault's own are read; times carry their zone."""
    path = tmp_path / "faults.json"
    path.write_text(
        '[{"since": "2023-05-25T14:00:00Z", "until": "2023-05-25T14:05:00Z", "path": "/quotes/*",'
        ' "symbol": "AAPL", "count": 3, "fault": {"kind": "throttled", "retry_after_s": 5}},'
        ' {"fault": {"kind": "null_quote"}}]'
    )

    first, second = load_rules(path)

    assert first.fault == menu.Throttled(retry_after_s=5)
    assert first.since == datetime.fromisoformat("2023-05-25T14:00:00+00:00")
    assert (first.path, first.symbol, first.count) == ("/quotes/*", "AAPL", 3)
    assert second == FaultRule(fault=menu.NullQuote())


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[",
        '[{"fault": {"kind": "earthquake"}}]',
        '[{"fault": {"kind": "hang"}}]',
        '[{"fault": {"kind": "hang", "seconds": "5"}}]',
        '[{"fault": {"kind": "reset"}, "when": 1}]',
        '[{"fault": {"kind": "reset", "how": 1}}]',
        '[{"fault": {"kind": "reset"}, "since": "2023-05-25T14:00:00"}]',
    ],
)
def test_a_bad_script_is_refused(tmp_path: Path, text: str) -> None:
    """Unknown kinds, missing, mistyped or unknown fields and times without a zone are named."""
    path = tmp_path / "faults.json"
    path.write_text(text)

    with pytest.raises(DataError, match=r"faults\.json"):
        load_rules(path)
