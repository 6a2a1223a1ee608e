"""The bull-flag breakout on bars made by hand."""

from decimal import Decimal
from itertools import pairwise

import pytest

from support.strategy_bars import bar, day, five_minutes, flag_day, flat
from trading_bot.domain.bar import Bar
from trading_bot.domain.signal import Signal
from trading_bot.strategies.bull_flag import BullFlagBreakout
from trading_bot.strategies.refusal import Why
from trading_bot.strategies.settings import BullFlagSettings


def make(**changes: object) -> BullFlagBreakout:
    """The strategy with its stop exactly at the flag's low, unless said otherwise."""
    settings = BullFlagSettings.model_validate({"stop_pad_atr": 0, **changes})
    return BullFlagBreakout("ACME", settings)


def refusals(strategy: BullFlagBreakout, bars: list[Bar]) -> Why:
    """The code of the last of `bars`, none of which may signal."""
    for each in bars:
        assert strategy.on_bar(each) is None, f"signal at {each.end}"
    return strategy._state.refusal.code


def test_textbook_flag_signals_at_the_breakout_and_nowhere_else() -> None:
    """Only the close above the flag gives the signal: stop at its low, reward twice the risk."""
    bars = flag_day()
    strategy = make()

    answers = [strategy.on_bar(each) for each in bars]

    assert answers[:-1] == [None] * (len(bars) - 1)
    signal = answers[-1]
    assert signal is not None
    assert signal == Signal(
        symbol="ACME",
        strategy_name="bull-flag-breakout",
        entry_type="breakout",
        bar_end=bars[-1].end,
        price=Decimal("101.05"),
        stop_loss=Decimal("100.75"),
        target=Decimal("101.65"),
        reasons=signal.reasons,
        indicators_used=("VWAP", "EMA-9", "Volume", "ATR-14"),
    )
    assert strategy.verdict() == "signal at 101.0500"


def test_reasons_name_the_rule_and_its_numbers() -> None:
    """A reader of the record sees pole, flag, breakout and confirmations in one sentence."""
    strategy = make()

    signal = [strategy.on_bar(each) for each in flag_day()][-1]

    assert signal is not None
    assert signal.reasons.startswith(
        "closed 101.05 above the high 100.95 of a 3-bar flag that gave back 25% of a 1.07% pole ("
    )
    assert "6 bars) on 0.30x its volume; breakout volume 2.1x, VWAP 100." in signal.reasons
    assert "\n" not in signal.reasons


def test_the_pad_moves_the_stop_below_the_flag() -> None:
    """The stop lies the pad's ATRs under the flag's low, on the tick at or under that."""
    strategy = make(stop_pad_atr="0.5")

    signal = [strategy.on_bar(each) for each in flag_day()][-1]

    assert signal is not None
    exact = 100.75 - 0.5 * strategy._state.readings.atr
    assert exact - 0.01 < float(signal.stop_loss) <= exact


def test_a_stop_too_near_is_moved_out() -> None:
    """A stop inside the least distance is put at it."""
    strategy = make(stop_min_pct="0.5")

    signal = [strategy.on_bar(each) for each in flag_day()][-1]

    assert signal is not None
    assert signal.stop_loss == Decimal("100.54")  # 101.05 less 0.5% is 100.54475


def test_the_target_may_project_the_pole() -> None:
    """Target "pole" lies the pole's height of 1.07 above the price."""
    strategy = make(target="pole")

    signal = [strategy.on_bar(each) for each in flag_day()][-1]

    assert signal is not None
    assert signal.target == Decimal("102.12")


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ({"flag_min_bars": 4}, Why.FLAG_SHORT, "flag 3 bars under 4"),
        ({"flag_min_bars": 1, "flag_max_bars": 2}, Why.FLAG_LONG, "flag 3 bars over 2"),
        ({"pole_min_bars": 7}, Why.POLE_SHORT, "pole 6 bars under 7"),
        ({"pole_min_pct": "1.5"}, Why.POLE_PCT, "pole 1.07% under 1.50%"),
        ({"pole_min_atr": 20}, Why.POLE_ATR, "ATR under 20.00 ATR"),
        ({"flag_max_retrace_pct": 20}, Why.FLAG_DEEP, "flag retraced 25.2% of the pole, over 20.0"),
        ({"flag_max_volume_ratio": "0.2"}, Why.FLAG_HEAVY, "flag volume 0.30x the pole's, over"),
        ({"min_relative_volume": 3}, Why.LOW_VOLUME, "volume 2.06x the usual, under 3.00x"),
        ({"stop_max_pct": "0.25"}, Why.STOP_FAR, "stop 0.30% away, over 0.25%"),
        ({"target": "pole", "min_reward": 4}, Why.REWARD_LOW, "reward 3.57 times the risk, under"),
    ],
)
def test_each_threshold_refuses_the_textbook_flag(
    changes: dict[str, object], code: Why, verdict: str
) -> None:
    """One threshold set beyond the flag's number refuses it and says the number."""
    strategy = make(**changes)

    assert refusals(strategy, flag_day()) is code
    assert verdict in strategy.verdict()


