"""Time, told."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time. Wall time is aware UTC; durations come from `monotonic`."""

    def now(self) -> datetime:
        """Aware UTC wall time."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary point; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock; cancellation leaves at once."""
        ...

    async def sleep_until(self, at: datetime) -> None:
        """Wait until this clock's wall time is at least `at`."""
        ...
