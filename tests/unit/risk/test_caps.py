"""Caps in dollars: at their boundary, unknown, left out, and in the sizing and the breaker."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.risk_builders import (
    LIMITS,
    day_reading,
    entry_context,
    entry_intent,
    exit_intent,
    risk_limits,
)
from trading_bot.domain.order import OrderIntent
from trading_bot.logging.rule_check import RuleCheck
from trading_bot.risk.breaker import DAILY_LOSS, BreakerState, check_breakers
from trading_bot.risk.context import EntryContext
from trading_bot.risk.gate import Approved, Refused, judge_entry
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.risk_events import rejection_event, trip_event
from trading_bot.risk.sizing import Sizing, size_entry

D = Decimal
CAPPED = risk_limits(
    order_notional_max_usd="1000", exposure_max_usd="3000", daily_loss_max_usd="50"
)
"""The builder's entry, ten at 100.00, costs exactly the cap of an order."""


def check_of(
    rule: str, intent: OrderIntent, context: EntryContext, limits: RiskLimits = CAPPED
) -> RuleCheck:
    checks = judge_entry(intent, context, limits).checks
    return next(check for check in checks if check.rule == rule)


def size(limits: RiskLimits = CAPPED, **changes: Any) -> Sizing:
    values: dict[str, Any] = {
        "price": D("100.00"),
        "stop": D("99.00"),
        "equity": D("1000000.00"),
        "buying_power": D("1000000.00"),
        "reserved_cash": D(0),
        "exposure": D(0),
    }
    return size_entry(**(values | changes), limits=limits)


def test_an_order_may_cost_the_cap_and_not_a_cent_more() -> None:
    """The cost at the limit price is what counts."""
    inside = judge_entry(entry_intent(), entry_context(), CAPPED)
    dear = entry_intent(limit_price=D("100.01"))
    outside = judge_entry(dear, entry_context(equity=D("20000.00")), CAPPED)

    assert isinstance(inside, Approved)
    assert isinstance(outside, Refused)
    assert outside.rule == "NOTIONAL_CAP"
    assert outside.reason == "10 AAPL at 100.01 cost 1000.10, over the cap of 1000 an entry"


def test_all_that_is_open_may_cost_the_cap_and_not_a_cent_more() -> None:
    """What is held and working counts, and this order with it."""
    inside = judge_entry(entry_intent(), entry_context(exposure=D("2000.00")), CAPPED)
    outside = judge_entry(entry_intent(), entry_context(exposure=D("2000.01")), CAPPED)

    assert isinstance(inside, Approved)
    assert isinstance(outside, Refused)
    assert outside.rule == "EXPOSURE_CAP"
    assert outside.reason == (
        "10 AAPL at 100.00 would make 3000.01 held and working, 2000.01 are already, "
        "over the cap of 3000"
    )


@pytest.mark.parametrize("value", [None, D("NaN"), D("sNaN"), D("Infinity"), D("-0.01")])
def test_an_exposure_that_is_not_known_refuses(value: Decimal | None) -> None:
    """Nothing is bought on top of what nobody knows."""
    refused = judge_entry(entry_intent(), entry_context(exposure=value), CAPPED)

    assert isinstance(refused, Refused)
    assert (refused.rule, refused.reason) == (
        "EXPOSURE_CAP",
        "what is held and working already is not known",
    )


@pytest.mark.parametrize("intent", [exit_intent(), entry_intent(limit_price=D("Infinity"))])
@pytest.mark.parametrize("rule", ["NOTIONAL_CAP", "EXPOSURE_CAP"])
def test_a_price_that_is_none_costs_nobody_knows_what(rule: str, intent: OrderIntent) -> None:
    """The rules answer for themselves, whatever the shape's rule says."""
    check = check_of(rule, intent, entry_context())

    assert (check.ok, check.value) == (False, "unknown")


def test_without_caps_nothing_is_asked_of_them() -> None:
    """No cap is set on paper: an exposure nobody knows refuses nothing there."""
    verdict = judge_entry(entry_intent(), entry_context(exposure=None), LIMITS)

    assert isinstance(verdict, Approved)
    caps = [c for c in verdict.checks if c.rule in ("NOTIONAL_CAP", "EXPOSURE_CAP")]
    assert [(c.value, c.limit) for c in caps] == [("not asked", "none")] * 2


@pytest.mark.parametrize(
    ("cap", "opening", "holds", "fails", "says"),
    [
        ("50", "10000.00", "-49.99", "-50.00", "has reached the cap of -50"),
        ("50", "1000.00", "-19.99", "-20.00", "has reached -2% of the opening equity 1000.00"),
    ],
)
def test_the_nearer_of_percent_and_dollars_stops_the_day(
    cap: str, opening: str, holds: str, fails: str, says: str
) -> None:
    """Two percent of a small account are less than the cap, of a large one more."""
    limits = risk_limits(daily_loss_max_usd=cap)
    inside = entry_context(day_pnl=D(holds), opening_equity=D(opening))
    outside = entry_context(day_pnl=D(fails), opening_equity=D(opening))

    refused = judge_entry(entry_intent(), outside, limits)

    assert isinstance(judge_entry(entry_intent(), inside, limits), Approved)
    assert isinstance(refused, Refused)
    assert refused.rule == "DAILY_LOSS"
    assert says in refused.reason


