"""The session of a home: made by a person, ended by a person."""

import random
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from trading_bot.brokers.robinhood.accounts import AccountRow, read_accounts
from trading_bot.brokers.robinhood.answers import excerpt
from trading_bot.brokers.robinhood.grants import CLIENT_ID, Credentials, LoginRefusedError
from trading_bot.brokers.robinhood.imported import imported_session, read_tokens
from trading_bot.brokers.robinhood.login import PasswordLogin, Person
from trading_bot.brokers.robinhood.refresh import LOG_IN, LoginNeededError, secrets_of
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFile, SessionFileError
from trading_bot.brokers.robinhood.transport import RobinhoodTransport, TransportSettings
from trading_bot.domain.errors import RetryableError, SessionExpiredError, TradingBotError
from trading_bot.ports.clock import Clock
from trading_bot.runtime.clocks import SystemClock
from trading_bot.runtime.deadline import finish_by
from trading_bot.runtime.rate_limit import TokenBucket
from trading_bot.runtime.retry import Retrier
from trading_bot.storage.home import Home

_T = TypeVar("_T")

DEADLINE: Final = timedelta(minutes=3)
"""How long a person and a phone are waited for, all in all."""

_REVOKE_URL: Final = "https://api.robinhood.com/oauth2/revoke_token/"
_READS_PER_SECOND: Final = 2.0
_READ_BURST: Final = 8
_LOCK_TRIES: Final = 40
_LOCK_PAUSE_S: Final = 0.5

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where Robinhood is and what time it is there.

    `base_url` is another exchange, on this machine, in a test; `chance` spreads what is repeated.
    """

    clock: Clock = field(default_factory=SystemClock)
    chance: random.Random = field(default_factory=random.Random)
    base_url: str | None = None
    is_lockstep: bool = False

    @asynccontextmanager
    async def transport(self) -> AsyncIterator[RobinhoodTransport]:
        """A line to it that shows no token yet."""
        settings = TransportSettings(base_url=self.base_url, is_lockstep=self.is_lockstep)
        limiter = TokenBucket(self.clock, per_second=_READS_PER_SECOND, burst=_READ_BURST)
        retrier = Retrier(self.clock, self.chance)
        line = RobinhoodTransport(self.clock, retrier, settings=settings, limiter=limiter)
        line.library.log_out()
        try:
            yield line
        finally:
            line.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A session that is stored; `accounts` is None when it could not be tried, for `problem`."""

    session: BrokerSession
    accounts: tuple[AccountRow, ...] | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a person logs in to a home: who, by when, and what chance gives a new device."""

    home: Home
    place: Place
    person: Person
    random_bytes: RandomBytes
    deadline: timedelta = DEADLINE

    async def log_in(self, totp_secret: str = "") -> LoggedIn:
        """A session by password, stored and then tried.

        Whatever fails before there is a token leaves the file as it was; a token that is not
        accepted gives its place back to the session before.
        """
        file, device = self._file()
        ends_at = self.place.clock.now() + self.deadline
        asked = await self._answered(self._ask(device))
        async with self.place.transport() as transport:
            flow = PasswordLogin(transport, self.person, self.place.clock, self.place.chance)
            session = await flow.session(asked, totp_secret=totp_secret, ends_at=ends_at)
            await _store(file, session, self.place.clock)
            try:
                accounts = await _try(transport, session)
            except SessionExpiredError:
                with file.lock():
                    file.restore()
                raise LoginRefusedError(
                    "Robinhood gave a session and does not know it; what was there before is back"
                ) from None
            except TradingBotError as error:
                # The one before stays beside it: the daemon's first read settles it.
                return LoggedIn(session=session, accounts=None, problem=str(error))
            file.prove()
            return LoggedIn(session=session, accounts=accounts)

    async def import_file(self, source: Path) -> LoggedIn:
        """The session in a file of tokens got elsewhere, tried before it is stored."""
        file, device = self._file()
        found = read_tokens(source)
        if found.warning:
            self.person.tell(found.warning)
        now = self.place.clock.now()
        session = imported_session(found.values, device_token=device, now=now)
        return await self._adopt(file, session)

    async def import_typed(self) -> LoggedIn:
        """The session of tokens pasted unseen, tried before it is stored."""
        file, device = self._file()
        values = await self._answered(self._ask_tokens())
        now = self.place.clock.now()
        session = imported_session(values, device_token=device, now=now)
        return await self._adopt(file, session)

    def _file(self) -> tuple[SessionFile, str]:
        """The session's file and its device, a new one where there is none yet.

        SessionFileError when something stands there that is no session of ours.
        """
        self.home.create()
        file = SessionFile(self.home.session_pickle)
        try:
            return file, file.load().device_token
        except SessionFileError as error:
            if error.problem != "missing":
                raise
        return file, str(uuid.UUID(bytes=self.random_bytes(16), version=4))

    async def _answered(self, asking: Coroutine[Any, Any, _T]) -> _T:
        clock = self.place.clock
        try:
            return await finish_by(clock, clock.now() + self.deadline, asking)
        except TimeoutError:
            raise LoginRefusedError("no answer in time; nothing was sent or changed") from None

    async def _ask(self, device: str) -> Credentials:
        username = (await self.person.text("Robinhood e-mail: ")).strip()
        password = await self.person.secret("Password: ")
        if not username or not password:
            raise LoginRefusedError("expected an e-mail and a password; nothing was sent")
        return Credentials(username=username, password=password, device_token=device)

    async def _ask_tokens(self) -> dict[str, object]:
        asked = {
            "access_token": "Access token: ",
            "refresh_token": "Refresh token (Enter for none): ",
            "device_token": "Device token (Enter for this bot's own): ",
        }
        return {name: (await self.person.secret(words)).strip() for name, words in asked.items()}

    async def _adopt(self, file: SessionFile, session: BrokerSession) -> LoggedIn:
        async with self.place.transport() as transport:
            try:
                accounts = await _try(transport, session)
            except SessionExpiredError:
                raise LoginRefusedError(
                    "Robinhood does not know these tokens; nothing was changed"
                ) from None
            await _store(file, session, self.place.clock)
            file.prove()
        return LoggedIn(session=session, accounts=accounts)


async def log_out(home: Home, place: Place) -> str:
    """Revoke the session at Robinhood, then remove its file; what happened, in a sentence.

    SessionFileError or an error of the request, and nothing is removed.
    """
    file = SessionFile(home.session_pickle)
    session = file.load()
    # Held to the end: a daemon that renewed now would bring the session back to life.
    with file.lock():
        session = file.load()
        has_ended = session.ends_at is not None and session.ends_at <= place.clock.now()
        tokens = ["" if has_ended else session.access_token, session.refresh_token]
        async with place.transport() as transport:
            transport.library.hide(*secrets_of(session))
            for token in filter(None, tokens):
                await _revoke(transport, token)
        file.remove()
    if not any(tokens):
        return "the session had ended already; its file is removed"
    return "logged out: Robinhood ended the session, its file is removed"


def forget(home: Home) -> bool:
    """Remove the session's file, whatever it is, and send nothing; False when there is none."""
    file = SessionFile(home.session_pickle)
    if file.stamp() is None:
        return False
    with file.lock():
        file.remove()
    return True


