"""How long a sell that came to nothing waits, and how far a stop may rise."""

from decimal import Decimal

import pytest

from support.core_builders import with_position
from trading_bot.execution.ratchet import raised_stop
from trading_bot.execution.retries import refuses_gtc
from trading_bot.execution.settings import ExecutionSettings


@pytest.mark.parametrize(
    ("reason", "is_about_gtc"),
    [
        ("Invalid Good Til Canceled order.", True),
        ("time_in_force: gtc is not available", True),
        ("Not enough shares to sell.", False),
        ("", False),
    ],
)
def test_what_a_refusal_is_about(reason: str, is_about_gtc: bool) -> None:
    """Only a refusal of the order's life changes it."""
    assert refuses_gtc(reason) is is_about_gtc


@pytest.mark.parametrize(
    ("bid", "settings", "stop"),
    [
        ("101.00", {}, None),
        ("99.10", {"trail_pct": Decimal(1)}, None),
        ("101.00", {"trail_pct": Decimal(1)}, "99.99"),
        ("100.05", {"trail_pct": Decimal(1)}, None),
        ("100.05", {"trail_pct": Decimal(1), "trail_step_pct": Decimal(0)}, "99.04"),
        ("101.03", {"break_even_at_r": Decimal(1)}, None),
        ("101.04", {"break_even_at_r": Decimal(1)}, "100.02"),
        ("101.04", {"break_even_at_r": Decimal(1), "trail_pct": Decimal("0.5")}, "100.53"),
    ],
)
def test_stops_rise_by_steps_under_the_bid(
    bid: str, settings: dict[str, Decimal], stop: str | None
) -> None:
    """Bought at 100.02, stop at 99.00: on the tick, a step at least, never at or over the bid."""
    core, _, _ = with_position()
    (trade,) = core.state.book.trades.values()
    assert trade.stop_price == Decimal("99.00")

    raised = raised_stop(trade, Decimal(bid), ExecutionSettings(**settings))  # type: ignore[arg-type]

    assert raised == (None if stop is None else Decimal(stop))
