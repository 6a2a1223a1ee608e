"""The paper broker sees every quote first, and an outage's history before the quotes after it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from support.paper import TEN, Desk, make_bar, make_quote, run
from trading_bot.app.quotes import OUTAGE, ShownToPaper
from trading_bot.domain.order import OrderState, TimeInForce
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote
from trading_bot.ports.quote_source import HistoricalInterval


class Source:
    """A QuoteSource that says what it is given."""

    def __init__(self, desk: Desk, bars: Sequence[HistoricalBar]) -> None:
        self._desk = desk
        self._bars = tuple(bars)

    async def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote | None]:
        return {
            symbol: make_quote("99.99", "100.01", at=self._desk.clock.now()) for symbol in symbols
        }

    async def fundamentals(self, symbols: Sequence[str]) -> Mapping[str, Fundamental | None]:
        return dict.fromkeys(symbols)

    async def historicals(
        self, symbols: Sequence[str], interval: HistoricalInterval
    ) -> Mapping[str, tuple[HistoricalBar, ...]]:
        assert interval == "5minute"
        return dict.fromkeys(symbols, self._bars)

    async def hours(self, day: date) -> MarketHours:
        raise AssertionError(f"nobody asks for the hours of {day}")


def crossed_and_back() -> HistoricalBar:
    return make_bar(TEN + timedelta(minutes=10), "97.30", "100.00", "99.80")


def play(gap: timedelta) -> tuple[OrderState, list[str]]:
    """A stop at 99 works, quotes of 100 are shown before and after `gap`; how it ended."""
    desk = Desk().holding(50)
    stop = desk.sell(50, stop="99.00", ref="stop", time_in_force=TimeInForce.GTC)
    told: list[str] = []
    shown = ShownToPaper(Source(desk, [crossed_and_back()]), desk.broker, desk.clock, told.append)
    desk.at(TEN + timedelta(minutes=8))
    run(shown.quotes(["AAPL"]))
    desk.at(TEN + timedelta(minutes=8) + gap)
    run(shown.quotes(["AAPL"]))
    return desk.look(stop).state, told


def test_a_stop_crossed_during_an_outage_is_filled_when_quotes_return() -> None:
    """Half an hour without quotes: the bars in it decide, and the owner is told."""
    state, told = play(timedelta(minutes=30))

    assert state is OrderState.FILLED
    assert len(told) == 1
    assert "worst case" in told[0]


def test_a_short_pause_asks_no_history() -> None:
    """The control: below the length of a bar nothing is settled and the stop stays."""
    state, told = play(OUTAGE - timedelta(seconds=1))

    assert state is OrderState.OPEN
    assert told == []
