"""Reading the settings: the home's JSON file, then the environment over it."""

import difflib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from trading_bot.config.model import Config
from trading_bot.domain.errors import ConfigError
from trading_bot.storage.home import Home

PREFIX = "TRADING_BOT_"
NESTING = "__"
OTHER_VARIABLES = ("HOME", "COMMAND", "REDIS_URL", "VENV", "MARKET_DATA", "FAULT_TESTS")
"""Variables with our prefix that are not settings of the config file."""

_SHOWN_MAX = 60


def load_config(home: Home, environ: Mapping[str, str] = os.environ) -> Config:
    """The settings in force; ConfigError with a line for each thing that is wrong.

    A home without a config file has the shipped defaults. The variable
    TRADING_BOT_RISK__MAX_POSITION_PCT stands over risk.max_position_pct of the file.
    """
    values = _read_file(home.config_file)
    problems = list(_apply_environment(values, environ))
    config: Config | None = None
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        problems.extend(_line_of(item) for item in error.errors())
    if problems or config is None:
        raise ConfigError(*problems)
    return config


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except (OSError, UnicodeDecodeError, ValueError) as error:
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


def _apply_environment(values: dict[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """Put the variables in; yields what is wrong with them."""
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX) in OTHER_VARIABLES:
            continue
        path = name.removeprefix(PREFIX).lower().split(NESTING)
        if not _is_key(path):
            yield f"{name}: unknown variable{_nearest(name, [PREFIX + v for v in _variables()])}"
            continue
        target = values
        for part in path[:-1]:
            below = target.setdefault(part, {})
            if not isinstance(below, dict):
                break
            target = below
        else:
            target[path[-1]] = _value_of(environ[name])


def _value_of(text: str) -> Any:
    """JSON where it is one (but numbers with a point, which stay text and so exact), else text."""
    try:
        value = json.loads(text, parse_float=str)
    except ValueError:
        return text
    return value


def _is_key(path: Sequence[str]) -> bool:
    model: type[BaseModel] = Config
    for depth, part in enumerate(path):
        field = model.model_fields.get(part)
        if field is None:
            return False
        below = field.annotation
        if depth + 1 < len(path):
            if not (isinstance(below, type) and issubclass(below, BaseModel)):
                return False
            model = below
    return True


def _variables(model: type[BaseModel] = Config, before: str = "") -> list[str]:
    """Every variable's name behind the prefix."""
    names = list(OTHER_VARIABLES) if not before else []
    for key, field in model.model_fields.items():
        name = before + key.upper()
        names.append(name)
        below = field.annotation
        if isinstance(below, type) and issubclass(below, BaseModel):
            names.extend(_variables(below, name + NESTING))
    return names


def _line_of(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "config"
    if item["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(str(item['loc'][-1]), _keys_at(item['loc'][:-1]))}"
    shown = repr(item["input"])
    if len(shown) > _SHOWN_MAX:
        shown = shown[:_SHOWN_MAX] + "..."
    what = item["msg"][0].lower() + item["msg"][1:]
    return f"{where}: {what}, got {type(item['input']).__name__} {shown}"


def _keys_at(path: Sequence[Any]) -> list[str]:
    model: type[BaseModel] = Config
    for part in path:
        field = model.model_fields.get(str(part))
        below = field.annotation if field is not None else None
        if isinstance(below, type) and issubclass(below, BaseModel):
            model = below
    return list(model.model_fields)


def _nearest(name: str, known: Sequence[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f", did you mean {found[0]!r}?" if found else f"; known are {', '.join(known[:12])}"
