"""Time, told."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol


class Waitable(Protocol):
    """What `Clock.wait` can wait for; an `asyncio.Event` is one."""

    def is_set(self) -> bool:
        """True once it has happened."""
        ...

    async def wait(self) -> object:
        """Return when it is set."""
        ...


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

    def activity(self) -> AbstractContextManager[None]:
        """Mark work in flight outside the loop (a request, a write in a thread).

        Virtual time stands still meanwhile.
        Waiting on the clock inside it does not count as being in flight. Entered, left and slept in
        by one task.
        """
        ...

    async def wait(self, ready: Waitable, until: datetime | None = None) -> bool:
        """Wait until `ready` is set or the wall time is `until`; True when it is set."""
        ...

    async def settle(self) -> None:
        """On virtual time: wait until nothing is in flight; on real time: return at once."""
        ...
