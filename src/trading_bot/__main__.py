"""`python -m trading_bot` is the same as the command `trading-bot`."""

import sys

from trading_bot.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
