"""What the daemon costs: its start, its memory, its idling, a day in lockstep.

    python benchmarks/daemon.py [--check] [--only version,quote,memory,idle,day]

Every case is a process of its own, on made-up days against the exchange that the program brings
along; nothing leaves the machine. Memory and processor time hold the exchange, which shares the
process; the idle case tells its thread apart.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from core_job import made_up

from trading_bot.market.calendar import NyseCalendar

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = (sys.executable, "-m", "trading_bot")
DAY = "2024-07-02"
FIVE = "ZZA,ZZB,ZZC,ZZD,ZZE"
TWENTY = tuple(f"SYM{number}" for number in range(20))
SESSION_MINUTES = 390
VERSION_RUNS = 10
QUOTE_RUNS = 3
QUOTE_SPEED = 2000
MEMORY_SPEED = 1560
IDLE_S = 30
IDLE_POLL_S = 3
THREADS_FILE = "threads.json"


@dataclass(frozen=True, slots=True)
class Result:
    """A figure and the goal it must stay under."""

    what: str
    value: float
    goal: float
    unit: str
    note: str = ""

    def __str__(self) -> str:
        verdict = "met" if self.value < self.goal else "MISSED"
        note = f"  ({self.note})" if self.note else ""
        return f"{self.what:44} {self.value:8.3f} {self.unit:3} < {self.goal:g}: {verdict}{note}"


def version() -> Result:
    """`trading-bot --version`, beside a Python that does nothing."""
    ours, nothing = [], []
    for _ in range(VERSION_RUNS):
        ours.append(_wall((*PROGRAM, "--version")))
        nothing.append(_wall((sys.executable, "-c", "pass")))
    median = statistics.median(ours)
    ratio = statistics.median(o / n for o, n in zip(ours, nothing, strict=True))
    return Result("--version, median", median, 0.15, "s", f"{ratio:.1f} times `python -c pass`")


def quote() -> Result:
    """From the start of the process to the first poll on the tape."""
    spent = []
    for _ in range(QUOTE_RUNS):
        began = time.perf_counter()
        with _rehearsal("--symbols", FIVE, "--speed", str(QUOTE_SPEED)) as (_, home):
            _wait_for(lambda home=home: _has_polled(home))
            spent.append(time.perf_counter() - began)
    waited = 360 / QUOTE_SPEED
    note = f"{waited:.2f} s of it wait for the open at {QUOTE_SPEED} times real time"
    return Result("first quote handled, median", statistics.median(spent), 1.5, "s", note)


def memory() -> Result:
    """The most that is resident while a paced day of twenty symbols goes by."""
    peak = 0
    with (
        tempfile.TemporaryDirectory() as name,
        _played(_bar_file(Path(name)), "--speed", str(MEMORY_SPEED)) as (process, _),
    ):
        while process.poll() is None:
            peak = max(peak, _resident_kb(process.pid))
            time.sleep(0.05)
        assert process.returncode == 0, "the rehearsal failed"
    return Result("resident, 20 symbols, a paced day", peak / 1024, 100, "MB", "with the exchange")


def idle() -> Result:
    """Processor time of real-time polls, a share of one core, without the exchange's thread."""
    with tempfile.TemporaryDirectory() as name:
        # A process of its own, for the program itself has no such pace and no such start.
        command = (sys.executable, str(Path(__file__).resolve()), "--idle-child", name)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            file = Path(name) / THREADS_FILE
            _wait_for(lambda: file.exists() or process.poll() is not None)
            assert process.poll() is None, "the rehearsal failed"
            time.sleep(IDLE_POLL_S)
            exchange = set(json.loads(file.read_text()))
            before, began = _cpu_s(process.pid), time.perf_counter()
            time.sleep(IDLE_S)
            after, spent = _cpu_s(process.pid), time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()
    used = {thread: after[thread] - before.get(thread, 0.0) for thread in after}
    whole = sum(used.values())
    own = sum(seconds for thread, seconds in used.items() if thread not in exchange)
    note = f"{100 * whole / spent:.2f} % with the exchange"
    what = f"processor, {IDLE_POLL_S} s polls of 5 symbols"
    return Result(what, 100 * own / spent, 1.0, "%", note)


