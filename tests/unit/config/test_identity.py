"""The hash names settings by what they are, not by how they were written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.config.identity import REDACTED, canonical, config_hash, plain, shown
from trading_bot.config.model import Config


def config(**values: Any) -> Config:
    return Config.model_validate(values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"mode": None}),
        ({"risk": {"max_position_pct": "10"}}, {"risk": {"max_position_pct": 10}}),
        ({"risk": {"max_position_pct": "10.00"}}, {}),
        ({"quotes": {"quote_age_max_s": 15}}, {"quotes": {"quote_age_max_s": 15.0}}),
        ({"paper": {"slippage_bps": "0"}}, {"paper": {"slippage_bps": "-0.00"}}),
        (
            {"strategies": [{"name": "ema-cross", "settings": {"stop_pct": "0.50"}}]},
            {"strategies": [{"name": "ema-cross"}]},
        ),
        (
            {"strategies": [{"settings": {}, "file": None, "name": "ema-cross"}]},
            {"strategies": [{"name": "ema-cross", "settings": {"slow": 20, "fast": 9}}]},
        ),
    ],
)
def test_equal_settings_have_one_hash(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Left out or spelt out, with or without idle zeros, in any order."""
    assert config_hash(config(**one)) == config_hash(config(**other))


@pytest.mark.parametrize(
    "other",
    [
        {"mode": "paper"},
        {"watchlist": ["MSFT", "AAPL", "SPY", "TSLA"]},
        {"risk": {"max_position_pct": "10.01"}},
        {"strategies": [{"name": "bull-flag-breakout"}]},
        {"strategies": [{"name": "mine", "file": "a.py"}, {"name": "pullback-entry"}]},
        {"calendar": {"extra_closures": {"2025-01-09": "mourning"}}},
    ],
)
def test_other_settings_have_another_hash(other: dict[str, Any]) -> None:
    """Any single change shows."""
    assert config_hash(config(**other)) != config_hash(Config())


def test_the_hash_is_an_md5() -> None:
    """32 lower-case hex digits, as the trade record wants them."""
    found = config_hash(Config())

    assert len(found) == 32
    assert set(found) <= set("0123456789abcdef")


@given(st.decimals(min_value="0.01", max_value="50", places=4))
def test_plain_values_give_the_same_settings_again(percent: Any) -> None:
    """What a session record holds is what was in force, to the last digit."""
    before = config(risk={"max_position_pct": str(percent)})

    after = Config.model_validate(plain(before))

    assert after.risk == before.risk
    assert canonical(after) == canonical(before)


def test_what_has_a_secrets_name_is_covered() -> None:
    """The account number, and secrets among an own strategy's settings, however deep."""
    settings = {"api_key": "k1", "feeds": [{"password": "p1", "url": "u"}], "period": 3}
    entry = {"name": "mine", "file": "mine.py", "settings": settings}

    found = shown(config(account_number="5QX12345", strategies=[entry]))

    assert found["account_number"] == REDACTED
    assert found["strategies"] == [
        {
            "name": "mine",
            "file": "mine.py",
            "settings": {
                "api_key": REDACTED,
                "feeds": [{"password": REDACTED, "url": "u"}],
                "period": 3,
            },
        }
    ]


def test_without_an_account_nothing_is_covered() -> None:
    """Null says that there is none, which is no secret."""
    assert shown(Config()) == plain(Config())
