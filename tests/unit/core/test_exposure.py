"""What is at risk already, as the cap on it counts: shares at cost, entries at their limit."""

from datetime import timedelta
from decimal import Decimal

from support.core_builders import (
    ENTRY_AT,
    after_open,
    broker_order,
    execution,
    started,
    with_entry,
    with_position,
)
from trading_bot.core.entries import exposure
from trading_bot.domain.order import OrderState
from trading_bot.ports.records import STREAM_DECISIONS
from trading_bot.risk.limits import RiskLimits

S = OrderState
LATER = ENTRY_AT + timedelta(seconds=2)
CAPPED = RiskLimits(
    entry_start_delay_minutes=0,
    max_position_pct=Decimal(50),
    order_notional_max_usd=Decimal(900),
    exposure_max_usd=Decimal(450),
)


def test_nothing_open_is_nothing() -> None:
    """A day without a trade."""
    assert exposure(started().state) == 0


def test_a_working_entry_counts_at_its_limit() -> None:
    """Answered or not: it may be filled any moment."""
    core, entry = with_entry()

    assert entry.limit_price is not None
    assert exposure(core.state) == entry.limit_price * entry.quantity


def test_a_partial_fill_counts_once() -> None:
    """What was bought at its price, the rest still at the limit."""
    core, entry = with_entry()
    core.confirm(entry, LATER)
    core.read(LATER, broker_order(entry, S.OPEN, execution("one", 10, "100.01", LATER)))

    assert entry.limit_price is not None
    rest = entry.limit_price * (entry.quantity - 10)
    assert exposure(core.state) == Decimal("1000.10") + rest


def test_what_is_held_counts_at_its_cost_until_it_is_sold() -> None:
    """The stop's order is no exposure of its own; after its fill nothing is left."""
    core, entry, stop = with_position()
    held = exposure(core.state)
    out = execution("out", entry.quantity, "98.90", after_open(4))
    core.read(after_open(4), broker_order(stop, S.FILLED, out, at=after_open(4)))

    assert held == Decimal("100.02") * entry.quantity
    assert exposure(core.state) == 0


def test_the_caps_make_the_entry_smaller() -> None:
    """The core sizes to the cap on all that is open, and its decision shows both caps asked."""
    core, entry = with_entry(risk=CAPPED)

    assert entry.limit_price is not None
    assert entry.quantity == 450 // entry.limit_price
    (decision,) = core.records(STREAM_DECISIONS)
    assert "decided by exposure" in decision.reason
    assert {c.rule: c.limit for c in decision.checks if c.rule.endswith("_CAP")} == {
        "NOTIONAL_CAP": "900",
        "EXPOSURE_CAP": "450",
    }
