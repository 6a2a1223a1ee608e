"""The sessions orders leave on: one for entries, one for sells and cancels.

A quote that hangs, and an entry that hangs, hold up no stop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from requests.adapters import BaseAdapter

from trading_bot.brokers.robinhood.answers import Answer
from trading_bot.brokers.robinhood.budget import SELL_QUIET_S
from trading_bot.brokers.robinhood.departure import Departure
from trading_bot.brokers.robinhood.transport import (
    Exchange,
    RobinhoodTransport,
    TransportSettings,
    ignore,
)
from trading_bot.domain.errors import RetryableError
from trading_bot.ports.clock import Clock
from trading_bot.runtime.rate_limit import Limiter
from trading_bot.runtime.retry import Retrier

Way = Literal["entries", "sells"]

ORDER_HANG_S: Final = 12.0
ORDER_IDLE_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineMaker:
    """Makes sessions beside `first`, which holds the login."""

    first: RobinhoodTransport
    clock: Clock
    retrier: Retrier
    settings: TransportSettings
    adapter: BaseAdapter | None = None
    on_exchange: Callable[[Exchange], None] = ignore

    def make(self, name: str, limiter: Limiter | None = None) -> RobinhoodTransport:
        """One more session, on its own worker, that asks `limiter` before each request."""
        return RobinhoodTransport(
            self.clock,
            self.retrier,
            settings=replace(self.settings, name=name),
            adapter=self.adapter,
            limiter=limiter,
            on_exchange=self.on_exchange,
            beside=self.first,
        )


class OrderLines:
    """Sends each form once. A line on which a call hangs for good is replaced before the next."""

    def __init__(self, maker: LineMaker) -> None:
        settings = replace(maker.settings, hang_timeout_s=ORDER_HANG_S, idle_max_s=ORDER_IDLE_S)
        self._maker = replace(maker, settings=settings)
        self._lines: dict[Way, RobinhoodTransport] = {
            "entries": self._make("entries"),
            "sells": self._make("sells"),
        }

    def close(self, timeout_s: float = 0.0) -> bool:
        """End the workers; True when no call still runs."""
        idle = [line.close(timeout_s) for line in self._lines.values()]
        return all(idle)

    async def post(
        self, way: Way, url: str, form: Mapping[str, str], departure: Departure | None = None
    ) -> Answer:
        """As `RobinhoodTransport.post_order`; no entry while quiet is asked for sells."""
        asked_s = self._lines["sells"].quiet.asked_left_s
        if way == "entries" and asked_s:
            raise RetryableError(
                f"not sent: no stop could follow, quiet was asked for {asked_s:.1f} s more",
                retry_after_s=asked_s,
            )
        line = self._lines[way]
        if line.is_stuck:
            line.close()
            line = self._lines[way] = self._make(way)
        return await line.post_order(url, form, departure)

    def _make(self, way: Way) -> RobinhoodTransport:
        maker = self._maker
        if way == "sells":
            maker = replace(maker, settings=replace(maker.settings, quiet_max_s=SELL_QUIET_S))
        return maker.make(f"robinhood-{way}")
