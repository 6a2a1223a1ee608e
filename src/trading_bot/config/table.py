"""The tables of docs/configuration.md, made from the model."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trading_bot.config.environment import OTHER_VARIABLES, PREFIX
from trading_bot.config.identity import plain
from trading_bot.config.model import Config, group_of
from trading_bot.strategies.registry import BUILT_IN

_INTRODUCTION = """\
# Configuration

Every setting of `config/config.json`, with its default and its range. This page is made from the
program's own model, as is `config/config.schema.json`, which editors use to complete and check the
file. What is left out of the file has its default; an unknown key is refused at start, and the
nearest known one is named. Amounts, percents and ratios are written as text (`"0.5"`), so that they
stay exact.

A variable stands over the file: `{prefix}RISK__MAX_POSITION_PCT=5` is `risk.max_position_pct`.
The home's `.env` (mode 0600, or it is refused) may hold such variables; the process's own win.
An empty variable sets nothing. Lists are JSON, `watchlist` also `AAPL,MSFT`; `null` is nothing.
Variables with this prefix that are no settings: {others}.

`trading-bot config check` says what is wrong, a line each; `trading-bot config show` prints what is
in force, secrets covered; `trading-bot config schema` prints the JSON schema.
"""

_HEAD = "| key | default | range | what it is |\n|---|---|---|---|\n"


def configuration_page() -> str:
    """The whole page, in Markdown."""
    others = ", ".join(f"`{PREFIX}{name}`" for name in OTHER_VARIABLES)
    parts = [_INTRODUCTION.format(prefix=PREFIX, others=others)]
    parts.append("\n## The bot\n\n" + _HEAD + "".join(_rows(Config, "", plain(Config()))))
    for key in Config.model_fields:
        group = group_of(Config, key)
        if group is not None:
            parts.append(_section(f"`{key}`", group, f"{key}."))
    for name, built_in in BUILT_IN.items():
        parts.append(_section(f"Strategy `{name}`", built_in.settings, ""))
    return "".join(parts)


def _section(title: str, model: type[BaseModel], before: str) -> str:
    about = " ".join((model.__doc__ or "").split())
    defaults = model().model_dump(mode="json")
    return f"\n## {title}\n\n{about}\n\n{_HEAD}{''.join(_rows(model, before, defaults))}"


def _rows(model: type[BaseModel], before: str, defaults: dict[str, Any]) -> Iterator[str]:
    for key, field in model.model_fields.items():
        if group_of(model, key) is not None:
            continue
        cells = (
            f"`{before}{key}`",
            _default(defaults[key]),
            _range(field),
            field.description or "",
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(value: Any) -> str:
    if isinstance(value, list):
        names = [item["name"] if isinstance(item, dict) else item for item in value]
        return ", ".join(f"`{name}`" for name in names)
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _range(field: FieldInfo) -> str:
    choices = _choices(field.annotation)
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    bounds = [text for item in field.metadata if (text := _bound(item))]
    return ", ".join(bounds)


def _choices(annotation: Any) -> list[str]:
    """What a Literal, or a Literal or nothing, may be; for flags true and false."""
    if annotation is bool:
        return ["true", "false"]
    parts = get_args(annotation)
    if parts and all(isinstance(part, str) for part in parts):
        return [f'"{part}"' for part in parts]
    return [choice for part in parts for choice in _choices(part)]


def _bound(item: object) -> str:
    match item:
        case Gt():
            return f"over {_number(item.gt)}"
        case Ge():
            return f"from {_number(item.ge)}"
        case Lt():
            return f"under {_number(item.lt)}"
        case Le():
            return f"to {_number(item.le)}"
        case MinLen():
            return f"{item.min_length} or more long"
        case MaxLen():
            return f"at most {item.max_length} long"
    return ""


def _number(bound: object) -> str:
    return f"{Decimal(str(bound)):,}"
