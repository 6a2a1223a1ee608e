"""SessionRecord: one line of sessions.jsonl, what ran, with which settings and data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from trading_bot.logging.checks import (
    JsonValue,
    check_choice,
    check_config_hash,
    check_optional_text,
    check_text,
    check_timestamp,
    check_uuid,
    check_version,
    json_object,
)
from trading_bot.logging.line import decode, encode, refused, shape_of

KINDS: Final = frozenset({"start", "end", "reload"})
MODES: Final = frozenset({"live", "paper", "rehearsal", "replay", "backtest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A session's start or end, or the reload that opened it.

    `config` is the whole configuration as it was in force, secrets redacted by whoever made it;
    `config_hash` the MD5 of its canonical form; `strategy_hashes` a hash for each strategy file's
    name; `start_state_hash` the state that was rebuilt before the first event; `code_hash` the
    source of what decides, None in records from before it was kept. An end and a reload have a
    `reason`. Raises RecordError.
    """

    kind: str
    session_id: str
    timestamp: str
    mode: str
    bot_version: str
    python_version: str
    config_hash: str
    config: Mapping[str, JsonValue]
    strategy_hashes: Mapping[str, str]
    calendar_hash: str
    zone_data_version: str
    start_state_hash: str
    reason: str | None = None
    code_hash: str | None = None

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        check_uuid("session_id", self.session_id)
        check_timestamp("timestamp", self.timestamp)
        check_choice("mode", self.mode, MODES)
        check_version("bot_version", self.bot_version)
        check_config_hash("config_hash", self.config_hash)
        for name in ("python_version", "calendar_hash", "zone_data_version", "start_state_hash"):
            check_text(name, getattr(self, name))
        check_optional_text("reason", self.reason)
        check_optional_text("code_hash", self.code_hash)
        if self.kind != "start" and self.reason is None:
            raise refused("reason", f"a text, the kind is {self.kind}", None)
        object.__setattr__(self, "config", json_object("config", self.config))
        object.__setattr__(self, "strategy_hashes", _hashes(self.strategy_hashes))

    def to_jsonl_line(self) -> str:
        """The record's line, without LF."""
        return encode(self)

    @classmethod
    def from_jsonl_line(cls, line: str | bytes) -> Self:
        """The record in `line`; RecordError says what is wrong."""
        return decode(cls, _SHAPE, line)


_SHAPE: Final = shape_of(SessionRecord)


def _hashes(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise refused("strategy_hashes", "an object", value)
    for name, digest in value.items():
        check_text("strategy_hashes", name)
        check_text(f"strategy_hashes.{name}", digest)
    return dict(value)
