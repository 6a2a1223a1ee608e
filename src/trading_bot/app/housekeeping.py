"""What runs beside the daemon: synced seals, the status file."""

from collections.abc import Awaitable, Callable

from trading_bot.app.status_file import write_status
from trading_bot.core.state import CoreState
from trading_bot.ports.clock import Clock
from trading_bot.runtime.measure import Measures
from trading_bot.storage.home import Home
from trading_bot.storage.writer import JournalWriter

SEAL_SYNC_S = 1.0
STATUS_S = 5.0

Sleep = Callable[[float], Awaitable[None]]


async def sync_seals(writer: JournalWriter, sleep: Sleep) -> None:
    """Sync seals and tape once a second: what they prove is then at most that old."""
    while True:
        await sleep(SEAL_SYNC_S)
        await writer.sync_tape()
        await writer.sync_seals()


async def keep_status(
    home: Home, state: CoreState, clock: Clock, measures: Measures, mode: str, sleep: Sleep
) -> None:
    """Replace the status file every few seconds."""
    while True:
        write_status(home, state, clock.now(), measures, mode)
        await sleep(STATUS_S)
