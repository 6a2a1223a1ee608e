"""The moving-average cross."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from support.strategy_bars import OPEN, bar, day
from trading_bot.domain.signal import ExitSignal, Signal
from trading_bot.market.indicators import Ema
from trading_bot.strategies.ema_cross import EmaCross
from trading_bot.strategies.settings import EmaCrossSettings


def make(**changes: object) -> EmaCross:
    """A cross of EMA-2 and EMA-4, unless said otherwise."""
    settings = EmaCrossSettings.model_validate({"fast": 2, "slow": 4, **changes})
    return EmaCross("ACME", settings)


def test_it_buys_on_the_cross_up_and_leaves_on_the_cross_down() -> None:
    """Falling, rising, falling again: one entry at the first turn, one exit at the second."""
    bars = day(bar(close) for close in (13.0, 12.0, 11.0, 10.0, 13.0, 14.0, 13.0, 9.0))
    strategy = make(stop_pct=1)

    answers = [strategy.on_bar(each) for each in bars]

    assert [type(answer).__name__ for answer in answers] == [
        *["NoneType"] * 4,
        "Signal",
        "NoneType",
        "NoneType",
        "ExitSignal",
    ]
    entry, leave = answers[4], answers[7]
    assert isinstance(entry, Signal)
    assert (entry.price, entry.stop_loss) == (Decimal("13.00"), Decimal("12.87"))
    assert entry.target is None
    assert entry.bar_end == bars[4].end
    assert entry.reasons == "EMA-2 12.1667 crossed above EMA-4 12.1000"
    assert entry.indicators_used == ("EMA-2", "EMA-4")
    assert isinstance(leave, ExitSignal)
    assert leave.bar_end == bars[7].end
    assert "crossed below" in leave.reasons


def test_verdict_counts_the_warm_up_then_shows_the_averages() -> None:
    """Before a cross is possible it says how far it is, afterwards where the averages stand."""
    strategy = make()
    bars = day(bar(10.0) for _ in range(5))

    assert strategy.verdict() == "warming up 0 of 5 bars"
    for each in bars[:3]:
        assert strategy.on_bar(each) is None
    assert strategy.verdict() == "warming up 3 of 5 bars"
    for each in bars[3:]:
        assert strategy.on_bar(each) is None
    assert strategy.verdict() == "no cross: EMA-2 10.0000 not above EMA-4 10.0000"


def test_no_stop_under_the_smallest_price() -> None:
    """Where no tick is left for a stop there is no signal, and the verdict says so."""
    strategy = make()
    closes = (0.0001, 0.0001, 0.0001, 0.00001, 0.0001, 0.0001)

    answers = [strategy.on_bar(each) for each in day(bar(close) for close in closes)]

    assert answers == [None] * 6
    assert strategy.verdict() == "no stop 0.5% below so low a price"


def test_history_of_its_own_length_counts_as_seen() -> None:
    """Bars of one minute warm it up, others do not."""
    falling = day(bar(close) for close in (13.0, 12.0, 11.0, 10.0))
    five = bar(50.0)
    five.start, five.end = OPEN, OPEN + 5 * (five.end - five.start)
    strategy = make()

    strategy.warm_up([five, *falling])

    assert isinstance(strategy.on_bar(bar(13.0)), Signal)


@given(st.lists(st.floats(1, 1000), min_size=25, max_size=120))
def test_its_own_averages_are_those_of_the_indicator(closes: list[float]) -> None:
    """The arithmetic kept in the loop gives the same bits as the indicator."""
    strategy = make(fast=9, slow=20)
    fast, slow = Ema(9), Ema(20)

    for close in closes:
        # Seeding starts both averages on the bar that completes the slow one.
        strategy.on_bar(bar(close))
        fast.push(close)
        slow.push(close)

    assert (strategy._fast, strategy._slow) == (fast.value, slow.value)
