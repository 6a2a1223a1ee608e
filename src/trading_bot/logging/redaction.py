"""Secrets out of whatever is about to be shown: by the name they go under, by value, by their look.

Used for the application log, `config show` and the session record. What it does not know it
redacts rather than shows: an object is taken by its text.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote

REDACTED: Final = "[redacted]"

SECRET_LENGTH_MIN: Final = 4
"""Shorter known values are ignored: hiding every "a" of a log hides nothing else."""

_DEPTH_MAX: Final = 12
_SECRET_ANYWHERE: Final = ("password", "passwd", "passphrase", "secret", "credential")
_SECRET_LAST_WORDS: Final = frozenset(
    {
        "token", "tokens", "authorization", "cookie", "cookies", "bearer", "jwt", "mfa", "otp",
        "totp", "pin", "email", "mail", "username", "login", "account", "ssn", "pickle", "apikey",
    }
)  # fmt: skip
_SECRET_PAIRS: Final = frozenset(
    {
        ("mfa", "code"), ("otp", "code"), ("sms", "code"), ("backup", "code"), ("api", "key"),
        ("private", "key"), ("access", "key"), ("home", "key"), ("account", "number"),
        ("account", "numbers"), ("account", "id"), ("user", "name"), ("device", "id"),
    }
)  # fmt: skip
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# What a secret looks like inside a text, each with what stays of it.
_PATTERNS: Final = (
    (re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/-]{8,}=*"), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,2}"), REDACTED),
    (re.compile(r"(://)[^/\s:@]*:[^/\s@]+@"), rf"\1{REDACTED}@"),
    (re.compile(r"[A-Za-z0-9._%+-]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), REDACTED),
    (
        re.compile(r"/(accounts|portfolios|positions|unified)/(?=[A-Z0-9]*[0-9])[A-Z0-9]{5,}"),
        rf"/\1/{REDACTED}",
    ),
    (
        re.compile(
            r"(?i)([A-Za-z0-9_-]*(?:token|password|passwd|secret|authorization|mfa_code|otp"
            r"|api_?key|account_?(?:numbers?|id)|username|cookie)[\"']?\s*(?:=|:|%3D)\s*)"
            r"(\"[^\"]*\"|'[^']*'|[^\s\"'&,;}\])]+)"
        ),
        rf"\1{REDACTED}",
    ),
)


def is_secret_name(name: str) -> bool:
    """True when what goes under this name must not be shown: `access_token`, `accountNumber`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    joined = "".join(words)
    return (
        words[-1] in _SECRET_LAST_WORDS
        or tuple(words[-2:]) in _SECRET_PAIRS
        or any(secret in joined for secret in _SECRET_ANYWHERE)
    )


class Redactor:
    """Redacts values and texts; knows the secret values it was given besides the common shapes."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known: set[str] = set()
        for secret in secrets:
            if len(secret) >= SECRET_LENGTH_MIN:
                known |= {secret, quote(secret, safe=""), repr(secret)[1:-1]}
        # The longest first: a secret that begins with another must go as a whole.
        parts = sorted(known, key=lambda text: (-len(text), text))
        self._known = re.compile("|".join(map(re.escape, parts))) if parts else None

    def text(self, text: str) -> str:
        """`text` without known secrets, tokens, e-mail addresses, account numbers in URLs."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        for pattern, kept in _PATTERNS:
            text = pattern.sub(kept, text)
        return text

    def value(self, value: object) -> object:
        """`value` with every secret in it replaced, however deep; containers are copied."""
        return self._value(value, 0)

    def mapping(self, values: Mapping[str, object]) -> dict[str, object]:
        """A copy of `values`; what goes under a secret's name is replaced whole."""
        return self._mapping(values, 0)

    def _mapping(self, values: Mapping[str, object], depth: int) -> dict[str, object]:
        redacted: dict[str, object] = {}
        for name, value in values.items():
            shown = self.text(str(name))
            hide = is_secret_name(str(name)) and value not in (None, "", True, False)
            redacted[shown] = REDACTED if hide else self._value(value, depth + 1)
        return redacted

    def _value(self, value: object, depth: int) -> object:
        if depth > _DEPTH_MAX:
            return REDACTED
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
            return [self._value(item, depth + 1) for item in items]
        return self._leaf(value)

    def _leaf(self, value: object) -> object:
        if value is None or isinstance(value, bool | datetime | date | time | timedelta):
            return value
        if isinstance(value, int | float | Decimal):
            # A number may be an account's or a code: only a known one can be told from the rest.
            return value if self.text(str(value)) == str(value) else REDACTED
        if isinstance(value, bytes | bytearray):
            return self.text(value.decode("utf-8", "backslashreplace"))
        if isinstance(value, BaseException):
            return self.text(f"{type(value).__name__}: {value}")
        return self.text(repr(value))
