"""Keeping the session alive: load it, use it, renew it; never log in.

A log-in asks questions and waits for a phone: a person does that, `trading-bot login`, and the
session it leaves in the file is taken over from there.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from trading_bot.brokers.robinhood.answers import Answer, read_json
from trading_bot.brokers.robinhood.grants import REFUSALS, is_object, parse_session, refresh_form
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import (
    SessionFile,
    SessionFileError,
    SessionNotStoredError,
    Stamp,
)
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import HumanNeededError
from trading_bot.ports.clock import Clock
from trading_bot.runtime.deadline import see_through

RENEW_BEFORE = timedelta(hours=4)
GRACE_S: Final = 3.0
"""How long a stop waits for the answer to a renewal: within the five seconds a stop may take."""

NOT_STORED: Final = "the renewed session could not be stored"
LOG_IN = "a person must log in: trading-bot login"


class LoginNeededError(HumanNeededError):
    """Only a person can get a new session; trading stops, reading and alerting go on."""


class SessionKeeper:
    """The session in `file`, used by `transport`."""

    def __init__(self, transport: RobinhoodTransport, file: SessionFile, clock: Clock) -> None:
        self._transport = transport
        self._file = file
        self._clock = clock
        self._session: BrokerSession | None = None
        self._stamp: Stamp | None = None
        self._is_proven = True
        self._problem = ""
        self._file_problem = ""
        self._unstored: BrokerSession | None = None

    @property
    def session(self) -> BrokerSession | None:
        """The session in use."""
        return self._session

    @property
    def problem(self) -> str:
        """Why this session cannot be renewed and a person is needed; empty while none is."""
        return self._problem or self._file_problem or (NOT_STORED if self._unstored else "")

    @property
    def is_stored(self) -> bool:
        """False while the session in use is in memory alone: a restart would lose it."""
        return self._unstored is None

    @property
    def ends_at(self) -> datetime | None:
        """When the token in use ends, as far as that is known."""
        return self._session.ends_at if self._session is not None else None

    async def start(self) -> BrokerSession:
        """Load the file and use its token; SessionFileError says what a person must do."""
        self._stamp = self._file.stamp()
        session = await self._transport.run(self._file.load)
        # A log-in may have been cut off before it tried what it wrote.
        self._is_proven = not self._file.previous_path.exists()
        self._use(session)
        return session

    def is_due(self, within: timedelta = RENEW_BEFORE) -> bool:
        """True when the token ends within that time, or no session is in use."""
        return self._session is None or self._session.ends_within(within, self._clock.now())

    async def look(self) -> bool:
        """Take over a session that another process has put into the file; True when it has.

        What cannot be used is a `problem`, and the session in use stays.
        """
        stamp = self._file.stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            stored = await self._load()
        except SessionFileError:
            return False
        if self._session is not None and stored.access_token == self._session.access_token:
            self._unstored = None
            return False
        self._take_over(stored, stamp)
        return True

    async def store(self) -> None:
        """Put a session that is in memory alone into the file; RetryableError: not now."""
        if self._unstored is not None:
            with self._file.lock():
                await self._store()

    async def renew(self) -> BrokerSession:
        """A new token pair, on disk before it is used.

        LoginNeededError: refused, now or before; a refused token is not shown again.
        RetryableError: not now; after a lost answer the old pair may be gone already, the next try
        then says so. A session that another process has put into the file meanwhile is taken over.
        A disk that is full stops the renewal before it costs the session; one that fails later
        leaves the new pair in memory, used and not stored.
        """
        with self._file.lock():
            await self._store()
            stamp = self._file.stamp()
            stored = await self._load()
            if self._session is not None and stored.access_token != self._session.access_token:
                self._take_over(stored, stamp)
                return stored
            self._stamp = stamp
            if not stored.refresh_token:
                self._problem = "the session has no refresh token and cannot be renewed"
            if self._problem:
                raise LoginNeededError(f"{self._problem}; {LOG_IN}")
            self._transport.library.hide(*secrets_of(stored))
            await self._transport.run(self._file.prepare)
            try:
                # The pair may be rotated already: whoever stops now waits for the new one.
                renewed = await see_through(self._exchange(stored), GRACE_S)
            finally:
                self._file.release()
        self._use(renewed)
        return renewed

    async def _exchange(self, stored: BrokerSession) -> BrokerSession:
        answer = await self._transport.post_form(
            self._transport.urls.login_url(), refresh_form(stored)
        )
        renewed = self._renewed(stored, answer)
        self._transport.library.hide(*secrets_of(renewed))
        try:
            await self._save(renewed)
        except SessionNotStoredError:
            # Robinhood has forgotten the pair before: this one is used all the same.
            self._unstored = renewed
        return renewed

    async def _store(self) -> None:
        """Under the lock; what a person has put into the file meanwhile stays there."""
        if self._unstored is not None and self._file.stamp() == self._stamp:
            await self._save(self._unstored)

    async def _save(self, session: BrokerSession) -> None:
        await self._transport.run(lambda: self._file.save(session))
        self._unstored = None
        self._is_proven = False
        self._stamp = self._file.stamp()

    async def prove(self) -> None:
        """The session was accepted by a read: the one before it is not needed any more."""
        if self._is_proven or self._unstored is not None:
            return
        # On a disk that cannot be written it stays for now.
        with suppress(OSError):
            await self._transport.run(self._file.prove)
            self._is_proven = True

    async def _load(self) -> BrokerSession:
        try:
            stored = await self._transport.run(self._file.load)
        except SessionFileError as error:
            self._file_problem = error.what
            raise
        self._file_problem = ""
        return stored

    def _take_over(self, session: BrokerSession, stamp: Stamp | None) -> None:
        self._problem = ""
        self._unstored = None
        self._stamp = stamp
        self._is_proven = not self._file.previous_path.exists()
        self._use(session)

    def _use(self, session: BrokerSession) -> None:
        self._transport.library.hide(*secrets_of(session))
        self._transport.library.log_in(session.token_type, session.access_token)
        self._session = session

    def _renewed(self, old: BrokerSession, answer: Answer) -> BrokerSession:
        if b'"verification_workflow"' in answer.body and answer.status < 500:
            self._problem = "Robinhood wants this device verified by a person"
        elif answer.status in REFUSALS and is_object(answer):
            # A page in HTML is a proxy's word, not the broker's: that may pass.
            self._problem = f"Robinhood refused to renew the session ({answer.status})"
        if self._problem:
            raise LoginNeededError(f"{self._problem}; {LOG_IN}")
        now = self._clock.now()
        body = read_json(answer, now=now, redact=self._transport.library.redact)
        return parse_session(body, old.device_token, now)


def secrets_of(session: BrokerSession) -> tuple[str, ...]:
    """What of a session must never be shown."""
    return (session.access_token, session.refresh_token, session.device_token)
