"""Reading the settings: the home's JSON file, then `.env`, then the environment over it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from trading_bot.config.environment import overrides, put, read_env_file
from trading_bot.config.model import Config
from trading_bot.config.problems import Path, problems_of, strategy_problems
from trading_bot.domain.errors import ConfigError
from trading_bot.storage.home import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings in force, their `file` (None: the shipped defaults), the `variables` over it."""

    config: Config
    file: FilePath | None
    variables: tuple[str, ...]


def load_config(home: Home, environ: Mapping[str, str] = os.environ) -> Config:
    """The settings in force; ConfigError with a line for each thing that is wrong."""
    return load(home, environ).config


def load(home: Home, environ: Mapping[str, str] = os.environ) -> Loaded:
    """The settings in force and where they came from; ConfigError as `load_config`.

    A home without a config file has the shipped defaults. The variable
    TRADING_BOT_RISK__MAX_POSITION_PCT stands over risk.max_position_pct of the file, whether it
    comes from the home's `.env` or from the process, which wins.
    """
    is_there = home.config_file.exists()
    values = _read_file(home.config_file) if is_there else {}
    found, problems = overrides({**read_env_file(home.env_file), **environ})
    problems += put(values, found)
    sources: dict[Path, str] = {path: name for path, (name, _) in found.items()}
    config: Config | None = None
    try:
        config = Config.model_validate(values)
        problems += strategy_problems(config.strategies)
    except ValidationError as error:
        problems += problems_of(error, sources=sources)
    if problems or config is None:
        raise ConfigError(*problems)
    return Loaded(
        config=config,
        file=home.config_file if is_there else None,
        variables=tuple(sorted(sources.values())),
    )


def _read_file(path: FilePath) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a readable file of JSON: {error}") from error
    try:
        values = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: expected a file of JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a JSON object, got {type(values).__name__}")
    values.pop("$schema", None)
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} occurs twice")
        found[key] = value
    return found


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
