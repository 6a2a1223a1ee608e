"""The circuit breakers: a loss trips, a profit never; latched; rebuilt from records."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from support.risk_builders import DAY, LIMITS, NOW, day_reading, risk_limits
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.risk.breaker import (
    CONSECUTIVE_LOSSES,
    DAILY_LOSS,
    BreakerState,
    apply_event,
    check_breakers,
    rebuild,
    resets_due,
)
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.risk_events import (
    UNNAMED_BREAKER,
    DayReading,
    rejection_event,
    reset_event,
    trip_event,
)

D = Decimal


def _run(*readings: DayReading, limits: RiskLimits = LIMITS) -> tuple[BreakerState, list[str]]:
    state, tripped = BreakerState(), []
    for reading in readings:
        state, trips = check_breakers(state, reading, limits)
        tripped += [trip.breaker for trip in trips]
    return state, tripped


def test_realised_loss_trips_at_once() -> None:
    """A realised loss of exactly the limit trips with the first reading, a cent less does not."""
    state, tripped = _run(day_reading(realised_pnl=D("-200.00"), day_pnl=D("-200.00")))
    assert tripped == [DAILY_LOSS]
    assert state.names == (DAILY_LOSS,)
    assert "realised -200.00 reached -2% of the opening equity 10000.00" in state.trips[0].reason

    assert _run(day_reading(realised_pnl=D("-199.99"), day_pnl=D("-199.99")))[1] == []


def test_open_loss_needs_two_readings_in_a_row() -> None:
    """One bad quote cannot trip the breaker: the second reading in a row does."""
    deep, fine = day_reading(day_pnl=D("-900.00")), day_reading(day_pnl=D("-10.00"))

    assert _run(deep)[1] == []
    assert _run(deep, fine, deep)[1] == []
    assert _run(deep, deep)[1] == [DAILY_LOSS]


def test_unknown_reading_neither_confirms_nor_clears() -> None:
    """Between two bad readings an unknown one changes nothing, and alone it never trips."""
    deep, unknown = day_reading(day_pnl=D("-900.00")), day_reading(day_pnl=None)

    assert _run(deep, unknown)[1] == []
    assert _run(deep, unknown, deep)[1] == [DAILY_LOSS]
    assert _run(*[unknown] * 5)[1] == []


def test_a_reading_of_yesterday_confirms_nothing_today() -> None:
    """Readings in a row are of one trading day."""
    late = day_reading(day_pnl=D("-900.00"))
    early = replace(late, trading_day=DAY + timedelta(days=1))

    assert _run(late, early)[1] == []
    assert _run(late, early, early)[1] == [DAILY_LOSS]


def test_realised_loss_is_not_hidden_by_an_open_profit() -> None:
    """A false quote that shows an open profit cannot keep a realised loss from tripping."""
    reading = day_reading(realised_pnl=D("-300.00"), day_pnl=D("500.00"))

    assert _run(reading)[1] == [DAILY_LOSS]


@pytest.mark.parametrize("value", [None, D("NaN"), D("sNaN"), D("-Infinity"), D("Infinity")])
@pytest.mark.parametrize("name", ["realised_pnl", "day_pnl", "opening_equity"])
def test_what_is_no_number_does_not_trip_and_does_not_raise(
    name: str, value: Decimal | None
) -> None:
    """Unknown figures are the gate's to refuse; the breaker waits for a number."""
    reading = day_reading(**{name: value})

    assert _run(reading, reading, reading)[1] == []


def test_losses_in_a_row_trip_at_the_limit() -> None:
    """The third loss in a row trips at once, the second does not."""
    assert _run(day_reading(consecutive_losses=2))[1] == []
    assert _run(day_reading(consecutive_losses=3))[1] == [CONSECUTIVE_LOSSES]
    assert _run(day_reading(consecutive_losses=None))[1] == []


def test_a_trip_is_latched() -> None:
    """No reading, however good or unknown, resets a breaker, and it trips only once."""
    bad = day_reading(realised_pnl=D("-300.00"), day_pnl=D("-300.00"))
    good = day_reading(realised_pnl=D(900), day_pnl=D(900))

    state, tripped = _run(bad, good, day_reading(day_pnl=None), good, bad, bad)

    assert tripped == [DAILY_LOSS]
    assert state.is_tripped(DAILY_LOSS)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.decimals(0, 100_000, places=2) | st.none() | st.just(D("Infinity")),
            st.decimals(0, 100_000, places=2) | st.none() | st.just(D("NaN")),
            st.decimals(-100, 100_000, places=2) | st.none(),
            st.integers(0, 2) | st.none(),
        ),
        max_size=12,
    )
)
def test_a_profit_never_trips(days: list[tuple[Any, Any, Any, Any]]) -> None:
    """Whatever is earned, with whatever opening equity, no breaker trips."""
    readings = [
        day_reading(realised_pnl=r, day_pnl=t, opening_equity=o, consecutive_losses=c)
        for r, t, o, c in days
    ]

    assert _run(*readings)[1] == []


