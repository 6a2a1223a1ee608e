"""How often orders are sent: an entry only with a token for itself and for every stop owed."""

import math
from dataclasses import dataclass
from typing import Final

from trading_bot.domain.errors import RetryableError
from trading_bot.domain.order import Leg, OrderIntent
from trading_bot.ports.clock import Clock
from trading_bot.runtime.rate_limit import TokenBucket

SELL_QUIET_S: Final = 30.0
"""However long Robinhood asks for: what is bare meanwhile costs more than one more refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBudgetSettings:
    """Robinhood has been seen to throttle about eight orders in a row: stay under that.

    `stop_owed_s` is how long after an entry a token is kept for its stop: its life at the broker,
    and the poll that sees the fill.
    """

    per_second: float = 0.4
    burst: int = 6
    stop_owed_s: float = 30.0


class OrderBudget:
    """Tokens of orders and cancels. Sells and cancels wait for one, before any entry.

    An entry never waits: a token that is not there now means that what protects the positions at
    hand would have to.
    """

    def __init__(self, clock: Clock, settings: OrderBudgetSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or OrderBudgetSettings()
        self._bucket = TokenBucket(
            clock, per_second=self._settings.per_second, burst=self._settings.burst
        )
        self._owed: dict[str, float] = {}
        self._quiet_until_s = -math.inf

    def may_place_entry(self) -> bool:
        """True when there are tokens for an entry, for its stop and for every stop still owed."""
        now = self._clock.monotonic()
        if now < self._quiet_until_s:
            return False
        self._owed = {trade: until for trade, until in self._owed.items() if until > now}
        return self._bucket.available() >= 2 + len(self._owed)

    async def take(self, intent: OrderIntent) -> None:
        """A token for this order; RetryableError, at once, for an entry that may not have one.

        So for a sell that would get its token after its approval has ended: it must not use up
        what the next one, made for all that is bare by then, is waiting for.
        """
        if intent.leg is not Leg.ENTRY:
            self.release(intent.trade_id)
            await self._take_for_sell(intent)
            return
        if not self.may_place_entry() or not self._bucket.try_take():
            raise RetryableError(
                "not sent: the order budget has no token for the entry and its stop",
                retry_after_s=1 / self._settings.per_second,
            )
        owed_until = self._clock.monotonic() + self._settings.stop_owed_s
        self._owed[intent.trade_id] = owed_until

    async def take_urgent(self) -> None:
        """A token for what must not wait behind entries: a sell, a cancel."""
        await self._bucket.take(urgent=True)

    async def _take_for_sell(self, intent: OrderIntent) -> None:
        left_s = (intent.valid_until - self._clock.now()).total_seconds()
        try:
            await self._bucket.take(urgent=True, within_s=left_s)
        except RetryableError as error:
            raise RetryableError(
                f"not sent: the order budget has {error} and the approval ends before",
                retry_after_s=error.retry_after_s,
            ) from error

    def release(self, trade_id: str) -> None:
        """No stop is owed for this trade any more."""
        self._owed.pop(trade_id, None)

    def pause(self, seconds: float) -> None:
        """Robinhood asked for quiet: sells and cancels keep only so much of it, entries all."""
        self._quiet_until_s = max(self._quiet_until_s, self._clock.monotonic() + seconds)
        self._bucket.pause(min(seconds, SELL_QUIET_S))
