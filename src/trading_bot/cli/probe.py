"""`trading-bot probe`: the real service against what the bot expects, reading only."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict

from trading_bot.app.core_settings import make_calendar
from trading_bot.app.sessions import Place, refuse_ended, use
from trading_bot.brokers.robinhood.probe.points import Finding
from trading_bot.brokers.robinhood.probe.run import probe
from trading_bot.brokers.robinhood.session import BrokerSession
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.cli import exits
from trading_bot.cli.home import home_of
from trading_bot.cli.terminal import Terminal
from trading_bot.config.load import load_config
from trading_bot.config.model import Config
from trading_bot.domain.errors import ConfigError, HumanNeededError, SessionExpiredError
from trading_bot.query.words import table

_QUESTION = (
    "This reads accounts, positions and orders with your session and sends nothing else.\n"
    "Type yes to go on: "
)


def run(arguments: Namespace, place: Place | None = None) -> int:
    """Ask for a yes, look, print; `place` is another exchange than Robinhood, in a test."""
    home = home_of(arguments)
    config = load_config(home)
    place = place or Place()
    session = SessionFile(home.session_pickle).load()
    refuse_ended(session, place.clock.now())
    if not (arguments.is_confirmed or _is_confirmed(Terminal())):
        print("trading-bot: no yes, nothing was sent", file=sys.stderr)
        return exits.USAGE
    findings = asyncio.run(_findings(place, session, config))
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for line in _lines(findings):
            print(line)
    return exits.FAILED if any(finding.is_ok is False for finding in findings) else exits.OK


def _is_confirmed(terminal: Terminal) -> bool:
    if not terminal.is_there:
        raise ConfigError(
            "probe reads your account: expected a typed yes at a terminal, or --yes-read-my-account"
        )
    return asyncio.run(terminal.text(_QUESTION)).strip().lower() == "yes"


async def _findings(place: Place, session: BrokerSession, config: Config) -> list[Finding]:
    async with place.transport() as transport:
        use(transport, session)
        try:
            return [
                finding
                async for finding in probe(
                    transport,
                    session,
                    place.clock,
                    make_calendar(config),
                    account_number=config.account_number,
                    symbol=config.watchlist[0],
                )
            ]
        except SessionExpiredError as error:
            raise HumanNeededError(f"{error}; a person must log in: trading-bot login") from error


def _lines(findings: list[Finding]) -> Iterator[str]:
    words = {True: "yes", False: "NO", None: "-"}
    rows = [(f.point, f.expected, f.found, words[f.is_ok]) for f in findings]
    yield from table(("point", "expected", "found", "ok"), rows, frozenset())
    counts = {ok: sum(1 for f in findings if f.is_ok is ok) for ok in words}
    yield (f"{counts[True]} as expected, {counts[False]} not, {counts[None]} could not be settled")
