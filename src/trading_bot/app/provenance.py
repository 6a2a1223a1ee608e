"""What a session was run by: the program, the trader's strategies, the calendar."""

import hashlib
import platform
from functools import cache
from pathlib import Path
from typing import Final

from trading_bot.app.core_settings import make_calendar
from trading_bot.app.strategy_files import strategy_hashes
from trading_bot.config.model import Config
from trading_bot.domain.errors import ConfigError
from trading_bot.logging.session_record import SessionRecord
from trading_bot.storage.home import Home
from trading_bot.version import VERSION

_DECIDING: Final = (
    "domain",
    "logging",
    "market",
    "strategies",
    "risk",
    "performance",
    "execution",
    "core",
)
"""The rooms whose code makes an event into records; with them the file that sets them up."""

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_SHOWN: Final = 8


@cache
def code_hash() -> str:
    """SHA-256 (hex) over the source of all that decides and records."""
    files = [path for room in _DECIDING for path in (_PACKAGE / room).rglob("*.py")]
    files.append(_PACKAGE / "app" / "core_settings.py")
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def changed_since(session: SessionRecord, config: Config, home: Home) -> tuple[str, ...]:
    """What is not as it was when `session` ran, a phrase each; its tape may then say otherwise."""
    found = []
    if session.code_hash != code_hash() or session.bot_version != VERSION:
        was = session.code_hash[:_SHOWN] if session.code_hash else "not recorded"
        found.append(
            f"recorded by trading-bot {session.bot_version} (code {was}), "
            f"this is {VERSION} (code {code_hash()[:_SHOWN]})"
        )
    if _minor(session.python_version) != _minor(platform.python_version()):
        found.append(f"recorded on Python {session.python_version}")
    found += _strategies(session, config, home)
    if session.calendar_hash != make_calendar(config).calendar_hash():
        found.append("recorded under another calendar or other zone data")
    return tuple(found)


def _strategies(session: SessionRecord, config: Config, home: Home) -> list[str]:
    try:
        now = strategy_hashes(config, home.root)
    except (ConfigError, OSError) as error:
        return [f"its strategies cannot be read any more: {error}"]
    names = sorted({*session.strategy_hashes, *now})
    return [
        f"the strategy {name} was another file's"
        for name in names
        if session.strategy_hashes.get(name) != now.get(name)
    ]


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
