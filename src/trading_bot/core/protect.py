"""Protect-only: why nothing may be opened, cause by cause, and which of them a person must end.

Stops are kept and placed all the same. A cause that a person must end is a note in the orders'
record and holds over restarts until another note ends it; the others follow from what happens and
end with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trading_bot.core.say import Data, note
from trading_bot.core.state import CoreState, Out, Protection
from trading_bot.domain.errors import DataError
from trading_bot.logging.line import parse_timestamp
from trading_bot.logging.order_event import OrderEvent

WHAT = "protect_only"
WHAT_ENDED = "protect_only_ended"


class Cause(StrEnum):
    """Why nothing may be opened; the code that commands and records name it by."""

    JOURNAL_DEAD = "JOURNAL_DEAD"
    DISK_FULL = "DISK_FULL"
    RECORD_DAMAGED = "RECORD_DAMAGED"
    DIFFERENCE = "DIFFERENCE"
    BROKER_IMPOSSIBLE = "BROKER_IMPOSSIBLE"
    NOT_RECONCILED = "NOT_RECONCILED"
    ORDERS_UNREAD = "ORDERS_UNREAD"
    STOPS_REFUSED = "STOPS_REFUSED"
    SESSION = "SESSION"
    CLOCK_SKEW = "CLOCK_SKEW"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a cause ends: `is_kept` over restarts on record, `ends` in words for the owner."""

    is_kept: bool
    ends: str


RULES = {
    Cause.JOURNAL_DEAD: Rule(is_kept=False, ends="mend the disk, then restart the daemon"),
    Cause.DISK_FULL: Rule(is_kept=True, ends="make room on the disk, then restart the daemon"),
    Cause.RECORD_DAMAGED: Rule(is_kept=False, ends="see trading-bot verify"),
    Cause.DIFFERENCE: Rule(is_kept=False, ends="trading-bot reconcile"),
    Cause.BROKER_IMPOSSIBLE: Rule(
        is_kept=True, ends="trading-bot reconcile --accept BROKER_IMPOSSIBLE"
    ),
    Cause.NOT_RECONCILED: Rule(is_kept=False, ends="by itself, once the broker can be read"),
    Cause.ORDERS_UNREAD: Rule(is_kept=False, ends="by itself, once the orders can be read"),
    Cause.STOPS_REFUSED: Rule(
        is_kept=True,
        ends="by itself, once a stop is accepted, or trading-bot reconcile --accept STOPS_REFUSED",
    ),
    Cause.SESSION: Rule(is_kept=False, ends="trading-bot login"),
    Cause.CLOCK_SKEW: Rule(is_kept=False, ends="by itself, once the machine's clock is right"),
}
"""DIFFERENCE is kept by the notes of its differences, which a person accepts one by one."""


def begin(state: CoreState, out: Out, at: datetime, cause: Cause, text: str) -> bool:
    """Open nothing from here on; false when that cause holds already. The caller alarms."""
    if cause in state.protection:
        return False
    state.protection[cause] = Protection(text=text, since=at)
    # Tapes from before causes were kept, which no account is compared with, hold no such note.
    if RULES[cause].is_kept and state.reconciles:
        data: Data = {"what": WHAT, "cause": cause.value, "reason": text}
        note(state, out, at, data)
    return True


def restate(state: CoreState, at: datetime, cause: Cause, text: str) -> None:
    """As `begin` of a cause that no note keeps, with another text when it holds already."""
    held = state.protection.get(cause)
    state.protection[cause] = Protection(text=text, since=at if held is None else held.since)


def end(
    state: CoreState, out: Out, at: datetime, cause: Cause, *, by: str = "", why: str = ""
) -> bool:
    """The cause is over; false when it did not hold. `by` names the person who ended a kept one."""
    if state.protection.pop(cause, None) is None:
        return False
    if RULES[cause].is_kept:
        data: Data = {"what": WHAT_ENDED, "cause": cause.value, "by": by, "why": why}
        note(state, out, at, data)
    return True


def restore(state: CoreState, events: Iterable[OrderEvent]) -> None:
    """Take up the causes that the record's notes keep."""
    for event in events:
        what = event.data.get("what") if event.kind == "note" else None
        if what == WHAT:
            cause = _cause_of(event)
            text, since = str(event.data["reason"]), parse_timestamp(event.timestamp)
            state.protection.setdefault(cause, Protection(text=text, since=since))
        elif what == WHAT_ENDED:
            state.protection.pop(_cause_of(event), None)


def _cause_of(event: OrderEvent) -> Cause:
    try:
        return Cause(str(event.data.get("cause")))
    except ValueError as error:
        raise DataError(f"order event {event.seq}: {error}") from error
