"""Work that must be over by a time."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

from trading_bot.ports.clock import Clock

_T = TypeVar("_T")


async def finish_by(clock: Clock, at: datetime, work: Coroutine[Any, Any, _T]) -> _T:
    """`work`'s result or error; TimeoutError when the clock says `at` first, `work` cancelled."""
    over = asyncio.Event()
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(lambda _: over.set())
    try:
        if not await clock.wait(over, until=at):
            raise TimeoutError(f"not over by {at.isoformat()}")
        return await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
