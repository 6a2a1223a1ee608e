"""Named retry policies for reads. Orders are never retried: their outcome is looked up."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from trading_bot.domain.errors import RetryableError
from trading_bot.ports.clock import Clock

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Ends with `attempts_max` or when the next wait would pass `deadline_s`, whichever is first.

    Waits are drawn from 0 to `wait_base_s` doubled per attempt, at most `wait_max_s` (full jitter),
    on top of what the other side asked for.
    """

    name: str
    attempts_max: int
    deadline_s: float
    wait_base_s: float = 0.5
    wait_max_s: float = 8.0

    def __post_init__(self) -> None:
        if self.attempts_max < 1:
            raise ValueError(f"a policy makes at least one attempt, got {self.attempts_max}")
        if min(self.deadline_s, self.wait_base_s, self.wait_max_s) < 0:
            raise ValueError(f"times of policy {self.name} must not be negative")


ONCE: Final = RetryPolicy(name="once", attempts_max=1, deadline_s=0)
"""A poll: the next poll is its retry."""

READ: Final = RetryPolicy(name="read", attempts_max=4, deadline_s=20)
"""A read somebody waits for."""

PATIENT: Final = RetryPolicy(name="patient", attempts_max=10, deadline_s=120, wait_max_s=30)
"""A read without which nothing can start."""

OnRetry = Callable[[RetryPolicy, int, float, RetryableError], None]
"""Told before each wait: the policy, the attempts made, the wait in seconds, what happened."""


class Retrier:
    """Repeats reads that raise RetryableError; every other error, and the last one, leaves."""

    def __init__(
        self, clock: Clock, chance: random.Random, on_retry: OnRetry | None = None
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._on_retry = on_retry

    async def call(self, policy: RetryPolicy, read: Callable[[], Awaitable[_T]]) -> _T:
        """`read()`'s result, waiting on the clock between attempts."""
        if policy.attempts_max == 1:
            return await read()
        started = self._clock.monotonic()

        def is_over(state: RetryCallState) -> bool:
            ends_at = self._clock.monotonic() - started + state.upcoming_sleep
            return state.attempt_number >= policy.attempts_max or ends_at > policy.deadline_s

        def tell(state: RetryCallState) -> None:
            error = _error_of(state)
            if self._on_retry is not None and error is not None:
                self._on_retry(policy, state.attempt_number, state.upcoming_sleep, error)

        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            stop=is_over,
            wait=lambda state: self._wait_s(policy, state),
            retry=retry_if_exception_type(RetryableError),
            before_sleep=tell,
            reraise=True,
        )
        return await retrying(read)

    def _wait_s(self, policy: RetryPolicy, state: RetryCallState) -> float:
        ceiling = min(policy.wait_max_s, policy.wait_base_s * 2.0 ** (state.attempt_number - 1))
        error = _error_of(state)
        asked = error.retry_after_s if error is not None else None
        return (asked or 0.0) + self._chance.uniform(0.0, ceiling)


def _error_of(state: RetryCallState) -> RetryableError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, RetryableError) else None
