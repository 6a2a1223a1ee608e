"""May this quote be believed? A quote that fails makes no bar, prices no order, moves no exit.

Wide spreads are the risk gate's matter (its `spread_max_pct`), not a fault of the quote; a locked
quote (bid equal to ask) is fine.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from trading_bot.domain.quote import Quote
from trading_bot.domain.settings import PlainDecimal, Settings

_HUNDRED = Decimal(100)


class QuoteLimits(Settings):
    """How old, how wide and how jumpy a quote may be: `_s` in seconds, `_pct` in percent."""

    quote_age_max_s: float = Field(
        default=15.0,
        gt=0,
        le=3600,
        description="Oldest time of a quote that still counts as now, in seconds.",
    )
    future_max_s: float = Field(
        default=2.0,
        ge=0,
        le=60,
        description="How far the source's clock may run ahead of ours, in seconds.",
    )
    jump_max_pct: PlainDecimal = Field(
        default=Decimal(10),
        gt=0,
        le=1000,
        description="Largest move of the last price between two quotes that needs no "
        "confirmation, in percent.",
    )
    jump_confirm_pct: PlainDecimal = Field(
        default=Decimal(2),
        gt=0,
        le=100,
        description="How near to the new level the second quote must be to confirm it, in percent.",
    )


class QuoteCode(StrEnum):
    """Stable names of what can be wrong with a quote."""

    MISSING = "QUOTE_MISSING"
    HALTED = "QUOTE_HALTED"
    NOT_TRADED = "QUOTE_NOT_TRADED"
    FUTURE = "QUOTE_FUTURE"
    STALE = "QUOTE_STALE"
    ZERO = "QUOTE_ZERO"
    CROSSED = "QUOTE_CROSSED"
    JUMP = "QUOTE_JUMP"


@dataclass(frozen=True, slots=True)
class QuoteProblem:
    """Why a quote is not believed: a code, and a sentence with what was expected and what came."""

    code: QuoteCode
    text: str


@dataclass(frozen=True, slots=True)
class CheckedQuote:
    """A quote that passed at `checked_at`: prices are there, positive, not crossed, in dollars.

    `last_at` is the source's time of the last trade, None when it does not say.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    last_at: datetime | None
    checked_at: datetime
    quote: Quote

    @property
    def mid(self) -> Decimal:
        """Halfway between bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def spread_pct(self) -> Decimal:
        """The spread in percent of the midpoint."""
        return (self.ask - self.bid) * _HUNDRED / self.mid


def check_quote(
    quote: Quote | None, *, now: datetime, limits: QuoteLimits, previous_last: Decimal | None
) -> QuoteProblem | None:
    """The first thing wrong with `quote` at `now`, or None.

    `previous_last` is the last price believed before; None asks no question about a jump.
    """
    if quote is None:
        return QuoteProblem(QuoteCode.MISSING, "expected a quote, the source sent none")
    if quote.is_halted:
        return QuoteProblem(QuoteCode.HALTED, f"trading in {quote.symbol} is halted")
    if not quote.has_traded:
        return QuoteProblem(QuoteCode.NOT_TRADED, f"{quote.symbol} has not traded yet")
    return (
        _time_problem(quote, now, limits)
        or _price_problem(quote)
        or _jump_problem(quote, limits, previous_last)
    )


class QuoteTracker:
    """Checks one symbol's quotes in order and believes a jump only when the next quote confirms it.

    The quote that jumps is reported as `QUOTE_JUMP`; the next one is believed if it is a later
    quote near the new level with a later trade, or with bid and ask there too. A single bad print,
    however often it is repeated, is therefore never believed. Make a new tracker for each session:
    the first quote of a day is not measured against yesterday's.
    """

    __slots__ = ("_candidate", "_last", "_limits")

    def __init__(self, limits: QuoteLimits, previous_last: Decimal | None = None) -> None:
        self._limits = limits
        self._last = previous_last
        self._candidate: Quote | None = None

    def take(self, quote: Quote | None, now: datetime) -> CheckedQuote | QuoteProblem:
        """The checked quote, or why it is not believed."""
        problem = check_quote(quote, now=now, limits=self._limits, previous_last=self._last)
        if problem is not None and problem.code is not QuoteCode.JUMP:
            self._candidate = None
            return problem
        assert quote is not None
        if problem is not None and not self._confirms(quote):
            self._candidate = quote
            return problem
        self._candidate = None
        checked = _checked(quote, now)
        self._last = checked.last
        return checked

    def _confirms(self, quote: Quote) -> bool:
        before = self._candidate
        if before is None:
            return False
        assert before.last is not None
        assert before.updated_at is not None
        assert quote.last is not None
        assert quote.bid is not None
        assert quote.ask is not None
        assert quote.updated_at is not None
        near_pct = self._limits.jump_confirm_pct
        if quote.updated_at <= before.updated_at or _move_pct(before.last, quote.last) > near_pct:
            return False
        traded_again = (
            before.last_at is not None
            and quote.last_at is not None
            and quote.last_at > before.last_at
        )
        return traded_again or _move_pct(quote.last, (quote.bid + quote.ask) / 2) <= near_pct


def _time_problem(quote: Quote, now: datetime, limits: QuoteLimits) -> QuoteProblem | None:
    if quote.updated_at is None:
        return QuoteProblem(QuoteCode.MISSING, f"the quote of {quote.symbol} does not say its time")
    age_s = (now - quote.updated_at).total_seconds()
    if age_s > limits.quote_age_max_s:
        return QuoteProblem(
            QuoteCode.STALE,
            f"the quote of {quote.symbol} is {age_s:.1f} s old,"
            f" at most {limits.quote_age_max_s:g} s is allowed",
        )
    if -age_s > limits.future_max_s:
        return QuoteProblem(
            QuoteCode.FUTURE,
            f"the quote of {quote.symbol} is {-age_s:.1f} s in the future,"
            f" at most {limits.future_max_s:g} s is allowed",
        )
    return None


def _price_problem(quote: Quote) -> QuoteProblem | None:
    bid, ask, last = quote.bid, quote.ask, quote.last
    if bid is None or ask is None or last is None:
        return QuoteProblem(
            QuoteCode.MISSING,
            f"expected bid, ask and last of {quote.symbol}, got {bid}, {ask} and {last}",
        )
    # A NaN fails every comparison that must hold, so the test is for what must be true.
    if not (bid.is_finite() and ask.is_finite() and last.is_finite()) or min(bid, ask, last) <= 0:
        return QuoteProblem(
            QuoteCode.ZERO,
            f"expected positive bid, ask and last of {quote.symbol}, got {bid}, {ask} and {last}",
        )
    if bid > ask:
        return QuoteProblem(
            QuoteCode.CROSSED,
            f"the quote of {quote.symbol} is crossed: expected bid <= ask, got {bid} and {ask}",
        )
    return None


def _jump_problem(
    quote: Quote, limits: QuoteLimits, previous_last: Decimal | None
) -> QuoteProblem | None:
    if previous_last is None:
        return None
    assert quote.last is not None
    move_pct = _move_pct(previous_last, quote.last)
    if move_pct <= limits.jump_max_pct:
        return None
    return QuoteProblem(
        QuoteCode.JUMP,
        f"{quote.symbol} moved {move_pct:.1f}% from {previous_last} to {quote.last},"
        f" more than {limits.jump_max_pct}% needs a second quote",
    )


def _move_pct(before: Decimal, after: Decimal) -> Decimal:
    return abs(after - before) * _HUNDRED / before


def _checked(quote: Quote, now: datetime) -> CheckedQuote:
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.last is not None
    return CheckedQuote(
        symbol=quote.symbol,
        bid=quote.bid,
        ask=quote.ask,
        last=quote.last,
        last_at=quote.last_at,
        checked_at=now,
        quote=quote,
    )
