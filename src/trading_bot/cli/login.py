"""`trading-bot login`: a person gets the session that the daemon uses and renews."""

import asyncio
import os
import secrets
import stat
import sys
from argparse import Namespace
from datetime import datetime
from pathlib import Path

from trading_bot.app.sessions import Desk, LoggedIn, Place
from trading_bot.brokers.robinhood.accounts import check_account
from trading_bot.cli import exits
from trading_bot.cli.home import home_of
from trading_bot.cli.session_words import account_words, left_words
from trading_bot.cli.terminal import Terminal
from trading_bot.config.load import load_config
from trading_bot.domain.errors import ConfigError

PASTED = "-"


def run(arguments: Namespace, place: Place | None = None) -> int:
    """Log in; `place` is another exchange than Robinhood, in a test."""
    home = home_of(arguments)
    config = load_config(home)
    place = place or Place()
    terminal = Terminal()
    source: str | None = arguments.source
    if source in (None, PASTED) and not terminal.is_there:
        print(
            "trading-bot: log-in needs a person at a terminal, and the input is none; nothing was "
            "sent. Without one: trading-bot login --import FILE",
            file=sys.stderr,
        )
        return exits.HUMAN_NEEDED
    secret = _secret_in(arguments.totp) if arguments.totp else ""
    desk = Desk(
        home=home,
        place=place,
        person=terminal,
        random_bytes=secrets.token_bytes,
        deadline=arguments.deadline,
    )
    if source is None:
        found = asyncio.run(desk.log_in(secret))
    elif source == PASTED:
        found = asyncio.run(desk.import_typed())
    else:
        found = asyncio.run(desk.import_file(Path(source)))
    return _report(found, config.account_number, place.clock.now(), home.session_pickle)


def _secret_in(path: Path) -> str:
    """The authenticator's secret in a file that only we can read."""
    with path.open(encoding="ascii", errors="replace") as file:
        found = os.fstat(file.fileno())
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o077 or found.st_uid != os.geteuid():
            raise ConfigError(f"{path}: expected a file of ours of mode 0600, got {mode:04o}")
        return file.read(1024).strip()


def _report(found: LoggedIn, configured: str | None, now: datetime, path: Path) -> int:
    session = found.session
    print(f"logged in    {left_words(session.ends_at, now)}")
    if not session.refresh_token:
        print(
            "             it has no refresh token: it cannot be renewed, log in again before then"
        )
    print(f"stored       {path}, mode 0600; a daemon that runs here takes it over within a minute")
    if found.accounts is None:
        print(
            f"trading-bot: the session is stored but could not be tried: {found.problem}",
            file=sys.stderr,
        )
        return exits.FAILED
    for account in found.accounts:
        print(f"account      {account_words(account, configured)}")
    if configured:
        try:
            check_account(found.accounts, configured)
        except ConfigError as error:
            print(f"trading-bot: {error}", file=sys.stderr)
            return exits.HUMAN_NEEDED
    return exits.OK
