"""Stops and targets on ticks."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trading_bot.strategies.levels import (
    StopRule,
    measured_target,
    reward_target,
    tick_at_or_under,
)
from trading_bot.strategies.refusal import Refusal, Why
from trading_bot.strategies.settings import PatternSettings


def rule(**changes: object) -> StopRule:
    """A stop rule with the default bounds of 0.20% and 1.5%, unless changed."""
    return StopRule(PatternSettings.model_validate(changes))


def test_the_stop_lies_the_pad_under_the_low() -> None:
    """A quarter of an ATR of 40 cents is ten cents."""
    levels = rule().stop_under(49.80, 0.40, 50.00, Refusal())

    assert levels == (Decimal("50.00"), Decimal("49.70"))


def test_a_stop_too_far_is_refused_with_its_distance() -> None:
    """No signal rather than a stop that does not fit the pattern."""
    refusal = Refusal()

    assert rule().stop_under(49.00, 0.0, 50.00, refusal) is None
    assert refusal.code is Why.STOP_FAR
    assert refusal.text() == "stop 2.00% away, over 1.50%"


def test_a_price_without_room_for_a_stop_is_refused() -> None:
    """At the smallest price there is no tick below."""
    refusal = Refusal()

    assert rule().stop_under(0.0001, 0.0, 0.0001, refusal) is None
    assert refusal.code is Why.STOP_ON_PRICE


def test_a_stop_is_never_rounded_into_the_pattern() -> None:
    """The nearest tick would be above the level; the stop takes the one below."""
    assert tick_at_or_under(100.006) == Decimal("100.00")
    assert tick_at_or_under(100.0) == Decimal("100.00")


def test_a_target_is_at_least_a_tick_away() -> None:
    """Rounding never puts a target on the price."""
    assert reward_target(Decimal("5.00"), Decimal("4.99"), Decimal("0.1")) == Decimal("5.01")
    assert measured_target(Decimal("5.00"), 0.0) == Decimal("5.01")


@given(st.floats(0.5, 900), st.floats(0, 0.03), st.floats(0, 0.01), st.sampled_from(["0.1", "0.2"]))
def test_the_stop_keeps_its_bounds(
    close: float, low_fraction: float, atr_fraction: float, least: str
) -> None:
    """Any stop given is at least the minimum away and at most a tick over the maximum."""
    low, atr = close * (1 - low_fraction), close * atr_fraction

    levels = rule(stop_min_pct=least).stop_under(low, atr, close, Refusal())

    if levels is not None:
        price, stop = levels
        away = price - stop
        assert away >= price * Decimal(least) / 100 - Decimal("1e-9")
        assert away <= price * Decimal("1.5") / 100 + Decimal("0.010001")
