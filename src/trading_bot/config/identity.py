"""The config's canonical form: what its hash is taken over, and what a session record shows."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal

from pydantic import BaseModel, JsonValue, ValidationError

from trading_bot.config.model import Config, StrategyEntry
from trading_bot.logging.redaction import is_secret_name
from trading_bot.strategies.registry import BUILT_IN

REDACTED = "***"


def canonical(config: Config) -> str:
    """The settings as sorted, compact JSON; equal for equal settings, however they were written.

    Amounts lose their idle zeros, strategies have all their settings, those left out too.
    """
    return json.dumps(plain(config), sort_keys=True, separators=(",", ":"))


def config_hash(config: Config) -> str:
    """MD5 of the canonical form, 32 hex digits; it identifies, it does not protect."""
    return hashlib.md5(canonical(config).encode(), usedforsecurity=False).hexdigest()


def shown(config: Config) -> Mapping[str, JsonValue]:
    """The settings, complete, as they may be written down: what has a secret's name is covered."""
    covered = _covered(plain(config))
    assert isinstance(covered, dict), "a model is an object"
    return covered


def plain(config: Config) -> dict[str, JsonValue]:
    """The settings complete and in plain JSON values, nothing covered, in the model's order."""
    values = _plain(config)
    assert isinstance(values, dict), "a model is an object"
    return values


def _plain(value: object) -> JsonValue:
    match value:
        case StrategyEntry():
            return {
                "name": value.name,
                "file": value.file,
                "settings": _plain(_strategy_settings(value)),
            }
        case BaseModel():
            return {key: _plain(getattr(value, key)) for key in type(value).model_fields}
        case Decimal():
            return format(value.normalize() if value else Decimal(0), "f")
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"expected a setting, got {type(value).__name__}")


def _strategy_settings(entry: StrategyEntry) -> object:
    built_in = BUILT_IN.get(entry.name) if entry.file is None else None
    if built_in is None:
        return entry.settings
    try:
        return built_in.settings.model_validate(entry.settings)
    except ValidationError:
        # A config made in code, not loaded: it is what it is, and refused when it is used.
        return entry.settings


def _covered(value: JsonValue, name: str = "") -> JsonValue:
    if value not in (None, "") and not isinstance(value, bool) and is_secret_name(name):
        return REDACTED
    if isinstance(value, dict):
        return {key: _covered(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_covered(item, name) for item in value]
    return value
