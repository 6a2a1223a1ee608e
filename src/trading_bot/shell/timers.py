"""Named timers: at most one of a name.

The earliest comes first, ties in the order they were set.
"""

from datetime import datetime


class Timers:
    """Deadlines on the wall clock, by name."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[datetime, int]] = {}
        self._count = 0

    def set(self, name: str, at: datetime) -> None:
        """Set or replace."""
        self._count += 1
        self._due[name] = (at, self._count)

    def clear(self, name: str) -> None:
        """Forget it, if it is there."""
        self._due.pop(name, None)

    def clear_all(self) -> None:
        """Forget all."""
        self._due.clear()

    @property
    def next_at(self) -> datetime | None:
        """When the earliest is due."""
        return min(self._due.values())[0] if self._due else None

    def pop_due(self, now: datetime) -> str | None:
        """The earliest timer that is due, taken out; None when there is none."""
        if not self._due:
            return None
        name = min(self._due, key=self._due.__getitem__)
        if self._due[name][0] > now:
            return None
        del self._due[name]
        return name
