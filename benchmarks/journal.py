"""Durable, sealed appends against a bare write+fdatasync loop, interleaved in the same run.

    python benchmarks/journal.py [--check] [--rounds N] [--seconds S] [--folder DIR]

Other load on the disk hits every case alike, so only the ratios count. Each round times all cases
in turns; the table shows the median of the rounds' ratios to that round's bare loop.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.streams import JournalSet
from trading_bot.storage.writer import JournalWriter

LINE = '{"x":"' + "y" * 853 + '"}'
WAITING = 64
GOALS = {"writer": 0.75, "shell": 0.45, "shell, 64 waiting": 10.0}


def timed(count_of: Callable[[], int], seconds: float) -> float:
    """Lines per second of a call that says how many lines it wrote."""
    lines, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        lines += count_of()
    return lines / spent


async def timed_waiting(writer: JournalWriter, waiting: int, seconds: float) -> float:
    """Lines per second of so many tasks, each of which waits for its line before the next."""
    batch = {"orders": [LINE]}
    start = time.perf_counter()
    end = start + seconds

    async def append_on() -> int:
        lines = 0
        while time.perf_counter() < end:
            await writer.append(batch)
            lines += 1
        return lines

    lines = sum(await asyncio.gather(*(append_on() for _ in range(waiting))))
    return lines / (time.perf_counter() - start)


async def measure(folder: Path, rounds: int, seconds: float) -> dict[str, list[float]]:
    raw = (LINE + "\n").encode()
    bare_file = os.open(folder / "bare", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def bare() -> int:
        os.write(bare_file, raw)
        os.fdatasync(bare_file)
        return 1

    def sealed() -> int:
        journal.append([LINE])
        return 1

    journal = JournalFile.open(folder / "own" / "own.jsonl", quarantine=folder / "quarantine")
    home = Home(folder / "home")
    home.create()
    rates: dict[str, list[float]] = {"bare": [], **{case: [] for case in GOALS}}
    async with JournalWriter(JournalSet(home, date(2026, 11, 23))) as writer:
        for _ in range(rounds):
            rates["bare"].append(timed(bare, seconds))
            rates["writer"].append(timed(sealed, seconds))
            rates["shell"].append(await timed_waiting(writer, 1, seconds))
            rates["shell, 64 waiting"].append(await timed_waiting(writer, WAITING, seconds))
            await writer.sync_seals()
    journal.close()
    os.close(bare_file)
    return rates


def report(rates: dict[str, list[float]]) -> bool:
    """Print the table; False if a goal is missed."""
    is_good = True
    print(f"{'case':<20}{'lines/s':>10}{'ratio':>8}{'least':>8}{'most':>8}{'goal':>8}")
    for case, own in rates.items():
        ratios = [rate / bare for rate, bare in zip(own, rates["bare"], strict=True)]
        ratio, goal = statistics.median(ratios), GOALS.get(case)
        print(
            f"{case:<20}{statistics.median(own):>10,.0f}{ratio:>8.2f}{min(ratios):>8.2f}"
            f"{max(ratios):>8.2f}{goal or '':>8}"
        )
        is_good = is_good and (goal is None or ratio >= goal)
    return is_good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if a goal is missed")
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--seconds", type=float, default=0.1, help="for each case of a round")
    parser.add_argument("--folder", type=Path, default=Path(), help="on the disk to be measured")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=".bench-journal-", dir=arguments.folder))
    try:
        is_good = report(asyncio.run(measure(folder, arguments.rounds, arguments.seconds)))
    finally:
        shutil.rmtree(folder)
    return 1 if arguments.check and not is_good else 0


if __name__ == "__main__":
    sys.exit(main())
