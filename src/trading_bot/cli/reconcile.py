"""`trading-bot reconcile`: what differs from the broker, and what a person decides about it."""

import asyncio
import getpass
import sys
from argparse import Namespace
from collections.abc import Iterator

from trading_bot.app.desk import Decision
from trading_bot.app.reconcile import Case, Look, accept, case_of, look
from trading_bot.cli import exits
from trading_bot.cli.home import home_of, newest_home
from trading_bot.domain.errors import ConfigError
from trading_bot.query.words import table

_WORD = "accept"
_MEANINGS = {
    "adopt": "adopted into the records",
    "book_sale": "booked as the owner's own sale",
    "not_ours": "left out as not ours",
    "accept": "taken as it is",
    "end": "ended",
}


def run(arguments: Namespace) -> int:
    """Show what differs; with `--accept` settle it after a typed confirmation."""
    case = case_of(newest_home(home_of(arguments)))
    return settle(case, arguments)


def settle(case: Case, arguments: Namespace) -> int:
    """As `run`, for a home and a broker that are known."""
    found = asyncio.run(look(case))
    for line in _shown(found):
        print(line)
    if not arguments.accept:
        return exits.OK if found.is_clean else exits.HUMAN_NEEDED
    decisions = _decisions(found, arguments)
    for decision in decisions:
        print(f"{decision.subject}: will be {_MEANINGS[decision.decision]}")
    if not arguments.yes and not _is_confirmed():
        print("nothing was changed")
        return exits.FAILED
    after = asyncio.run(accept(case, decisions))
    print(f"settled: {', '.join(d.subject for d in decisions)}")
    print(f"before  {_counts(found)}")
    print(f"after   {_counts(after)}")
    for line in _shown(after):
        print(line)
    return exits.OK if after.is_clean else exits.HUMAN_NEEDED


def _shown(found: Look) -> Iterator[str]:
    if found.findings:
        rows = [
            (f.difference.key, f.difference.ours, f.difference.broker, _say(f.is_gone, f.means))
            for f in found.findings
        ]
        yield from table(("difference", "ours", "broker", "if accepted"), rows, frozenset())
        for finding in found.findings:
            yield f"  {finding.difference.key}: {finding.difference.text}"
    for cause, text, ends in found.causes:
        yield f"protecting only, {cause}: {text}; ends: {ends}"
    if not found.findings:
        yield f"the books agree: {_counts(found)}"


def _say(is_gone: bool, means: str) -> str:
    text = _MEANINGS[means]
    return f"{text} (the broker agrees again)" if is_gone else text


def _counts(found: Look) -> str:
    return f"broker {found.broker} executions, records {found.records}"


def _decisions(found: Look, arguments: Namespace) -> list[Decision]:
    means = {f.difference.key: f.means for f in found.findings}
    means |= {cause: "end" for cause, _, _ in found.causes}
    unknown = [what for what in arguments.accept if what not in means]
    if unknown:
        raise ConfigError(*(f"there is no {what!r} to accept" for what in unknown))
    if arguments.yes and not arguments.why:
        raise ConfigError("--yes needs --why: the record names who accepted what, and why")
    why = arguments.why or _asked("why? ")
    if not why:
        raise ConfigError("an acceptance needs a reason: --why TEXT")
    return [
        Decision(
            decision="not_ours" if arguments.not_ours else means[what],
            subject=what,
            by=getpass.getuser(),
            why=why,
            ratio=arguments.ratio,
        )
        for what in arguments.accept
    ]


def _is_confirmed() -> bool:
    return _asked(f"type {_WORD} to write this down: ") == _WORD


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigError("no terminal to ask at: give --why and --yes")
    return input(question).strip()
