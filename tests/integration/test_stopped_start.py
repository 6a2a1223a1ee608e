"""A start that is stopped while it still waits for an answer."""

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.live_run import ARMED, set_up
from support.logins import issued
from support.rehearsal import CALENDAR, flat_day
from trading_bot.app.sessions import Place
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.cli.main import main
from trading_bot.rehearsal.exchange import Exchange
from trading_bot.runtime.clocks import SystemClock
from trading_bot.storage.home import Home

PROMISED_S = 5.0


@dataclass
class Silent:
    """Takes every connection and says nothing; the first one is the signal to stop us."""

    kept: list[socket.socket] = field(default_factory=list)
    asked_at: float = 0.0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self.kept:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.kept.append(connection)
            if connection.recv(1) and not self.asked_at:
                self.asked_at = time.monotonic()
                os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


@pytest.mark.parametrize("mode", ["paper", "live"])
def test_a_start_that_gets_no_answer_stops_at_once_and_in_words(
    tmp_path: Path, silent: Silent, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    """Whatever the connection hangs in: in paper while it connects, live while it is armed."""
    home, clock = Home(tmp_path), SystemClock()
    set_up(home, mode=mode)
    exchange = Exchange((flat_day("AAPL"),), CALENDAR)
    SessionFile(home.session_pickle).save(issued(exchange, clock.now()))
    arguments = ARMED if mode == "live" else ("run",)
    place = Place(clock=clock, chance=random.Random(1), base_url=silent.url)

    code = main([*arguments, "--home", str(tmp_path)], place=place)

    assert time.monotonic() - silent.asked_at < PROMISED_S
    assert code == 0
    assert "stopped: SIGTERM" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
