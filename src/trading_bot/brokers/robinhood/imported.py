"""Tokens got elsewhere as a session: JSON, or the pickle that robin_stocks leaves behind."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from trading_bot.brokers.robinhood.grants import is_token
from trading_bot.brokers.robinhood.session import BrokerSession, token_expiry
from trading_bot.brokers.robinhood.session_file import (
    BYTES_MAX,
    SessionFileError,
    session_of,
    unpickled,
)
from trading_bot.domain.errors import ConfigError

_PICKLE = b"\x80"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was read; `warning` is empty when nothing is to be said about the file."""

    values: Mapping[str, object]
    warning: str = ""


def read_tokens(path: Path) -> Imported:
    """The dictionary in a file; nothing of it has run. ConfigError says what it is instead."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise ConfigError(f"{path}: expected a file with tokens: {error.strerror}") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise ConfigError(f"{path}: expected a regular file of ours")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            content = stream.read(BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    if not 0 < len(content) <= BYTES_MAX:
        raise ConfigError(f"{path}: expected up to {BYTES_MAX} bytes, got {len(content)} or more")
    values = _pickled(content, path) if content[:1] == _PICKLE else _json(content, path)
    mode = stat.S_IMODE(found.st_mode)
    warning = ""
    if mode & 0o077:
        # The library itself leaves its file so; refusing would only make people copy it about.
        warning = f"{path} has mode {mode:04o}: others could read its tokens; remove it"
    return Imported(values=values, warning=warning)


def imported_session(
    values: Mapping[str, object], *, device_token: str, now: datetime
) -> BrokerSession:
    """The session of these values; ConfigError says what is missing and shows nothing.

    Wanted is `access_token`; `refresh_token` may be missing or empty (then it cannot be renewed),
    `token_type` is Bearer and the device `device_token` where nothing is said.
    """
    given = {name: value for name, value in values.items() if value not in (None, "")}
    access = given.get("access_token")
    if not isinstance(access, str) or not is_token(access):
        raise ConfigError("import: expected a text without spaces in access_token")
    wanted = {
        "token_type": "Bearer",
        "refresh_token": "",
        "device_token": device_token,
        "obtained_at": now.isoformat(),
        **given,
    }
    try:
        session = session_of(wanted, Path("import"))
    except SessionFileError as error:
        raise ConfigError(error.what) from None
    ends_at = session.ends_at
    if ends_at is not None and ends_at <= now:
        raise ConfigError(f"import: the session ended at {ends_at.isoformat()}, nothing was sent")
    if ends_at is None and token_expiry(access) is None and not session.refresh_token:
        raise ConfigError(
            "import: expected an access token that says when it ends, or a refresh token with it"
        )
    return session


def _pickled(content: bytes, path: Path) -> dict[str, object]:
    try:
        return unpickled(content, path)
    except SessionFileError as error:
        raise ConfigError(f"{error.what}; nothing of it was run") from None


def _json(content: bytes, path: Path) -> dict[str, object]:
    try:
        found: object = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: expected a JSON object or the library's pickle")
    return found
