"""The whole core on recorded bars against a bare loop that does the same job, interleaved.

    python benchmarks/core.py [--check] [--bars N] [--rounds N] [--data DIR] [--parts] [--profile]

The job: five symbols of one-minute bars, EMA(9) over EMA(20), ten shares, long or flat, held over
night, no fees, fills at the next open. The bare loop does just that. Ours also asks the gate's
rules for every entry, names every order, keeps a protective stop beside every position, and writes
decisions, order events, trades and metrics as lines, 512 at a time. A second case opens nothing: it
asks the gate at every signal and writes its refusal, as decision and as risk event. Other load on
the machine hits all alike, so only the ratios count; `--data` takes SYM0.csv to SYM4.csv instead of
made-up bars.
"""

import argparse
import cProfile
import gc
import pstats
import runpy
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import core_run
from core_job import Day, Row, from_files, load, made_up
from core_run import Lines, our_run

from trading_bot.brokers.simulated import SimulatedDesk
from trading_bot.core.effects import Effect
from trading_bot.core.events import Event, MinuteRecorded, OrderPlaced
from trading_bot.core.state import CoreState
from trading_bot.market.calendar import NyseCalendar

GOAL = 2.5
BARE = "bare loop"
OURS = "ours: every order's life and all records"
DECISIONS = "gate and decisions, orders not sent"
NO_LINES = "; no line written"


def bare_loop(data: dict[str, list[Row]]) -> int:
    """The yardstick; how many fills it made."""
    path = Path(__file__).with_name("bare_loop.py")
    fills: int = runpy.run_path(str(path), {"data": data})["fills"]
    return fills


def seconds_of(call: Callable[[], object]) -> float:
    """Processor time: what else runs on the machine then matters least."""
    gc.collect()
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--check",
        action="store_true",
        help=f"fail above the goal of {GOAL}",
    )
    parser.add_argument("--bars", type=int, default=10_000, help="bars a symbol")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="folder of SYM0.csv to SYM4.csv")
    parser.add_argument("--parts", action="store_true", help="what each part of a round trip costs")
    parser.add_argument("--profile", action="store_true", help="where our time goes, by function")
    given = parser.parse_args()
    calendar = NyseCalendar()
    data = from_files(given.data, given.bars) if given.data else made_up(calendar, given.bars)
    days = load(data, calendar)
    gc.collect()
    gc.freeze()
    if given.profile:
        return profile(days, calendar)
    if given.parts:
        return parts(days, calendar)
    fills: dict[str, int] = {}

    def ours(name: str, folder: Path | None, protect_only: str = "") -> None:
        run = our_run(days, calendar, folder, protect_only=protect_only)
        fills[name] = run.fills

    timed: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases: dict[str, Callable[[], object]] = {
            BARE: lambda: fills.update({BARE: bare_loop(data)}),
            OURS: lambda: ours(OURS, folder),
            f"{OURS}{NO_LINES}": lambda: ours(f"{OURS}{NO_LINES}", None),
            DECISIONS: lambda: ours(DECISIONS, folder, "benchmark"),
            f"{DECISIONS}{NO_LINES}": lambda: ours(f"{DECISIONS}{NO_LINES}", None, "benchmark"),
        }
        for _ in range(given.rounds):
            for case, call in cases.items():
                timed.setdefault(case, []).append(seconds_of(call))
    return report(timed, fills, sum(len(rows) for rows in data.values()), given.check)


def report(timed: dict[str, list[float]], fills: dict[str, int], count: int, has_goal: bool) -> int:
    bare = timed[BARE]
    ratios = {
        name: statistics.median(s / b for s, b in zip(spent, bare, strict=True))
        for name, spent in timed.items()
    }
    for name, ratio in ratios.items():
        per_s = count / statistics.median(timed[name])
        print(f"{name:58} {ratio:6.2f} times the loop {per_s:12,.0f} bars/s {fills[name]:7} fills")
    # The core makes the records; turning them into lines and writing those is the shell's.
    core = ratios[f"{DECISIONS}{NO_LINES}"]
    is_met = core <= GOAL
    found = f"{core:.2f}, {'met' if is_met else 'missed'}"
    print(f"goal for {DECISIONS}{NO_LINES}: at most {GOAL} times the loop: {found}")
    print(f"the whole life of every order has no goal: {ratios[OURS]:.1f} times the loop")
    return 1 if has_goal and not is_met else 0


def profile(days: list[Day], calendar: NyseCalendar) -> int:
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        profiler.runcall(our_run, days, calendar, Path(folder))
    pstats.Stats(profiler).sort_stats("tottime").print_stats(60)
    return 0


def parts(days: list[Day], calendar: NyseCalendar) -> int:
    """Time every call of the core, the broker and the writer; the clock itself costs a little."""
    spent: dict[str, float] = defaultdict(float)
    calls: Counter[str] = Counter()

    def timed(owner: object, name: str, name_of: Callable[..., str]) -> None:
        inner = getattr(owner, name)

        def outer(*arguments: object) -> object:
            start = time.perf_counter()
            result = inner(*arguments)
            key = name_of(*arguments, result)
            spent[key] += time.perf_counter() - start
            calls[key] += 1
            return result

        setattr(owner, name, outer)

    timed(core_run, "step", _name_of_step)
    for name in ("open_bars", "finish_bars", "take", "cancel", "changed", "account", "positions"):
        timed(SimulatedDesk, name, lambda *_, name=name: f"broker: {name}")
    timed(Lines, "flush", lambda *_: "lines: encode and write")
    with tempfile.TemporaryDirectory() as folder:
        trips = our_run(days, calendar, Path(folder)).fills / 2
    bars = sum(len(minute.event.bars) for day in days for minute in day.minutes)
    print(f"{bars} bars, {trips:.0f} round trips; microseconds")
    print(f"{'part':34} {'calls':>7} {'each':>8} {'a bar':>7} {'a trip':>8}")
    for key, seconds in sorted(spent.items(), key=lambda pair: -pair[1]):
        us = seconds * 1e6
        print(f"{key:34} {calls[key]:7} {us / calls[key]:8.1f} {us / bars:7.2f} {us / trips:8.1f}")
    return 0


def _name_of_step(_state: CoreState, event: Event, effects: list[Effect]) -> str:
    if isinstance(event, MinuteRecorded):
        return "core: minute with a signal" if effects else "core: quiet minute"
    if isinstance(event, OrderPlaced):
        order = event.order
        return f"core: {order.side.value.lower()} {order.type} {order.state}"
    return f"core: {type(event).__name__}"


if __name__ == "__main__":
    sys.exit(main())
