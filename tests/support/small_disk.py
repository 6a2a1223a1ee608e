"""A real file system with little room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

mounts = pytest.mark.skipif(
    os.environ.get("TRADING_BOT_FAULT_TESTS") != "1",
    reason="mounts a file system: set TRADING_BOT_FAULT_TESTS=1",
)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of `size`, such as 17500k, mounted on `folder`."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave not one block."""
    filler = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with suppress(OSError):
        while True:
            os.write(filler, b"x" * 65536)
    with suppress(OSError):
        while True:
            os.write(filler, b"x")
    os.close(filler)
