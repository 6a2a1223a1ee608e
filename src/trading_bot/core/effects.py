"""What the core wants done. The shell does it, in order, and hands the results back as events."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import msgspec

from trading_bot.domain.order import ApprovedOrder
from trading_bot.ports.notifier import Severity


class Line(Protocol):
    """Anything that is written down."""

    def to_jsonl_line(self) -> str:
        """The record's line, without LF."""
        ...


class Record(msgspec.Struct, frozen=True, gc=False):
    """Append this record to its stream; durable before anything else of its step is done."""

    stream: str
    record: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPoll:
    """Read the quotes of `symbols`, with the day's volumes when a bar is due."""

    request: int
    symbols: tuple[str, ...]
    with_volumes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHistoricals:
    """Read today's five-minute bars of `symbols`."""

    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHours:
    """Read the broker's hours of `day`."""

    day: date


@dataclass(frozen=True, slots=True)
class RequestAccount:
    """Read the account and its positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOrders:
    """Read the broker's orders that changed at or after `since`."""

    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReconcile:
    """Read orders changed since `since`, positions, the account, and the orders once more."""

    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Send this order once; its intent is durable by then."""

    order: ApprovedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Ask the broker to cancel."""

    ref_id: str
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Fire `name` at `at`; a timer of that name that has not fired yet is replaced."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearTimer:
    """Forget the timer of this name, if there is one."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Tell the owner."""

    severity: Severity
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollDay:
    """Close the day's files, open those of `trading_day`, and come back with `Started`."""

    trading_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Everything that had to be settled is settled: the shell may stop."""

    reason: str


Effect = (
    Record
    | RequestPoll
    | RequestHistoricals
    | RequestHours
    | RequestAccount
    | RequestOrders
    | RequestReconcile
    | PlaceOrder
    | CancelOrder
    | SetTimer
    | ClearTimer
    | Alert
    | RollDay
    | Finish
)
