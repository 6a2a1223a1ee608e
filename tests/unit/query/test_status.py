"""What speaks against readiness: each reason alone, and nothing when nothing does."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from trading_bot.query.status import (
    AccountShown,
    BreakerShown,
    BrokerSessionShown,
    DayShown,
    PositionShown,
    QuoteShown,
    QuotesShown,
    SessionHours,
    Snapshot,
    market_words,
    reasons_against,
)

OPEN = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
CLOSE = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def snapshot(**changes: object) -> Snapshot:
    """A daemon that could trade at noon, but for the changes."""
    good = Snapshot(
        at=NOON,
        pid=1,
        mode="paper",
        trading_day=date(2026, 11, 23),
        session=SessionHours(open=OPEN, close=CLOSE),
        quotes=QuotesShown(symbols={"AAPL": QuoteShown(bid="1", ask="2", last="1", age_s=1.0)}),
        account=AccountShown(at=NOON, equity="1", cash="1", buying_power="1"),
        day=DayShown(opening_equity="1"),
    )
    return msgspec.structs.replace(good, **changes)


def test_nothing_against_a_good_daemon() -> None:
    """Account, opening equity and a fresh quote are all it needs."""
    assert reasons_against(snapshot()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stopping": "SIGTERM"}, "stopping: SIGTERM"),
        ({"protect_only": "damaged record"}, "protecting only: damaged record"),
        (
            {"broker_session": BrokerSessionShown(problem="refused (400)")},
            "a person must log in: trading-bot login (refused (400))",
        ),
        (
            {"breakers": [BreakerShown(name="daily_loss", at=NOON, reason="lost 2%")]},
            "breaker daily_loss tripped: lost 2%",
        ),
        (
            {"positions": [PositionShown(symbol="AAPL", held=5, unprotected_s=31.0)]},
            "AAPL without a working sell for 31.0 s",
        ),
        ({"account": None}, "the account has not been read yet"),
        ({"day": DayShown()}, "the account has not been read yet"),
        ({"quotes": QuotesShown()}, "no quote can be used: no symbols"),
        (
            {"quotes": QuotesShown(symbols={"AAPL": QuoteShown(problem="QUOTE_HALTED")})},
            "no quote can be used: QUOTE_HALTED",
        ),
        (
            {"quotes": QuotesShown(symbols={"AAPL": QuoteShown(age_s=61.0)})},
            "the quotes are 1 min 1 s old",
        ),
        (
            {"quotes": QuotesShown(symbols={"AAPL": QuoteShown()})},
            "the quotes are of unknown age",
        ),
        (
            {"quotes": QuotesShown(failed_polls=3, symbols={"AAPL": QuoteShown(age_s=1.0)})},
            "no quotes: 3 polls failed in a row",
        ),
    ],
)
def test_each_reason_alone_is_enough(changes: dict[str, object], reason: str) -> None:
    """And it is the one that is named."""
    assert reasons_against(snapshot(**changes)) == [reason]


def test_one_bad_symbol_of_two_is_no_reason() -> None:
    """The other can still be traded."""
    symbols = {"AAPL": QuoteShown(age_s=1.0), "TSLA": QuoteShown(problem="QUOTE_HALTED")}

    assert reasons_against(snapshot(quotes=QuotesShown(symbols=symbols))) == []


def test_a_closed_market_is_waited_for() -> None:
    """Before the open nothing has been read, and nothing needs to be."""
    early = {"at": OPEN - timedelta(hours=2), "account": None, "quotes": QuotesShown()}

    assert reasons_against(snapshot(**early)) == []
    assert market_words(snapshot(**early)) == ("closed, opens 2026-11-23 09:30-16:00 New York")
    assert market_words(snapshot(at=CLOSE)).startswith("closed, was open")
    assert market_words(snapshot(session=None)) == "closed: no session on 2026-11-23"
    assert market_words(snapshot()).startswith("open (")
