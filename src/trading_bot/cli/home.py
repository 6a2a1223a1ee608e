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


def records_home(arguments: Namespace) -> Home:
    """The home whose records a question is about; ConfigError when it has none.

    A folder that has only rehearsals answers for the latest of them.
    """
    home = home_of(arguments)
    if home.trades_link.is_symlink() or home.tape.is_dir():
        return home
    latest = home.root / "rehearsals" / "latest"
    if latest.is_dir():
        return Home(latest.resolve())
    raise ConfigError(
        f"{home.root} holds no records: expected logs/trades.jsonl or rehearsals/latest in it; "
        "name the home with --home"
    )
