"""When a session ends: by its token's own word and by what was said."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.brokers.robinhood.grants import parse_session
from trading_bot.brokers.robinhood.session import BrokerSession, token_expiry
from trading_bot.domain.errors import DataError

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def jwt(claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{middle}.c2ln"


def session(access_token: str, expires_at: datetime | None) -> BrokerSession:
    return BrokerSession(
        access_token=access_token,
        token_type="Bearer",
        refresh_token="r",
        device_token="d",
        expires_at=expires_at,
    )


def test_expiry_of_the_token_is_read() -> None:
    """The `exp` claim, in UTC."""
    assert token_expiry(jwt({"exp": NOW.timestamp()})) == NOW


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b",
        "a.b.c",
        "a.!!!.c",
        "..",
        "a.é.c",
        jwt([]),
        jwt({}),
        jwt({"exp": "soon"}),
        jwt({"exp": True}),
        jwt({"exp": 1e300}),
        jwt({"exp": -1e300}),
    ],
)
def test_token_without_expiry_has_none(token: str) -> None:
    """Anything else is a token whose end is unknown, never an error."""
    assert token_expiry(token) is None


@given(st.text())
def test_any_text_is_a_token_without_expiry_at_worst(token: str) -> None:
    """No token makes reading its expiry fail."""
    token_expiry(token)


def test_the_earlier_end_counts() -> None:
    """Tokens have been seen to live shorter than what was asked for."""
    token = jwt({"exp": (NOW + timedelta(hours=3)).timestamp()})

    assert session(token, NOW + timedelta(days=1)).ends_at == NOW + timedelta(hours=3)
    assert session(token, NOW + timedelta(hours=1)).ends_at == NOW + timedelta(hours=1)
    assert session("opaque", None).ends_at is None


def test_due_is_within_the_span() -> None:
    """A known end in the span is due; an unknown one is found by a refusal."""
    ending = session("opaque", NOW + timedelta(hours=1))

    assert ending.ends_within(timedelta(hours=1), NOW)
    assert not ending.ends_within(timedelta(minutes=59), NOW)
    assert not session("opaque", None).ends_within(timedelta(days=99), NOW)


ANSWER: dict[str, Any] = {
    "access_token": "new-a",
    "refresh_token": "new-r",
    "token_type": "Bearer",
    "expires_in": 3600,
    "scope": "internal",
}


def test_token_answer_is_a_session() -> None:
    """The new pair, the old device, the end counted from now."""
    parsed = parse_session(ANSWER, "device", NOW)

    assert (parsed.access_token, parsed.refresh_token) == ("new-a", "new-r")
    assert parsed.device_token == "device"
    assert parsed.expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": "a b"},
        {"refresh_token": ""},
        {"token_type": "Bearer\n"},
        {"expires_in": None},
        {"expires_in": "3600"},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": -5},
        {"expires_in": 10**12},
    ],
)
def test_incomplete_token_answer_is_refused(changes: dict[str, Any]) -> None:
    """Half a pair would lock us out at the next renewal."""
    with pytest.raises(DataError, match="token: expected") as caught:
        parse_session(ANSWER | changes, "device", NOW)
    assert "new-" not in str(caught.value)
