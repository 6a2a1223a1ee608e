"""An exchange in real time and a home, for the program as a person calls it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.checkout import ROOT
from support.logins import Watched, issued
from support.typist import Typist
from trading_bot.app.sessions import Place
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.cli.main import main
from trading_bot.rehearsal.login import LoginSettings
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.runtime.clocks import SystemClock
from trading_bot.storage.home import Home

_PROGRAM = str(ROOT / "tests" / "support" / "program_process.py")


@dataclass
class Street:
    """The program is told of the exchange by its caller, never by its environment."""

    home: Home
    exchange: Watched
    url: str

    @property
    def file(self) -> SessionFile:
        """The home's session file."""
        return SessionFile(self.home.session_pickle)

    def typist(self, *arguments: str) -> Typist:
        """Somebody at a terminal on which the command runs."""
        return Typist(_PROGRAM, self.url, *arguments, "--home", str(self.home.root))

    def main(self, *arguments: str) -> int:
        """The command in this process; its exit code."""
        return main([*arguments, "--home", str(self.home.root)], place=Place(base_url=self.url))

    def issue(self, **changes: Any) -> None:
        """A session of the exchange's in the home."""
        self.home.create()
        self.file.save(issued(self.exchange, SystemClock().now(), **changes))


@contextmanager
def open_street(folder: Path, login: LoginSettings) -> Iterator[Street]:
    """A street whose exchange is stopped at the end."""
    exchange = Watched(login=login)
    with ExchangeServer(exchange, clock=SystemClock()) as server:
        yield Street(Home(folder), exchange, f"http://127.0.0.1:{server.port}")
