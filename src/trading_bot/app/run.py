"""The daemon on paper: Robinhood's quotes, an invented account, for as long as it is let."""

import random
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack

import structlog

from trading_bot.app.connect import PaperConnection
from trading_bot.app.core_settings import make_calendar, refuse_live
from trading_bot.app.engine import Engine, Parts
from trading_bot.app.session_watch import SessionWatch
from trading_bot.app.signals import stop_on_signals
from trading_bot.config.model import Config
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event
from trading_bot.domain.errors import ConfigError
from trading_bot.ports.clock import Clock
from trading_bot.ports.notifier import Notifier
from trading_bot.runtime.clocks import SystemClock
from trading_bot.runtime.ids import random_ids
from trading_bot.storage.home import Home


def _library_said(text: str) -> None:
    structlog.stdlib.get_logger("robin_stocks").info("printed", text=text)


def check_mode(home: Home, config: Config) -> None:
    """Refuse what `run` is not; ConfigError says what to do instead."""
    refuse_live(config)
    if config.mode == "rehearsal":
        raise ConfigError("mode: expected paper, got rehearsal; use `trading-bot rehearse`")
    if not home.session_pickle.exists():
        raise ConfigError(
            f"no session: expected {home.session_pickle}; paper trading needs Robinhood's quotes, "
            "a person gets a session with `trading-bot login`. "
            "To see the bot work without an account: trading-bot rehearse"
        )


async def run_paper(
    home: Home,
    config: Config,
    notifier: Notifier,
    *,
    clock: Clock | None = None,
    base_url: str | None = None,
) -> str:
    """Run until SIGTERM or SIGINT; returns the reason it stopped.

    `base_url` is another exchange than Robinhood, on this machine, and `clock` then its time.
    """
    check_mode(home, config)
    clock = clock or SystemClock()
    calendar = make_calendar(config)
    home.create()
    key = home.key(secrets.token_bytes)
    home.bind(mode="paper", account=config.account_number, key=key)
    async with AsyncExitStack() as stack:
        connection = PaperConnection(
            home=home,
            config=config,
            clock=clock,
            calendar=calendar,
            chance=random.Random(),  # noqa: S311 - jitter of retries, nothing secret
            stack=stack,
            base_url=base_url,
            printed=_library_said,
            warned=lambda text: notifier.notify("WARNING", "paper account", text),
        )
        parts = _parts(connection, key, notifier)
        engine = await stack.enter_async_context(Engine(home, config, parts))
        _watch_session(engine, parts, connection, notifier)
        stop_on_signals(engine.stop)
        for mended in engine.recoveries:
            notifier.notify("WARNING", "mended at the start", mended)
        return await engine.run()


def _watch_session(
    engine: Engine, parts: Parts, connection: PaperConnection, notifier: Notifier
) -> None:
    """Keep the session beside the daemon, and let the core know how it stands."""
    watches: list[SessionWatch] = []

    def watch() -> SessionWatch:
        # Made when it is first asked for: only a connected engine has a keeper.
        if not watches:
            watches.append(
                SessionWatch(
                    connection.keepers[-1],
                    clock=connection.clock,
                    calendar=connection.calendar,
                    notifier=notifier,
                    is_flat=lambda: engine.is_flat,
                    tell=engine.tell,
                )
            )
        return watches[0]

    async def run() -> None:
        await watch().run()

    def see(event: Event, effects: Sequence[Effect], /) -> None:
        watch()(event, effects)

    parts.services["session"] = run
    parts.observers = (*parts.observers, see)


def _parts(connection: PaperConnection, key: bytes, notifier: Notifier) -> Parts:
    return Parts(
        mode="paper",
        clock=connection.clock,
        calendar=connection.calendar,
        session_id=random_ids()(),
        key=key,
        connect=connection,
        notifier=notifier,
        chance=connection.chance,
        skew_s=connection.skew_s,
    )
