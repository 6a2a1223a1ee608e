"""Which quotes are believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trading_bot.domain.quote import Quote
from trading_bot.market.quote_check import (
    CheckedQuote,
    QuoteCode,
    QuoteLimits,
    QuoteProblem,
    QuoteTracker,
    check_quote,
)

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
LIMITS = QuoteLimits()


def a_quote(
    last: str | None = "100",
    *,
    bid: str | None = None,
    ask: str | None = None,
    after_s: float = 0,
    traded_after_s: float | None = None,
    is_halted: bool = False,
    has_traded: bool = True,
) -> Quote:
    """A quote around `last`, `after_s` seconds after NOW; bid and ask lie a cent away."""
    middle = Decimal(last) if last is not None else Decimal(100)
    at = NOW + timedelta(seconds=after_s)
    traded_at = at if traded_after_s is None else NOW + timedelta(seconds=traded_after_s)
    return Quote(
        symbol="AAPL",
        bid=middle - Decimal("0.01") if bid is None else Decimal(bid),
        ask=middle + Decimal("0.01") if ask is None else Decimal(ask),
        bid_size=100,
        ask_size=100,
        last=None if last is None else middle,
        last_at=traded_at,
        previous_close=Decimal(99),
        updated_at=at,
        is_halted=is_halted,
        has_traded=has_traded,
    )


def code_of(quote: Quote | None, previous_last: str | None = None) -> str | None:
    previous = None if previous_last is None else Decimal(previous_last)
    problem = check_quote(quote, now=NOW, limits=LIMITS, previous_last=previous)
    return None if problem is None else problem.code


def after(quote: Quote, tracker: QuoteTracker) -> CheckedQuote | QuoteProblem:
    """Take `quote` at its own time."""
    assert quote.updated_at is not None
    return tracker.take(quote, quote.updated_at)


@pytest.mark.parametrize(
    ("quote", "code"),
    [
        (None, "QUOTE_MISSING"),
        (a_quote(None), "QUOTE_MISSING"),
        (replace(a_quote(), bid=None), "QUOTE_MISSING"),
        (replace(a_quote(), updated_at=None), "QUOTE_MISSING"),
        (a_quote(is_halted=True), "QUOTE_HALTED"),
        (a_quote(has_traded=False), "QUOTE_NOT_TRADED"),
        (a_quote(after_s=-15.001), "QUOTE_STALE"),
        (a_quote(after_s=2.001), "QUOTE_FUTURE"),
        (a_quote(bid="0"), "QUOTE_ZERO"),
        (a_quote("0", bid="1", ask="2"), "QUOTE_ZERO"),
        (a_quote(bid="-1"), "QUOTE_ZERO"),
        (a_quote("NaN", bid="1", ask="2"), "QUOTE_ZERO"),
        (a_quote(ask="Infinity"), "QUOTE_ZERO"),
        (a_quote(bid="100.02", ask="100.01"), "QUOTE_CROSSED"),
    ],
)
def test_a_bad_quote_has_one_code(quote: Quote | None, code: str) -> None:
    """Each fault of a quote has its own stable code."""
    assert code_of(quote) == code


@pytest.mark.parametrize(
    "quote",
    [
        a_quote(),
        a_quote(bid="100", ask="100"),
        a_quote(bid="90", ask="110"),
        a_quote(after_s=-15),
        a_quote(after_s=2),
        replace(a_quote(), last_at=None),
        a_quote(traded_after_s=-3_600),
    ],
)
def test_a_usable_quote_passes(quote: Quote) -> None:
    """A locked or a wide quote, one at the limits of age, one whose last trade is old: all fine."""
    assert code_of(quote) is None


def test_a_jump_is_measured_from_the_price_before() -> None:
    """Ten percent either way passes, more does not; without a price before nothing is asked."""
    assert code_of(a_quote("110"), "100") is None
    assert code_of(a_quote("90"), "100") is None
    assert code_of(a_quote("110.01"), "100") == "QUOTE_JUMP"
    assert code_of(a_quote("89.99"), "100") == "QUOTE_JUMP"
    assert code_of(a_quote("500"), None) is None


def test_problems_say_what_was_expected_and_what_came() -> None:
    """A sentence carries the numbers."""
    stale = check_quote(a_quote(after_s=-21.34), now=NOW, limits=LIMITS, previous_last=None)
    jump = check_quote(a_quote("150"), now=NOW, limits=LIMITS, previous_last=Decimal(100))
    crossed = check_quote(a_quote(bid="3", ask="2"), now=NOW, limits=LIMITS, previous_last=None)

    assert stale is not None
    assert stale.text == "the quote of AAPL is 21.3 s old, at most 15 s is allowed"
    assert jump is not None
    assert jump.text == "AAPL moved 50.0% from 100 to 150, more than 10% needs a second quote"
    assert crossed is not None
    assert crossed.text == "the quote of AAPL is crossed: expected bid <= ask, got 3 and 2"


def test_a_believed_quote_has_all_prices() -> None:
    """The checked quote carries what was checked, and when."""
    checked = QuoteTracker(LIMITS).take(a_quote("100", bid="99", ask="101"), NOW)

    assert isinstance(checked, CheckedQuote)
    assert (checked.symbol, checked.bid, checked.ask, checked.last) == ("AAPL", 99, 101, 100)
    assert (checked.mid, checked.spread_pct, checked.checked_at) == (100, 2, NOW)


def test_a_jump_is_believed_when_the_next_quote_confirms_it() -> None:
    """The first quote at a new level is refused, a second one with a later trade there is not."""
    tracker = QuoteTracker(LIMITS, Decimal(100))

    first = after(a_quote("130", after_s=3), tracker)
    second = after(a_quote("131", bid="99", ask="101", after_s=6), tracker)
    third = after(a_quote("132", after_s=9), tracker)

    assert isinstance(first, QuoteProblem)
    assert first.code is QuoteCode.JUMP
    assert isinstance(second, CheckedQuote)
    assert isinstance(third, CheckedQuote)


def test_bid_and_ask_at_the_new_level_confirm_an_old_trade() -> None:
    """No second trade is needed when the market itself stands at the new level."""
    tracker = QuoteTracker(LIMITS, Decimal(100))
    after(a_quote("130", after_s=3, traded_after_s=2), tracker)

    assert isinstance(after(a_quote("130", after_s=6, traded_after_s=2), tracker), CheckedQuote)


def test_a_bad_print_is_never_believed_however_often_repeated() -> None:
    """One print far from the market, repeated with fresh quotes round the old price, stays out."""
    tracker = QuoteTracker(LIMITS, Decimal(100))

    for after_s in (3, 6, 9, 12):
        bad = a_quote("50", bid="99.99", ask="100.01", after_s=after_s, traded_after_s=2)
        assert isinstance(after(bad, tracker), QuoteProblem)
    good = after(a_quote("100.02", after_s=15), tracker)

    assert isinstance(good, CheckedQuote)


def test_the_same_message_twice_confirms_nothing() -> None:
    """A repeated answer of the source is not a second quote."""
    tracker = QuoteTracker(LIMITS, Decimal(100))
    jump = a_quote("130", after_s=0)

    assert isinstance(tracker.take(jump, NOW), QuoteProblem)
    assert isinstance(tracker.take(jump, NOW + timedelta(seconds=3)), QuoteProblem)


def test_only_the_next_quote_can_confirm() -> None:
    """A quote of another fault, or at a third level, in between starts the question anew."""
    tracker = QuoteTracker(LIMITS, Decimal(100))

    after(a_quote("130", after_s=1), tracker)
    assert isinstance(after(a_quote("131", after_s=2, is_halted=True), tracker), QuoteProblem)
    assert isinstance(after(a_quote("131", after_s=3), tracker), QuoteProblem)
    assert isinstance(after(a_quote("160", after_s=4), tracker), QuoteProblem)
    assert isinstance(after(a_quote("161", after_s=5), tracker), CheckedQuote)


def test_a_missing_quote_is_a_problem_for_the_tracker_too() -> None:
    """A symbol the source does not know gives a problem, not an error."""
    problem = QuoteTracker(LIMITS).take(None, NOW)

    assert isinstance(problem, QuoteProblem)
    assert problem.code is QuoteCode.MISSING


@given(st.lists(st.decimals("0.01", "1000", places=2), min_size=1, max_size=40))
def test_no_believed_price_is_far_from_both_neighbours(prices: list[Decimal]) -> None:
    """A believed price is within ten percent of the one believed before, or of the quote before."""
    tracker = QuoteTracker(LIMITS)
    believed: Decimal | None = None
    before: Decimal | None = None

    for i, price in enumerate(prices):
        result = after(a_quote(str(price), bid=str(price), ask=str(price), after_s=i), tracker)
        if isinstance(result, CheckedQuote):
            near = [p for p in (believed, before) if p is not None]
            assert not near or any(abs(price - p) * 10 <= p for p in near)
            believed = price
        before = price


@pytest.mark.parametrize("name", ["quote_age_max_s", "jump_confirm_pct", "jump_max_pct"])
def test_limits_of_nothing_are_refused(name: str) -> None:
    """A limit of zero would refuse everything or nothing, and is refused itself."""
    with pytest.raises(ValidationError):
        QuoteLimits.model_validate({name: 0})
