"""The program starts quickly, and its errors are lines, not traces."""

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from support.checkout import ROOT
from trading_bot.cli import config, exits
from trading_bot.cli.main import main
from trading_bot.domain.errors import ConfigError, DataError, HaltError

HEAVY = ("pydantic", "msgspec", "asyncio", "requests", "robin_stocks", "structlog", "tenacity")


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_small_commands_import_nothing_heavy(argument: str) -> None:
    """`--version` is asked by scripts again and again; it waits for no library."""
    ran = fresh(
        "import sys\n"
        "from trading_bot.cli.main import main\n"
        "try:\n"
        f"    main([{argument!r}])\n"
        "except SystemExit:\n"
        f"    print('heavy:', *[name for name in {HEAVY!r} if name in sys.modules])\n"
    )

    assert ran.stdout.splitlines()[-1] == "heavy:", ran.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("one", "two"), exits.USAGE),
        (HaltError("one\ntwo"), exits.HUMAN_NEEDED),
        (DataError("one\ntwo"), exits.FAILED),
        (PermissionError(13, "Permission denied", "x"), exits.FAILED),
        (KeyboardInterrupt(), exits.FAILED),
    ],
)
def test_errors_become_lines_and_exit_codes(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each family has its exit code; nobody sees a trace of what we raise on purpose."""

    def fail(_arguments: Namespace) -> int:
        raise error

    monkeypatch.setattr(config, "run", fail)

    assert main(["config", "check"]) == code
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("trading-bot: ")
    assert not any("Traceback" in line for line in said)


@pytest.mark.parametrize("what", ["schema", "check"])
def test_a_closed_pipe_is_no_error(tmp_path: Path, what: str) -> None:
    """Whoever reads may stop when it has enough, as `head` does; much or little is left unsaid."""
    arguments = ["config", what, "--home", str(tmp_path)]
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "trading_bot", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)

    assert (ran.returncode, ran.stderr) == (0, "")
