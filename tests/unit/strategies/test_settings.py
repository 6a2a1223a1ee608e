"""What the strategies' settings take and refuse."""

import re
from decimal import Decimal
from typing import Literal, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError

from trading_bot.domain.settings import Settings
from trading_bot.strategies.registry import BUILT_IN
from trading_bot.strategies.settings import BullFlagSettings, EmaCrossSettings, PullbackSettings

ALL = [built_in.settings for built_in in BUILT_IN.values()]


@pytest.mark.parametrize("kind", ALL)
def test_every_field_is_described_and_bounded(kind: type[Settings]) -> None:
    """Each number has a unit in its words and a range, so that a slip is refused."""
    for name, field in kind.model_fields.items():
        assert field.description, name
        if field.annotation is bool or get_origin(field.annotation) is Literal:
            continue
        rules = {type(rule) for rule in field.metadata}
        assert rules & {Ge, Gt}, name
        assert rules & {Le, Lt}, name
        assert re.search(r"bars|minutes|percent|ATRs|times", field.description), name


@pytest.mark.parametrize("kind", ALL)
def test_defaults_stand_on_their_own(kind: type[Settings]) -> None:
    """Shipped defaults need nothing written."""
    assert kind() == kind.model_validate({})


@pytest.mark.parametrize("wrong", [0.5, True, "1e1", "NaN", " 1", "", "0,5"])
def test_thresholds_are_exact(wrong: object) -> None:
    """A float has lost its digits, a word is no number; both are refused."""
    with pytest.raises(ValidationError):
        BullFlagSettings.model_validate({"pole_min_pct": wrong})


@pytest.mark.parametrize("right", ["0.5", Decimal("0.5"), 1])
def test_thresholds_come_as_text_or_whole_numbers(right: str | Decimal | int) -> None:
    """Text keeps its digits."""
    settings = BullFlagSettings.model_validate({"pole_min_pct": right})

    assert settings.pole_min_pct == Decimal(right)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (BullFlagSettings, {"pole_min_pct": None, "pole_min_atr": None}, "pole_min_pct or"),
        (BullFlagSettings, {"pole_min_bars": 20}, "pole_min_bars 20 must not be over"),
        (BullFlagSettings, {"flag_min_bars": 20}, "flag_min_bars 20 must not be over"),
        (BullFlagSettings, {"stop_min_pct": 2}, "stop_min_pct 2 must not be over stop_max_pct 1.5"),
        (BullFlagSettings, {"pole_min": 2}, "Extra inputs"),
        (PullbackSettings, {"pullback_min_atr": None}, "pullback_min_pct or"),
        (PullbackSettings, {"pullback_min_bars": 20}, "pullback_min_bars 20 must not be over"),
        (PullbackSettings, {"pullback_min_atr": 5}, "pullback_min_atr 5 must not be over"),
        (PullbackSettings, {"touch": "sma"}, "touch"),
        (EmaCrossSettings, {"fast": 20}, "fast 20 must be under slow 20"),
    ],
)
def test_what_contradicts_itself_is_refused(
    kind: type[Settings], values: dict[str, object], said: str
) -> None:
    """Settings that no bar could meet are an error at the start, not a silent day."""
    with pytest.raises(ValidationError, match=said):
        kind.model_validate(values)
