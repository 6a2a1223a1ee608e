"""Days of chaos, many of them: what went wrong, what was traded, and every day that failed.

    python benchmarks/chaos.py [--http] [--seeds 1-500] [--jobs 2] [--control NAME]

Each day is played by the code that trades live against the rehearsal exchange, killed and started
again, and judged by the exchange's ledger: within one process, or with --http by a daemon in a
process of its own, over HTTP and with a real kill -9. Exits non-zero when a day failed or had too
few orders or faults, or with a control when none did.
"""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.chaos_controls import CONTROLS
from support.chaos_day import ChaosResult, play_chaos
from support.chaos_http import play_chaos_over_http
from trading_bot.rehearsal import fault_menu

ORDERS_MIN = 5
FAULTS_MIN = 20
IN_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A seed's day; `error` when it could not be judged at all."""

    seed: int
    result: ChaosResult | None
    error: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        day = self.result
        if day is None:
            return (self.error,)
        found = list(day.problems)
        if day.orders < ORDERS_MIN:
            found.append(f"only {day.orders} orders")
        if (faults := sum(day.faults.values())) < FAULTS_MIN:
            found.append(f"only {faults} faults")
        return tuple(found)


def play(control: str, seed: int) -> Outcome:
    """One day in a home of its own, in memory where there is such a place."""
    chosen = CONTROLS[control]
    with _folder() as folder, chosen.patches():
        try:
            return Outcome(seed, play_chaos(seed, folder / "home", chosen.tampering))
        except Exception:  # noqa: BLE001 - it is told, and the other days go on
            return Outcome(seed, None, traceback.format_exc(limit=-8))


def play_over_http(control: str, seed: int) -> Outcome:
    """As `play`, with processes that are killed."""
    with _folder() as folder:
        try:
            outcome = Outcome(seed, play_chaos_over_http(seed, folder / "home", control))
        except Exception:  # noqa: BLE001 - as above
            outcome = Outcome(seed, None, traceback.format_exc(limit=-8))
    if outcome.result is not None:
        print(f"seed {seed}:", *outcome.result.deaths, sep="\n  ", flush=True)
    return outcome


@contextmanager
def _folder() -> Iterator[Path]:
    place = str(IN_MEMORY) if IN_MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="chaos-", dir=place) as folder:
        yield Path(folder)


def menu() -> tuple[str, ...]:
    """Every item of the fault menu."""
    return tuple(sorted(str(kind.__struct_config__.tag) for kind in fault_menu.AnyFault.__args__))


def report(outcomes: list[Outcome], seconds: float) -> list[Outcome]:
    """Print the figures; returns the days that failed."""
    days = [one.result for one in outcomes if one.result is not None]
    if not days:
        return _failed(outcomes)
    faults: Counter[str] = Counter()
    kills: Counter[str] = Counter()
    for day in days:
        faults.update(day.faults)
        kills.update(day.kills)
    print(f"days {len(outcomes)} in {seconds:.0f} s")
    for name, counts in (
        ("orders", [day.orders for day in days]),
        ("executions", [day.fills for day in days]),
        ("faults", [sum(day.faults.values()) for day in days]),
        ("kills", [sum(day.kills.values()) for day in days]),
    ):
        low, middle = min(counts), sorted(counts)[len(counts) // 2]
        print(f"{name}: {sum(counts)}, a day {low} to {max(counts)}, middle {middle}")
    print("faults by kind:")
    for kind in menu():
        print(f"  {kind:24}{faults[kind]}")
    print("kills by place:")
    for place, count in sorted(kills.items()):
        print(f"  {place:24}{count}")
    print(
        f"failed starts {sum(day.failed_starts for day in days)}, "
        f"log-ins by the owner {sum(day.logins for day in days)}"
    )
    longest = [day.bare[0] for day in days if day.bare]
    for bare in sorted(longest, key=lambda one: -one.seconds)[:3]:
        print(f"bare for {bare.seconds:g} s of {bare.allowed_s:g} s allowed")
    return _failed(outcomes)


def _failed(outcomes: list[Outcome]) -> list[Outcome]:
    failed = [one for one in outcomes if one.problems]
    for one in failed:
        print(f"FAILED seed {one.seed}: " + "\n    ".join(one.problems))
    print(f"failed {len(failed)} of {len(outcomes)}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--http", action="store_true", help="processes, HTTP and kill -9")
    parser.add_argument("--seeds", help="first-last; without: 1-500, 1-20 with --http")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--control", choices=sorted(CONTROLS), default="none")
    options = parser.parse_args()
    first, _, last = (options.seeds or ("1-20" if options.http else "1-500")).partition("-")
    seeds = range(int(first), int(last or first) + 1)
    started = time.monotonic()
    # Days over HTTP are processes already; what plays them here only waits.
    executor = ThreadPoolExecutor if options.http else ProcessPoolExecutor
    day = partial(play_over_http if options.http else play, options.control)
    with executor(options.jobs) as pool:
        outcomes = list(pool.map(day, seeds))
    failed = report(outcomes, time.monotonic() - started)
    if options.control == "none":
        return int(bool(failed))
    # A day that came to little has not found the safeguard missing.
    return int(not any(one.result and one.result.problems for one in failed))


if __name__ == "__main__":
    sys.exit(main())