READINGS = st.builds(
    lambda minutes, days, realised, opened, losses: day_reading(
        at=NOW + timedelta(days=days, minutes=minutes, microseconds=minutes * 1117),
        trading_day=DAY + timedelta(days=days),
        realised_pnl=realised,
        day_pnl=None if opened is None else realised + opened,
        consecutive_losses=losses,
    ),
    st.integers(0, 300),
    st.integers(0, 2),
    st.decimals(-300, 300, places=2),
    st.none() | st.decimals(-300, 300, places=2),
    st.none() | st.integers(0, 4),
)


@settings(max_examples=80)
@given(readings=st.lists(READINGS, max_size=10), manual=st.booleans())
def test_state_rebuilt_from_records_equals_the_live_one(
    readings: list[DayReading], manual: bool
) -> None:
    """At every moment the recorded events, written and read, leave the state that was live."""
    limits = risk_limits(daily_loss_reset="manual" if manual else "next_session")
    state, lines = BreakerState(), []
    for reading in sorted(readings, key=lambda r: r.at):
        events = resets_due(state, reading, limits)
        for event in events:
            state = apply_event(state, event)
        state, trips = check_breakers(state, reading, limits)
        events += tuple(trip_event(trip, limits) for trip in trips)
        for event in events:
            # A trip that is applied again changes nothing.
            state = apply_event(state, event) if event.event_type.endswith("trip") else state
        lines += [event.to_jsonl_line() for event in events]

        assert rebuild(RiskEvent.from_jsonl_line(line) for line in lines) == state


def test_next_session_resets_and_the_same_day_does_not() -> None:
    """A trip holds to the end of its trading day; the next one's first reading ends it."""
    state, _ = _run(day_reading(consecutive_losses=3))
    tomorrow = day_reading(at=NOW + timedelta(days=1), trading_day=DAY + timedelta(days=1))

    assert resets_due(state, day_reading(), LIMITS) == ()
    (event,) = resets_due(state, tomorrow, LIMITS)
    after = apply_event(state, event)

    assert event.action_taken == "trading_resumed"
    assert after.names == ()
    assert after.reset_at(CONSECUTIVE_LOSSES) == tomorrow.at


def test_manual_policy_waits_for_a_person() -> None:
    """Under "manual" no day resets the breaker; a person's recorded reset does."""
    limits = risk_limits(consecutive_losses_reset="manual")
    state, trips = check_breakers(BreakerState(), day_reading(consecutive_losses=3), limits)
    later = day_reading(trading_day=DAY + timedelta(days=30))

    assert resets_due(state, later, limits) == ()
    assert (
        apply_event(state, reset_event(trips[0], reading=later, reason="owner looked")).names == ()
    )


def test_a_trip_of_another_version_holds() -> None:
    """A recorded trip with an unknown or no breaker stays until a person resets it."""
    state, trips = _trip()
    event = trip_event(replace(trips[0], breaker="weekly_loss"), LIMITS)
    nameless = structs.replace(event, config_snapshot={"trading_day": "no day"})

    rebuilt = rebuild([event, nameless])

    assert rebuilt.names == (UNNAMED_BREAKER, "weekly_loss")
    assert resets_due(rebuilt, day_reading(trading_day=DAY + timedelta(days=9)), LIMITS) == ()
    reset = reset_event(rebuilt.trips[0], reading=day_reading(), reason="looked")
    assert rebuild([event, nameless, reset]).names == ("weekly_loss",)
    assert state.names == (DAILY_LOSS,)


def test_reset_of_what_is_not_tripped_changes_nothing() -> None:
    """A reset without its trip, or without a name, is ignored."""
    _, trips = _trip()
    reset = reset_event(trips[0], reading=day_reading(), reason="x")

    assert rebuild([reset]) == BreakerState()
    assert rebuild([structs.replace(reset, config_snapshot={})]) == BreakerState()


def test_other_events_change_nothing() -> None:
    """Refusals stand in the same file and reset nothing."""
    state, trips = _trip()
    refusal = rejection_event(
        rule="POSITION_SIZE", reason="too big", symbol="AAPL", reading=day_reading(), limits=LIMITS
    )

    assert rebuild([trip_event(trips[0], LIMITS), refusal]) == state


def _trip() -> tuple[BreakerState, tuple[Any, ...]]:
    reading = day_reading(realised_pnl=D("-300.00"), day_pnl=D("-300.00"))
    return check_breakers(BreakerState(), reading, LIMITS)
