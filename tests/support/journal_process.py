"""A process that writes journals and is killed, starved or lied to: `python FILE SCENARIO FOLDER`.

Every line is told to `attempted` before it is written and to `acknowledged` after, one write call
each, in files that outlive the process. It ends with 0, or with 3 when the journal was poisoned.
"""

import asyncio
import os
import sys
from datetime import date
from pathlib import Path

from trading_bot.domain.errors import HaltError
from trading_bot.storage.home import Home
from trading_bot.storage.journal import JournalFile
from trading_bot.storage.streams import JournalSet
from trading_bot.storage.writer import JournalWriter

POISONED = 3
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
BATCHES = 3
PER_BATCH = 2
WAITING = 4


class Told:
    """A list of lines in a file, for whoever looks after the process is gone."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, lines: list[str]) -> None:
        os.write(self._fd, "".join(line + "\n" for line in lines).encode())


def told(path: Path) -> list[str]:
    """What a `Told` was told so far."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


def batches(prefix: str) -> list[list[str]]:
    """Lines of different length that tell where they belong."""
    return [
        [f"{prefix} {number}.{n} " + "x" * (40 * number + n) for n in range(PER_BATCH)]
        for number in range(BATCHES)
    ]


def append(folder: Path) -> None:
    """Open a file, which may have to be created or recovered, and append to it."""
    attempted, acknowledged = Told(folder / "attempted"), Told(folder / "acknowledged")
    journal = JournalFile.open(folder / "logs/orders.jsonl", quarantine=folder / "quarantine")
    for lines in batches("order"):
        attempted.add(lines)
        journal.append(lines)
        acknowledged.add(lines)
        journal.sync_seal()
    journal.close()


def append_buffered(folder: Path) -> None:
    """The control: a writer that acknowledges what is only in its own buffer."""
    attempted, acknowledged = Told(folder / "attempted"), Told(folder / "acknowledged")
    (folder / "logs").mkdir(exist_ok=True)
    with (folder / "logs/orders.jsonl").open("a") as journal:
        for lines in batches("order"):
            attempted.add(lines)
            journal.writelines(line + "\n" for line in lines)
            acknowledged.add(lines)


def recover(folder: Path) -> None:
    """Only open and close."""
    JournalFile.open(folder / "logs/orders.jsonl", quarantine=folder / "quarantine").close()


def roll(folder: Path) -> None:
    """Append, change the day, append."""
    attempted, acknowledged = Told(folder / "attempted"), Told(folder / "acknowledged")
    journal = JournalSet(Home(folder), MONDAY)
    journal.append("tape", ["event"])
    for day, lines in zip((MONDAY, TUESDAY), batches("trade"), strict=False):
        journal.roll(day)
        attempted.add(lines)
        journal.append("trades", lines)
        acknowledged.add(lines)
    journal.close()


def append_on(folder: Path) -> None:
    """Append one batch after another, also after a failure, and tell which ones were taken."""
    attempted, acknowledged = Told(folder / "attempted"), Told(folder / "acknowledged")
    journal = JournalFile.open(folder / "logs/orders.jsonl", quarantine=folder / "quarantine")
    failures = 0
    for lines in batches("order"):
        attempted.add(lines)
        try:
            journal.append(lines)
        except HaltError as error:
            failures += 1
            print(error, flush=True)
            continue
        acknowledged.add(lines)
    journal.close()
    sys.exit(POISONED if failures else 0)


def shared(folder: Path) -> None:
    """Several tasks append through the writer thread, sharing its writes and syncs."""
    attempted, acknowledged = Told(folder / "attempted"), Told(folder / "acknowledged")

    async def append_all(writer: JournalWriter, task: int) -> None:
        for lines in batches(f"task {task}"):
            attempted.add(lines)
            await writer.append({"orders": lines})
            acknowledged.add(lines)

    async def run() -> None:
        async with JournalWriter(JournalSet(Home(folder), MONDAY)) as writer:
            await asyncio.gather(*(append_all(writer, task) for task in range(WAITING)))

    asyncio.run(run())


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (append, append_buffered, recover, roll, append_on, shared)
}

if __name__ == "__main__":
    SCENARIOS[sys.argv[1]](Path(sys.argv[2]))
