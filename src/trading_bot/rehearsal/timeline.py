"""What happens when: one line of virtual time, walked in order and never back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import IntEnum
from heapq import heappop, heappush
from typing import Protocol, TypeAlias

Action: TypeAlias = Callable[[datetime], None]
"""Takes the moment it happens at."""
_INSTANT = timedelta(microseconds=1)


class Rank(IntEnum):
    """What goes first at one moment: the day's hours, then timers, then people, then quotes."""

    HOURS = 0
    TIMER = 1
    PERSON = 2


class Walked(Protocol):
    """The market that is walked along."""

    def next_told(self, after: datetime, until: datetime) -> datetime | None:
        """The first moment in (after, until] with a quote anyone waits for."""
        ...

    def told(self, at: datetime) -> None:
        """The quotes told at `at` stand now."""
        ...


class Timeline:
    """Things due, run in time order; what is walked in two steps ends as if walked in one."""

    def __init__(self) -> None:
        self._due: list[tuple[datetime, Rank, int, Action]] = []
        self._count = 0
        self._walked: datetime | None = None
        self.now: datetime | None = None

    def begin(self, start: datetime) -> None:
        """Time begins at `start`; what is due before happens then."""
        self.now = start
        self._walked = start

    def later(self, at: datetime, rank: Rank, action: Action) -> None:
        """Have `action` happen at `at`; things of one moment and rank in the order given."""
        self._count += 1
        heappush(self._due, (at, rank, self._count, action))

    def advance(self, to: datetime, market: Walked) -> datetime:
        """Walk to `to` inclusive; the time it is then, which is later when `to` was over."""
        assert self.now is not None
        assert self._walked is not None
        to = max(to, self.now)
        while True:
            due = self._due[0][0] if self._due else None
            if due is not None and due > to:
                due = None
            told = market.next_told(self._walked, to)
            if told is not None and (due is None or told < due):
                self.now = max(self.now, told)
                market.told(told)
                self._walked = told
            elif due is not None:
                at, _, _, action = heappop(self._due)
                self.now = max(self.now, at)
                # A quote of this very moment has not been told yet; those before it have.
                self._walked = max(self._walked, self.now - _INSTANT)
                action(self.now)
            else:
                self.now = to
                self._walked = max(self._walked, to)
                return to
