"""Signals of the system as a staged stop."""

import asyncio
import signal
from collections.abc import Callable


def stop_on_signals(stop: Callable[[str], object]) -> None:
    """SIGTERM and SIGINT call `stop` with their name, on the loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
