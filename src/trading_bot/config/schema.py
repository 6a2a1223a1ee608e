"""The published shape of config.json, and the file that ships: both are made from the model."""

import json
from typing import Any

from trading_bot.config.identity import plain
from trading_bot.config.model import Config
from trading_bot.strategies.registry import BUILT_IN

SCHEMA_NAME = "config.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The JSON schema of config.json; the settings of built-in strategies are described in it."""
    schema = Config.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    entry = definitions["StrategyEntry"]
    entry["allOf"] = []
    for name, built_in in sorted(BUILT_IN.items()):
        own = built_in.settings.model_json_schema()
        definitions.update(own.pop("$defs", {}))
        definitions[built_in.settings.__name__] = own
        entry["allOf"].append(
            {
                "if": {
                    "properties": {"name": {"const": name}, "file": {"type": "null"}},
                    "required": ["name"],
                },
                "then": {
                    "properties": {"settings": {"$ref": f"#/$defs/{built_in.settings.__name__}"}}
                },
            }
        )
    schema["properties"] = {
        "$schema": {"type": "string", "description": "Where this schema is."},
        **schema["properties"],
    }
    return {"$schema": _DIALECT, "title": "trading-bot's config.json", **_without_titles(schema)}


def schema_text() -> str:
    """`json_schema` as its file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def default_config_text() -> str:
    """The config.json that ships: every setting with its default."""
    values = {"$schema": SCHEMA_NAME, **plain(Config())}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _without_titles(value: Any) -> Any:
    """Without the titles that pydantic makes of names: they say nothing new."""
    if isinstance(value, dict):
        return {
            key: _without_titles(item)
            for key, item in value.items()
            if not (key == "title" and isinstance(item, str))
        }
    if isinstance(value, list):
        return [_without_titles(item) for item in value]
    return value
