"""The program in a process of its own, pointed at an exchange on this machine: URL ARGUMENT..."""

import sys

from trading_bot.app.sessions import Place
from trading_bot.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], place=Place(base_url=sys.argv[1])))
