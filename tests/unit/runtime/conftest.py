"""Running work on virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from trading_bot.runtime.lockstep import LockstepClock


@pytest.fixture
def clock() -> LockstepClock:
    return LockstepClock(datetime(2026, 11, 23, 14, 30, tzinfo=UTC))


@pytest.fixture
def run() -> Callable[..., list[Any]]:
    """Run the works side by side, for at most twenty real seconds."""

    def running(*works: Coroutine[Any, Any, Any]) -> list[Any]:
        async def together() -> list[Any]:
            async with asyncio.timeout(20):
                return list(await asyncio.gather(*works))

        return asyncio.run(together())

    return running
