"""`trading-bot status` on homes that are alive, silent, dead and empty."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from support.program import Run
from trading_bot.app.replay import Replayed, Replayer
from trading_bot.app.status_file import status_path, write_status
from trading_bot.runtime.measure import Measures
from trading_bot.storage.home import Home

DAY = date(2024, 7, 2)


@dataclass(frozen=True, slots=True)
class Daemon:
    """Stands in a home as a daemon that has come to a moment of the recorded day."""

    home: Home

    def write(self, when: Callable[[Replayed], bool]) -> None:
        """Write the status the daemon would have written at the first such moment."""
        moment = next(replayed for replayed in Replayer(self.home).replay(DAY) if when(replayed))
        measures = Measures()
        measures.add("loop_lag", 0.0015)
        write_status(self.home, moment.state, moment.event.at, measures, "paper")

    def grow_old(self, seconds: float) -> None:
        """Make the status file look as old as that."""
        path = status_path(self.home)
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


@pytest.fixture
def daemon(copied: Home) -> Daemon:
    """A home without a status file yet."""
    status_path(copied).unlink(missing_ok=True)
    return Daemon(copied)


def at_ten(replayed: Replayed) -> bool:
    """Ten in New York, in the middle of the session."""
    return (replayed.event.at.hour, replayed.event.at.minute) == (14, 0)


def holds(replayed: Replayed) -> bool:
    """The first moment with shares and a working stop."""
    trades = replayed.state.book.trades.values()
    return any(trade.held and trade.unprotected_since is None for trade in trades)


def first_bought(home: Home) -> dict[str, Any]:
    """The day's first trade record."""
    text = (home.logs / f"{DAY}.jsonl").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text.splitlines()[0])
    return record


def test_a_daemon_that_is_well_is_ready(daemon: Daemon, run: Run) -> None:
    """Exit code 0, with since when, the market, the day, quotes, polls and lag."""
    daemon.write(at_ten)

    with daemon.home.lock():
        answer = run("status", home=daemon.home)

    assert answer.code == 0
    assert answer.lines[0] == "READY"
    assert f"process {os.getpid()}, paper" in answer.out
    assert "open (2024-07-02 09:30-16:00 New York)" in answer.out
    for words in (
        "2 polled, 2 good",
        "0 skipped today",
        "none tripped",
        "p99 1.5 ms",
        "unprotected",
    ):
        assert words in answer.out


def test_what_is_held_is_shown_with_its_stop(daemon: Daemon, run: Run) -> None:
    """Symbol, shares, stop, target, strategy, and the open result of the day."""
    daemon.write(holds)

    with daemon.home.lock():
        answer = run("status", home=daemon.home)

    bought = first_bought(daemon.home)
    plan = f"stop {bought['stop_loss']}, target {bought['target']} ({bought['strategy_name']})"
    assert f"{bought['symbol']} {bought['quantity']}, {plan}" in answer.out
    assert "dollars (0.00 realised), 1 trade, opening equity" in answer.out


def test_a_silent_daemon_is_not_responding(daemon: Daemon, run: Run) -> None:
    """A status older than 30 seconds is never called well, whatever it says."""
    daemon.write(at_ten)
    daemon.grow_old(31)

    with daemon.home.lock():
        answer = run("status", home=daemon.home)

    assert answer.code == 1
    assert answer.lines[0] == "NOT RESPONDING"
    assert "its last status is 31.0 s old" in answer.lines[1]


def test_a_starting_daemon_is_not_ready(daemon: Daemon, run: Run) -> None:
    """Neither without a status nor with that of the process before."""
    with daemon.home.lock():
        without = run("status", home=daemon.home)
    daemon.write(at_ten)
    path = status_path(daemon.home)
    other = json.loads(path.read_text(encoding="utf-8")) | {"pid": os.getpid() + 1}
    path.write_text(json.dumps(other), encoding="utf-8")
    with daemon.home.lock():
        before = run("status", home=daemon.home)

    assert without.code == before.code == 1
    assert without.lines[0] == before.lines[0] == "STARTING"


def test_before_the_account_is_read_it_is_not_ready(daemon: Daemon, run: Run) -> None:
    """Alive is not ready: exit code 1 and the reason."""
    daemon.write(lambda replayed: replayed.state.session is not None)
    path = status_path(daemon.home)
    status = json.loads(path.read_text(encoding="utf-8"))
    # As after a start in mid-session: the clock is inside it, nothing has been read.
    path.write_text(json.dumps(status | {"at": "2024-07-02T14:00:00.000Z"}), encoding="utf-8")

    with daemon.home.lock():
        answer = run("status", home=daemon.home)

    assert answer.code == 1
    assert answer.lines[0] == "NOT READY"
    assert "  because the account has not been read yet" in answer.lines
    assert any("no quote can be used: no quote yet" in line for line in answer.lines)


def test_a_broken_status_is_not_responding(daemon: Daemon, run: Run) -> None:
    """A status that cannot be read proves nothing."""
    status_path(daemon.home).write_text("{", encoding="utf-8")

    with daemon.home.lock():
        answer = run("status", home=daemon.home)

    assert answer.code == 1
    assert answer.lines[0] == "NOT RESPONDING"


def test_a_home_nobody_holds_is_not_running(daemon: Daemon, run: Run) -> None:
    """However young its status: exit code 3, how the last session ended, what it held."""
    daemon.write(holds)

    answer = run("status", home=daemon.home)

    assert answer.code == 3
    assert answer.lines[0] == "NOT RUNNING"
    assert "the last session ended: the rehearsal is over" in answer.lines[1]
    symbol = first_bought(daemon.home)["symbol"]
    assert any(line.startswith(f"held then     {symbol} ") for line in answer.lines)


def test_a_killed_daemon_is_told_from_one_that_stopped(daemon: Daemon, run: Run) -> None:
    """Its session record has no end."""
    path = daemon.home.logs / "sessions.jsonl"
    first = path.read_text(encoding="utf-8").splitlines(keepends=True)[0]
    path.write_text(first, encoding="utf-8")

    answer = run("status", home=daemon.home)

    assert answer.code == 3
    assert "did not say that it ended" in answer.out


def test_an_empty_home_has_nothing_yet(tmp_path: Path, run: Run) -> None:
    """It is not called dead, and not well either."""
    answer = run("status", home=tmp_path)

    assert answer.code == 3
    assert answer.lines == [f"nothing yet: no session was ever started in {tmp_path}"]


def test_json_says_the_same_to_programs(daemon: Daemon, run: Run) -> None:
    """State, readiness, reasons, and the whole status."""
    daemon.write(holds)

    with daemon.home.lock():
        alive = json.loads(run("status", "--json", home=daemon.home).out)
    dead = json.loads(run("status", "--json", home=daemon.home).out)

    assert (alive["state"], alive["ready"], alive["pid"]) == ("ready", True, os.getpid())
    held = alive["snapshot"]["positions"][0]["symbol"]
    assert held == first_bought(daemon.home)["symbol"]
    assert (dead["state"], dead["alive"], dead["last_session"]["kind"]) == (
        "not running",
        False,
        "end",
    )


def test_asking_leaves_the_lock_alone(daemon: Daemon, run: Run) -> None:
    """A daemon can start right after somebody asked."""
    run("status", home=daemon.home)

    with daemon.home.lock() as lock:
        assert lock is not None
