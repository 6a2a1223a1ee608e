"""Signals of the system as a staged stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from trading_bot.domain.errors import TradingBotError
from trading_bot.runtime.deadline import StoppedError, finish_unless

_T = TypeVar("_T")


class StoppedEarlyError(TradingBotError):
    """Somebody stopped a start before anything ran; the text is their reason."""


def stop_on_signals(stop: Callable[[str], object]) -> None:
    """SIGTERM and SIGINT call `stop` with their name, on the loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)


async def until_stopped(work: Coroutine[Any, Any, _T]) -> _T:
    """`work`'s result or error; StoppedEarlyError when SIGTERM comes first.

    SIGINT stays what it is at a terminal, where somebody is asked.
    """
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    try:
        return await finish_unless(stopped, work)
    except StoppedError:
        raise StoppedEarlyError(signal.SIGTERM.name) from None
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
