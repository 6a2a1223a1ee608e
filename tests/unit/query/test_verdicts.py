"""Verdicts counted by kind, and how near they came."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.query.verdicts import Verdict, digest, gap_of, nearest_miss, pattern_of
from trading_bot.strategies.refusal import Why

START = datetime(2026, 11, 23, 14, 31, tzinfo=UTC)


def verdicts(*texts: str) -> list[Verdict]:
    """One a minute."""
    return [
        Verdict(bar_end=START + timedelta(minutes=place), text=text)
        for place, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("pole 0.42% under 0.60%", "pole …% under …%"),
        ("close 7.6100 not above EMA-9 7.6400", "close … not above EMA-9 …"),
        (
            "pullback closed -0.30 ATR under VWAP, over 0.25 ATR",
            "pullback closed … ATR under VWAP, over … ATR",
        ),
        ("volume 1.20x the usual, under 1,500.00x", "volume …x the usual, under …x"),
        ("no bar yet", "no bar yet"),
    ],
)
def test_a_kind_is_the_sentence_without_its_numbers(text: str, pattern: str) -> None:
    """Numbers that are part of a name stay."""
    assert pattern_of(text) == pattern


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("pole 0.45% under 0.60%", 0.25),
        ("flag 11 bars over 10", 0.1),
        ("warming up 3 of 20 bars", None),
        ("no VWAP: no volume yet today", None),
        ("depth 3 over 0", None),
    ],
)
def test_the_gap_is_a_fraction_of_the_limit(text: str, gap: float | None) -> None:
    """Only where something was compared with a limit that is not zero."""
    assert gap_of(text) == (None if gap is None else pytest.approx(gap))


def test_kinds_are_counted_and_their_nearest_kept() -> None:
    """The most frequent first, each with the bar that came closest."""
    kinds = digest(
        verdicts(
            "pole 0.10% under 0.60%",
            "flag 11 bars over 10",
            "pole 0.57% under 0.60%",
            "pole 0.50% under 0.60%",
        )
    )

    assert [(kind.pattern, kind.count) for kind in kinds] == [
        ("pole …% under …%", 3),
        ("flag … bars over …", 1),
    ]
    assert kinds[0].nearest.bar_end == START + timedelta(minutes=2)
    miss = nearest_miss(kinds)
    assert miss is not None
    assert miss.nearest.text == "pole 0.57% under 0.60%"


def test_nothing_said_has_no_nearest() -> None:
    """Neither an empty day nor one of warming up."""
    assert digest([]) == []
    assert nearest_miss(digest(verdicts("warming up 3 of 20 bars"))) is None


@given(st.lists(st.sampled_from(list(Why)), max_size=50), st.floats(0, 1000), st.floats(0, 1000))
def test_every_sentence_of_the_strategies_is_counted(
    codes: list[Why], measured: float, limit: float
) -> None:
    """No verdict is lost, and the numbers never make two kinds of one code."""
    texts = [code.value.format(measured, limit) for code in codes]

    kinds = digest(verdicts(*texts))

    assert sum(kind.count for kind in kinds) == len(texts)
    assert len(kinds) <= len(set(codes))
