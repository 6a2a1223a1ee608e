"""What is published of the settings is what the program holds: file, schema, page."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from support.checkout import ROOT
from support.generated import generated_files
from support.json_schema import complaints
from trading_bot.config.environment import known_variables
from trading_bot.config.identity import canonical
from trading_bot.config.load import load_config
from trading_bot.config.model import Config, group_of
from trading_bot.config.schema import json_schema
from trading_bot.domain.errors import ConfigError
from trading_bot.storage.home import Home
from trading_bot.strategies.registry import BUILT_IN


@pytest.mark.parametrize("path", generated_files(), ids=lambda path: path.name)
def test_the_generated_files_are_current(path: Any) -> None:
    """If not: `PYTHONPATH=src:tests python -m support.generated`."""
    assert path.read_text(encoding="utf-8") == generated_files()[path]


def test_the_shipped_file_is_the_defaults() -> None:
    """Complete, and the same settings as no file at all."""
    shipped = load_config(Home(ROOT), {})

    assert canonical(shipped) == canonical(Config())


def every_model() -> Iterator[type[BaseModel]]:
    """Config, its groups and the strategies' settings."""
    yield Config
    yield from (group for key in Config.model_fields if (group := group_of(Config, key)))
    yield from (built_in.settings for built_in in BUILT_IN.values())


def test_every_setting_says_what_it_is() -> None:
    """A description of its own, ending as a sentence does."""
    mute = [
        f"{model.__name__}.{key}"
        for model in every_model()
        for key, field in model.model_fields.items()
        if not (field.description or "").endswith(".")
    ]

    assert mute == []


def test_the_schema_bounds_amounts() -> None:
    """Whole numbers by the model's own limits, texts by how an exact number looks."""
    limit = json_schema()["$defs"]["RiskLimits"]["properties"]["max_position_pct"]

    assert (limit["exclusiveMinimum"], limit["maximum"], limit["default"]) == (0, 100, "10")
    assert [choice["type"] for choice in limit["anyOf"]] == ["integer", "string"]
    assert "pattern" in limit["anyOf"][1]


def test_the_schema_knows_the_strategies_settings() -> None:
    """Each built-in name has its own settings, and no words that are not JSON schema."""
    schema = json_schema()
    choices = schema["$defs"]["StrategyEntry"]["allOf"]

    assert [choice["if"]["properties"]["name"]["const"] for choice in choices] == sorted(BUILT_IN)
    text = json.dumps(schema)
    assert not any(f'"{word}":' in text for word in ("gt", "ge", "lt", "le"))


def test_the_schema_refuses_unknown_keys() -> None:
    """Editors mark a misspelt key as the program would refuse it."""
    schema = json_schema()

    assert schema["additionalProperties"] is False
    assert schema["$defs"]["RiskLimits"]["additionalProperties"] is False
    assert "$schema" in schema["properties"]


def test_every_single_setting_has_a_variable() -> None:
    """And no two share one."""
    paths = list(known_variables().values())

    assert ("risk", "max_position_pct") in paths
    assert ("mode",) in paths
    assert len(paths) == len(set(paths)) > 40


def test_the_page_lists_every_setting() -> None:
    """Each key of each group stands in a row of its own."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `")]
    assert {f"`{'.'.join(path)}`" for path in known_variables().values()} <= set(rows)


def test_the_shipped_file_is_as_the_schema_says() -> None:
    """What an editor would complain of is nothing."""
    shipped = json.loads((ROOT / "config" / "config.json").read_text(encoding="utf-8"))
    schema = json_schema()

    assert complaints(shipped, schema, schema) == []


@pytest.mark.parametrize(
    "values",
    [
        {"rsk": {}},
        {"risk": {"max_position_pc": "5"}},
        {"risk": {"max_position_pct": 0.5}},
        {"risk": {"max_position_pct": "1e3"}},
        {"risk": {"max_position_pct": 0}},
        {"risk": {"max_open_positions": "5"}},
        {"mode": "papr"},
        {"watchlist": []},
        {"strategies": [{"file": "mine.py"}]},
        {"strategies": [{"name": "ema-cross", "settings": {"fst": 3}}]},
        {"strategies": [{"name": "bull-flag-breakout", "settings": {"pole_min_pct": -1}}]},
    ],
)
def test_the_schema_refuses_what_the_program_refuses(values: dict[str, Any], tmp_path: Any) -> None:
    """An editor marks it before it is ever started."""
    home = Home(tmp_path)
    (tmp_path / "config").mkdir()
    home.config_file.write_text(json.dumps(values), encoding="utf-8")
    schema = json_schema()

    assert complaints(values, schema, schema) != []
    with pytest.raises(ConfigError):
        load_config(home, {})


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"risk": {"max_position_pct": "5.25", "max_open_positions": 3}},
        {"strategies": []},
        {"strategies": [{"name": "mine", "file": "mine.py", "settings": {"anything": [1.5]}}]},
        {"strategies": [{"name": "pullback-entry", "settings": {"pullback_min_pct": None}}]},
        {"calendar": {"extra_closures": {"2025-01-09": "mourning"}}},
    ],
)
def test_the_schema_takes_what_the_program_takes(values: dict[str, Any], tmp_path: Any) -> None:
    """No editor marks what is right."""
    home = Home(tmp_path)
    (tmp_path / "config").mkdir()
    home.config_file.write_text(json.dumps(values), encoding="utf-8")
    schema = json_schema()

    assert complaints(values, schema, schema) == []
    assert load_config(home, {}) is not None
