"""What runs beside the daemon."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

from trading_bot.app.housekeeping import SESSION_CHECK_S, keep_session
from trading_bot.brokers.robinhood.refresh import LoginNeededError, SessionKeeper
from trading_bot.market.calendar import NyseCalendar
from trading_bot.runtime.lockstep import LockstepClock

SATURDAY = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)


class Refused:
    """A keeper whose session Robinhood does not renew, but for the given tries."""

    def __init__(self, *good_tries: int) -> None:
        self.tries = 0
        self._good = good_tries

    def is_due(self) -> bool:
        return True

    async def renew(self) -> None:
        self.tries += 1
        if self.tries not in self._good:
            raise LoginNeededError("refused")


class Heard:
    """A Notifier that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def notify(self, severity: str, subject: str, text: str) -> None:
        self.told.append(f"{severity} {subject}: {text}")


async def watched(keeper: Refused, heard: Heard, checks: int) -> None:
    clock = LockstepClock(SATURDAY)
    work = keep_session(cast("SessionKeeper", keeper), clock, NyseCalendar(), heard)
    watching = asyncio.ensure_future(work)
    await clock.sleep_until(SATURDAY + timedelta(seconds=SESSION_CHECK_S * checks + 1))
    watching.cancel()


def test_a_person_is_asked_once_to_log_in() -> None:
    """A session refused all day is one alert, and another one only after it was well again."""
    heard = Heard()
    asyncio.run(watched(Refused(), heard, 100))
    assert heard.told == ["CRITICAL a person must log in: refused"]

    heard = Heard()
    asyncio.run(watched(Refused(50), heard, 100))
    assert heard.told == ["CRITICAL a person must log in: refused"] * 2
