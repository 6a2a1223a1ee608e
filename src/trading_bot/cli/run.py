"""`trading-bot run`: the daemon, on paper."""

import asyncio
import sys
from argparse import Namespace

from trading_bot.app.alerts import LoggedAlerts
from trading_bot.app.run import check_mode, run_paper
from trading_bot.cli.home import home_of
from trading_bot.config.load import load_config
from trading_bot.logging.application_log import set_up
from trading_bot.logging.redaction import Redactor
from trading_bot.runtime.clocks import SystemClock


def run(arguments: Namespace) -> int:
    """Run until told to stop."""
    home = home_of(arguments)
    config = load_config(home)
    check_mode(home, config)
    home.create()
    known = [config.account_number] if config.account_number else []
    log = set_up(
        folder=home.logs, clock=SystemClock().now, redactor=Redactor(known), console=sys.stderr
    )
    try:
        reason = asyncio.run(run_paper(home, config, LoggedAlerts()))
    finally:
        log.close()
    print(f"stopped: {reason}")
    return 0
