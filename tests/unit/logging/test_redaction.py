"""No secret leaves, whatever it is wrapped in; what is not secret stays readable."""

import traceback
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.logging.redaction import REDACTED, Redactor, is_secret_name

SECRET = "hunter2-correct-horse"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLW5vdGhpbmc"


@pytest.mark.parametrize(
    "name",
    [
        "token", "access_token", "refreshToken", "device-token", "password", "PASSWORD_HASH",
        "Authorization", "client_secret", "mfa_code", "mfaCode", "totp", "account_number",
        "accountNumber", "account_numbers", "account_id", "account", "username", "email", "api_key",
        "apiKey", "TRADING_BOT_REDIS_PASSWORD", "cookie", "private_key", "credentials",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    """What goes under these names is never shown, however they are spelt."""
    assert is_secret_name(name)
    assert Redactor().value({name: "abc"}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name",
    [
        "symbol", "token_bucket_rate", "tokens_per_second", "order_id", "session_id", "ref_id",
        "key", "event", "code", "accounting_rule", "mode", "pinned", "", "_", "max_position_pct",
    ],
)  # fmt: skip
def test_names_of_no_secrets(name: str) -> None:
    """What only looks like one stays readable."""
    assert not is_secret_name(name)
    assert Redactor().value({name: "abc"}) == {name: "abc"}


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {JWT}",
        f"bearer {SECRET}",
        f"got {JWT} instead",
        f"password={SECRET}&scope=internal",
        f"{{'password': '{SECRET}', 'scope': 'internal'}}",
        f'{{"refresh_token": "{SECRET}"}}',
        f"https://api.robinhood.com/accounts/{SECRET.upper().replace('-', '')}/",
        "https://api.robinhood.com/accounts/5QZ91827/positions/",
        "GET /positions/?account_number=5QZ91827&nonzero=true",
        "GET /orders/?account_numbers=5QZ91827",
        "https://api.robinhood.com/portfolios/512345678",
        f"redis://:{SECRET}@localhost:6379/0",
        f"postgresql://trader:{SECRET}@db/bot",
        "someone.else@example.com logged in",
        "username=someone.else%40example.com",
    ],
)
def test_secrets_in_texts(text: str) -> None:
    """Tokens, passwords, e-mail addresses and account numbers vanish from any text."""
    shown = Redactor().text(text)

    assert REDACTED in shown
    for secret in (SECRET, JWT, "5QZ91827", "512345678", "example.com", "HUNTER2CORRECTHORSE"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "bought 50 AAPL at 150.25",
        "GET https://api.robinhood.com/quotes/?symbols=AAPL,MSFT took 0.2 s",
        "order 550e8400-e29b-41d4-a716-446655440000 filled",
        "positions/ answered 200",
        "https://api.robinhood.com/accounts/",
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    """Redaction leaves the log useful."""
    assert Redactor((SECRET,)).text(text) == text


def test_known_values_vanish_wherever_they_stand() -> None:
    """A value from the environment is hidden inside names, lists, bytes, numbers and errors."""
    redactor = Redactor((SECRET, "512345678", "a b/c?d"))
    nested: Any = {
        "list": [f"x{SECRET}y", {"deep": (SECRET,)}],
        f"key-{SECRET}": 1,
        "bytes": SECRET.encode(),
        "number": 512345678,
        "decimal": Decimal(512345678),
        "error": ValueError(f"bad {SECRET}"),
        "set": {SECRET},
        "object": type("Thing", (), {"__repr__": lambda self: f"<{SECRET}>"})(),
        "quoted": "a%20b%2Fc%3Fd",
    }

    shown = repr(redactor.value(nested))

    for secret in (SECRET, "512345678", "a%20b"):
        assert secret not in shown
    assert shown.count(REDACTED) == 10


def test_a_secret_that_begins_with_another_goes_whole() -> None:
    """The longest known value is replaced first."""
    assert Redactor(("hunter2", "hunter2-long")).text("hunter2-long") == REDACTED


def test_too_short_values_are_not_hidden() -> None:
    """A one-letter secret would hide the log, not itself."""
    assert Redactor(("a", "")).text("a bar at 09:30") == "a bar at 09:30"


def test_a_traceback_is_redacted() -> None:
    """The text of an exception and of its cause often quotes the request."""
    try:
        try:
            raise OSError(f"POST failed: password={SECRET}")
        except OSError as cause:
            raise ValueError(f"Bearer {JWT}") from cause
    except ValueError as error:
        text = "".join(traceback.format_exception(error))

    shown = Redactor().text(text)

    assert SECRET not in shown
    assert JWT not in shown
    assert "Traceback" in shown


def test_flags_and_missing_values_under_secret_names_stay() -> None:
    """That a password is missing, or a token needed, is no secret."""
    values = {"password": None, "token": True, "secret": ""}

    assert Redactor().value(values) == values


def test_a_circle_ends() -> None:
    """A container that holds itself is cut, not followed for ever."""
    circle: dict[str, Any] = {}
    circle["again"] = circle

    assert REDACTED in repr(Redactor().value(circle))


NAMES = st.sampled_from(["access_token", "data", "reply", "password", "items"])
TREES = st.recursive(
    st.just(f"Bearer {SECRET}") | st.just(SECRET) | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=12,
)


@given(TREES)
def test_no_nesting_hides_a_secret_from_the_redactor(tree: Any) -> None:
    """Whatever tree of lists, tuples and mappings holds it, the secret is not in what comes out."""
    assert SECRET not in repr(Redactor((SECRET,)).value(tree))
