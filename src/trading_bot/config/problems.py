"""What is wrong with settings, a line each: the key, what was expected, what was given."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from trading_bot.config.model import Config, StrategyEntry, group_of
from trading_bot.logging.redaction import REDACTED, is_secret_name
from trading_bot.strategies.registry import BUILT_IN

_SHOWN_MAX = 60
_LISTED_MAX = 12

Path = tuple[str | int, ...]


def problems_of(
    error: ValidationError,
    model: type[BaseModel] = Config,
    before: Path = (),
    sources: Mapping[Path, str] | None = None,
) -> Iterator[str]:
    """A line for each error; `before` is where `model` stands.

    `sources` names the variable a key came from; keys without one came from the file.
    """
    items = error.errors()
    for item in items:
        if item["type"] == "too_short" and any(_is_within(item, other) for other in items):
            # The list is too short only because of what is wrong with its items.
            continue
        path = (*before, *item["loc"])
        yield f"{_place(path, sources or {})}: {_what(cast(dict[str, Any], item), model, path)}"


def _is_within(outer: Any, inner: Any) -> bool:
    depth = len(outer["loc"])
    return len(inner["loc"]) > depth and inner["loc"][:depth] == outer["loc"]


def strategy_problems(strategies: Sequence[StrategyEntry]) -> Iterator[str]:
    """What is wrong with the strategies' names and with the settings of the built-in ones."""
    for index, entry in enumerate(strategies):
        before: Path = ("strategies", index)
        if any(other.name == entry.name for other in strategies[:index]):
            yield f"strategies.{index}.name: expected each strategy once, got {entry.name!r} again"
        elif entry.file is None and entry.name not in BUILT_IN:
            hint = nearest(entry.name, list(BUILT_IN))
            yield f"strategies.{index}.name: unknown strategy {entry.name!r}{hint}"
        elif entry.file is None:
            model = BUILT_IN[entry.name].settings
            try:
                model.model_validate(entry.settings)
            except ValidationError as error:
                yield from problems_of(error, model, (*before, "settings"))


def nearest(name: str, known: Sequence[str], before: str = "") -> str:
    """The end of a sentence that names the known word nearest to `name`, or else some of them.

    `before` is written in front of the word; words that have it are too many to be listed.
    """
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if found:
        return f", did you mean {before + found[0]!r}?"
    if before:
        return "; docs/configuration.md lists those that are known"
    more = ", ..." if len(known) > _LISTED_MAX else ""
    return f"; known are {', '.join(known[:_LISTED_MAX])}{more}"


def _place(path: Path, sources: Mapping[Path, str]) -> str:
    shown = ".".join(map(str, path)) or "config"
    source = next((sources[path[:n]] for n in range(len(path), 0, -1) if path[:n] in sources), None)
    return f"{source} ({shown})" if source else shown


def _what(item: dict[str, Any], model: type[BaseModel], path: Path) -> str:
    if item["type"] == "extra_forbidden":
        return f"unknown key{_nearest_key(str(path[-1]), model, item['loc'][:-1])}"
    if item["type"] == "missing":
        return "expected a value, got none"
    message = _message(item)
    if ", got " in message or isinstance(item["input"], BaseModel | Mapping):
        return _one_line(message)
    if any(is_secret_name(str(part)) for part in path):
        return f"{message}, got {_kind(item['input'])} {REDACTED}"
    return f"{message}, got {_shown(item['input'])}"


_LENGTHS = {
    "too_short": "expected at least {min_length} of them",
    "too_long": "expected at most {max_length} of them",
    "string_too_short": "expected a text that is not empty",
}
_WORDS = {
    "Input should be": "expected",
    "a valid tuple": "a list",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "a text",
    "a valid boolean": "true or false",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "over",
    "less than": "under",
}
"""Pydantic's words in the order in which they are replaced, and what people call it."""


def _message(item: dict[str, Any]) -> str:
    if item["type"] in ("model_type", "dict_type"):
        return f"expected an object, got {_shown(item['input'])}"
    if item["type"] in _LENGTHS:
        return _LENGTHS[item["type"]].format(**item["ctx"])
    message = str(item["msg"]).removeprefix("Value error, ")
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours, 1)
    return message[:1].lower() + message[1:]


def _shown(value: object) -> str:
    """Type and value as JSON calls them, short."""
    name = _kind(value)
    if value is None:
        return name
    text = repr(value)
    if isinstance(value, bool):
        text = text.lower()
    return f"{name} {text[:_SHOWN_MAX]}{'...' if len(text) > _SHOWN_MAX else ''}"


def _kind(value: object) -> str:
    return _JSON_NAMES.get(type(value), type(value).__name__)


_JSON_NAMES = {
    type(None): "null",
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "number",
    list: "list",
    str: "text",
    tuple: "list",
}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _nearest_key(name: str, model: type[BaseModel], at: Path) -> str:
    """The nearest key of that group; else of any group, since people put keys one level off."""
    own = _keys_at(model, at)
    if difflib.get_close_matches(name, own, n=1, cutoff=0.5):
        return nearest(name, own)
    leaves = {
        key: f"{group}.{key}"
        for group in Config.model_fields
        if (below := group_of(Config, group)) is not None
        for key in below.model_fields
    }
    found = difflib.get_close_matches(name, list(leaves), n=1, cutoff=0.7)
    return f", did you mean {leaves[found[0]]!r}?" if found else nearest(name, own)


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    for part in path:
        if isinstance(part, int):
            model = StrategyEntry
        else:
            model = group_of(model, part) or model
    return list(model.model_fields)
