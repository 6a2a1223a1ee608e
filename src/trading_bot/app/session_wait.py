"""A start without a usable session: it waits, up and not ready, until a person has logged in."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from trading_bot.app.connect import LiveConnection, PaperConnection
from trading_bot.app.signals import StoppedEarlyError
from trading_bot.app.sink import WriterSink
from trading_bot.brokers.robinhood.refresh import LOG_IN
from trading_bot.brokers.robinhood.session_file import SessionFile, SessionFileError, Stamp
from trading_bot.domain.errors import (
    ConfigError,
    HumanNeededError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
)
from trading_bot.ports.broker import Broker
from trading_bot.ports.notifier import Notifier
from trading_bot.ports.quote_source import QuoteSource
from trading_bot.query.records import HomeRecords
from trading_bot.runtime.deadline import StoppedError, finish_unless

LOOK_S: Final = 5.0
"""Between two looks at the file, and two of the status: it counts as silent after thirty."""

_RETRY_FIRST_S: Final = 60.0
_RETRY_MAX_S: Final = 900.0

Show = Callable[[str, bool], None]
"""Puts into the status why nothing runs yet, and whether a person is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a session could not be used; `stamp` is that of its file before it was tried."""

    error: TradingBotError
    stamp: Stamp | None

    @property
    def needs_person(self) -> bool:
        """False for what may pass: an outage, another process at the file."""
        return not isinstance(self.error, RetryableError)

    @property
    def may_wait(self) -> bool:
        """False when the start must be refused.

        What others could read or replace is nothing to wait beside: somebody may be at it.
        """
        error = self.error
        return not (isinstance(error, SessionFileError) and error.problem == "unsafe")

    @property
    def is_worth_another_try(self) -> bool:
        """True when the same session may be accepted later; a refused one is not shown again."""
        return isinstance(self.error, RetryableError | SessionExpiredError)

    @property
    def text(self) -> str:
        """What is wrong, without the next step where that is to log in."""
        return str(self.error).removesuffix(f"; {LOG_IN}")


class PatientConnection:
    """Connects as `connection` does; without a usable session it waits for another one.

    It tries again when the file has changed, and what may pass by itself also from time to time.
    Nothing is sent between the tries. `refused` is what a try before this one came to.
    """

    def __init__(
        self,
        connection: PaperConnection | LiveConnection,
        notifier: Notifier,
        show: Show,
        refused: Refusal | None = None,
    ) -> None:
        self._connection = connection
        self._notifier = notifier
        self._show = show
        self._refused = refused
        self._file = SessionFile(connection.home.session_pickle)
        self._told = ""
        self._failures = 0
        self._stop_reason = ""
        self._stopped = asyncio.Event()

    def stop(self, reason: str) -> None:
        """Wait no longer, break off a try; safe to call from a signal handler on the loop."""
        self._stop_reason = self._stop_reason or reason
        self._stopped.set()

    async def __call__(self, sink: WriterSink, records: HomeRecords) -> tuple[QuoteSource, Broker]:
        """The quotes and the broker, once there is a session that opens them.

        StoppedEarlyError when somebody stops the wait or a try. The error of a first try that no
        session would mend, or that must refuse the start, goes on to the caller.
        """
        refusal = self._refused
        while True:
            found = refusal or await self._try_unless_stopped(sink, records)
            if not isinstance(found, Refusal):
                if self._told:
                    self._notifier.notify("INFO", "session", "a session from the file is in use")
                return found
            if not (self._told or found.may_wait):
                raise found.error
            # First: whoever is told looks at the status.
            self._show(found.text, found.needs_person)
            self._tell(found)
            await self._until_worth_a_try(found)
            refusal = None

    async def _try_unless_stopped(
        self, sink: WriterSink, records: HomeRecords
    ) -> tuple[QuoteSource, Broker] | Refusal:
        try:
            return await finish_unless(self._stopped, self._try(sink, records))
        except StoppedError:
            raise StoppedEarlyError(self._stop_reason) from None

    async def _try(
        self, sink: WriterSink, records: HomeRecords
    ) -> tuple[QuoteSource, Broker] | Refusal:
        stamp = self._file.stamp()
        try:
            return await self._connection(sink, records)
        except (HumanNeededError, RetryableError) as error:
            return Refusal(error=error, stamp=stamp)
        except SessionExpiredError as error:
            # It was renewed in vain, which changed the file.
            return Refusal(error=error, stamp=self._file.stamp())
        except ConfigError as error:
            # At a start the settings are wrong. Of a log-in meanwhile it is the session that is.
            if not self._told:
                raise
            return Refusal(error=error, stamp=stamp)

    def _tell(self, refusal: Refusal) -> None:
        text = refusal.text
        if text == self._told:
            return
        self._told = text
        if refusal.needs_person:
            step = str(refusal.error)
            if not isinstance(refusal.error, HumanNeededError):
                step = f"{text}; {LOG_IN}"
            words = f"{step}. Until then nothing is sent; stops at the broker stay there"
            self._notifier.notify("CRITICAL", "a person must log in", words)
        else:
            self._notifier.notify("WARNING", "the start waits", f"{text}; trying again")

    async def _until_worth_a_try(self, refusal: Refusal) -> None:
        clock = self._connection.clock
        wait_s = min(_RETRY_FIRST_S * 2.0 ** min(self._failures, 10), _RETRY_MAX_S)
        again_at = clock.monotonic() + wait_s
        self._failures += refusal.is_worth_another_try
        while not self._stopped.is_set():
            await clock.wait(self._stopped, until=clock.now() + timedelta(seconds=LOOK_S))
            self._show(refusal.text, refusal.needs_person)
            if self._file.stamp() != refusal.stamp:
                return
            if refusal.is_worth_another_try and clock.monotonic() >= again_at:
                return
        raise StoppedEarlyError(self._stop_reason)
