"""Logging in with a password, step by step, a person answering; nothing is written here.

The password is sent once. It is sent again only where Robinhood asked for something in between (a
second factor, an approval of the device) and got it; after a refusal nothing is sent any more: a
few refused log-ins lock the account's address out for minutes to hours.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final, Protocol, TypeVar

from trading_bot.brokers.robinhood.answers import excerpt, read_json
from trading_bot.brokers.robinhood.authenticator import authenticator_code, is_secret
from trading_bot.brokers.robinhood.grants import (
    Credentials,
    LoginRefusedError,
    SecondFactor,
    Workflow,
    password_form,
    read_grant,
)
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import DataError, RetryableError
from trading_bot.ports.clock import Clock
from trading_bot.runtime.deadline import finish_by
from trading_bot.runtime.retry import ONCE

_T = TypeVar("_T")

POLL_S: Final = (8.0, 10.0)
"""Looks at an approval lie so far apart: more often is answered with 429, for hours at worst."""

BACK_OFF_MAX_S: Final = 60.0
_API: Final = "https://api.robinhood.com"
_APPROVED: Final = "workflow_status_approved"
_OVER: Final = ("failed", "expired", "denied")


class Person(Protocol):
    """Whoever sits at the terminal."""

    async def text(self, question: str) -> str:
        """An answer that may be seen."""
        ...

    async def secret(self, question: str) -> str:
        """An answer that must not be seen."""
        ...

    def tell(self, text: str) -> None:
        """Something to know or to do."""
        ...


class PasswordLogin:
    """One log-in on `transport`, which must show no token; `chance` spreads the looks."""

    def __init__(
        self, transport: RobinhoodTransport, person: Person, clock: Clock, chance: random.Random
    ) -> None:
        self._transport = transport
        self._person = person
        self._clock = clock
        self._chance = chance
        self._failures = 0

    async def session(
        self, credentials: Credentials, *, totp_secret: str = "", ends_at: datetime
    ) -> BrokerSession:
        """A new session by `ends_at`; LoginRefusedError, RetryableError or DataError.

        `totp_secret` is the authenticator's, when it is at hand; else its code is asked for.
        """
        hide = self._transport.library.hide
        hide(credentials.username, credentials.password, credentials.device_token, totp_secret)
        try:
            return await finish_by(self._clock, ends_at, self._session(credentials, totp_secret))
        except TimeoutError:
            raise LoginRefusedError(
                "not logged in: nobody answered or approved in time; nothing was changed. Wait "
                "some minutes before the next try"
            ) from None

    async def _session(self, credentials: Credentials, totp_secret: str) -> BrokerSession:
        factor = _Factor(self._person, self._clock, totp_secret)
        asked: set[type] = set()
        while True:
            form = password_form(credentials, await factor.code())
            found = await self._grant(form, credentials.device_token)
            if isinstance(found, BrokerSession):
                return found
            if type(found) in asked:
                raise LoginRefusedError("Robinhood asks for the same again: not logged in")
            asked.add(type(found))
            if isinstance(found, SecondFactor):
                if factor.is_given:
                    raise LoginRefusedError("Robinhood did not take the second factor")
                factor.kind = found.kind or "app"
            else:
                await self._approve(found, credentials.device_token)

    async def _grant(
        self, form: Mapping[str, str], device_token: str
    ) -> BrokerSession | SecondFactor | Workflow:
        answer = await self._transport.post_form(self._transport.urls.login_url(), form)
        redact = self._transport.library.redact
        return read_grant(answer, device_token, now=self._clock.now(), redact=redact)

    async def _approve(self, workflow: Workflow, device_token: str) -> None:
        """Return when Robinhood has approved the device."""
        inquiry = await self._patiently(lambda: self._open_inquiry(workflow, device_token))
        url = f"{_API}/pathfinder/inquiries/{inquiry}/user_view/"
        challenge = await self._challenge(url)
        match challenge.get("type"):
            case _ if challenge.get("status") == "validated":
                pass
            case "prompt":
                await self._await_prompt(_id(challenge, "challenge"))
            case "sms" | "email" as kind:
                await self._ask_code(url, challenge, kind)
            case other:
                raise LoginRefusedError(
                    f"Robinhood asks for {str(other)[:20]!r}, which cannot be answered here; "
                    "log in elsewhere and use `trading-bot login --import -`"
                )
        while not await self._patiently(lambda: self._is_approved(url)):
            await self._pause()

    async def _open_inquiry(self, workflow: Workflow, device_token: str) -> str:
        asked = {"device_id": device_token, "flow": "suv", "input": {"workflow_id": workflow.id}}
        found = await self._post_json(f"{_API}/pathfinder/user_machine/", asked)
        return _id(found, "inquiry")

    async def _challenge(self, url: str) -> Mapping[str, object]:
        """The challenge of an inquiry, once it is there."""
        while True:
            view = await self._patiently(lambda: self._get(url))
            for context in (view, _part(view, "type_context")):
                challenge = _part(_part(context, "context"), "sheriff_challenge")
                if challenge:
                    return challenge
            await self._pause()

    async def _await_prompt(self, challenge_id: str) -> None:
        self._person.tell("Approve this log-in in the Robinhood app on your phone; waiting for it.")
        url = f"{_API}/push/{challenge_id}/get_prompts_status/"
        while True:
            status = (await self._patiently(lambda: self._get(url))).get("challenge_status")
            if status == "validated":
                self._person.tell("Approved.")
                return
            _refuse_if_over(status)
            await self._pause()

    async def _ask_code(self, url: str, challenge: Mapping[str, object], kind: str) -> None:
        respond = f"{_API}/challenge/{_id(challenge, 'challenge')}/respond/"
        sent_by = {"sms": "SMS", "email": "e-mail"}[kind]
        while True:
            _refuse_if_over(challenge.get("status"))
            code = (await self._person.text(f"Code sent to you by {sent_by}: ")).strip()
            # Not repeated by itself: a code whose answer was lost may have been counted.
            answer = await self._transport.post_form(respond, {"response": code})
            if answer.status != 400:
                read = read_json(answer, now=self._clock.now(), redact=self._redact)
                if _as_object(read).get("status") == "validated":
                    return
            challenge = await self._challenge(url)
            left = challenge.get("remaining_attempts")
            if not isinstance(left, int) or left < 1:
                raise LoginRefusedError("Robinhood did not take the code; no attempt is left")
            self._person.tell(f"Robinhood did not take this code; attempts left: {left}.")

    async def _is_approved(self, url: str) -> bool:
        found = await self._post_json(url, {"sequence": 0, "user_input": {"status": "continue"}})
        results = (
            _part(found, "type_context").get("result"),
            _part(found, "verification_workflow").get("workflow_status"),
        )
        return _APPROVED in results

    async def _get(self, url: str) -> Mapping[str, object]:
        return _as_object(await self._transport.get_json(url, policy=ONCE))

    async def _post_json(self, url: str, value: Mapping[str, object]) -> Mapping[str, object]:
        answer = await self._transport.post_json(url, value)
        if answer.status in (400, 401, 403):
            raise LoginRefusedError(
                f"Robinhood refused the approval ({answer.status}): {self._redact(excerpt(answer))}"
            )
        return _as_object(read_json(answer, now=self._clock.now(), redact=self._redact))

    async def _patiently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """`call()`'s result; throttled or not answered it is made again, until the deadline."""
        while True:
            try:
                found = await call()
            except RetryableError as error:
                self._failures += 1
                await self._pause(error.retry_after_s or 0.0)
            else:
                self._failures = 0
                return found

    async def _pause(self, asked_s: float = 0.0) -> None:
        """Wait for the next look: longer after failures in a row, and as long as was asked."""
        own_s = self._chance.uniform(*POLL_S) * 2.0 ** min(self._failures, 10)
        await self._clock.sleep(max(asked_s, min(own_s, BACK_OFF_MAX_S)))

    def _redact(self, text: str) -> str:
        return self._transport.library.redact(text)


