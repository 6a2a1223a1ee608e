"""What is sent for a token, and what may come back: a session, a question, or a refusal."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from trading_bot.brokers.robinhood.answers import Answer, excerpt, read_json
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.domain.errors import DataError, TradingBotError

CLIENT_ID: Final = "c82SH0WZOsabOXGP2sxqcj34FxkvfnWRZBKlBjFS"
"""The public id of Robinhood's web client; robin_stocks sends the same. No secret."""

LIFE_ASKED_S: Final = 86_400
_LIFE_MAX: Final = timedelta(days=3650)
REFUSALS: Final = (400, 401, 403)


class LoginRefusedError(TradingBotError):
    """Robinhood does not let this log-in in; nothing was changed, and nothing is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a password log-in is made with; its text shows none of it."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    device_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """A code is wanted beside the password: of an authenticator ("app"), or one sent by SMS."""

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The device must be approved first."""

    id: str


def password_form(credentials: Credentials, mfa_code: str = "") -> Mapping[str, str]:
    """The password grant as the library sends it."""
    form = {
        "client_id": CLIENT_ID,
        "expires_in": str(LIFE_ASKED_S),
        "grant_type": "password",
        "password": credentials.password,
        "scope": "internal",
        "username": credentials.username,
        "device_token": credentials.device_token,
        "try_passkeys": "False",
        "token_request_path": "/login",
        "create_read_only_secondary_token": "True",
    }
    return {**form, "mfa_code": mfa_code} if mfa_code else form


def refresh_form(session: BrokerSession) -> Mapping[str, str]:
    """The refresh grant."""
    return {
        "grant_type": "refresh_token",
        "refresh_token": session.refresh_token,
        "scope": "internal",
        "client_id": CLIENT_ID,
        "device_token": session.device_token,
        "expires_in": str(LIFE_ASKED_S),
    }


def read_grant(
    answer: Answer, device_token: str, *, now: datetime, redact: Callable[[str], str]
) -> BrokerSession | SecondFactor | Workflow:
    """What came of a password grant.

    LoginRefusedError: refused. RetryableError: throttled or not there. DataError: no known answer.
    """
    body = _object(answer)
    # The status under which it comes has changed over time; the body has not.
    asked = body.get("verification_workflow")
    if isinstance(asked, dict) and answer.status < 500:
        found = asked.get("id")
        if not isinstance(found, str) or not found:
            raise LoginRefusedError("Robinhood wants this device verified and does not say how")
        return Workflow(id=found)
    if body.get("mfa_required") is True and answer.status < 500:
        kind = body.get("mfa_type")
        return SecondFactor(kind=kind if isinstance(kind, str) else "")
    if answer.status in REFUSALS and is_object(answer):
        raise LoginRefusedError(
            f"Robinhood refused the log-in ({answer.status}): {redact(excerpt(answer))}"
        )
    return parse_session(read_json(answer, now=now, redact=redact), device_token, now)


def parse_session(body: object, device_token: str, now: datetime) -> BrokerSession:
    """A token answer as a session; DataError names what is missing and shows nothing."""
    if not isinstance(body, dict):
        raise DataError(f"token: expected an object, got {type(body).__name__}")
    texts = {}
    for name in ("access_token", "refresh_token", "token_type"):
        value = body.get(name)
        if not isinstance(value, str) or not is_token(value):
            raise DataError(f"token: expected a text in {name}, got {type(value).__name__}")
        texts[name] = value
    life = body.get("expires_in")
    if isinstance(life, bool) or not isinstance(life, int | float) or not math.isfinite(life):
        raise DataError(f"token: expected seconds in expires_in, got {type(life).__name__}")
    if not 0 < life < _LIFE_MAX.total_seconds():
        raise DataError(f"token: expected a life in expires_in, got {life}")
    return BrokerSession(
        **texts,
        device_token=device_token,
        expires_at=now + timedelta(seconds=life),
        obtained_at=now,
    )


def is_object(answer: Answer) -> bool:
    """True when the body is a JSON object, as everything the API itself says about a grant."""
    return bool(_object(answer))


def is_token(text: str) -> bool:
    """True for a text that can stand in a header; a line feed would begin one of its own."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _object(answer: Answer) -> Mapping[str, object]:
    """The body when it is a JSON object, else nothing."""
    try:
        body: object = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return body if isinstance(body, dict) else {}
