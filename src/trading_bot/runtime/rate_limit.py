"""A token bucket: how often we call somebody else, with tokens kept back for what must not wait."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from trading_bot.domain.errors import RetryableError
from trading_bot.ports.clock import Clock

_NAP_MIN_S = 0.001
"""Shortest wait, so that a waiter whose turn has not come cannot spin."""


class Limiter(Protocol):
    """Whoever says when a call may be made."""

    async def take(self) -> None:
        """Return when it may."""
        ...


@dataclass(slots=True, eq=False)
class _Ticket:
    count: int
    since_s: float


class TokenBucket:
    """`per_second` tokens flow in up to `burst`; the last `reserved` are for urgent callers.

    Urgent callers go before the others; within each kind, first come, first served. Of the others
    one gets its turn all the same once none had one for `patience_s`: those who are urgent all the
    time must not starve them. Callers must not hold an `activity()` of the clock while they wait.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        per_second: float,
        burst: int,
        reserved: int = 0,
        patience_s: float = math.inf,
    ) -> None:
        if not per_second > 0 or burst < 1 or not 0 <= reserved < burst:
            raise ValueError(
                f"a bucket needs a positive rate and 0 <= reserved < burst, "
                f"got {per_second}/s, {reserved} of {burst}"
            )
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._reserved = reserved
        self._patience_s = patience_s
        self._normal_turn_s = -math.inf
        self._tokens = float(burst)
        self._filled_at = clock.monotonic()
        self._urgent: deque[_Ticket] = deque()
        self._normal: deque[_Ticket] = deque()

    def available(self, *, urgent: bool = False) -> int:
        """Whole tokens such a caller could take now."""
        self._fill()
        return max(0, int(self._tokens - (0 if urgent else self._reserved) + 1e-9))

    def try_take(self, count: int = 1, *, urgent: bool = False) -> bool:
        """Take `count` tokens if they are there and nobody waits before the caller."""
        lane = self._urgent if urgent else self._normal
        if lane or (self._normal_is_overdue if urgent else self._urgent):
            return False
        return self._take_now(count, urgent=urgent)

    async def take(
        self, count: int = 1, *, urgent: bool = False, within_s: float | None = None
    ) -> None:
        """Wait for `count` tokens and take them; ValueError if the bucket never holds as many.

        RetryableError, and no token is taken, once the turn cannot come `within_s` seconds.
        """
        reserve = 0 if urgent else self._reserved
        if not 1 <= count <= self._burst - reserve:
            raise ValueError(f"expected 1 to {self._burst - reserve} tokens, got {count}")
        ticket = _Ticket(count, self._clock.monotonic())
        lane = self._urgent if urgent else self._normal
        lane.append(ticket)
        until_s = math.inf if within_s is None else self._clock.monotonic() + within_s
        try:
            while not (self._is_next(ticket, urgent) and self._take_now(count, urgent=urgent)):
                wait_s = self._seconds_to_turn(ticket, urgent)
                if self._clock.monotonic() + wait_s > until_s:
                    raise RetryableError(f"no turn for {wait_s:.1f} s", retry_after_s=wait_s)
                await self._clock.sleep(wait_s)
        finally:
            lane.remove(ticket)

    def pause(self, seconds: float) -> None:
        """The other side asked for quiet: let no token be there for that long."""
        self._fill()
        self._tokens = min(self._tokens, -seconds * self._per_second)

    @property
    def _normal_is_overdue(self) -> bool:
        return bool(self._normal) and self._overdue_in_s(self._normal[0]) <= 0

    def _overdue_in_s(self, ticket: _Ticket) -> float:
        """Seconds until the first of the normal callers goes before the urgent ones."""
        since_s = max(ticket.since_s, self._normal_turn_s)
        return since_s + self._patience_s - self._clock.monotonic()

    def _is_next(self, ticket: _Ticket, urgent: bool) -> bool:
        if urgent:
            return self._urgent[0] is ticket and not self._normal_is_overdue
        return self._normal[0] is ticket and (not self._urgent or self._normal_is_overdue)

    def _take_now(self, count: int, *, urgent: bool) -> bool:
        may_use_reserve = urgent or self._normal_is_overdue
        if self.available(urgent=may_use_reserve) < count:
            return False
        self._tokens -= count
        if not urgent:
            self._normal_turn_s = self._clock.monotonic()
        return True

    def _seconds_to_turn(self, ticket: _Ticket, urgent: bool) -> float:
        """How long it takes if nobody else comes; a caller that grows overdue looks again then."""
        overdue = [self._normal[0]] if self._normal_is_overdue else []
        line = [*overdue, *self._urgent, *(one for one in self._normal if one not in overdue)]
        ahead = line[: line.index(ticket)]
        is_first = urgent or ticket in overdue
        needed = sum(one.count for one in ahead) + ticket.count
        self._fill()
        wait_s = (needed + (0 if is_first else self._reserved) - self._tokens) / self._per_second
        if not is_first and ticket is self._normal[0]:
            wait_s = min(wait_s, self._overdue_in_s(ticket))
        return max(_NAP_MIN_S, wait_s)

    def _fill(self) -> None:
        now = self._clock.monotonic()
        grown = self._tokens + (now - self._filled_at) * self._per_second
        self._tokens = min(float(self._burst), grown)
        self._filled_at = now


@dataclass(frozen=True, slots=True)
class UrgentTurns:
    """The turns of callers that go before the others of `bucket` and into its reserve."""

    bucket: TokenBucket

    async def take(self) -> None:
        await self.bucket.take(urgent=True)
