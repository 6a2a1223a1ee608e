"""Work that must be over by a time, or that must not be broken off."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

from trading_bot.domain.errors import TradingBotError
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


class StoppedError(TradingBotError):
    """Somebody stopped it before it was over."""


async def finish_unless(stopped: asyncio.Event, work: Coroutine[Any, Any, _T]) -> _T:
    """`work`'s result or error; StoppedError when `stopped` is set first, `work` cancelled."""
    loop = asyncio.get_running_loop()
    task, stop = loop.create_task(work), loop.create_task(stopped.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise StoppedError("stopped before it was over")
        return await task
    finally:
        for one in (task, stop):
            one.cancel()
        await asyncio.wait({task, stop})


async def see_through(work: Coroutine[Any, Any, _T], grace_s: float) -> _T:
    """`work`'s result or error; who cancels it waits up to `grace_s` seconds for its end.

    For what costs more broken off than late. The seconds are the machine's: a virtual clock may
    stand still while what runs on it is stopped.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task}, timeout=grace_s)
        finally:
            task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # Heard, or the loop would complain that nobody has.
        raise
