"""Runs as the only process of a User-Mode Linux guest and appends until the guest is killed.

`python guest_process.py MODE TOLD`: MODE is `sealed` (our journal) or `flush` (the control, which
acknowledges what only the page cache has). The disk is /dev/ubda; TOLD is on the host and survives.
"""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from trading_bot.storage.home import Home
from trading_bot.storage.streams import JournalSet

MOUNTPOINT = Path("/run/disk")
MONDAY = date(2026, 11, 23)


def line_of(number: int) -> str:
    """About 860 bytes, as a trade record has."""
    return f'{{"n":{number},"x":"' + "y" * 840 + '"}'


def main(mode: str, told: Path) -> None:
    MOUNTPOINT.mkdir()
    command = ["mount", "-t", "ext4", "-o", "commit=1", "/dev/ubda", str(MOUNTPOINT)]
    subprocess.run(command, check=True)
    acknowledged = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    home = Home(MOUNTPOINT)
    if mode == "flush":
        home.logs.mkdir(exist_ok=True)
        with (home.logs / "orders.jsonl").open("a") as file:
            for number in range(1 << 30):
                file.write(line_of(number) + "\n")
                file.flush()
                os.pwrite(acknowledged, b"%10d" % (number + 1), 0)
    home.create()
    journal = JournalSet(home, MONDAY)
    start = journal.head("orders").lines
    for number in range(start, 1 << 30):
        journal.append("orders", [line_of(number)])
        os.pwrite(acknowledged, b"%10d" % (number + 1), 0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
