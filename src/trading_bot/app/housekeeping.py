"""What runs beside the daemon: synced seals, the status file, a session that stays valid."""

from collections.abc import Awaitable, Callable

from trading_bot.app.status_file import write_status
from trading_bot.brokers.robinhood.refresh import LoginNeededError, SessionKeeper
from trading_bot.core.state import CoreState
from trading_bot.domain.errors import TradingBotError
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.clock import Clock
from trading_bot.ports.notifier import Notifier
from trading_bot.runtime.measure import Measures
from trading_bot.storage.home import Home
from trading_bot.storage.writer import JournalWriter

SEAL_SYNC_S = 1.0
STATUS_S = 5.0
SESSION_CHECK_S = 600.0

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


async def keep_session(
    keeper: SessionKeeper, clock: Clock, calendar: NyseCalendar, notifier: Notifier
) -> None:
    """Renew the session ahead of its end, while the market is closed; or ask for a person, once."""
    was_asked = False
    while True:
        await clock.sleep(SESSION_CHECK_S)
        session = calendar.session(calendar.new_york_date(clock.now()))
        is_open = session is not None and session.is_open_at(clock.now())
        if is_open or not keeper.is_due():
            continue
        try:
            await keeper.renew()
        except LoginNeededError as error:
            if not was_asked:
                notifier.notify("CRITICAL", "a person must log in", str(error))
            was_asked = True
        except TradingBotError as error:
            notifier.notify("WARNING", "the session could not be renewed", str(error))
        else:
            was_asked = False
