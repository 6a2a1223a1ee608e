"""What a push costs: indicators and the bar builder, as ratios to a bare EMA in the same run.

Run: PYTHONPATH=src python benchmarks/indicators.py
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from timeit import repeat

from trading_bot.domain.quote import Quote
from trading_bot.market.bars import BarAggregator, BarBuilder
from trading_bot.market.calendar import NyseCalendar
from trading_bot.market.indicators import Atr, Ema, Macd, RelativeVolume, Rsi, SessionVwap, Sma
from trading_bot.market.quote_check import QuoteLimits, QuoteTracker

PRICES = [100.0 + (i * 7919 % 200) / 100 for i in range(23_400)]
ROUNDS = 7


def bare_ema() -> None:
    """The recurrence alone, inlined in a loop: what Python itself costs."""
    value, alpha = PRICES[0], 0.2
    for price in PRICES:
        value = value + alpha * (price - value)


def pushing(push: Callable[[float], object]) -> Callable[[], None]:
    def run() -> None:
        for price in PRICES:
            push(price)

    return run


def pushing_bars(push: Callable[..., object], *more: float) -> Callable[[], None]:
    def run() -> None:
        for price in PRICES:
            push(price, price, price, *more)

    return run


def building() -> Callable[[], None]:
    """A day of one symbol at one poll a second, aggregated to five minutes."""
    session = NyseCalendar().session(date(2026, 11, 23))
    assert session is not None
    polls = [session.open + timedelta(seconds=i) for i in range(len(PRICES))]

    def run() -> None:
        builder, aggregator = BarBuilder("AAPL", session), BarAggregator(session, 5)
        for now, price in zip(polls, PRICES, strict=True):
            builder.take(price, now, now)
            bar = builder.close_due(now, 1_000)
            if bar is not None:
                aggregator.take(bar)

    return run


def checking() -> Callable[[], None]:
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)
    price = Decimal("100.25")
    quote = Quote(
        symbol="AAPL",
        bid=price,
        ask=price,
        bid_size=1,
        ask_size=1,
        last=price,
        last_at=now,
        previous_close=price,
        updated_at=now,
        is_halted=False,
        has_traded=True,
    )
    tracker = QuoteTracker(QuoteLimits(), price)

    def run() -> None:
        for _ in PRICES:
            tracker.take(quote, now)

    return run


def main() -> None:
    subjects: dict[str, Callable[[], None]] = {
        "bare EMA, inlined": bare_ema,
        "Ema.push": pushing(Ema(9).push),
        "Sma.push": pushing(Sma(20).push),
        "Rsi.push": pushing(Rsi(14).push),
        "Macd.push": pushing(Macd().push),
        "RelativeVolume.push": pushing(RelativeVolume(20).push),
        "Atr.push": pushing_bars(Atr(14).push),
        "SessionVwap.push": pushing_bars(SessionVwap().push, 100.0),
        "BarBuilder, a poll": building(),
        "QuoteTracker.take": checking(),
    }
    base = 0.0
    for name, subject in subjects.items():
        push_us = min(repeat(subject, number=1, repeat=ROUNDS)) / len(PRICES) * 1e6
        base = base or push_us
        print(f"{name:<20} {push_us:7.3f} us  {push_us / base:6.1f} x bare")


if __name__ == "__main__":
    main()
