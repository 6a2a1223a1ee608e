"""`trading-bot run`: the daemon, on paper or, armed, on real money."""

import asyncio
import sys
from argparse import Namespace

from trading_bot.app.alerts import LoggedAlerts
from trading_bot.app.arming import check_given, check_keys, confirm, summary
from trading_bot.app.run import check_mode, check_session, run_live, run_paper
from trading_bot.app.session_wait import Refusal
from trading_bot.app.sessions import Place
from trading_bot.app.signals import StoppedEarlyError, until_stopped
from trading_bot.app.stake import read_stake
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.cli.home import home_of
from trading_bot.cli.terminal import Terminal
from trading_bot.config.load import load_config
from trading_bot.config.model import Config
from trading_bot.domain.errors import (
    ConfigError,
    HumanNeededError,
    RetryableError,
    SessionExpiredError,
)
from trading_bot.logging.application_log import set_up
from trading_bot.logging.redaction import Redactor
from trading_bot.runtime.clocks import SystemClock
from trading_bot.storage.home import Home


def run(arguments: Namespace, place: Place | None = None) -> int:
    """Run until told to stop; `place` is another exchange than Robinhood, in a test."""
    home = home_of(arguments)
    config = load_config(home)
    place = place or Place()
    if arguments.armed_for is not None and not arguments.live:
        raise ConfigError("--armed-for arms live trading: expected --live beside it")
    refused = None
    if arguments.live:
        try:
            refused = _arm(home, config, place, arguments.armed_for)
        except StoppedEarlyError as stopped:
            print(f"stopped: {stopped}, before anything was started")
            return 0
    else:
        check_mode(home, config)
    home.create()
    known = [config.account_number] if config.account_number else []
    log = set_up(
        folder=home.logs, clock=SystemClock().now, redactor=Redactor(known), console=sys.stderr
    )
    alerts = LoggedAlerts()
    try:
        reason = asyncio.run(
            run_live(home, config, alerts, place, refused)
            if arguments.live
            else run_paper(home, config, alerts, place)
        )
    finally:
        log.close()
    print(f"stopped: {reason}")
    return 0


def _arm(home: Home, config: Config, place: Place, given: str | None) -> Refusal | None:
    """Show what is at stake and return only when a person has said yes to it.

    In a service whose session cannot be used there is nothing to show: the flag arms it all the
    same, and why is returned. A position may stand, so it must come up and ask for a person.
    """
    number = check_keys(config, has_flag=True)
    check_session(home)
    terminal = Terminal()
    stamp = SessionFile(home.session_pickle).stamp()
    try:
        reading = read_stake(home, config, place, account_number=number, warned=terminal.tell)
        stake = asyncio.run(until_stopped(reading))
    except (HumanNeededError, RetryableError, SessionExpiredError) as error:
        refused = Refusal(error=error, stamp=stamp)
        if given is None or not refused.may_wait:
            raise
        check_given(number, given)
        terminal.tell(f"what is at stake cannot be read: {error}")
        # What may pass is tried anew; a session that was refused is not shown a second time.
        return refused if isinstance(error, HumanNeededError) else None
    for line in summary(stake):
        terminal.tell(line)
    confirm(
        stake,
        given=given,
        is_terminal=terminal.is_there,
        ask=lambda question: asyncio.run(until_stopped(terminal.text(question))),
    )
    return None
