"""The rolling metric: its figures, its alerts, and that it equals a batch over the window."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from trading_bot.logging.performance_metric import PerformanceMetric
from trading_bot.performance.metric import RollingWindow, max_drawdown_pct
from trading_bot.performance.settings import PerformanceSettings

D = Decimal
AT = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def _metric(nets: list[str], equity: str = "10000", **settings_: Any) -> PerformanceMetric:
    window = RollingWindow(PerformanceSettings(**settings_))
    for net in nets:
        window.take(D(net))
    return window.metric(at=AT, equity=D(equity))


def test_figures_of_a_small_window() -> None:
    """Wins, losses and a break-even give the figures one can work out by hand."""
    metric = _metric(["100", "-50", "0", "-25", "75"], equity="10100")

    assert (metric.win_rate, metric.total_trades) == (D("0.4"), 5)
    assert metric.profit_factor == D("2.3333")
    assert metric.consecutive_losses == 0
    # From 10000 up to 10100, down to 10025: 75 of 10100.
    assert metric.max_drawdown_pct == D("-0.7426")
    assert (metric.alert_triggered, metric.alert_message) == (False, None)


def test_no_losses_means_no_profit_factor_and_says_so() -> None:
    """Without a loss there is nothing to divide by: null, and the message says why."""
    metric = _metric(["10", "0"])

    assert metric.profit_factor is None
    assert metric.alert_message == "profit factor undefined: no losses in the window"
    assert not metric.alert_triggered


def test_an_empty_window_has_figures_of_nothing() -> None:
    """Before the first round trip every figure is zero or null."""
    metric = _metric([])

    assert (metric.total_trades, metric.win_rate, metric.max_drawdown_pct) == (0, 0, 0)
    assert metric.profit_factor is None


def test_window_forgets_the_oldest_but_the_streak_does_not() -> None:
    """Only the last N round trips count; a losing streak longer than N is told in full."""
    metric = _metric(["500", "-1", "-1", "-1", "-1"], window_size=3)

    assert (metric.total_trades, metric.window_size, metric.win_rate) == (3, 3, 0)
    assert metric.consecutive_losses == 4


@pytest.mark.parametrize(
    ("nets", "alert"),
    [
        (["10"] * 4 + ["-1"] * 6, False),
        (["10"] * 3 + ["-1"] * 7, "win rate 3 of 10 under 0.4"),
        (["1"] * 5 + ["-1"] * 5, False),
        (["1"] * 5 + ["-1"] * 4 + ["-1.01"], "profit factor 5 / 5.01 under 1"),
        (["-1"] * 9, False),
        (["-1"] * 10, "win rate 0 of 10 under 0.4; profit factor 0 / 10 under 1"),
    ],
)
def test_alert_thresholds(nets: list[str], alert: str | bool) -> None:
    """At its threshold nothing alerts, past it the message has the numbers; few trades never do."""
    metric = _metric(nets)

    assert metric.alert_triggered is bool(alert)
    assert (metric.alert_message or False) == alert


def test_drawdown_alert() -> None:
    """A fall of exactly the limit does not alert, a deeper one does."""
    wins = ["100"] * 10

    assert not _metric([*wins, "-550"], equity="10450").alert_triggered
    deeper = _metric([*wins, "-551"], equity="10449")
    assert deeper.alert_message == "drawdown -5.0091% past -5%"


def test_deposits_move_the_level_only() -> None:
    """With a deposit the equity is higher and the drawdown smaller, never positive."""
    nets = ["50", "-100", "20"]

    small, large = _metric(nets, equity="970"), _metric(nets, equity="100970")

    assert small.max_drawdown_pct < large.max_drawdown_pct < 0


def test_drawdown_without_equity_is_total() -> None:
    """A fall from a peak of nothing has no percentage: it counts as everything."""
    assert max_drawdown_pct(D(0), [D(-5)]) == D(-100)
    assert max_drawdown_pct(D(-10), [D(5), D(-1)]) == D(-100)


NETS = st.lists(
    st.decimals(-500, 500, places=2) | st.sampled_from([D(0), D("0.01"), D("-0.01")]), max_size=60
)


@settings(max_examples=60)
@given(nets=NETS, size=st.integers(1, 25), equity=st.decimals(20_000, 60_000, places=2))
def test_incremental_equals_batch(nets: list[Decimal], size: int, equity: Decimal) -> None:
    """After every round trip the metric equals one worked out from the window alone."""
    window = RollingWindow(PerformanceSettings(window_size=size))
    for count, net in enumerate(nets, start=1):
        window.take(net)
        metric = window.metric(at=AT, equity=equity)

        last = nets[:count][-size:]
        wins, losses = [n for n in last if n > 0], [n for n in last if n < 0]
        assert metric.total_trades == len(last)
        assert metric.win_rate == _four(D(len(wins)) / len(last))
        assert metric.profit_factor == (
            _four(sum(wins, D(0)) / -sum(losses, D(0))) if losses else None
        )
        assert metric.consecutive_losses == _streak(nets[:count])
        assert metric.max_drawdown_pct == _drawdown(equity - sum(last, D(0)), last)
        assert PerformanceMetric.from_jsonl_line(metric.to_jsonl_line()) == metric


def _four(value: Decimal) -> Decimal:
    return value.quantize(D("0.0001"), rounding=ROUND_HALF_EVEN)


def _streak(nets: list[Decimal]) -> int:
    decided = [net for net in nets if net]
    return next((i for i, net in enumerate(reversed(decided)) if net > 0), len(decided))


def _drawdown(start: Decimal, nets: list[Decimal]) -> Decimal:
    curve = [start + sum(nets[:i], D(0)) for i in range(len(nets) + 1)]
    return min(
        _four((low - peak) * 100 / peak) for i, peak in enumerate(curve) for low in curve[i:]
    )


@pytest.mark.parametrize(
    "values", [{"win_rate_min": 0.4}, {"win_rate_min": "1.1"}, {"window_size": 0}, {"size": 5}]
)
def test_settings_refuse(values: dict[str, Any]) -> None:
    """Floats, values out of range and unknown names are errors."""
    with pytest.raises(ValidationError):
        PerformanceSettings(**values)
