"""`status --alive`, the answer of health checks: a daemon lives while its loop moves."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trading_bot.app.rehearsal_homes import new_home
from trading_bot.cli.main import main
from trading_bot.runtime.clocks import SystemClock
from trading_bot.storage.home import Home

ALIVE = 0
DEAD = 3
NOT_READY = 1


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home that this process holds, as its daemon."""
    made = Home(tmp_path)
    made.create()
    with made.lock():
        yield made


def write_status(home: Home, *, age_s: float = 0.0, **more: object) -> None:
    """The status file as it was so many seconds ago."""
    at = "2026-03-02T13:00:00Z"
    value = {"at": at, "pid": os.getpid(), "mode": "paper", "trading_day": "2026-03-02", **more}
    path = home.logs / "status.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    when = SystemClock().now().timestamp() - age_s
    os.utime(path, (when, when))


def status(home: Home, *arguments: str) -> int:
    """The exit code of `trading-bot status`."""
    return main(["status", "--home", str(home.root), *arguments])


def test_one_that_writes_its_status_is_alive(home: Home) -> None:
    """A fresh status of the process that holds the home: 0."""
    write_status(home)

    assert status(home, "--alive") == ALIVE


def test_one_that_is_not_ready_is_alive_all_the_same(home: Home) -> None:
    """To start it again would not mend a tripped breaker."""
    trip = {"name": "daily_loss", "at": "2026-03-02T13:00:00Z", "reason": "too much lost"}
    write_status(home, breakers=[trip])

    assert status(home) == NOT_READY
    assert status(home, "--alive") == ALIVE


def test_one_that_starts_is_alive(home: Home) -> None:
    """It holds the home and has not said anything yet."""
    assert status(home, "--alive") == ALIVE


def test_one_that_hangs_is_not(home: Home) -> None:
    """The process is there, but its loop has not moved for a minute."""
    write_status(home, age_s=60)

    assert status(home, "--alive") == DEAD


def test_none_is_not(tmp_path: Path) -> None:
    """Nothing ever ran here; and what has ended left a fresh status behind."""
    home = Home(tmp_path)
    home.create()

    assert status(home, "--alive") == DEAD

    write_status(home)
    assert status(home, "--alive") == DEAD


def test_a_rehearsal_that_runs_in_an_idle_home_is_the_one_asked_about(tmp_path: Path) -> None:
    """Records of an earlier daemon lie in the home; what lives is the rehearsal."""
    base = Home(tmp_path)
    base.create()
    (base.tape / "2026-03-02.jsonl").touch()
    rehearsal = new_home(tmp_path, SystemClock().now())

    assert status(base, "--alive") == DEAD

    with rehearsal.lock():
        write_status(rehearsal)
        assert status(base, "--alive") == ALIVE
