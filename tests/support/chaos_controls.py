"""The controls of the chaos days: one safeguard switched off, after which some day must fail."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from unittest.mock import patch

from support.chaos_deaths import MortalSink
from support.chaos_life import Tampering
from trading_bot.domain.errors import UnknownOutcomeError
from trading_bot.domain.order import ApprovedOrder, BrokerOrder, Execution
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.execution import observe
from trading_bot.execution.trade import TrackedOrder
from trading_bot.ports.broker import Broker, ExecutionMode
from trading_bot.ports.records import STREAM_ORDERS

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Resending:
    """A broker that takes an unknown outcome for none, and sends again."""

    inner: Broker

    @property
    def execution_mode(self) -> ExecutionMode:
        return self.inner.execution_mode

    async def place(self, order: ApprovedOrder) -> BrokerOrder:
        for _ in range(_TRIES - 1):
            try:
                return await self.inner.place(order)
            except UnknownOutcomeError:
                continue
        return await self.inner.place(order)

    async def cancel(self, order_id: str) -> None:
        await self.inner.cancel(order_id)

    async def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        return await self.inner.orders(since)

    async def positions(self) -> tuple[BrokerPosition, ...]:
        return await self.inner.positions()

    async def account(self) -> AccountSnapshot:
        return await self.inner.account()


class LateSink(MortalSink):
    """Order events reach the disk with the next ones: a death loses the latest."""

    _held: Sequence[str] = ()

    async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
        if STREAM_ORDERS in batch:
            held, self._held = self._held, batch[STREAM_ORDERS]
            batch = {**batch, STREAM_ORDERS: held}
        await super().append(batch)

    async def finish(self) -> None:
        held, self._held = self._held, ()
        if held:
            await super().append({STREAM_ORDERS: held})


def _every_execution(_order: TrackedOrder, seen: BrokerOrder) -> list[Execution]:
    return list(seen.executions)


@contextmanager
def _without_deduplication() -> Iterator[None]:
    with patch.object(observe, "fresh_executions", _every_execution):
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What is switched off, and how."""

    tampering: Tampering = field(default_factory=Tampering)
    patches: Callable[[], AbstractContextManager[None]] = nullcontext


CONTROLS: Mapping[str, Control] = {
    "none": Control(),
    "unknown": Control(tampering=Tampering(broker=Resending)),
    "deduplication": Control(patches=_without_deduplication),
    "write-ahead": Control(tampering=Tampering(sink=LateSink)),
}
