"""Keeping the session alive: load it, use it, renew it; never log in.

A log-in can ask questions, wait for a phone for ever and destroy the file: a person does that with
a command of its own.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from trading_bot.brokers.robinhood.answers import Answer, read_json
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import DataError, HumanNeededError
from trading_bot.ports.clock import Clock

CLIENT_ID = "c82SH0WZOsabOXGP2sxqcj34FxkvfnWRZBKlBjFS"
"""The public id of Robinhood's web client; robin_stocks sends the same. No secret."""

LIFE_ASKED_S = 86_400
RENEW_BEFORE = timedelta(hours=4)


class LoginNeededError(HumanNeededError):
    """Only a person can get a new session; trading stops, reading and alerting go on."""


class SessionKeeper:
    """The session in `file`, used by `transport`."""

    def __init__(self, transport: RobinhoodTransport, file: SessionFile, clock: Clock) -> None:
        self._transport = transport
        self._file = file
        self._clock = clock
        self._session: BrokerSession | None = None
        self._is_proven = True

    @property
    def session(self) -> BrokerSession | None:
        """The session in use."""
        return self._session

    async def start(self) -> BrokerSession:
        """Load the file and use its token; SessionFileError says what a person must do."""
        session = await self._transport.run(self._file.load)
        self._use(session)
        return session

    def is_due(self, within: timedelta = RENEW_BEFORE) -> bool:
        """True when the token ends within that time, or no session is in use."""
        return self._session is None or self._session.ends_within(within, self._clock.now())

    async def renew(self) -> BrokerSession:
        """A new token pair, on disk before it is used.

        LoginNeededError: refused. RetryableError: not now; after a lost answer the old pair may
        be gone already, the next try then says so. A session that another process has renewed
        meanwhile is taken over.
        """
        with self._file.lock():
            stored = await self._transport.run(self._file.load)
            if self._session is None or stored.access_token == self._session.access_token:
                self._transport.library.hide(*_secrets(stored))
                answer = await self._transport.post_form(
                    self._transport.urls.login_url(), _form(stored)
                )
                stored = self._renewed(stored, answer)
                self._transport.library.hide(*_secrets(stored))
                await self._transport.run(lambda: self._file.save(stored))
                self._is_proven = False
        self._use(stored)
        return stored

    async def prove(self) -> None:
        """The session was accepted by a read: the one before it is not needed any more."""
        if not self._is_proven:
            await self._transport.run(self._file.prove)
            self._is_proven = True

    def _use(self, session: BrokerSession) -> None:
        self._transport.library.hide(*_secrets(session))
        self._transport.library.log_in(session.token_type, session.access_token)
        self._session = session

    def _renewed(self, old: BrokerSession, answer: Answer) -> BrokerSession:
        if b'"verification_workflow"' in answer.body and answer.status < 500:
            raise LoginNeededError(
                "Robinhood wants this device verified by a person: log in anew and replace the file"
            )
        if answer.status in (400, 401, 403):
            raise LoginNeededError(
                f"Robinhood refused to renew the session ({answer.status}); "
                "a person must log in anew and replace the session file"
            )
        now = self._clock.now()
        body = read_json(answer, now=now, redact=self._transport.library.redact)
        return parse_session(body, old.device_token, now)


def parse_session(body: object, device_token: str, now: datetime) -> BrokerSession:
    """A token answer as a session; DataError names what is missing and shows nothing."""
    if not isinstance(body, dict):
        raise DataError(f"token: expected an object, got {type(body).__name__}")
    texts = {}
    for name in ("access_token", "refresh_token", "token_type"):
        value = body.get(name)
        if not isinstance(value, str) or not value or not value.isprintable() or " " in value:
            raise DataError(f"token: expected a text in {name}, got {type(value).__name__}")
        texts[name] = value
    life = body.get("expires_in")
    if isinstance(life, bool) or not isinstance(life, int | float) or not math.isfinite(life):
        raise DataError(f"token: expected seconds in expires_in, got {type(life).__name__}")
    if not 0 < life < timedelta(days=3650).total_seconds():
        raise DataError(f"token: expected a life in expires_in, got {life}")
    return BrokerSession(
        **texts,
        device_token=device_token,
        expires_at=now + timedelta(seconds=life),
        obtained_at=now,
    )


def _form(session: BrokerSession) -> Mapping[str, str]:
    return {
        "grant_type": "refresh_token",
        "refresh_token": session.refresh_token,
        "scope": "internal",
        "client_id": CLIENT_ID,
        "device_token": session.device_token,
        "expires_in": str(LIFE_ASKED_S),
    }


def _secrets(session: BrokerSession) -> tuple[str, ...]:
    return (session.access_token, session.refresh_token, session.device_token)
