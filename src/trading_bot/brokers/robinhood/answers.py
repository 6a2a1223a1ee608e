"""An HTTP answer as JSON, or as the error family that says what to do next."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from trading_bot.brokers.robinhood.server_time import read_date
from trading_bot.domain.errors import DataError, RetryableError, SessionExpiredError

WAIT_MAX_S: Final = 300.0
"""No longer wait is believed: a mistaken header must not silence the bot for a day."""

_STRANGER_WAIT_MAX_S: Final = 5.0
"""What is no JSON object is a proxy's word, which knows nothing of the broker's limits."""

_TEXT_MAX = 200
_EXPECTED_AVAILABLE = re.compile(r"Expected available in (\d+(?:\.\d+)?) seconds?", re.IGNORECASE)
_REQUEST_TIMEOUT = 408
_UNAUTHORIZED = 401
_TOO_MANY = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One whole HTTP answer; `url` is the one asked for, headers are looked up in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str


def read_json(answer: Answer, *, now: datetime, redact: Callable[[str], str]) -> object:
    """The JSON of a 2xx answer.

    SessionExpiredError: 401. RetryableError: 408, 429, 5xx, or a 2xx whose body is no JSON (a
    proxy's page, a torn body). DataError: every other status; repeating it gives the same.
    """
    where = redact(answer.url)
    status = answer.status
    if status == _UNAUTHORIZED:
        raise SessionExpiredError(f"401 from {where}: the session is not known any more")
    if status in (_REQUEST_TIMEOUT, _TOO_MANY) or status >= 500:
        raise RetryableError(
            f"{status} from {where}: {redact(excerpt(answer))}",
            retry_after_s=retry_after_s(answer, now),
        )
    if not 200 <= status < 300:
        raise DataError(f"expected 200 from {where}, got {status}: {redact(excerpt(answer))}")
    try:
        parsed: object = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        kind = answer.headers.get("content-type", "no content type")
        raise RetryableError(
            f"expected JSON from {where}, got {len(answer.body)} bytes of {kind[:60]}"
        ) from None
    return parsed


def retry_after_s(answer: Answer, now: datetime) -> float | None:
    """How long to wait, of what Retry-After (seconds or a date) or the body's sentence asks for.

    At most WAIT_MAX_S; a few seconds where it is not the broker that speaks.
    """
    asked_s = _asked_s(answer, now)
    if asked_s is None:
        return None
    is_brokers = answer.body.lstrip()[:1] == b"{"
    return min(asked_s, WAIT_MAX_S if is_brokers else _STRANGER_WAIT_MAX_S)


def _asked_s(answer: Answer, now: datetime) -> float | None:
    header = answer.headers.get("retry-after", "").strip()
    if header:
        seconds = _header_seconds(header, now)
        if seconds is not None:
            return seconds
    found = _EXPECTED_AVAILABLE.search(answer.body[:4096].decode("utf-8", "replace"))
    return float(found[1]) if found else None


def _header_seconds(header: str, now: datetime) -> float | None:
    try:
        seconds = float(header)
    except ValueError:
        at = read_date(header)
        if at is None:
            return None
        seconds = (at - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def excerpt(answer: Answer) -> str:
    """What the server said, on one short line; a page of HTML is only named."""
    kind = answer.headers.get("content-type", "")
    if "html" in kind or answer.body.lstrip()[:1] == b"<":
        return f"{len(answer.body)} bytes of HTML"
    return " ".join(answer.body[: 4 * _TEXT_MAX].decode("utf-8", "replace").split())[:_TEXT_MAX]