def test_a_close_inside_the_flag_is_no_breakout() -> None:
    """The close must be above the flag's high, not at it."""
    strategy = make()

    assert refusals(strategy, flag_day(breakout=100.95)) is Why.NO_BREAKOUT
    assert strategy.verdict() == "close 100.9500 not above flag high 100.9500"


def test_a_flag_under_vwap_is_refused() -> None:
    """History with a high VWAP counts: the flag then closed under it."""
    strategy = make()
    strategy.warm_up([five_minutes(110.0, 1_000_000)])

    assert refusals(strategy, flag_day()) is Why.FLAG_UNDER_VWAP
    assert strategy.verdict().startswith("flag closed 100.9000 under VWAP 109.")


def test_a_breakout_under_vwap_is_refused() -> None:
    """Without the flag's own rule the breakout bar is still held to VWAP."""
    strategy = make(flag_above_vwap=False)
    strategy.warm_up([five_minutes(110.0, 1_000_000)])

    assert refusals(strategy, flag_day()) is Why.UNDER_VWAP


def test_history_without_volume_is_left_out() -> None:
    """A bar whose volume is not known cannot move VWAP."""
    history = five_minutes(110.0, 1_000_000)
    history.volume_source = "none"
    strategy = make()

    strategy.warm_up([history])

    assert [strategy.on_bar(each) for each in flag_day()][-1] is not None


def test_the_same_history_twice_counts_once() -> None:
    """A second answer with the same bars, or one that comes late, leaves VWAP as it should be."""
    bars = flag_day()
    history = [five_minutes(101.0, 20_000)]
    once, twice, late = make(), make(), make()

    once.warm_up(history)
    twice.warm_up(history)
    twice.warm_up(history)
    for each in bars[:5]:
        late.on_bar(each)
    late.warm_up(history)
    for each in bars:
        once.on_bar(each)
        twice.on_bar(each)
    for each in bars[5:]:
        late.on_bar(each)

    assert twice._state.readings.vwaps == once._state.readings.vwaps
    assert late._state.readings.vwaps[-1] == pytest.approx(once._state.readings.vwaps[-1])
    assert late._state.readings.count == once._state.readings.count


def test_history_of_its_own_length_counts_as_seen() -> None:
    """A five-minute strategy is warm after five-minute history."""
    bars = flag_day()
    for number, each in enumerate(bars):
        each.start = bars[0].start + 5 * number * (bars[0].end - bars[0].start)
    for each, following in pairwise(bars):
        each.end = following.start
    bars[-1].end = bars[-1].start + (bars[0].end - bars[0].start)
    strategy = make(interval_minutes=5)

    strategy.warm_up(bars[:24])

    assert [strategy.on_bar(each) is None for each in bars[24:]] == [True] * 4 + [False]


def test_a_flag_under_its_average_is_refused_when_asked() -> None:
    """A flag that closes under EMA-9 fails `flag_above_ema` and nothing else."""
    flag = (100.60, 100.50, 100.45)
    strategy = make(flag_above_ema=True)

    assert refusals(strategy, flag_day(flag=flag)) is Why.FLAG_UNDER_EMA
    assert [make().on_bar(each) for each in flag_day(flag=flag)][-1] is None


FALLEN = {
    "pole_min_atr": None,
    "flag_max_bars": 4,
    "flag_above_vwap": False,
    "breakout_above_vwap": False,
    "ema_rising": False,
}


