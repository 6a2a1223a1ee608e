"""`trading-bot logout`: end the session at Robinhood and remove its file."""

import asyncio
from argparse import Namespace

from trading_bot.app.sessions import Place, forget, log_out
from trading_bot.cli import exits
from trading_bot.cli.home import home_of
from trading_bot.query.running import holder_of


def run(arguments: Namespace, place: Place | None = None) -> int:
    """Log out; `place` is another exchange than Robinhood, in a test."""
    home = home_of(arguments)
    if arguments.local:
        if forget(home):
            print(
                "removed the session file; Robinhood was not told, the session lives until it ends"
            )
        else:
            print("there is no session file")
    else:
        print(asyncio.run(log_out(home, place or Place())))
    if home.root.is_dir() and holder_of(home) is not None:
        print("the daemon that runs here opens nothing more once it notices: trading-bot login")
    return exits.OK
