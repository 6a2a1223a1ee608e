"""One session used by several, renewed once when the broker says that it has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from trading_bot.brokers.robinhood.refresh import SessionKeeper
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.domain.errors import RetryableError, SessionExpiredError
from trading_bot.ports.clock import Clock

RENEW_PAUSE_S = 300.0
"""A session that ends again this soon after it was renewed is a person's matter."""

_T = TypeVar("_T")


class Renewals:
    """Renews the session of `keeper`, one caller at a time, and not again soon after."""

    def __init__(self, keeper: SessionKeeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._renewed_at: float | None = None
        self._turn = asyncio.Lock()

    @property
    def session(self) -> BrokerSession | None:
        """The session in use."""
        return self._keeper.session

    async def kept(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """`call()`, made again with a renewed session; for what may be made twice."""
        used = self.session
        try:
            found = await call()
        except SessionExpiredError as error:
            await self.renew(used, error)
            found = await call()
        await self._keeper.prove()
        return found

    async def renew(self, used: BrokerSession | None, ended: Exception) -> None:
        """Return when another session than `used` is in use.

        Raises `ended` when there was a renewal only just now, and what the renewal raises.
        """
        async with self._turn:
            if self._keeper.session != used:
                # Another session was taken into use while the old one was on its way.
                return
            now = self._clock.monotonic()
            if self._renewed_at is not None and now - self._renewed_at < RENEW_PAUSE_S:
                raise ended
            try:
                await self._keeper.renew()
            except RetryableError:
                # The network's fault: the next call may try again.
                raise
            except BaseException:
                self._renewed_at = now
                raise
            self._renewed_at = now