def fallen_day() -> list[Bar]:
    """A fall from 110 so recent that EMA-9 still hangs above a small flag at 101."""
    pole = [bar(100.6, volume=3000), bar(101.0, volume=3000)]
    flag = [bar(100.8, volume=800), bar(100.8, volume=800)]
    return day([*flat(20, 110.0), *flat(6), *pole, *flag, bar(101.1, volume=4000)])


def test_a_breakout_under_its_average_is_refused() -> None:
    """The breakout must close above EMA-9."""
    strategy = make(**FALLEN)

    assert refusals(strategy, fallen_day()) is Why.UNDER_EMA
    assert strategy.verdict().startswith("close 101.1000 not above EMA-9 101.")


def test_a_falling_average_is_refused() -> None:
    """EMA-9 must have risen since the pole's top."""
    strategy = make(**{**FALLEN, "breakout_above_ema": False, "ema_rising": True})

    assert refusals(strategy, fallen_day()) is Why.EMA_FALLING


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, Why.FLAG_HEAVY),
        ({"flag_max_volume_ratio": None}, Why.NO_VOLUME),
        ({"flag_max_volume_ratio": None, "min_relative_volume": 0}, Why.NO_VWAP),
    ],
)
def test_a_day_without_volume_gives_nothing(changes: dict[str, object], code: Why) -> None:
    """Bars that traded nothing fail every rule about volume, whichever comes first."""
    strategy = make(flag_above_vwap=False, **changes)

    assert refusals(strategy, flag_day(volume=0)) is code


def test_a_flag_without_vwap_says_that_there_is_none() -> None:
    """Missing VWAP is named as such, not as a flag under it."""
    strategy = make()

    assert refusals(strategy, flag_day(volume=0)) is Why.NO_VWAP
    assert strategy.verdict() == "no VWAP: no volume yet today"


def test_warm_up_is_stated_and_kept() -> None:
    """Until its warm-up the verdict counts the bars."""
    strategy = make()
    bars = flag_day()

    assert strategy.verdict() == "no bar yet"
    assert refusals(strategy, bars[:7]) is Why.WARMING_UP
    assert strategy.verdict() == f"warming up 7 of {strategy.warm_up_bars} bars"
    assert refusals(strategy, bars[7 : strategy.warm_up_bars - 1]) is Why.WARMING_UP
    assert refusals(strategy, bars[strategy.warm_up_bars - 1 : -1]) is not Why.WARMING_UP


def test_after_a_signal_it_rests() -> None:
    """The bars of the cooldown give nothing, whatever they look like."""
    strategy = make(cooldown_bars=2)
    for each in flag_day():
        strategy.on_bar(each)

    assert refusals(strategy, [bar(101.2)]) is Why.COOLING_DOWN
    assert strategy.verdict() == "cooling down 1 of 2 bars after a signal"
    assert refusals(strategy, [bar(101.3)]) is Why.COOLING_DOWN
    assert refusals(strategy, [bar(101.4)]) is Why.FLAG_SHORT


@pytest.mark.parametrize(
    "changes",
    [
        {"flag_max_bars": 3},
        {"flag_min_bars": 3},
        {"pole_min_bars": 6},
        {"pole_max_bars": 6},
        {"flag_max_volume_ratio": "0.303"},
    ],
)
def test_a_limit_just_met_is_met(changes: dict[str, object]) -> None:
    """Limits are inclusive: a flag of three bars passes both a least and a most of three."""
    strategy = make(**changes)

    assert [strategy.on_bar(each) for each in flag_day()][-1] is not None


@pytest.mark.parametrize(
    ("changes", "bars"),
    [
        ({}, 20),
        ({"relative_volume_bars": 30}, 31),
        ({"flag_max_bars": 20}, 30),
        ({"flag_max_bars": 2, "relative_volume_bars": 2}, 15),
    ],
)
def test_warm_up_covers_every_reading(changes: dict[str, object], bars: int) -> None:
    """It is as long as ATR-14, the volume mean, or EMA-9 at the top of the longest flag need."""
    assert make(**changes).warm_up_bars == bars


def test_the_bar_that_completes_the_warm_up_may_signal() -> None:
    """A breakout on the last bar of the warm-up counts, one bar earlier it does not."""
    bars = flag_day()
    strategy, earlier = make(), make()

    assert [strategy.on_bar(each) for each in bars[-strategy.warm_up_bars :]][-1] is not None
    assert refusals(earlier, bars[1 - earlier.warm_up_bars :]) is Why.WARMING_UP
