"""How long a sell that came to nothing waits, and how far a stop may rise."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from support.core_builders import after_open, broker_order, with_position
from trading_bot.domain.order import OrderState
from trading_bot.execution.advance import View, next_steps
from trading_bot.execution.ratchet import raised_stop
from trading_bot.execution.retries import refuses_gtc, wants_shares
from trading_bot.execution.settings import ExecutionSettings


@pytest.mark.parametrize(
    ("reason", "is_about_gtc", "is_about_shares"),
    [
        ("Invalid Good Til Canceled order.", True, False),
        ("time_in_force: gtc is not available", True, False),
        ("Not enough shares to sell.", False, True),
        ("Limit order quantity cannot include fractional shares.", False, False),
        ("", False, False),
    ],
)
def test_what_a_refusal_is_about(reason: str, is_about_gtc: bool, is_about_shares: bool) -> None:
    """Only a refusal of the order's life changes it; missing shares may be the owner's doing."""
    assert refuses_gtc(reason) is is_about_gtc
    assert wants_shares(reason) is is_about_shares


@pytest.mark.parametrize(
    ("reason", "prices"),
    [
        ("stop_price: Price must be a multiple of the minimum tick size.", ["98.95", "98.90"]),
        ("Prices above $1.00 can't have subpenny increments.", ["98.95", "98.90"]),
        ("Not enough shares to sell.", ["98.97", "98.97"]),
    ],
)
def test_a_stop_refused_for_its_price_stands_on_a_coarser_step(
    reason: str, prices: list[str]
) -> None:
    """A step lower for each such refusal; another reason changes no price, nor does it later."""
    core, _, stop = with_position()
    (trade,) = core.state.book.trades.values()
    trade.stop_price = Decimal("98.97")
    at = after_open(4)
    for price in prices:
        refused = replace(broker_order(stop, OrderState.REJECTED, at=at), reject_reason=reason)
        core.read(at, refused)
        at += timedelta(minutes=2)

        (stop,) = core.placed(core.read(at))
        core.confirm(stop, at)

        assert stop.stop_price == Decimal(price)
    view = View(now=at, bid=Decimal(100), is_open=True, is_last_minute=False)
    assert next_steps(trade, view, core.state.maker) == []
    assert trade.stop_price == Decimal("98.97")


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
