"""Processes that can be killed: the exchange and the daemon, forked from one that has loaded all.

The exchange lives on while the daemon dies, as Robinhood does. Virtual time is the daemon's own;
where it stopped is asked of the exchange.
"""

import asyncio
import json
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from support.crash_points import Kill, Point, Tracer
from support.scenarios import CALENDAR, SEED, Play, days_of
from trading_bot.app.rehearse import Audience, Rehearsal, Stage, play_against
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.runtime.lockstep import LockstepClock

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["support.crash_process"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One life of the daemon: from `start` until it is told to stop, or until it is killed."""

    root: Path
    url: str
    start: datetime
    until: datetime
    days: int = 1
    points: tuple[Point, ...] = ()
    kill: Kill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a life ended; `visits` only when it counted them and was not killed."""

    code: int
    visits: Counter[Point]
    said: str

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def live(run: Run) -> Ended:
    """Play one life of the daemon in a process of its own."""
    told = run.root.with_suffix(".told")
    told.unlink(missing_ok=True)
    process = _FORKS.Process(target=_daemon, args=(run, told), name="daemon")
    process.start()
    process.join()
    content = told.read_bytes() if told.exists() else b""
    visits, said = pickle.loads(content) if content else (Counter(), "")
    return Ended(code=process.exitcode or 0, visits=visits, said=said)


def _daemon(run: Run, told: Path) -> None:
    tracer = Tracer(list(run.points), run.kill)
    said, code = "", 0
    try:
        if run.points:
            tracer.start()
        said = _play(run)
    except BaseException:  # noqa: BLE001 - whatever ended it is told to the parent
        said, code = traceback.format_exc(), 1
    finally:
        tracer.stop()
    told.write_bytes(pickle.dumps((tracer.visits, said)))
    sys.stdout.flush()
    os._exit(code)


def _play(run: Run) -> str:
    play = Play(run.root, days_of(count=run.days))

    def see(event: Event, _effects: Sequence[Effect]) -> None:
        if event.at >= run.until and not stopped:
            stopped.append(True)
            os.kill(os.getpid(), signal.SIGTERM)

    stopped: list[bool] = []
    stage = Stage(
        home=play.home,
        config=play.config.model_copy(update={"account_number": AccountSettings().number}),
        calendar=CALENDAR,
        days=play.days,
        plan=Rehearsal(seed=SEED, is_live_code=True),
    )
    audience = Audience(notifier=play.heard, observers=(see,))
    return asyncio.run(play_against(stage, audience, LockstepClock(run.start), run.url))


@dataclass(slots=True)
class Standing:
    """An exchange that runs in a process of its own."""

    url: str

    def ledger(self) -> dict[str, Any]:
        """What it knows to have happened."""
        with urllib.request.urlopen(f"{self.url}/rehearsal/ledger/", timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found


@contextmanager
def exchange(days: int, rules: Sequence[FaultRule] = ()) -> Iterator[Standing]:
    """An exchange that plays the scenarios' days, until the block ends."""
    ours, theirs = _FORKS.Pipe()
    process = _FORKS.Process(target=_exchange, args=(days, tuple(rules), theirs), name="exchange")
    process.start()
    try:
        yield Standing(ours.recv())
    finally:
        process.kill()
        process.join()


def _exchange(days: int, rules: tuple[FaultRule, ...], pipe: Connection) -> None:
    settings = ExchangeSettings(seed=SEED)
    faults = FaultScript(rules)
    server = ExchangeServer(Exchange(days_of(count=days), CALENDAR, settings, faults))
    pipe.send(f"http://127.0.0.1:{server.start()}")
    signal.pause()