def use(transport: RobinhoodTransport, session: BrokerSession) -> None:
    """Read with this session from the next request on."""
    transport.library.hide(*secrets_of(session))
    transport.library.log_in(session.token_type, session.access_token)


def refuse_ended(session: BrokerSession, now: datetime) -> None:
    """LoginNeededError when its token has ended: a daemon may renew it, a look may not."""
    ends_at = session.ends_at
    if ends_at is not None and ends_at <= now:
        raise LoginNeededError(f"the session ended at {ends_at:%Y-%m-%d %H:%M} UTC; {LOG_IN}")


async def _store(file: SessionFile, session: BrokerSession, clock: Clock) -> None:
    """Save it, waiting for a daemon that renews just now: the token in hand must not be lost."""
    why = ""
    for _ in range(_LOCK_TRIES):
        try:
            with file.lock():
                file.save(session)
                return
        except RetryableError as error:
            why = str(error)
            await clock.sleep(_LOCK_PAUSE_S)
    raise LoginRefusedError(f"{why}; nothing was changed")


async def _try(transport: RobinhoodTransport, session: BrokerSession) -> tuple[AccountRow, ...]:
    use(transport, session)
    return await read_accounts(transport)


async def _revoke(transport: RobinhoodTransport, token: str) -> None:
    answer = await transport.post_form(_REVOKE_URL, {"client_id": CLIENT_ID, "token": token})
    # A token it does not know any more has ended, which is what was wanted.
    if not (200 <= answer.status < 300 or answer.status == 401):
        said = transport.library.redact(excerpt(answer))
        raise TradingBotError(
            f"Robinhood did not end the session ({answer.status}: {said}); its file is kept. "
            "`trading-bot logout --local` removes the file alone"
        )
