"""A stop that is asked for while the daemon is still being made."""

import asyncio
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from trading_bot.app import rehearse
from trading_bot.app.alerts import PrintedAlerts
from trading_bot.app.rehearse import Audience, Rehearsal, play, prepare
from trading_bot.config.load import load_config
from trading_bot.ports.records import STREAM_SESSIONS
from trading_bot.query.records import HomeRecords
from trading_bot.storage.home import Home


def test_a_signal_before_the_daemon_runs_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever ends the program in its first tenth of a second does not wait for the day's end."""

    def signal_at_once(stop: Callable[[str], object]) -> None:
        stop("SIGTERM")
        stop("SIGINT")

    monkeypatch.setattr(rehearse, "stop_on_signals", signal_at_once)
    home = Home(tmp_path)
    home.create()
    plan = Rehearsal(days=(date(2024, 7, 3),), symbols=("ZZA",))
    stage = prepare(plan, home, load_config(home))

    reason = asyncio.run(play(stage, Audience(notifier=PrintedAlerts(io.StringIO()))))

    assert reason == "SIGTERM"
    assert ['"start"' in line for line in HomeRecords(home).lines(STREAM_SESSIONS)] == [True, False]