def day() -> Result:
    """A lockstep day of 390 minutes, five symbols, four polls a minute over HTTP."""
    began = time.perf_counter()
    with _rehearsal("--symbols", FIVE) as (process, _):
        assert process.wait() == 0, "the rehearsal failed"
    return Result("lockstep day, 5 symbols", time.perf_counter() - began, 10, "s")


CASES: dict[str, Callable[[], Result]] = {
    "version": version,
    "quote": quote,
    "memory": memory,
    "idle": idle,
    "day": day,
}


def _wall(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment())
    return time.perf_counter() - began


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def _bar_file(folder: Path) -> str:
    """A session of twenty symbols, as the program reads it."""
    rows = made_up(NyseCalendar(), SESSION_MINUTES, TWENTY)
    lines = ["symbol,timestamp,open,high,low,close,volume"]
    for symbol, bars in rows.items():
        for start, *prices, volume in bars:
            shown = ",".join(f"{price:.2f}" for price in prices)
            lines.append(f"{symbol},{start.replace('+00:00', 'Z')},{shown},{volume}")
    path = folder / "bars.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def _rehearsal(*arguments: str) -> AbstractContextManager["tuple[subprocess.Popen[bytes], Path]"]:
    return _played("--generated", "--days", DAY, *arguments)


@contextmanager
def _played(*arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    folder = Path(tempfile.mkdtemp())
    command = (*PROGRAM, "rehearse", "--quiet", "--home", str(folder), *arguments)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=_environment())
    try:
        yield process, folder
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        shutil.rmtree(folder)


def _has_polled(home: Path) -> bool:
    tape = home / "rehearsals" / "latest" / "tape" / f"{DAY}.jsonl"
    return tape.exists() and b'"PollArrived"' in tape.read_bytes()


def _wait_for(is_there: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.perf_counter() + seconds
    while not is_there():
        if time.perf_counter() > until:
            raise TimeoutError(f"nothing came within {seconds} s")
        time.sleep(0.005)


def _resident_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(next(found, "0"))


def _cpu_s(pid: int) -> dict[int, float]:
    """Seconds of processor time by thread, of the threads that are alive, to the nanosecond."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def idle_child(folder: Path) -> None:
    """A rehearsal at the speed of life that polls every three seconds, from just before the open.

    The command itself starts six minutes before the open and polls at the exchange's own pace.
    """
    from trading_bot.app import rehearse
    from trading_bot.app.rehearsal_homes import new_home
    from trading_bot.config.load import load_config
    from trading_bot.core.effects import Effect
    from trading_bot.core.events import Event, PollArrived
    from trading_bot.runtime.clocks import SystemClock
    from trading_bot.runtime.measure import Measures
    from trading_bot.storage.home import Home

    class Silent:
        def notify(self, severity: str, subject: str, text: str) -> None:
            """Nobody is told."""

    def look(event: Event, _effects: Sequence[Effect]) -> None:
        file = folder / THREADS_FILE
        if isinstance(event, PollArrived) and not file.exists():
            threads = threading.enumerate()
            exchange = [t.native_id for t in threads if t.name.startswith("rehearsal-")]
            assert exchange, f"no exchange among {[t.name for t in threads]}"
            file.with_suffix(".new").write_text(json.dumps(exchange))
            file.with_suffix(".new").rename(file)

    rehearse.POLL_INTERVAL_S = IDLE_POLL_S
    rehearse.LEAD = timedelta(seconds=2)
    home = new_home(folder, SystemClock().now())
    plan = rehearse.Rehearsal(symbols=tuple(FIVE.split(",")), speed=1.0)
    stage = rehearse.prepare(plan, home, load_config(Home(folder)))
    audience = rehearse.Audience(notifier=Silent(), observers=(look,), measures=Measures())
    asyncio.run(rehearse.play(stage, audience))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail when a goal is missed")
    parser.add_argument("--only", default=",".join(CASES), help="the cases to run")
    parser.add_argument("--idle-child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.idle_child:
        idle_child(given.idle_child)
        return 0
    results = []
    for name in given.only.split(","):
        results.append(CASES[name]())
        print(results[-1], flush=True)
    return 1 if given.check and any(r.value >= r.goal for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
