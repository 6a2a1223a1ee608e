"""What the server's clock says against ours, by the Date of its answers."""

from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

READINGS_KEPT: Final = 32
"""A single answer may lie (a cache's, a torn header): the earliest of the last ones is taken."""

_READINGS_MIN: Final = 3

OFFSET_MAX: Final = timedelta(hours=24)
"""A Date further off than this says nothing about a clock that can be traded by."""


class ServerTime:
    """Readings of the server's clock, shared by every session with it."""

    def __init__(self) -> None:
        self._offsets: deque[timedelta] = deque(maxlen=READINGS_KEPT)

    def note(self, date_header: str, received_at: datetime) -> None:
        """Take an answer's Date header; one that cannot be read or believed is left out."""
        at = read_date(date_header)
        if at is None:
            return
        offset = at - received_at
        if abs(offset) <= OFFSET_MAX:
            self._offsets.append(offset)

    @property
    def behind(self) -> timedelta:
        """How far the server's clock may be behind ours; never negative.

        Time on the way and the fraction of a second a header lacks count as behind: too long a
        look back costs a page, too short a one loses an order.
        """
        return max(timedelta(0), -min(self._offsets, default=timedelta(0)))

    @property
    def ahead_s(self) -> float | None:
        """How far the server's clock is ahead of ours, in seconds; None after too few answers.

        The middle of the last readings: one that was long on the way does not move it.
        """
        if len(self._offsets) < _READINGS_MIN:
            return None
        return sorted(self._offsets)[len(self._offsets) // 2].total_seconds()

    def earliest(self, ours: datetime) -> datetime:
        """The earliest the server's clock may have stamped what happened at `ours` by our clock."""
        return ours - self.behind


def read_date(header: str) -> datetime | None:
    """The time in an HTTP header, aware; None where it holds none."""
    try:
        at = parsedate_to_datetime(header)
    except (TypeError, ValueError, OverflowError):
        # A year or a zone out of all range is an overflow, not a wrong value.
        return None
    return at.replace(tzinfo=at.tzinfo or UTC)
