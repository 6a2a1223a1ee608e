"""The session beside the daemon: renewed ahead of its end, taken over from a log-in, told of."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from trading_bot.brokers.robinhood.refresh import LOG_IN, RENEW_BEFORE, SessionKeeper
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event, SessionKnown, Started
from trading_bot.domain.errors import HumanNeededError, RetryableError, TradingBotError
from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.ports.clock import Clock
from trading_bot.ports.notifier import Notifier

WATCH_S: Final = 30.0
"""A session that a person has put into the file is in use within a minute: twice this."""

COVER: Final = timedelta(minutes=30)
"""So long past the close a session should live: exits may take a while."""

COVER_AHEAD: Final = timedelta(hours=12)
SPACING: Final = timedelta(hours=1)
LAST_CALL: Final = timedelta(minutes=15)
_RETRY_FIRST_S: Final = 60.0
_RETRY_MAX_S: Final = 900.0


class SessionWatch:
    """Watches the session of `keeper`; `tell` hands an event to the daemon.

    An observer too: each start of a day's tape is told how the session stands.
    """

    def __init__(
        self,
        keeper: SessionKeeper,
        *,
        clock: Clock,
        calendar: NyseCalendar,
        notifier: Notifier,
        is_flat: Callable[[], bool],
        tell: Callable[[Event], None],
    ) -> None:
        self._keeper = keeper
        self._clock = clock
        self._calendar = calendar
        self._notifier = notifier
        self._is_flat = is_flat
        self._tell = tell
        self._told: tuple[datetime | None, str] | None = None
        self._failures = 0
        self._not_before_s = 0.0

    def __call__(self, event: Event, _effects: Sequence[Effect], /) -> None:
        """Tell it again where a tape begins: it must give the day by itself."""
        if isinstance(event, Started):
            self._told = None
            self._say()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.check()
            await self._clock.sleep(WATCH_S)

    async def check(self) -> None:
        """Take over what a person has left, renew what is due, say what has changed."""
        if await self._keeper.look():
            self._notifier.notify("INFO", "session", "a session from the file is in use")
            self._failures, self._not_before_s = 0, 0.0
        if not self._keeper.is_stored:
            with suppress(RetryableError):
                await self._keeper.store()
        if self._is_due():
            await self._renew()
        self._say()

    def _is_due(self) -> bool:
        session, now = self._keeper.session, self._clock.now()
        if session is None or self._keeper.problem or self._clock.monotonic() < self._not_before_s:
            return False
        today = self._calendar.session(self._calendar.new_york_date(now))
        is_open = today is not None and today.is_open_at(now)
        if is_open and not self._is_flat():
            # A renewal whose answer is lost costs the session: not while a position needs it,
            # unless it is about to be lost anyway.
            return session.ends_within(LAST_CALL, now)
        return is_renewal_due(session, now, covering(self._calendar, now))

    async def _renew(self) -> None:
        try:
            await self._keeper.renew()
        except HumanNeededError:
            # It is the keeper's problem now, and told as that.
            return
        except TradingBotError as error:
            wait_s = min(_RETRY_FIRST_S * 2.0 ** min(self._failures, 10), _RETRY_MAX_S)
            if not self._failures:
                text = f"{error}; trying again"
                self._notifier.notify("WARNING", "the session could not be renewed", text)
            self._failures += 1
            self._not_before_s = self._clock.monotonic() + wait_s
        else:
            self._failures = 0

    def _say(self) -> None:
        ends_at, problem = self._keeper.ends_at, self._keeper.problem
        before = self._told
        if before == (ends_at, problem):
            return
        self._told = (ends_at, problem)
        self._tell(SessionKnown(at=self._clock.now(), ends_at=ends_at, needs_person=problem))
        was = before[1] if before is not None else ""
        if problem and not self._keeper.is_stored:
            text = f"{problem}; it is used from memory, a restart now would need: trading-bot login"
            self._notifier.notify("CRITICAL", "session", text)
        elif problem and problem != was:
            text = f"{problem}; {LOG_IN}. Until then nothing is opened"
            self._notifier.notify("CRITICAL", "a person must log in", text)


def is_renewal_due(session: BrokerSession, now: datetime, covers: Session | None) -> bool:
    """True when the session should be renewed now, if this is a time to do it at all.

    That is within four hours of its end, or when it would not last until well past the close of
    the session `covers`. One just renewed is left alone, however short it lives.
    """
    ends_at = session.ends_at
    if ends_at is None:
        return False
    if session.obtained_at is not None and now - session.obtained_at < min(
        SPACING, (ends_at - session.obtained_at) / 2
    ):
        return False
    if ends_at <= now + RENEW_BEFORE:
        return True
    return covers is not None and ends_at < covers.close + COVER


def covering(calendar: NyseCalendar, now: datetime) -> Session | None:
    """The session under way, or the next one when it opens within half a day."""
    day = calendar.new_york_date(now)
    for candidate in (day, day + timedelta(days=1)):
        session = calendar.session(candidate)
        if session is not None and now < session.close:
            return session if session.open <= now + COVER_AHEAD else None
    return None