@pytest.mark.parametrize(
    ("opening", "holds", "fails", "says"),
    [
        ("10000.00", "-49.99", "-50.00", "realised -50.00 reached the cap of -50"),
        ("1000.00", "-19.99", "-20.00", "realised -20.00 reached -2% of the opening equity"),
    ],
)
def test_the_breaker_trips_at_the_nearer_of_both(
    opening: str, holds: str, fails: str, says: str
) -> None:
    """And its record says which, with the cap beside the percentage."""
    day = {"opening_equity": D(opening)}
    _, none = check_breakers(
        BreakerState(), day_reading(realised_pnl=D(holds), day_pnl=D(holds), **day), CAPPED
    )
    _, trips = check_breakers(
        BreakerState(), day_reading(realised_pnl=D(fails), day_pnl=D(fails), **day), CAPPED
    )

    assert none == ()
    assert [trip.breaker for trip in trips] == [DAILY_LOSS]
    assert says in trips[0].reason
    assert trip_event(trips[0], CAPPED).config_snapshot["daily_loss_max_usd"] == "50"


@pytest.mark.parametrize(
    ("changes", "cap", "quantity"),
    [
        ({}, "notional", 10),
        ({"price": D("100.01"), "stop": D("99.00")}, "notional", 9),
        ({"exposure": D("2500.00")}, "exposure", 5),
        ({"exposure": D("2500.01")}, "exposure", 4),
        ({"equity": D("5000.00")}, "position", 5),
    ],
)
def test_an_entry_is_sized_down_to_the_caps(
    changes: dict[str, Any], cap: str, quantity: int
) -> None:
    """The caps make an entry smaller, they do not refuse it."""
    found = size(**changes)

    assert (found.cap, found.quantity, found.code) == (cap, quantity, "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"price": D("1000.01"), "stop": D("1000.00")},
            "one share costs 1000.01, over the cap of 1000 an entry",
        ),
        (
            {"exposure": D("2900.01")},
            "one share costs 100.00, 2900.01 are held and working already, the cap is 3000",
        ),
        ({"exposure": D("9000")}, "9000 are held and working already"),
    ],
)
def test_no_share_fits_under_a_cap(changes: dict[str, Any], words: str) -> None:
    """A refusal with the numbers, and the caps in its record."""
    found = size(**changes)
    event = rejection_event(
        rule=found.code, reason=found.reason, symbol="AAPL", reading=day_reading(), limits=CAPPED
    )

    assert (found.quantity, found.code) == (0, "SIZE_ZERO")
    assert words in found.reason
    assert event.config_snapshot["order_notional_max_usd"] == "1000"


@pytest.mark.parametrize("exposure", [None, D("NaN"), D("Infinity"), D("-0.01")])
def test_an_exposure_that_is_not_known_sizes_nothing(exposure: Decimal | None) -> None:
    """Only where a cap on it is set."""
    found, uncapped = size(exposure=exposure), size(LIMITS, exposure=exposure)

    assert (found.quantity, found.code) == (0, "EXPOSURE_CAP")
    assert uncapped.quantity > 0


def test_without_caps_a_size_and_a_record_say_nothing_of_them() -> None:
    """What is written without caps stays as it was before there were any."""
    event = rejection_event(
        rule="DAILY_LOSS", reason="x", symbol="AAPL", reading=day_reading(), limits=LIMITS
    )

    assert [name for name, _ in size(LIMITS).caps] == ["risk", "position", "cash", "quantity"]
    assert "daily_loss_max_usd" not in event.config_snapshot


AMOUNTS = st.decimals("1", "5000", places=2)


@settings(max_examples=300)
@given(
    order_cap=st.none() | AMOUNTS,
    exposure_cap=st.none() | AMOUNTS,
    loss_cap=st.none() | AMOUNTS,
    exposure=st.none() | AMOUNTS,
    day_pnl=st.decimals("-250", "100", places=2),
    quantity=st.integers(1, 10),
)
def test_approved_exactly_when_every_cap_that_is_set_holds(
    order_cap: Decimal | None,
    exposure_cap: Decimal | None,
    loss_cap: Decimal | None,
    exposure: Decimal | None,
    day_pnl: Decimal,
    quantity: int,
) -> None:
    """The caps in this test's own words, over an entry that nothing else speaks against."""
    limits = risk_limits(
        order_notional_max_usd=order_cap,
        exposure_max_usd=exposure_cap,
        daily_loss_max_usd=loss_cap,
    )
    cost = 100 * quantity
    allowed = (
        (order_cap is None or cost <= order_cap)
        and (exposure_cap is None or (exposure is not None and exposure + cost <= exposure_cap))
        and -day_pnl < min(D(200), D(200) if loss_cap is None else loss_cap)
    )

    context = entry_context(exposure=exposure, day_pnl=day_pnl)
    verdict = judge_entry(entry_intent(quantity=quantity), context, limits)

    assert isinstance(verdict, Approved) is allowed


@settings(max_examples=200)
@given(
    order_cap=AMOUNTS,
    exposure_cap=AMOUNTS,
    exposure=st.decimals("0", "5000", places=2),
    price=st.decimals("0.5", "900", places=2),
)
def test_capped_sizes_are_the_largest_the_gate_accepts(
    order_cap: Decimal, exposure_cap: Decimal, exposure: Decimal, price: Decimal
) -> None:
    """Sizing and gate agree on both caps to the share."""
    limits = risk_limits(order_notional_max_usd=order_cap, exposure_max_usd=exposure_cap)
    stop = price - D("0.01")
    found = size(limits, price=price, stop=stop, exposure=exposure)
    context = entry_context(exposure=exposure, equity=D(1_000_000), buying_power=D(1_000_000))

    def failing(quantity: int) -> bool:
        intent = entry_intent(quantity=quantity, limit_price=price)
        rules = ("NOTIONAL_CAP", "EXPOSURE_CAP")
        return not all(check_of(rule, intent, context, limits).ok for rule in rules)

    assert not found.quantity or not failing(found.quantity)
    assert failing(found.quantity + 1) or found.cap == "quantity"
