"""The compose file on a real engine: alive at the first `up`, truthful, stopped clean, closed."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.checkout import ROOT

pytestmark = pytest.mark.long

PROJECT = "trading-bot-test"
BOT = f"{PROJECT}-trading-bot-1"
STOP_SECONDS_MAX = 5.0
MEMORY_KB_MAX = 100 * 1024

SIGNAL = """
import os, pathlib, sys
for entry in pathlib.Path("/proc").glob("[0-9]*"):
    is_program = b"rehearse" in (entry / "cmdline").read_bytes()
    if is_program and "PPid:\\t1\\n" in (entry / "status").read_text():
        os.kill(int(entry.name), int(sys.argv[1]))
"""
MEMORY = SIGNAL.replace("os.kill(int(entry.name), int(sys.argv[1]))", "print(memory(entry))")
MEMORY = (
    "def memory(entry):\n"
    "    return next(line.split()[1] for line in open(entry / 'status') if 'VmRSS' in line)\n"
) + MEMORY
SECRETS = """
import pathlib
from trading_bot.brokers.robinhood.session_file import SessionFile
for path in pathlib.Path("rehearsals").glob("20*/.robinhood.pickle"):
    session = SessionFile(path).load()
    print(session.access_token, session.refresh_token, session.device_token)
    print((path.parent / ".home.key").read_bytes().hex())
"""


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the client; what it printed and how it ended."""
    return subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("TRADING_BOT_")},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def compose(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `docker compose` on a project of its own, with the command of the compose file."""
    options = ("--project-name", PROJECT, "--env-file", os.devnull)
    return docker("compose", *options, *arguments)


def inside(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in the bot's container."""
    return compose("exec", "--no-TTY", "trading-bot", *arguments)


def send(signal: str) -> None:
    """Sends the program, which is the child of the container's first process, a signal."""
    code = f"import signal, sys; sys.argv[1:] = [signal.{signal}]\n{SIGNAL}"
    assert inside("python3", "-c", code).returncode == 0


def state() -> dict[str, Any]:
    """What the engine says of the bot's container."""
    found: dict[str, Any] = json.loads(docker("inspect", BOT).stdout)[0]
    return found


def wait_for(words: str, *arguments: str, seconds: int) -> str:
    """The first line with these words that a following docker command prints."""
    command = ["timeout", str(seconds), "docker", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = next((line for line in process.stdout if words in line), "")
        process.terminate()
    assert found, f"no {words!r} within {seconds} s of docker {' '.join(arguments)}"
    return found


def wait_for_event(event: str, since: float, seconds: int) -> None:
    """Waits until the engine tells of an event of the bot's container."""
    filters = ("--filter", f"container={BOT}", "--filter", f"event={event}")
    wait_for("|", "events", "--since", f"{since:.0f}", "--format", "{{.Status}}|", *filters,
             seconds=seconds)  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """Our images, built on an engine that can; without one there is nothing to try."""
    try:
        is_there = docker("compose", "version").returncode == docker("info").returncode == 0
    except FileNotFoundError:
        is_there = False
    if not is_there:
        pytest.skip("no docker engine with compose answers here")
    compose("down", "--volumes")
    built = compose("build")
    assert built.returncode == 0, built.stderr
    yield
    compose("down", "--volumes")


@pytest.fixture
def bot(engine: None) -> None:
    """The whole project, up and healthy."""
    started = compose("up", "--detach", "--wait")
    assert started.returncode == 0, started.stderr + compose("logs", "--no-color").stdout


def test_the_first_up_shows_trades_and_refusals(bot: None) -> None:
    """Who watches the logs sees the rehearsed day go on within a minute and a half."""
    following = ("logs", "--follow", BOT)

    assert "made-up day" in wait_for("playing", *following, seconds=10)
    wait_for("  BUY  ", *following, seconds=90)
    wait_for("  no  ", *following, seconds=90)
    assert int(inside("python3", "-c", MEMORY).stdout) < MEMORY_KB_MAX


def test_it_can_change_nothing_but_its_home(bot: None) -> None:
    """Neither root nor capable, on a file system that is read-only, its settings too."""
    limits = inside("grep", "-E", "^(CapEff|CapBnd|NoNewPrivs)", "/proc/self/status").stdout

    assert inside("id", "-u").stdout.strip() == "10001"
    assert limits.split() == ["CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1"]
    for path in ("/opt/trading-bot/x", "/etc/x", "config/x", "/home/trading-bot/x"):
        assert "Read-only file system" in inside("touch", path).stderr
    assert inside("touch", "x").returncode == 0


def test_the_health_check_tells_a_hang_from_life(bot: None) -> None:
    """A program that stands still turns unhealthy, and healthy again when it goes on."""
    since = time.time()
    send("SIGSTOP")
    wait_for_event("health_status: unhealthy", since, 150)

    assert state()["State"]["Health"]["Status"] == "unhealthy"

    since = time.time()
    send("SIGCONT")
    wait_for_event("health_status: healthy", since, 60)


def test_a_killed_program_is_started_again(bot: None) -> None:
    """It comes back by itself, and what it had acknowledged is whole."""
    before = state()
    since = time.time()
    killed = inside("readlink", "rehearsals/latest").stdout.strip()

    send("SIGKILL")
    wait_for_event("start", since, 30)

    assert state()["RestartCount"] == before["RestartCount"] + 1
    assert inside("trading-bot", "verify", "--home", f"rehearsals/{killed}").returncode == 0


def test_a_lost_redis_does_no_harm(bot: None) -> None:
    """The cache is killed; the bot lives on and was not started again."""
    before = state()["State"]["StartedAt"]

    assert compose("kill", "redis").returncode == 0

    assert inside("trading-bot", "status", "--alive").returncode == 0
    assert state()["State"]["StartedAt"] == before


def test_it_stops_in_time_and_whole(bot: None) -> None:
    """`stop` ends within five seconds with exit code 0; every record stands its seal."""
    wait_for("playing", "logs", "--follow", BOT, seconds=10)

    begun = time.monotonic()
    compose("stop", "trading-bot")
    took = time.monotonic() - begun

    assert took < STOP_SECONDS_MAX
    assert (state()["State"]["Status"], state()["State"]["ExitCode"]) == ("exited", 0)
    verified = compose("run", "--rm", "--no-TTY", "--no-deps", "trading-bot", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_what_it_prints_holds_no_secret(bot: None) -> None:
    """No token of a session and no key of a home is among the logs."""
    secrets = inside("python3", "-c", SECRETS).stdout.split()
    printed = compose("logs", "--no-color").stdout

    assert len(secrets) >= 4
    assert "playing" in printed
    assert [secret for secret in secrets if secret in printed] == []
