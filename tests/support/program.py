"""The program run in this process: what it said, and its exit code."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from trading_bot.cli.main import main
from trading_bot.storage.home import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said and left as its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Run(Protocol):
    """`run("trades", "--last", "3", home=played)`."""

    def __call__(self, *arguments: str, home: Home | Path) -> Answer:
        """Run the command on that home."""
        ...


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `main` and keeps what it printed."""

    def run(*arguments: str, home: Home | Path) -> Answer:
        root = home.root if isinstance(home, Home) else home
        capsys.readouterr()
        try:
            code = main([*arguments, "--home", str(root)])
        except SystemExit as stop:
            # The parser's own way out of a wrong command.
            code = int(str(stop.code))
        said = capsys.readouterr()
        return Answer(code=code, out=said.out, err=said.err)

    return run
