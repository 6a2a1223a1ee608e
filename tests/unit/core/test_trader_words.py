"""A trader's own words: always a text that records hold and replays repeat."""

from typing import Any

import pytest

from trading_bot.core.trader_words import plain, words_of


class MuteError(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise KeyError("text")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("pole\ntoo short"), "ValueError: pole\ntoo short"),
        (ValueError(""), "ValueError: "),
        (GeneratorExit(), "GeneratorExit: "),
        (MuteError(), "MuteError: its text cannot be had"),
        (ValueError("half \ud800 a character"), "ValueError: half \\ud800 a character"),
        (TypeError("got <object at 0x7f5aad415be0>"), "TypeError: got <object at 0x...>"),
    ],
)
def test_errors_are_told_in_words_that_last(error: BaseException, words: str) -> None:
    """No half characters, no addresses that differ in the replay, no error in telling one."""
    assert words_of(error) == words


def test_a_long_error_is_cut() -> None:
    """A record is for people to read."""
    assert len(words_of(ValueError("z" * 5_000_000))) == 2000


@pytest.mark.parametrize("said", ["", " ", None, 5, ["x"]])
def test_what_is_no_text_gives_the_other(said: Any) -> None:
    """Nothing but a text with something in it is taken."""
    assert plain(said, "nothing said") == "nothing said"
