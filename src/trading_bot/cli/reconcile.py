"""`trading-bot reconcile`: what differs from the broker, and what a person decides about it."""

import asyncio
import getpass
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import Final

from trading_bot.app.desk import Decision
from trading_bot.app.reconcile import Case, Finding, Look, accept, case_of, look
from trading_bot.cli import exits
from trading_bot.cli.home import home_of, newest_home
from trading_bot.core.protect import RULES, Cause
from trading_bot.domain.errors import ConfigError
from trading_bot.execution.differences import DifferenceKind, new_symbol_of
from trading_bot.query.words import table

_WORD: Final = "accept"
_WHY_MAX: Final = 500
"""Characters of a reason: a sentence or two, not a file by mistake."""

_MEANINGS: Final = {
    "adopt": "adopted into the records",
    "book_sale": "booked as the owner's own sale",
    "not_ours": "left out as not ours",
    "accept": "taken as it is",
    "end": "ended",
}
_MAY_BE_FOREIGN: Final = ("adopt", "not_ours")
"""Decisions in whose place `--not-ours` may stand."""


def run(arguments: Namespace) -> int:
    """Show what differs; with `--accept` settle it after a typed confirmation."""
    _check(arguments)
    case = case_of(newest_home(home_of(arguments)))
    return settle(case, arguments)


def settle(case: Case, arguments: Namespace) -> int:
    """As `run`, for a home and a broker that are known."""
    _check(arguments)
    found = asyncio.run(look(case))
    for line in _shown(found):
        print(line)
    if not arguments.accept:
        if found.findings:
            print("to settle one: trading-bot reconcile --accept DIFFERENCE --why TEXT")
        return exits.OK if found.is_clean else exits.HUMAN_NEEDED
    decisions = _decisions(found, arguments)
    for decision in decisions:
        print(f"{decision.subject}: will be {_planned(found, decision)}")
    if not arguments.yes and _asked(f"type {_WORD} to write this down: ") != _WORD:
        print("nothing was changed")
        return exits.FAILED
    after = asyncio.run(accept(case, decisions))
    print(f"settled: {', '.join(d.subject for d in decisions)}")
    print(f"before  {_counts(found)}")
    print(f"after   {_counts(after)}")
    for line in _shown(after):
        print(line)
    return exits.OK if after.is_clean else exits.HUMAN_NEEDED


def _check(arguments: Namespace) -> None:
    """Words that say how to accept say nothing without what; nothing was looked at yet."""
    given = {
        "--not-ours": arguments.not_ours,
        "--ratio": arguments.ratio,
        "--why": arguments.why,
        "--yes": arguments.yes,
    }
    useless = [name for name, value in given.items() if value]
    if useless and not arguments.accept:
        raise ConfigError(f"{useless[0]} says how to accept: name what, with --accept WHAT")
    if len(arguments.why) > _WHY_MAX:
        raise ConfigError(
            f"--why: expected a reason of {_WHY_MAX} characters at most, got {len(arguments.why)}"
        )


def _shown(found: Look) -> Iterator[str]:
    if found.findings:
        rows = [
            (f.difference.key, f.difference.ours, f.difference.broker, _say(f))
            for f in found.findings
        ]
        yield from table(("difference", "ours", "broker", "if accepted"), rows, frozenset())
        for finding in found.findings:
            yield f"  {finding.difference.key}: {finding.difference.text}"
    for cause, text, ends in found.causes:
        yield f"protecting only, {cause}: {text}; ends: {ends}"
    if not found.findings:
        yield f"the books agree: {_counts(found)}"


def _say(finding: Finding) -> str:
    text = _meaning(finding)
    return f"{text} (the broker agrees again)" if finding.is_gone else text


def _meaning(finding: Finding, ratio: str = "") -> str:
    difference = finding.difference
    new = new_symbol_of(difference.key)
    if new:
        return f"held, protected and sold as {new} from then on"
    if difference.kind is DifferenceKind.CORPORATE_ACTION:
        told = difference.broker if difference.broker[:1].isdigit() else ""
        return f"counted in new shares, {ratio or told or '--ratio R'} for an old one"
    return _MEANINGS[finding.means]


def _planned(found: Look, decision: Decision) -> str:
    finding = next((f for f in found.findings if f.difference.key == decision.subject), None)
    if finding is None or decision.decision != finding.means:
        return _MEANINGS[decision.decision]
    return _meaning(finding, decision.ratio)


def _counts(found: Look) -> str:
    return f"broker {found.broker} executions, records {found.records}"


def _decisions(found: Look, arguments: Namespace) -> list[Decision]:
    means = {f.difference.key: f.means for f in found.findings}
    means |= {cause: "end" for cause, _, _ in found.causes}
    wanted = list(dict.fromkeys(arguments.accept))
    _check_wanted(found, means, wanted, arguments)
    if arguments.yes and not arguments.why.strip():
        raise ConfigError("--yes needs --why: the record names who accepted what, and why")
    why = arguments.why.strip() or _asked("why? ")
    if not why:
        raise ConfigError("an acceptance needs a reason: --why TEXT")
    return [
        Decision(
            decision="not_ours" if arguments.not_ours else means[what],
            subject=what,
            by=_who(),
            why=why,
            ratio=arguments.ratio,
        )
        for what in wanted
    ]


def _check_wanted(
    found: Look, means: dict[str, str], wanted: list[str], arguments: Namespace
) -> None:
    """Every problem at once: what is not there, what ends otherwise, what a flag cannot mean."""
    there = ", ".join(means) or "nothing"
    problems = [f"there is no {w!r} to accept; there is: {there}" for w in wanted if w not in means]
    known = [what for what in wanted if what in means]
    actions = {
        f.difference.key
        for f in found.findings
        if f.difference.kind is DifferenceKind.CORPORATE_ACTION
    }
    for what in known:
        if means[what] == "end" and not RULES[Cause(what)].is_kept:
            problems.append(f"{what} is not accepted; it ends otherwise: {RULES[Cause(what)].ends}")
        elif arguments.not_ours and means[what] not in _MAY_BE_FOREIGN:
            problems.append(f"{what} cannot be --not-ours: accepted it is {_MEANINGS[means[what]]}")
        elif arguments.ratio and what not in actions:
            problems.append(f"{what} has no --ratio: only a corporate action has one")
    if problems:
        raise ConfigError(*problems)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"uid {os.getuid()}"


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigError("no terminal to ask at: give --why and --yes")
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""
