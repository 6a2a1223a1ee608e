"""A day played by the code that trades live: the exchange's ledger is the judge."""

import asyncio
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support.scenarios import Heard
from trading_bot.app.rehearse import Audience, Rehearsal, play, prepare
from trading_bot.app.replay import Replayer
from trading_bot.app.verdict import verdict_of
from trading_bot.config.model import Config
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as orders
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.verdict import Verdict
from trading_bot.storage.home import Home

DAY = date(2023, 5, 25)
POST, GET = {"method": "POST", "path": "/orders/"}, {"method": "GET", "path": "/orders/"}
FAULTS = (
    FaultRule(fault=orders.AcceptThenDrop(only="entry"), count=1, **POST),
    FaultRule(fault=orders.AcceptThenHang(only="stop"), count=1, **POST),
    FaultRule(fault=menu.ServerError(), skip=20, count=3, **GET),
    FaultRule(fault=menu.Throttled(retry_after_s=5), skip=6, count=1, **POST),
    FaultRule(fault=menu.Unauthorized(), skip=8, count=1, **POST),
    FaultRule(fault=menu.Hangs(seconds=30), skip=40, count=1, path="/quotes/"),
)
"""An entry and a stop whose answers are lost, an outage, a throttle, a lost session, a hang."""


class Played:
    """A day of two symbols with the live broker."""

    def __init__(self, root: Path, *faults: FaultRule) -> None:
        self.home = Home(root)
        self.home.create()
        self.heard = Heard()
        plan = Rehearsal(
            seed=1, days=(DAY,), symbols=("ZZA", "ZZB"), is_live_code=True, faults=faults
        )
        stage = prepare(plan, self.home, Config())
        reports: list[Mapping[str, Any]] = []
        asyncio.run(play(stage, Audience(notifier=self.heard, judged=reports.append)))
        (self.report,) = reports
        self.verdict: Verdict = verdict_of(self.home, stage.config, self.report, faults)

    def digests(self) -> dict[str, str]:
        """What stands in every record, tape included."""
        files = [*self.home.logs.glob("*.jsonl"), *self.home.tape.glob("*.jsonl")]
        return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.mark.ci
def test_a_quiet_day_agrees_with_the_ledger_and_replays(tmp_path: Path) -> None:
    """Trades were made, each is on record once, and the tape gives the same decisions again."""
    played = Played(tmp_path)

    assert played.verdict.agrees, played.verdict.text()
    assert len(played.report["executions"]) >= 4
    assert Replayer(played.home).first_difference(DAY) is None


@pytest.mark.ci
def test_a_day_of_lost_answers_agrees_and_is_the_same_twice(tmp_path: Path) -> None:
    """No order is lost or sent twice; one seed and one script give the same bytes."""
    first, second = Played(tmp_path / "first", *FAULTS), Played(tmp_path / "second", *FAULTS)

    assert first.verdict.agrees, first.verdict.text()
    assert set(first.report["faults"]) >= {
        "accept_then_drop", "accept_then_hang", "server_error", "throttled", "unauthorized", "hang",
    }  # fmt: skip
    assert first.report["repeated_ref_ids"] == {}
    assert first.digests() == second.digests()


@pytest.mark.ci
def test_the_account_number_is_in_no_record_of_a_rehearsal(tmp_path: Path) -> None:
    """Not in the tape, not in an error of a failed order, not in what was told."""
    played = Played(tmp_path, *FAULTS)

    for path in (*played.home.logs.glob("*"), *played.home.tape.glob("*")):
        if path.is_file():
            assert b"REH000001" not in path.read_bytes(), path
    assert "REH000001" not in repr(vars(played.heard))
