"""The pullback entry on bars made by hand."""

from decimal import Decimal

import pytest

from support.strategy_bars import bar, day, five_minutes, pullback_day
from trading_bot.domain.bar import Bar
from trading_bot.domain.signal import Signal
from trading_bot.strategies.pullback import PullbackEntry
from trading_bot.strategies.refusal import Why
from trading_bot.strategies.settings import PullbackSettings


def make(**changes: object) -> PullbackEntry:
    """The strategy with its stop exactly at the pullback's low, unless said otherwise."""
    settings = {"stop_pad_atr": 0, "stop_min_pct": "0.1", **changes}
    return PullbackEntry("ACME", PullbackSettings.model_validate(settings))


def refusals(strategy: PullbackEntry, bars: list[Bar]) -> Why:
    """The code of the last of `bars`, none of which may signal."""
    for each in bars:
        assert strategy.on_bar(each) is None, f"signal at {each.end}"
    return strategy._state.refusal.code


def test_textbook_pullback_signals_at_the_turn_and_nowhere_else() -> None:
    """The bar that closes above the one before gives the signal, stop at the low, reward twice."""
    bars = pullback_day()
    strategy = make()

    answers = [strategy.on_bar(each) for each in bars]

    assert answers[:-1] == [None] * (len(bars) - 1)
    signal = answers[-1]
    assert signal is not None
    assert signal == Signal(
        symbol="ACME",
        strategy_name="pullback-entry",
        entry_type="pullback",
        bar_end=bars[-1].end,
        price=Decimal("101.40"),
        stop_loss=Decimal("101.23"),
        target=Decimal("101.74"),
        reasons=signal.reasons,
        indicators_used=("VWAP", "EMA-9", "EMA-20", "Volume", "ATR-14"),
    )
    assert signal.reasons.startswith(
        "closed 101.40 above the previous high 101.32 after a 3-bar pullback of"
    )
    assert "EMA-9 or VWAP; volume 2.5x, VWAP 100." in signal.reasons


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ({"pullback_min_bars": 4}, Why.PULLBACK_SHORT, "pullback 3 bars under 4"),
        ({"pullback_max_bars": 2}, Why.PULLBACK_LONG, "pullback 3 bars over 2"),
        ({"pullback_min_atr": "3.9"}, Why.PULLBACK_SHALLOW, "ATR under 3.90 ATR"),
        ({"pullback_min_pct": 1}, Why.PULLBACK_SHALLOW_PCT, "pullback 0.30% under 1.00%"),
        ({"pullback_max_atr": 2}, Why.PULLBACK_DEEP, "ATR over 2.00 ATR"),
        ({"touch": "vwap"}, Why.PULLBACK_AWAY, "ATR above its line, over 0.25 ATR"),
        ({"min_relative_volume": 3}, Why.LOW_VOLUME, "volume 2.50x the usual, under 3.00x"),
        ({"stop_max_pct": "0.15"}, Why.STOP_FAR, "stop 0.17% away, over 0.15%"),
    ],
)
def test_each_threshold_refuses_the_textbook_pullback(
    changes: dict[str, object], code: Why, verdict: str
) -> None:
    """One threshold set beyond the pullback's number refuses it and says the number."""
    strategy = make(**changes)

    assert refusals(strategy, pullback_day()) is code
    assert verdict in strategy.verdict()


def test_a_close_inside_the_bar_before_is_no_turn() -> None:
    """The close must be above the previous high, not at it."""
    strategy = make()

    assert refusals(strategy, pullback_day(entry=101.32)) is Why.NO_TURN
    assert strategy.verdict() == "close 101.3200 not above previous high 101.3200"


def test_a_red_bar_is_no_turn() -> None:
    """A bar that gapped up and fell does not turn the price."""
    strategy = make()

    assert refusals(strategy, pullback_day(entry_open=101.45)) is Why.RED_BAR


def test_a_price_under_vwap_is_no_uptrend() -> None:
    """History with a high VWAP counts."""
    strategy = make()
    strategy.warm_up([five_minutes(110.0, 1_000_000)])

    assert refusals(strategy, pullback_day()) is Why.TREND_UNDER_VWAP


def test_averages_the_wrong_way_round_are_no_uptrend() -> None:
    """EMA-9 must be above EMA-20, even above VWAP."""
    strategy = make()
    strategy.warm_up([five_minutes(50.0, 1_000_000)])

    assert refusals(strategy, day(bar(100 - 0.1 * step) for step in range(30))) is Why.TREND_EMA


def test_a_pullback_through_vwap_is_broken() -> None:
    """Closes under VWAP by more than the tolerance spoil the pullback, though the turn is above."""
    strategy = make()
    strategy.warm_up([five_minutes(101.38, 100_000_000)])

    assert refusals(strategy, pullback_day()) is Why.PULLBACK_BROKEN


def test_a_day_without_volume_gives_nothing() -> None:
    """Bars that traded nothing have neither VWAP nor relative volume."""
    assert refusals(make(), pullback_day(volume=0)) is Why.NO_VWAP
    assert refusals(make(trend_above_vwap=False), pullback_day(volume=0)) is Why.NO_VOLUME


def test_warm_up_and_rest_are_stated() -> None:
    """Too early and too soon after a signal, the verdict counts the bars."""
    strategy = make(cooldown_bars=1)
    bars = pullback_day()

    assert refusals(strategy, bars[:7]) is Why.WARMING_UP
    assert strategy.verdict() == f"warming up 7 of {strategy.warm_up_bars} bars"
    for each in bars[7:]:
        strategy.on_bar(each)
    assert strategy.verdict() == "signal at 101.4000"
    assert refusals(strategy, [bar(101.5)]) is Why.COOLING_DOWN
    assert strategy.verdict() == "cooling down 1 of 1 bars after a signal"


@pytest.mark.parametrize("changes", [{"pullback_min_bars": 3}, {"pullback_max_bars": 3}])
def test_a_limit_just_met_is_met(changes: dict[str, object]) -> None:
    """Limits are inclusive: a pullback of three bars passes both a least and a most of three."""
    strategy = make(**changes)

    assert [strategy.on_bar(each) for each in pullback_day()][-1] is not None


@pytest.mark.parametrize(
    ("changes", "bars"),
    [({}, 20), ({"relative_volume_bars": 30}, 31), ({"pullback_max_bars": 20}, 29)],
)
def test_warm_up_covers_every_reading(changes: dict[str, object], bars: int) -> None:
    """It is as long as EMA-20, the volume mean, or EMA-9 over the longest pullback need."""
    assert make(**changes).warm_up_bars == bars


def test_the_entry_bar_may_make_the_low() -> None:
    """A last dip of the entry bar itself is what the stop lies under."""
    bars = pullback_day()
    bars[-1].low = 101.20
    strategy = make()

    signal = [strategy.on_bar(each) for each in bars][-1]

    assert signal is not None
    assert signal.stop_loss == Decimal("101.20")
