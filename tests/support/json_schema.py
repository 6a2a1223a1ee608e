"""As much of JSON schema as the published one uses; unknown words in it are an error."""

import re
from typing import Any

_TYPES: dict[str, Any] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": (int, float),
    "object": dict,
    "string": str,
}
_SAID_ONLY = {"$schema", "$defs", "default", "description", "title"}


def complaints(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """Where `value` is not what `schema` wants; empty when it is."""
    found: list[str] = []
    for word, wanted in schema.items():
        if word not in _SAID_ONLY:
            found += _CHECKS[word](value, wanted, schema, root, at)
    return found


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name in ("integer", "number"):
        return False
    return isinstance(value, _TYPES[name])


def _type(value: Any, wanted: Any, _schema: Any, _root: Any, at: str) -> list[str]:
    return [] if _is(value, wanted) else [f"{at}: expected {wanted}"]


def _ref(value: Any, wanted: str, _schema: Any, root: Any, at: str) -> list[str]:
    return complaints(value, root["$defs"][wanted.rpartition("/")[2]], root, at)


def _any_of(value: Any, wanted: Any, _schema: Any, root: Any, at: str) -> list[str]:
    tried = [complaints(value, choice, root, at) for choice in wanted]
    return [] if [] in tried else [f"{at}: none of {len(wanted)} choices"]


def _all_of(value: Any, wanted: Any, _schema: Any, root: Any, at: str) -> list[str]:
    return [line for each in wanted for line in complaints(value, each, root, at)]


def _if(value: Any, wanted: Any, schema: Any, root: Any, at: str) -> list[str]:
    holds = not complaints(value, wanted, root, at)
    return complaints(value, schema["then"], root, at) if holds else []


def _properties(value: Any, wanted: Any, _schema: Any, root: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    known = ((key, value[key], own) for key, own in wanted.items() if key in value)
    return [line for key, item, own in known for line in complaints(item, own, root, f"{at}.{key}")]


def _additional(value: Any, wanted: Any, schema: Any, root: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    more = [key for key in value if key not in schema.get("properties", {})]
    if wanted is False:
        return [f"{at}.{key}: unknown key" for key in more]
    if wanted is True:
        return []
    return [line for key in more for line in complaints(value[key], wanted, root, f"{at}.{key}")]


def _required(value: Any, wanted: Any, _schema: Any, _root: Any, at: str) -> list[str]:
    return [f"{at}: {key} is missing" for key in wanted if key not in value]


def _items(value: Any, wanted: Any, _schema: Any, root: Any, at: str) -> list[str]:
    if not isinstance(value, list):
        return []
    return [
        line for n, item in enumerate(value) for line in complaints(item, wanted, root, f"{at}.{n}")
    ]


def _bound(value: Any, is_within: bool, at: str) -> list[str]:
    is_number = _is(value, "number")
    return [f"{at}: out of bounds"] if is_number and not is_within else []


_CHECKS: dict[str, Any] = {
    "type": _type,
    "$ref": _ref,
    "anyOf": _any_of,
    "allOf": _all_of,
    "if": _if,
    "then": lambda *_: [],
    "properties": _properties,
    "additionalProperties": _additional,
    "required": _required,
    "items": _items,
    "const": lambda v, w, _s, _r, at: [] if v == w else [f"{at}: expected {w!r}"],
    "enum": lambda v, w, _s, _r, at: [] if v in w else [f"{at}: expected one of {w}"],
    "pattern": lambda v, w, _s, _r, at: (
        [] if not isinstance(v, str) or re.search(w, v) else [f"{at}: no exact number"]
    ),
    "minimum": lambda v, w, _s, _r, at: _bound(v, not _is(v, "number") or v >= w, at),
    "maximum": lambda v, w, _s, _r, at: _bound(v, not _is(v, "number") or v <= w, at),
    "exclusiveMinimum": lambda v, w, _s, _r, at: _bound(v, not _is(v, "number") or v > w, at),
    "exclusiveMaximum": lambda v, w, _s, _r, at: _bound(v, not _is(v, "number") or v < w, at),
    "minItems": lambda v, w, _s, _r, at: [] if len(v) >= w else [f"{at}: too few"],
    "maxItems": lambda v, w, _s, _r, at: [] if len(v) <= w else [f"{at}: too many"],
    "minLength": lambda v, w, _s, _r, at: (
        [] if not isinstance(v, str) or len(v) >= w else [f"{at}: too short"]
    ),
}
