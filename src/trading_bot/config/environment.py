"""Settings from the environment: TRADING_BOT_RISK__MAX_POSITION_PCT is risk.max_position_pct."""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from trading_bot.config.model import Config, group_of, settings_of
from trading_bot.config.problems import nearest
from trading_bot.domain.errors import ConfigError

PREFIX: Final = "TRADING_BOT_"
NESTING: Final = "__"
OTHER_VARIABLES: Final = ("HOME", "COMMAND", "REDIS_URL", "VENV", "MARKET_DATA", "FAULT_TESTS")
"""Variables with our prefix that are not settings of the config file."""

_OTHERS_MAY: Final = stat.S_IRWXG | stat.S_IRWXO

KeyPath = tuple[str, ...]


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a home's `.env`; none when there is no such file.

    ConfigError when others could read it, or when it cannot be read: it may hold secrets.
    """
    try:
        with path.open(encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            text = file.read()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a file of NAME=value lines: {error}") from error
    mode = stat.S_IMODE(found.st_mode)
    if mode & _OTHERS_MAY:
        raise ConfigError(f"{path}: expected mode 0600, got {mode:04o}: run chmod 600 {path}")
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"{path}: expected a file of ours, got one of user {found.st_uid}")
    return _parse(path, text)


def _parse(path: Path, text: str) -> dict[str, str]:
    # A late import: most homes have no such file, and every start would pay for it.
    from dotenv.parser import parse_stream

    lines = list(parse_stream(StringIO(text)))
    # A limit that is not read is not in force. The line itself is not shown: it may be a secret.
    broken = [
        str(line.original.line) for line in lines if line.error or (line.key and line.value is None)
    ]
    if broken:
        raise ConfigError(f"{path}, line {', '.join(broken)}: expected NAME=value")
    return {line.key: line.value for line in lines if line.key and line.value is not None}


def known_variables() -> dict[str, KeyPath]:
    """Every variable that is a setting, with the path of its key."""
    return dict(_known())


@cache
def _known() -> Mapping[str, KeyPath]:
    return {PREFIX + NESTING.join(path).upper(): path for path in settings_of()}


def overrides(environ: Mapping[str, str]) -> tuple[dict[KeyPath, tuple[str, Any]], list[str]]:
    """What the variables set, as key path -> (variable, value), and what is wrong with their names.

    An empty variable sets nothing: container files hand unset ones down that way.
    """
    known = _known()
    found: dict[KeyPath, tuple[str, Any]] = {}
    problems = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX) in OTHER_VARIABLES:
            continue
        path = known.get(name)
        if path is None:
            problems.append(f"{name}: {_unknown(name)}")
        elif environ[name] != "":
            found[path] = (name, _value(path, environ[name]))
    return found, problems


def _unknown(name: str) -> str:
    own = sorted(known for known in _known() if known.startswith(name + NESTING))
    if own:
        return f"names a whole group, set its keys one by one, such as {own[0]}"
    # Compared without what all have in common, which would make any two names look alike.
    every = [*(known.removeprefix(PREFIX) for known in _known()), *OTHER_VARIABLES]
    return f"unknown variable{nearest(name.removeprefix(PREFIX), every, before=PREFIX)}"


def _value(path: KeyPath, text: str) -> Any:
    """The variable's text as the JSON value its setting wants.

    Numbers with a point stay text and so exact; a list of names may be written A,B,C.
    """
    wanted = _annotation(path)
    if "tuple" in wanted and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    is_text = not any(
        kind in wanted for kind in ("int", "float", "bool", "Decimal", "dict", "tuple")
    )
    if is_text:
        return None if text == "null" else text
    try:
        return json.loads(text, parse_float=float if "float" in wanted else str)
    except ValueError:
        return text


def _annotation(path: KeyPath) -> str:
    model: type[BaseModel] = Config
    for part in path[:-1]:
        group = group_of(model, part)
        assert group is not None, "a known path leads through groups"
        model = group
    return repr(model.model_fields[path[-1]].annotation)


def put(values: dict[str, Any], found: Mapping[KeyPath, tuple[str, Any]]) -> Iterator[str]:
    """Put the variables over the file's values; yields what stands in their way."""
    for path, (name, value) in found.items():
        target = values
        for part in path[:-1]:
            below = target.setdefault(part, {})
            if not isinstance(below, dict):
                yield f"{name}: the config file holds no object under {part!r}"
                break
            target = below
        else:
            target[path[-1]] = value
