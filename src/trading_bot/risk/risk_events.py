"""Trips, resets and refusals as the contract's RiskEvent, and trips back from it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from trading_bot.domain.money import ZERO, percent_of, text_of
from trading_bot.logging.line import format_timestamp, parse_timestamp
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.risk.exit_rules import OVERSELL
from trading_bot.risk.gate import RULE_ERROR
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.rule_table import ENTRY_RULES

TRIP_EVENT: Final = "circuit_breaker_trip"
RESET_EVENT: Final = "circuit_breaker_reset"
UNNAMED_BREAKER: Final = "unnamed"
"""Stands for the breaker of a trip that names none: it holds until a person resets it."""

Snapshot = dict[str, str | int | float | bool | None]

_EVENT_TYPES: Final = {
    "POSITION_SIZE": "position_limit_exceeded",
    "OPEN_POSITIONS": "open_positions_limit_exceeded",
    "TRADES_PER_DAY": "trades_per_day_limit_exceeded",
    "QUANTITY_LIMIT": "quantity_limit_exceeded",
    "RISK_PER_TRADE": "risk_per_trade_limit_exceeded",
    "DAILY_LOSS": "daily_loss_limit_exceeded",
    "CONSECUTIVE_LOSSES": "consecutive_losses_limit_exceeded",
    "BUYING_POWER": "buying_power_exceeded",
    "NOTIONAL_CAP": "notional_cap_exceeded",
    "EXPOSURE_CAP": "exposure_cap_exceeded",
}
_CRITICAL: Final = frozenset({RULE_ERROR, OVERSELL})
_SETTINGS: Final = {rule.code: rule.settings for rule in ENTRY_RULES} | {
    "SIZE_ZERO": (
        "risk_per_trade_pct",
        "max_position_pct",
        "quantity_max",
        "order_notional_max_usd",
        "exposure_max_usd",
    )
}
_BREAKER_SETTINGS: Final = {
    "daily_loss": (
        "max_daily_loss_pct",
        "daily_loss_max_usd",
        "daily_loss_confirmations",
        "daily_loss_reset",
    ),
    "consecutive_losses": ("max_consecutive_losses", "consecutive_losses_reset"),
}


@dataclass(slots=True, kw_only=True)
class DayReading:
    """The day's result as it is known at `at`; dollars of our own trades, None when not known.

    `realised_pnl` is net of fees; `day_pnl` adds the open P&L; `opening_equity` is the day's
    recorded one; `consecutive_losses` counts from the last reset of that breaker.
    """

    at: datetime
    trading_day: date
    realised_pnl: Decimal | None
    day_pnl: Decimal | None
    opening_equity: Decimal | None
    consecutive_losses: int | None

    @property
    def is_known(self) -> bool:
        """False when a record must say that its figures are not the day's."""
        return (
            self.day_pnl is not None
            and self.day_pnl.is_finite()
            and self.opening_equity is not None
            and self.opening_equity.is_finite()
            and self.opening_equity > ZERO
            and self.consecutive_losses is not None
        )

    @property
    def known_pnl(self) -> Decimal:
        """The day's P&L; what is realised when the open part is not known; else 0."""
        pnl, realised = self.day_pnl, self.realised_pnl
        if pnl is not None and pnl.is_finite():
            return pnl
        return realised if realised is not None and realised.is_finite() else ZERO

    @property
    def known_pnl_pct(self) -> Decimal:
        """`known_pnl` in percent of the opening equity; 0 when that is not known."""
        return self.percent(self.known_pnl)

    def percent(self, pnl: Decimal) -> Decimal:
        """`pnl` in percent of the opening equity; 0 when that is not known."""
        opening = self.opening_equity
        if opening is None or not opening.is_finite() or opening <= ZERO:
            return ZERO
        return percent_of(pnl, opening)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A breaker that tripped: when, on which trading day (None: not recorded), and why."""

    breaker: str
    at: datetime
    trading_day: date | None
    daily_pnl: Decimal
    daily_pnl_pct: Decimal
    consecutive_losses: int
    reason: str


def trip_event(trip: Trip, limits: RiskLimits) -> RiskEvent:
    """The record of a trip; it carries all that `trip_of` needs."""
    snapshot: Snapshot = {
        "breaker": trip.breaker,
        "trading_day": None if trip.trading_day is None else trip.trading_day.isoformat(),
        "reason": trip.reason,
    }
    return RiskEvent(
        timestamp=format_timestamp(trip.at),
        event_type=TRIP_EVENT,
        severity="CRITICAL",
        daily_pnl=trip.daily_pnl,
        daily_pnl_pct=trip.daily_pnl_pct,
        consecutive_losses=trip.consecutive_losses,
        action_taken="trading_paused",
        config_snapshot=snapshot | _settings(limits, _BREAKER_SETTINGS.get(trip.breaker, ())),
    )


def trip_of(event: RiskEvent) -> Trip:
    """The trip that `event` recorded; one that cannot be read in full still is a trip."""
    snapshot = event.config_snapshot
    breaker, reason = snapshot.get("breaker"), snapshot.get("reason")
    return Trip(
        breaker=breaker if isinstance(breaker, str) and breaker else UNNAMED_BREAKER,
        at=event_time(event),
        trading_day=_day(snapshot.get("trading_day")),
        daily_pnl=event.daily_pnl,
        daily_pnl_pct=event.daily_pnl_pct,
        consecutive_losses=event.consecutive_losses,
        reason=reason if isinstance(reason, str) else "",
    )


def reset_event(trip: Trip, *, reading: DayReading, reason: str) -> RiskEvent:
    """The record that ends `trip`: by the next session, or by a person with a reason."""
    return RiskEvent(
        timestamp=format_timestamp(reading.at),
        event_type=RESET_EVENT,
        severity="WARNING",
        daily_pnl=reading.known_pnl,
        daily_pnl_pct=reading.known_pnl_pct,
        consecutive_losses=reading.consecutive_losses or 0,
        action_taken="trading_resumed",
        config_snapshot={
            "breaker": trip.breaker,
            "trading_day": reading.trading_day.isoformat(),
            "reason": reason,
            "tripped_at": format_timestamp(trip.at),
        },
    )


def rejection_event(
    *, rule: str, reason: str, symbol: str, reading: DayReading, limits: RiskLimits
) -> RiskEvent:
    """The record of a refusal by the gate or by sizing, named by its rule's code."""
    snapshot: Snapshot = {"rule": rule, "symbol": symbol, "reason": reason}
    pnl = reading.known_pnl
    if not reading.is_known:
        # The contract's figures cannot be null; the record says that they are not the day's.
        snapshot["daily_pnl_known"] = False
    settings = _SETTINGS.get(rule)
    if settings:
        snapshot |= _settings(limits, settings)
    return RiskEvent(
        timestamp=format_timestamp(reading.at),
        event_type=event_type_of(rule),
        severity="CRITICAL" if rule in _CRITICAL else "WARNING",
        daily_pnl=pnl,
        daily_pnl_pct=reading.percent(pnl),
        consecutive_losses=reading.consecutive_losses or 0,
        action_taken="position_rejected",
        config_snapshot=snapshot,
    )


def event_type_of(rule: str) -> str:
    """The event type of a refusal by `rule`: the contract's word, else the code in lower case."""
    return _EVENT_TYPES.get(rule, rule.lower())


def event_time(event: RiskEvent) -> datetime:
    return parse_timestamp(event.timestamp)


def _settings(limits: RiskLimits, names: tuple[str, ...]) -> Snapshot:
    """What decided; a cap that is not set decides nothing."""
    values = {name: getattr(limits, name) for name in names}
    return {
        name: text_of(value) if isinstance(value, Decimal) else value
        for name, value in values.items()
        if value is not None
    }


def _day(text: object) -> date | None:
    if not isinstance(text, str):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
