"""The circuit breakers: they trip on losses and hold until a recorded event resets them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from trading_bot.domain.money import ZERO
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.risk.check import shown
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.risk_events import (
    RESET_EVENT,
    TRIP_EVENT,
    DayReading,
    Trip,
    event_time,
    reset_event,
    trip_of,
)

DAILY_LOSS: Final = "daily_loss"
CONSECUTIVE_LOSSES: Final = "consecutive_losses"
HELD_OVERNIGHT: Final = "held_overnight"
"""Shares that could not be sold by the close; holds through the session in which they are sold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """Which breakers hold, and since when losses are counted.

    `trips` are sorted by breaker. `resets` holds the time of each breaker's last reset: a streak of
    losses is counted from there. `pending` counts, for a trading day, readings that would trip but
    are not confirmed; it is not recorded, so two states are equal without it.
    """

    trips: tuple[Trip, ...] = ()
    resets: tuple[tuple[str, datetime], ...] = ()
    pending: tuple[tuple[str, date, int], ...] = field(default=(), compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The tripped breakers, as `EntryContext.trips` wants them."""
        return tuple([trip.breaker for trip in self.trips])

    def is_tripped(self, breaker: str) -> bool:
        return any(trip.breaker == breaker for trip in self.trips)

    def reset_at(self, breaker: str) -> datetime | None:
        """When the breaker was last reset; None when never."""
        return next((at for name, at in self.resets if name == breaker), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A reading that trips its breaker after `confirmations` such readings in a row."""

    reason: str
    confirmations: int = 1


Answer: TypeAlias = Breach | Literal["none", "unknown"]
BreakerRule = Callable[[DayReading, RiskLimits], Answer]


def daily_loss(reading: DayReading, limits: RiskLimits) -> Answer:
    """A loss of the day at or past the limit; what is realised needs no second reading."""
    opening = reading.opening_equity
    if opening is None or not opening.is_finite() or opening <= ZERO:
        return "unknown"
    floor = limits.loss_floor(opening)
    realised, total = reading.realised_pnl, reading.day_pnl
    if _reached(realised, floor):
        return Breach(reason=_loss_reason("realised", realised, floor, opening, limits))
    if _reached(total, floor):
        return Breach(
            reason=_loss_reason("realised and open", total, floor, opening, limits),
            confirmations=limits.daily_loss_confirmations,
        )
    return "none" if total is not None and total.is_finite() else "unknown"


def _loss_reason(
    what: str, pnl: Decimal | None, floor: Decimal, opening: Decimal, limits: RiskLimits
) -> str:
    cap = limits.daily_loss_max_usd
    if cap is not None and floor == -cap:
        return f"{what} {shown(pnl)} reached the cap of {shown(floor)}"
    return (
        f"{what} {shown(pnl)} reached -{shown(limits.max_daily_loss_pct)}% of the opening equity "
        f"{shown(opening)} = {shown(floor)}"
    )


def consecutive_losses(reading: DayReading, limits: RiskLimits) -> Answer:
    """As many losing round trips in a row as the limit says."""
    losses, limit = reading.consecutive_losses, limits.max_consecutive_losses
    if losses is None:
        return "unknown"
    if losses >= limit:
        return Breach(reason=f"{losses} losses in a row, the limit is {limit}")
    return "none"


BREAKERS: Final[tuple[tuple[str, BreakerRule], ...]] = (
    (CONSECUTIVE_LOSSES, consecutive_losses),
    (DAILY_LOSS, daily_loss),
)
"""Name and rule. "unknown" neither trips nor clears what waits for its confirmation."""


def check_breakers(
    state: BreakerState, reading: DayReading, limits: RiskLimits
) -> tuple[BreakerState, tuple[Trip, ...]]:
    """The state after `reading` and the breakers it tripped; each trip is to be recorded."""
    pending = {name: count for name, day, count in state.pending if day == reading.trading_day}
    tripped = []
    for name, rule in BREAKERS:
        if state.is_tripped(name):
            continue
        breach = rule(reading, limits)
        if isinstance(breach, Breach):
            pending[name] = pending.get(name, 0) + 1
            if pending[name] >= breach.confirmations:
                tripped.append(_trip(name, reading, breach))
                del pending[name]
        elif breach == "none":
            pending.pop(name, None)
    waiting = tuple((name, reading.trading_day, count) for name, count in pending.items())
    if not tripped and waiting == state.pending:
        return state, ()
    trips = _sorted((*state.trips, *tripped))
    return replace(state, trips=trips, pending=waiting), tuple(tripped)


def trip_held_overnight(
    state: BreakerState, reading: DayReading, reason: str, *, until: date
) -> tuple[BreakerState, Trip | None]:
    """The state with the breaker tripped and the trip to be recorded; None when it was already.

    `until` is the next session's day: the breaker holds through it.
    """
    if state.is_tripped(HELD_OVERNIGHT):
        return state, None
    trip = replace(_trip(HELD_OVERNIGHT, reading, Breach(reason=reason)), trading_day=until)
    return replace(state, trips=_sorted((*state.trips, trip))), trip


def apply_event(state: BreakerState, event: RiskEvent) -> BreakerState:
    """The state after a recorded trip or reset; other events change nothing."""
    if event.event_type == RESET_EVENT:
        return _without(state, event.config_snapshot.get("breaker"), event_time(event))
    if event.event_type != TRIP_EVENT:
        return state
    trip = trip_of(event)
    if state.is_tripped(trip.breaker):
        return state
    return replace(state, trips=_sorted((*state.trips, trip)))


def rebuild(events: Iterable[RiskEvent]) -> BreakerState:
    """The state that the recorded events leave, oldest first.

    A trip that names no breaker, or one this version does not know, holds all the same.
    """
    state = BreakerState()
    for event in events:
        state = apply_event(state, event)
    return state


def resets_due(
    state: BreakerState, reading: DayReading, limits: RiskLimits
) -> tuple[RiskEvent, ...]:
    """Reset events for the trips that the reading's trading day ends; apply them once recorded."""
    return tuple(
        reset_event(trip, reading=reading, reason="next session")
        for trip in state.trips
        if trip.trading_day is not None
        and reading.trading_day > trip.trading_day
        and _policy(trip.breaker, limits) == "next_session"
    )


def _sorted(trips: tuple[Trip, ...]) -> tuple[Trip, ...]:
    return tuple(sorted(trips, key=lambda trip: trip.breaker))


def _policy(breaker: str, limits: RiskLimits) -> str:
    if breaker == DAILY_LOSS:
        return limits.daily_loss_reset
    if breaker == CONSECUTIVE_LOSSES:
        return limits.consecutive_losses_reset
    return "next_session" if breaker == HELD_OVERNIGHT else "manual"


def _reached(pnl: Decimal | None, floor: Decimal) -> bool:
    return pnl is not None and pnl.is_finite() and pnl < ZERO and pnl <= floor


def _trip(name: str, reading: DayReading, breach: Breach) -> Trip:
    # Cut to what a record keeps, so that the state rebuilt from records equals this one.
    at = reading.at - timedelta(microseconds=reading.at.microsecond % 1000)
    return Trip(
        breaker=name,
        at=at,
        trading_day=reading.trading_day,
        daily_pnl=reading.known_pnl,
        daily_pnl_pct=reading.known_pnl_pct,
        consecutive_losses=reading.consecutive_losses or 0,
        reason=breach.reason,
    )


def _without(state: BreakerState, breaker: object, at: datetime) -> BreakerState:
    if not isinstance(breaker, str) or not state.is_tripped(breaker):
        return state
    resets = {**dict(state.resets), breaker: at}
    return replace(
        state,
        trips=tuple(trip for trip in state.trips if trip.breaker != breaker),
        resets=tuple(sorted(resets.items())),
        pending=tuple(waiting for waiting in state.pending if waiting[0] != breaker),
    )
