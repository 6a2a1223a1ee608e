"""What became of an order or a cancel, from the answer to it: one error family each."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from trading_bot.brokers.robinhood.answers import Answer, read_json, retry_after_s
from trading_bot.brokers.robinhood.fields import Row
from trading_bot.domain.errors import (
    DataError,
    RejectedError,
    RetryableError,
    UnknownOutcomeError,
)

Redact = Callable[[str], str]

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_TIMED_OUT: Final = 408
_TOO_MANY: Final = 429
_WORDS_MAX: Final = 300
_THROTTLED: Final = "request was throttled"


class SessionGoneError(RetryableError):
    """The order was not taken: the session is not known any more. Renew it, decide anew."""


def read_placed(answer: Answer, *, now: datetime, redact: Redact) -> Row:
    """The order object of a 2xx answer to a POST of an order.

    RejectedError: refused, in the broker's words. RetryableError: throttled before it was looked
    at. SessionGoneError: not let in. UnknownOutcomeError: everything else, a refusal of the ref_id
    included, for then an order with it exists.
    """
    status = answer.status
    body = _object_of(answer)
    if 200 <= status < 300 and body is not None:
        return body
    words = _words_of(body)
    if words and status in (_UNAUTHORIZED, _FORBIDDEN):
        raise SessionGoneError(f"{status}, not taken: {redact(words)}")
    if status == _TOO_MANY and _THROTTLED in words.lower():
        raise RetryableError(
            f"429, not taken: {redact(words)}", retry_after_s=retry_after_s(answer, now)
        )
    if words and 400 <= status < 500 and status not in (_TIMED_OUT, _TOO_MANY):
        if body is not None and "ref_id" in body:
            raise UnknownOutcomeError(f"an order with this ref_id exists: {redact(words)}")
        raise RejectedError(redact(words))
    kind = answer.headers.get("content-type", "no content type")[:60]
    raise UnknownOutcomeError(
        f"expected the order, got {status} with {len(answer.body)} bytes of {kind}"
    )


def check_cancelled(answer: Answer, *, now: datetime, redact: Redact) -> None:
    """Return when the cancel was taken.

    RejectedError: the order is final or there is none. SessionExpiredError, RetryableError and
    DataError as for a read: asking once more does no harm.
    """
    words = _words_of(_object_of(answer))
    is_refusal = 400 <= answer.status < 500 and answer.status not in (
        _UNAUTHORIZED, _FORBIDDEN, _TIMED_OUT, _TOO_MANY,
    )  # fmt: skip
    if is_refusal and words:
        raise RejectedError(redact(words))
    body = read_json(answer, now=now, redact=redact)
    if not isinstance(body, dict):
        raise DataError(f"cancel: expected an object, got {type(body).__name__}")


def _object_of(answer: Answer) -> Row | None:
    """The body as a JSON object; None when it is none."""
    try:
        body: object = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return body if isinstance(body, dict) else None


def _words_of(body: Mapping[str, object] | None) -> str:
    """A refusal in one line, `field: words` where it names one; empty when it is no refusal."""
    parts: list[str] = []
    for field, told in (body or {}).items():
        messages = told if isinstance(told, list) else [told]
        texts = [" ".join(message.split()) for message in messages if isinstance(message, str)]
        if texts:
            named = field not in ("detail", "error", "non_field_errors")
            parts.append(f"{field}: {' '.join(texts)}" if named else " ".join(texts))
    return "; ".join(parts)[:_WORDS_MAX]
