"""What an answer to an order proves."""

import json
from typing import Any

import pytest

from support.paper import TEN
from trading_bot.brokers.robinhood.answers import Answer
from trading_bot.brokers.robinhood.outcomes import (
    SessionGoneError,
    check_cancelled,
    read_placed,
)
from trading_bot.domain.errors import (
    DataError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
    UnknownOutcomeError,
)

HTML = b"<html><body>Bad gateway</body></html>"
THROTTLED = {"detail": "Request was throttled. Expected available in 14 seconds."}


def answer(status: int, body: object) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers={}, body=content, url="https://api.robinhood.com/orders/")


def plain(text: str) -> str:
    return text


@pytest.mark.parametrize("status", [200, 201])
def test_an_object_is_the_order(status: int) -> None:
    """Whatever 2xx it comes with."""
    assert read_placed(answer(status, {"id": "1"}), now=TEN, redact=plain) == {"id": "1"}


REFUSALS: list[tuple[int, object, str]] = [
    (
        400,
        {"price": ["Prices above $1.00 can't have subpenny increments."]},
        "price: Prices above $1.00 can't have subpenny increments.",
    ),
    (400, {"non_field_errors": ["Extended hours and market hours mismatch."]}, "Extended hours"),
    (400, {"detail": "Not enough shares to sell."}, "Not enough shares to sell."),
    (400, {"detail": "Sell may cause PDT designation."}, "PDT"),
    (400, {"a": ["one.", "two."], "b": ["three."]}, "a: one. two.; b: three."),
    (404, {"detail": "Not found."}, "Not found."),
    (405, {"detail": 'Method "POST" not allowed.'}, "not allowed"),
    (422, {"detail": "Unprocessable."}, "Unprocessable."),
]


@pytest.mark.parametrize(("status", "body", "words"), REFUSALS)
def test_a_refusal_is_in_the_brokers_words(status: int, body: object, words: str) -> None:
    """The order is dead, and the record says why."""
    with pytest.raises(RejectedError) as caught:
        read_placed(answer(status, body), now=TEN, redact=plain)
    assert words in str(caught.value)


@pytest.mark.parametrize("status", [401, 403])
def test_without_a_session_nothing_was_taken(status: int) -> None:
    """It may be decided anew, once the session is renewed."""
    with pytest.raises(SessionGoneError):
        read_placed(answer(status, {"detail": "Invalid token."}), now=TEN, redact=plain)


def test_throttled_is_not_taken_and_says_how_long_to_wait() -> None:
    """The throttle stands before the order's own door."""
    with pytest.raises(RetryableError) as caught:
        read_placed(answer(429, THROTTLED), now=TEN, redact=plain)
    assert caught.value.retry_after_s == 14


UNKNOWN: dict[str, tuple[int, object]] = {
    "the ref_id exists": (400, {"ref_id": ["Order with this ref_id already exists."]}),
    "201, torn": (
        201,
        b'{"id": "1',
    ),
    "201, empty": (201, b""),
    "201, a page": (201, HTML),
    "201, a list": (201, []),
    "201, null": (201, None),
    "204": (204, b""),
    "302": (302, b""),
    "400, a page": (400, HTML),
    "400, empty": (400, b""),
    "400, no words": (400, {}),
    "401, a page": (401, HTML),
    "403, a page": (403, HTML),
    "408": (408, {"detail": "Timed out."}),
    "429, another's": (429, {"detail": "Too many."}),
    "429, a page": (429, HTML),
    "500": (500, {"detail": "Server error."}),
    "502": (502, HTML),
    "503": (503, THROTTLED),
    "504": (504, b""),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_everything_else_is_unknown(case: str) -> None:
    """It may be working: it is looked up and never sent again."""
    status, body = UNKNOWN[case]

    with pytest.raises(UnknownOutcomeError):
        read_placed(answer(status, body), now=TEN, redact=plain)


def test_the_brokers_words_are_redacted() -> None:
    """They may repeat the account we named."""
    with pytest.raises(RejectedError, match="account: \\*\\*\\* may not"):
        read_placed(
            answer(400, {"account": ["5CANARY77 may not."]}),
            now=TEN,
            redact=lambda text: text.replace("5CANARY77", "***"),
        )


def test_a_cancel_is_taken_with_an_empty_object() -> None:
    """And says nothing else."""
    check_cancelled(answer(200, {}), now=TEN, redact=plain)


CANCELS: dict[str, tuple[int, object, type[TradingBotError]]] = {
    "final": (400, {"detail": "Order cannot be cancelled at this time."}, RejectedError),
    "none": (404, {"detail": "Not found."}, RejectedError),
    "conflict": (409, {"detail": "Order cannot be cancelled at this time."}, RejectedError),
    "401": (401, {"detail": "Invalid token."}, SessionExpiredError),
    "403": (403, {"detail": "No."}, DataError),
    "400, a page": (400, HTML, DataError),
    "408": (408, {"detail": "Timed out."}, RetryableError),
    "429": (429, THROTTLED, RetryableError),
    "502": (502, HTML, RetryableError),
    "200, torn": (200, b"{", RetryableError),
    "200, a list": (200, [], DataError),
}


@pytest.mark.parametrize("case", CANCELS)
def test_a_cancels_failure_is_its_error(case: str) -> None:
    """A cancel may be asked for again, so nothing of it is unknown."""
    status, body, expected = CANCELS[case]

    with pytest.raises(expected):
        check_cancelled(answer(status, body), now=TEN, redact=plain)


def test_a_list_of_words_is_not_endless() -> None:
    """A refusal fits on a line of the record."""
    body: Any = {"detail": "x" * 10_000}

    with pytest.raises(RejectedError) as caught:
        read_placed(answer(400, body), now=TEN, redact=plain)
    assert len(str(caught.value)) <= 300
