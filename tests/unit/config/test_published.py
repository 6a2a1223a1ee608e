"""What is published of the settings is what the program holds: file, schema, page."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from support.checkout import ROOT
from support.generated import generated_files
from trading_bot.config.environment import known_variables
from trading_bot.config.identity import canonical
from trading_bot.config.load import load_config
from trading_bot.config.model import Config, group_of
from trading_bot.config.schema import json_schema
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
