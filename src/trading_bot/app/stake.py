"""What is at stake, read once before anything is started: the account as it is now."""

import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack

from trading_bot.app.arming import Stake
from trading_bot.app.connect import LiveConnection
from trading_bot.app.core_settings import LIVE, make_calendar
from trading_bot.app.sessions import Place
from trading_bot.config.model import Config
from trading_bot.storage.home import Home


async def read_stake(
    home: Home,
    config: Config,
    place: Place,
    *,
    account_number: str,
    warned: Callable[[str], None],
) -> Stake:
    """The account and its positions; no order is sent, cancelled or read.

    ConfigError when the home is another mode's or account's, or in use; the session's errors say
    what a person must do.
    """
    calendar = make_calendar(config)
    home.create()
    key = home.key(secrets.token_bytes)
    home.check_binding(mode=LIVE, account=account_number, key=key)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.lock())
        connection = LiveConnection(
            home=home,
            config=config,
            clock=place.clock,
            calendar=calendar,
            chance=place.chance,
            stack=stack,
            base_url=place.base_url,
            is_lockstep=place.is_lockstep,
            warned=warned,
        )
        _, broker = await connection.reach()
        account, positions = await broker.account(), await broker.positions()
        return Stake(
            account_number=account_number,
            account=account,
            positions=positions,
            session_ends_at=connection.keepers[-1].ends_at,
            config=config,
        )
