"""Which home a command is about."""

import os
from argparse import Namespace
from pathlib import Path

from trading_bot.domain.errors import ConfigError
from trading_bot.storage.home import Home


def home_of(arguments: Namespace) -> Home:
    """`--home`, else TRADING_BOT_HOME, else the current folder; absolute."""
    given = arguments.home or os.environ.get("TRADING_BOT_HOME") or "."
    return Home(Path(given).expanduser().resolve())


def newest_home(home: Home) -> Home:
    """The home itself; the latest of its rehearsals when it has records of nothing else."""
    latest = home.root / "rehearsals" / "latest"
    if not _has_records(home) and latest.is_dir():
        return Home(latest.resolve())
    return home


def records_home(arguments: Namespace) -> Home:
    """The home whose records a question is about; ConfigError when it has none.

    A folder that has only rehearsals answers for the latest of them.
    """
    home = home_of(arguments)
    newest = newest_home(home)
    if _has_records(newest):
        return newest
    raise ConfigError(
        f"{home.root} holds no records: expected logs/trades.jsonl or rehearsals/latest in it; "
        "name the home with --home"
    )


def _has_records(home: Home) -> bool:
    return home.trades_link.is_symlink() or any(home.tape.glob("*.jsonl"))
