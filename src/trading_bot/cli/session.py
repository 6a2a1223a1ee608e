"""`trading-bot session`: how long it lives, what it opens; no secret in it."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from trading_bot.app.session_view import SessionView, view_session
from trading_bot.app.sessions import Place
from trading_bot.brokers.robinhood.accounts import ending
from trading_bot.cli import exits
from trading_bot.cli.home import home_of
from trading_bot.cli.session_words import account_words, days, left_words
from trading_bot.config.load import load_config


def run(arguments: Namespace, place: Place | None = None) -> int:
    """Print it; `place` is another exchange than Robinhood, in a test."""
    home = home_of(arguments)
    config = load_config(home)
    place = place or Place()
    view = asyncio.run(
        view_session(home, place, config.account_number, is_offline=arguments.offline)
    )
    if arguments.json:
        print(json.dumps(_value(view), indent=1))
    else:
        for line in _lines(view, config.account_number, place.clock.now()):
            print(line)
        if view.problem and view.state != "unknown":
            print(f"trading-bot: {view.problem}", file=sys.stderr)
    return _code(view, is_offline=arguments.offline)


def _code(view: SessionView, *, is_offline: bool) -> int:
    if view.state == "unknown":
        return exits.OK if is_offline else exits.FAILED
    return exits.OK if view.state == "valid" else exits.HUMAN_NEEDED


def _lines(view: SessionView, configured: str | None, now: datetime) -> Iterator[str]:
    yield view.state.upper()
    if view.state in ("missing", "unsafe", "damaged"):
        return
    yield "file         mode 0600, ours alone"
    age = "not known" if view.age is None else f"{days(view.age)}"
    yield f"age          {age}"
    yield f"lives        {left_words(view.ends_at, now)}"
    yield f"renewal      {'by the daemon' if view.can_renew else 'not possible: no refresh token'}"
    if view.accounts is None:
        yield f"accounts     not known: {view.problem}"
    for account in view.accounts or ():
        yield f"account      {account_words(account, configured)}"
    if view.configured is None:
        yield "configured   no account"


def _value(view: SessionView) -> dict[str, Any]:
    def text(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    accounts = view.accounts
    return {
        "state": view.state,
        "problem": view.problem or None,
        "obtained_at": text(view.obtained_at),
        "age_s": None if view.age is None else round(view.age.total_seconds()),
        "ends_at": text(view.ends_at),
        "left_s": None if view.left is None else round(view.left.total_seconds()),
        "can_renew": view.can_renew,
        "accounts": None
        if accounts is None
        else [
            {
                "account": ending(one.number),
                "type": one.kind or None,
                "state": one.state or None,
                "default": one.is_default,
            }
            for one in accounts
        ],
        "configured": view.configured,
        "configured_is_ours": view.is_configured_ours,
    }
