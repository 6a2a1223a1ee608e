"""The config's canonical form: what its hash is taken over, and what a session record shows."""

import hashlib
import json
from collections.abc import Mapping

from pydantic import JsonValue

from trading_bot.config.model import Config

REDACTED = "***"


def canonical(config: Config) -> str:
    """The settings as sorted, compact JSON; equal for equal settings."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def config_hash(config: Config) -> str:
    """MD5 of the canonical form, 32 hex digits; it identifies, it does not protect."""
    return hashlib.md5(canonical(config).encode(), usedforsecurity=False).hexdigest()


def shown(config: Config) -> Mapping[str, JsonValue]:
    """The settings as they may be written down: the account number is covered."""
    values: dict[str, JsonValue] = config.model_dump(mode="json")
    if values.get("account_number") is not None:
        values["account_number"] = REDACTED
    return values