class _Factor:
    """The second factor: made from a secret each time, or asked of the person when wanted."""

    def __init__(self, person: Person, clock: Clock, totp_secret: str) -> None:
        self._person = person
        self._clock = clock
        self._secret = totp_secret
        self._sms = ""
        self.kind = "app" if totp_secret else ""
        self.is_given = False

    async def code(self) -> str:
        """What belongs into the next form; empty while none is wanted."""
        if not self.kind:
            return ""
        self.is_given = True
        if self._secret:
            return authenticator_code(self._secret, self._clock.now())
        if self.kind == "app":
            # A code lives half a minute: after an approval another one is needed.
            said = await self._person.secret("Authenticator's code (or its secret): ")
            if not is_secret(said):
                return said.strip()
            self._secret = said
            return authenticator_code(said, self._clock.now())
        if not self._sms:
            self._sms = (await self._person.text("Code sent to you by SMS: ")).strip()
        return self._sms


def _refuse_if_over(status: object) -> None:
    if status in _OVER:
        raise LoginRefusedError(f"the approval {status}: not logged in, nothing was changed")


def _as_object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise DataError(f"log-in: expected an object, got {type(value).__name__}")
    return value


def _part(value: Mapping[str, object], name: str) -> Mapping[str, object]:
    """The object under `name`; an empty one where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _id(value: Mapping[str, object], what: str) -> str:
    """An id that goes into an address."""
    found = value.get("id")
    if not isinstance(found, str) or not found or not found.replace("-", "").isalnum():
        raise DataError(f"log-in: expected the {what}'s id, got {type(found).__name__}")
    return found
