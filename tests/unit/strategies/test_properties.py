"""What holds of every built-in strategy on any bars."""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from support.strategy_bars import bar, day
from trading_bot.domain.bar import Bar
from trading_bot.domain.money import tick_size
from trading_bot.domain.signal import ExitSignal, Signal
from trading_bot.strategies.bull_flag import BullFlagBreakout
from trading_bot.strategies.ema_cross import EmaCross
from trading_bot.strategies.protocol import Strategy
from trading_bot.strategies.pullback import PullbackEntry
from trading_bot.strategies.refusal import Why
from trading_bot.strategies.settings import BullFlagSettings, EmaCrossSettings, PullbackSettings

LOOSE_FLAG = BullFlagSettings(
    pole_min_pct=Decimal("0.01"),
    pole_min_atr=None,
    pole_min_bars=1,
    flag_min_bars=1,
    flag_max_retrace_pct=Decimal(100),
    flag_max_volume_ratio=None,
    flag_above_vwap=False,
    breakout_above_vwap=False,
    breakout_above_ema=False,
    ema_rising=False,
    min_relative_volume=Decimal(0),
    stop_min_pct=Decimal("0.01"),
    stop_max_pct=Decimal(20),
    relative_volume_bars=2,
    cooldown_bars=2,
)
LOOSE_PULLBACK = PullbackSettings(
    trend_above_vwap=False,
    trend_ema_stacked=False,
    pullback_min_bars=1,
    pullback_min_atr=Decimal("0.1"),
    pullback_max_atr=Decimal(50),
    touch_atr=Decimal(10),
    min_relative_volume=Decimal(0),
    stop_min_pct=Decimal("0.01"),
    stop_max_pct=Decimal(20),
    cooldown_bars=2,
)
MAKERS: list[Callable[[], Strategy]] = [
    lambda: BullFlagBreakout("ACME", LOOSE_FLAG),
    lambda: BullFlagBreakout(
        "ACME", LOOSE_FLAG.model_copy(update={"target": "pole", "min_reward": Decimal(0)})
    ),
    lambda: PullbackEntry("ACME", LOOSE_PULLBACK),
    lambda: EmaCross("ACME", EmaCrossSettings(fast=3, slow=8)),
    lambda: BullFlagBreakout("ACME", BullFlagSettings()),
    lambda: PullbackEntry("ACME", PullbackSettings()),
]
STEP = st.tuples(st.integers(-60, 60), st.integers(0, 30), st.integers(0, 30), st.integers(0, 5000))


@st.composite
def days(draw: st.DrawFn) -> list[Bar]:
    """A walk of 40 to 120 bars from a price between 20 cents and 900 dollars, in basis points."""
    close = draw(st.sampled_from([0.2, 0.99, 1.01, 7.5, 42.42, 187.2, 900.0]))
    bars = []
    for move, above, below, volume in draw(st.lists(STEP, min_size=40, max_size=120)):
        open_, close = close, round(close * (1 + move / 10_000), 4)
        high = round(max(open_, close) * (1 + above / 10_000), 4)
        low = round(min(open_, close) * (1 - below / 10_000), 4)
        bars.append(bar(close, open_=open_, high=high, low=low, volume=volume))
    return day(bars)


makers = st.sampled_from(MAKERS)


def is_on_tick(price: Decimal) -> bool:
    """Whether `price` is a whole number of its own ticks."""
    return price % tick_size(price) == 0


@given(makers, days())
def test_every_signal_is_one_the_gate_can_read(
    make: Callable[[], Strategy], bars: list[Bar]
) -> None:
    """Stop, price and target are in order and on ticks, the bar is the one just seen."""
    strategy = make()

    for count, each in enumerate(bars, start=1):
        answer = strategy.on_bar(each)

        if answer is None:
            assert strategy.verdict().strip()
            continue
        assert count >= strategy.warm_up_bars
        assert answer.bar_end == each.end
        assert answer.symbol == "ACME"
        assert answer.strategy_name == strategy.name
        if isinstance(answer, Signal):
            assert (
                abs(float(answer.price) - each.close) <= float(tick_size(answer.price)) / 2 + 1e-9
            )
            assert is_on_tick(answer.price)
            assert is_on_tick(answer.stop_loss)
            assert answer.stop_loss < answer.price
            if answer.target is not None:
                assert is_on_tick(answer.target)
                assert answer.target > answer.price
            assert "nan" not in answer.reasons


@given(makers, days())
def test_same_bars_same_signals(make: Callable[[], Strategy], bars: list[Bar]) -> None:
    """Two instances fed the same bars say the same, word for word."""
    one, other = make(), make()

    for each in bars:
        assert one.on_bar(each) == other.on_bar(each)
        assert one.verdict() == other.verdict()


@given(makers, days(), st.integers(1, 39))
def test_later_bars_change_nothing(make: Callable[[], Strategy], bars: list[Bar], cut: int) -> None:
    """What is said of a bar depends on the bars up to it alone."""
    whole, part = make(), make()

    answers = [whole.on_bar(each) for each in bars]

    assert [part.on_bar(each) for each in bars[:-cut]] == answers[:-cut]


@given(makers, days())
def test_a_rising_and_a_falling_answer_alternate(
    make: Callable[[], Strategy], bars: list[Bar]
) -> None:
    """A strategy that signals exits never asks to leave twice without an entry between."""
    strategy = make()

    answers = [answer for each in bars if (answer := strategy.on_bar(each)) is not None]

    exits = [isinstance(answer, ExitSignal) for answer in answers]
    assert not any(before and after for before, after in pairwise(exits))


def test_a_long_day_is_not_kept_whole() -> None:
    """However many bars come, only the last few hundred are kept."""
    bars = day(bar(100 + (step * 7 % 13) / 10, volume=500 + step % 9 * 100) for step in range(2000))
    strategy = BullFlagBreakout("ACME", LOOSE_FLAG)

    count = sum(strategy.on_bar(each) is not None for each in bars)

    assert count > 20
    assert len(strategy._state.readings.highs) <= 256


def test_the_loose_settings_do_signal() -> None:
    """The walks above are not all silence: a plain zigzag upwards makes each strategy speak."""
    closes = [100 + step * 0.02 + (0.3 if step % 6 < 3 else 0.0) for step in range(120)]
    bars = day(bar(close, open_=close - 0.05, low=close - 0.07) for close in closes)

    for make in MAKERS[:4]:
        strategy = make()
        assert any(strategy.on_bar(each) is not None for each in bars), strategy.name


def test_each_code_has_a_text_of_its_own() -> None:
    """No two reasons read the same, else one would hide the other."""
    assert len({why.value for why in Why.__members__.values()}) == len(Why.__members__)
