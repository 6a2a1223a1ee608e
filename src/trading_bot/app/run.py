"""The daemon: Robinhood's quotes and an invented account, or real money in a real one."""

import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Literal

import structlog

from trading_bot.app.arming import check_keys
from trading_bot.app.connect import Connection, LiveConnection, PaperConnection
from trading_bot.app.core_settings import make_calendar
from trading_bot.app.engine import Engine, Parts
from trading_bot.app.session_wait import PatientConnection, Refusal
from trading_bot.app.session_watch import SessionWatch
from trading_bot.app.sessions import Place
from trading_bot.app.signals import StoppedEarlyError, stop_on_signals
from trading_bot.config.model import Config
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event
from trading_bot.domain.errors import ConfigError
from trading_bot.ports.notifier import Notifier
from trading_bot.ports.records import STREAM_SESSIONS
from trading_bot.query.records import HomeRecords
from trading_bot.runtime.ids import random_ids
from trading_bot.storage.account_lock import account_lock
from trading_bot.storage.home import Home


def _library_said(text: str) -> None:
    structlog.stdlib.get_logger("robin_stocks").info("printed", text=text)


def check_mode(home: Home, config: Config) -> None:
    """Refuse what `run` on paper is not; ConfigError says what to do instead."""
    if config.mode == "live":
        check_keys(config, has_flag=False)
    if config.mode == "rehearsal":
        raise ConfigError("mode: expected paper, got rehearsal; use `trading-bot rehearse`")
    check_session(home)


def check_session(home: Home) -> None:
    """ConfigError when there never was a session: no file, and no daemon that was started here.

    A home that ran before may hold a position: there the daemon comes up and asks for a person.
    """
    was_started = home.binding_file.exists() or HomeRecords(home).tail(STREAM_SESSIONS, 1)
    if not was_started and not home.session_pickle.exists():
        raise ConfigError(
            f"no session: expected {home.session_pickle}; Robinhood answers nothing without one, "
            "a person gets it with `trading-bot login`. "
            "To see the bot work without an account: trading-bot rehearse"
        )


async def run_paper(home: Home, config: Config, notifier: Notifier, place: Place) -> str:
    """Run until SIGTERM or SIGINT; returns the reason it stopped."""
    check_mode(home, config)
    return await _run("paper", PaperConnection, home, config, notifier, place)


async def run_live(
    home: Home,
    config: Config,
    notifier: Notifier,
    place: Place,
    refused: Refusal | None = None,
) -> str:
    """As on paper, with real money: the caller has armed it.

    ConfigError unless the settings turn their key; away from Robinhood itself, at another exchange
    in `place`, its records are those of a rehearsal. `refused` is what the caller's own try to use
    the session came to.
    """
    check_keys(config, has_flag=True)
    return await _run("live", LiveConnection, home, config, notifier, place, refused)


async def _run(
    mode: Literal["paper", "live"],
    connect: type[PaperConnection | LiveConnection],
    home: Home,
    config: Config,
    notifier: Notifier,
    place: Place,
    refused: Refusal | None = None,
) -> str:
    calendar = make_calendar(config)
    home.create()
    key = home.key(secrets.token_bytes)
    home.bind(mode=mode, account=config.account_number, key=key)
    async with AsyncExitStack() as stack:
        _hold_account(stack, mode, config.account_number, place)
        connection = connect(
            home=home,
            config=config,
            clock=place.clock,
            calendar=calendar,
            chance=place.chance,
            stack=stack,
            base_url=place.base_url,
            is_lockstep=place.is_lockstep,
            printed=_library_said,
            warned=lambda text: notifier.notify("WARNING", f"{mode} account", text),
        )
        parts = Parts(
            mode=mode,
            clock=place.clock,
            calendar=calendar,
            session_id=random_ids()(),
            key=key,
            connect=connection,
            notifier=notifier,
            chance=place.chance,
            skew_s=connection.skew_s,
        )
        engine = Engine(home, config, parts)
        _watch_session(engine, parts, connection, notifier)
        patient = PatientConnection(connection, notifier, engine.show_waiting, refused)
        parts.connect = patient

        def stop(reason: str) -> None:
            patient.stop(reason)
            engine.stop(reason)

        stop_on_signals(stop)  # before the journals are opened: after a crash that takes a while
        await stack.enter_async_context(engine)
        return await _run_patiently(engine, notifier)


def _hold_account(stack: AsyncExitStack, mode: str, account: str | None, place: Place) -> None:
    if mode == "live" and account:
        stack.enter_context(account_lock(account, place.base_url or "robinhood"))


async def _run_patiently(engine: Engine, notifier: Notifier) -> str:
    """Run until a signal; without a usable session, wait for one first."""
    for mended in engine.recoveries:
        notifier.notify("WARNING", "mended at the start", mended)
    try:
        return await engine.run()
    except StoppedEarlyError as stopped:
        return str(stopped)


def _watch_session(
    engine: Engine, parts: Parts, connection: Connection, notifier: Notifier
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
