"""`trading-bot status`: is it alive, is it ready, what does it hold?"""

import json
from argparse import Namespace

from trading_bot.cli import exits
from trading_bot.cli.home import home_of, newest_home
from trading_bot.query.running import holder_of
from trading_bot.query.status import Status, status_of
from trading_bot.query.status_words import status_lines, status_value
from trading_bot.runtime.clocks import SystemClock
from trading_bot.storage.home import Home


def run(arguments: Namespace) -> int:
    """Print the status; the exit code is the answer for scripts and health checks."""
    home = _home_to_watch(home_of(arguments))
    status = status_of(home, SystemClock().now())
    if arguments.json:
        print(json.dumps(status_value(status, home), indent=1))
    else:
        for line in status_lines(status, home):
            print(line)
    return _alive_code(status) if arguments.alive else _code(status)


def _home_to_watch(home: Home) -> Home:
    """The newest home, or a rehearsal that runs in a home which other records lie in, idle."""
    latest = home.root / "rehearsals" / "latest"
    if latest.is_dir() and holder_of(home) is None:
        rehearsal = Home(latest.resolve())
        if holder_of(rehearsal) is not None:
            return rehearsal
    return newest_home(home)


def _alive_code(status: Status) -> int:
    """For what restarts a daemon: a breaker or a missing quote is no reason to."""
    is_silent = status.state in ("not responding", "not running", "nothing yet")
    return exits.HUMAN_NEEDED if is_silent else exits.OK


def _code(status: Status) -> int:
    if not status.is_alive:
        return exits.HUMAN_NEEDED
    return exits.OK if status.state == "ready" else exits.FAILED
