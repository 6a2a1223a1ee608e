"""`trading-bot status`: is it alive, is it ready, what does it hold?"""

import json
from argparse import Namespace

from trading_bot.cli import exits
from trading_bot.cli.home import home_of, newest_home
from trading_bot.query.status import Status, status_of
from trading_bot.query.status_words import status_lines, status_value
from trading_bot.runtime.clocks import SystemClock


def run(arguments: Namespace) -> int:
    """Print the status; the exit code is the answer for scripts and health checks."""
    home = newest_home(home_of(arguments))
    status = status_of(home, SystemClock().now())
    if arguments.json:
        print(json.dumps(status_value(status, home), indent=1))
    else:
        for line in status_lines(status, home):
            print(line)
    return _code(status)


def _code(status: Status) -> int:
    if not status.is_alive:
        return exits.HUMAN_NEEDED
    return exits.OK if status.state == "ready" else exits.FAILED
