"""The shipped defaults on real minute bars: alive, bounded, neither all won nor all lost."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from support.strategy_bars import real_days
from trading_bot.domain.bar import Bar
from trading_bot.domain.signal import Signal
from trading_bot.strategies.registry import BUILT_IN, make_factory

LEAST_SIGNALS = 20


def outcome(signal: Signal, following: list[Bar]) -> str:
    """Which of stop and target the following bars reach first; the stop where one bar has both."""
    assert signal.target is not None
    for each in following:
        if each.low <= signal.stop_loss:
            return "stop"
        if each.high >= signal.target:
            return "target"
    return "close"


@pytest.mark.parametrize("name", ["bull-flag-breakout", "pullback-entry"])
def test_defaults_signal_on_real_days(name: str, market_data: Path) -> None:
    """Each pattern finds twenty entries or more, sane levels, winners and losers among them."""
    factory = make_factory(name, BUILT_IN[name].settings())
    signals = []
    outcomes: Counter[str] = Counter()

    for bars in real_days(market_data):
        strategy = factory(bars[0].symbol)
        for number, each in enumerate(bars, start=1):
            answer = strategy.on_bar(each)
            if isinstance(answer, Signal):
                signals.append(answer)
                outcomes[outcome(answer, bars[number:])] += 1

    assert len(signals) >= LEAST_SIGNALS
    assert outcomes["stop"] >= 5
    assert outcomes["target"] >= 5
    for signal in signals:
        away_pct = (signal.price - signal.stop_loss) / signal.price * 100
        assert Decimal("0.15") <= away_pct <= Decimal("1.55")
        assert signal.risk_reward_ratio is not None
        assert 1.5 <= signal.risk_reward_ratio <= 2.5
