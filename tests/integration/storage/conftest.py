"""How the tests of real processes start one, with and without system calls that fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import journal_process

PROCESS = Path(journal_process.__file__)
SOURCES = Path(journal_process.__file__).resolve().parents[2] / "src"


class Processes:
    """Runs scenarios of `support.journal_process`."""

    def run(
        self, scenario: str, folder: Path, *, inject: str = "", only: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`inject` is strace's: `fdatasync:error=EIO:when=2`; `only` limits it to one file."""
        command = [sys.executable, "-S", str(PROCESS), scenario, str(folder)]
        if inject:
            call = inject.split(":", maxsplit=1)[0]
            trace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}"]
            trace += ["-e", f"inject={inject}", *(["-P", str(only)] if only else [])]
            command = [*trace, *command]
        path = os.pathsep.join([str(SOURCES), *sys.path])
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture(scope="session")
def processes() -> Processes:
    return Processes()
