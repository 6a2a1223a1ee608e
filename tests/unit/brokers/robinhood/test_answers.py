"""How long an answer asks to wait, and how much of it is believed."""

import pytest

from support.paper import TEN
from trading_bot.brokers.robinhood.answers import WAIT_MAX_S, Answer, retry_after_s

JSON = b'{"detail":"Request was throttled."}'
PAGE = b"<html><body>Service Unavailable</body></html>"
SENTENCE = b'{"detail":"Request was throttled. Expected available in %s seconds."}'


def asked(header: str, body: bytes = JSON) -> float | None:
    headers = {"retry-after": header} if header else {}
    return retry_after_s(Answer(status=503, headers=headers, body=body, url="x"), TEN)


@pytest.mark.parametrize("header", ["86400", "1e300", "Mon, 23 Nov 2099 14:30:00 GMT"])
def test_no_wait_longer_than_minutes_is_believed(header: str) -> None:
    """A mistaken header must not silence the bot for a day."""
    assert asked(header) == WAIT_MAX_S == 300


def test_nor_is_one_that_the_body_names() -> None:
    """However many digits it has."""
    assert asked("", SENTENCE % b"86400") == WAIT_MAX_S
    assert asked("", SENTENCE % (b"9" * 400)) == WAIT_MAX_S


@pytest.mark.parametrize("body", [PAGE, b"", b"upstream connect error", b"[]"])
def test_what_is_not_the_brokers_word_asks_for_seconds_at_most(body: bytes) -> None:
    """A proxy's page knows nothing of the broker's limits."""
    assert asked("86400", body) == 5
    assert asked("3", body) == 3


@pytest.mark.parametrize(
    "header",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 -99999999999999999",
        "soon",
        "nan",
        "inf",
    ],
)
def test_a_wait_that_cannot_be_read_is_none(header: str) -> None:
    """It is no error either: the answer has a status of its own."""
    assert asked(header) is None
