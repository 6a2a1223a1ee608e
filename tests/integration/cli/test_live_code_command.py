"""`trading-bot rehearse --live-code`: the dress rehearsal and its verdict."""

import json
from pathlib import Path

import pytest

from support.program import Run
from trading_bot.cli import exits
from trading_bot.rehearsal.verdict import Verdict
from trading_bot.storage.home import Home

LIVE = ("rehearse", "--live-code", "--symbols", "ZZB", "--days", "2023-05-25", "--quiet")


@pytest.mark.ci
def test_it_ends_with_the_ledgers_verdict(tmp_path: Path, run: Run) -> None:
    """A script of faults is played, the records agree with the ledger, and that is exit code 0."""
    script = tmp_path / "faults.json"
    rule = {"method": "POST", "path": "/orders/", "count": 1, "fault": {"kind": "accept_then_drop"}}
    script.write_text(json.dumps([rule]))

    answer = run(*LIVE, "--faults", str(script), home=Home(tmp_path))

    assert answer.code == 0
    assert "the exchange's ledger and the records agree" in answer.out
    assert "order_unknown" in answer.out


@pytest.mark.ci
def test_a_disagreement_is_exit_code_1(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs it in a script must notice."""
    verdict = Verdict(lines=(), problems=("cash: 1 in the ledger, 2 by the records",))
    monkeypatch.setattr("trading_bot.cli.rehearse.verdict_of", lambda *_: verdict)

    answer = run(*LIVE, home=Home(tmp_path))

    assert answer.code == 1
    assert "DISAGREES: cash" in answer.out


@pytest.mark.parametrize("text", [None, "{", '[{"fault": {"kind": "no such fault"}}]'])
def test_a_script_of_faults_that_cannot_be_read_is_refused(
    tmp_path: Path, run: Run, text: str | None
) -> None:
    """Before anything is played, with the file's name."""
    script = tmp_path / "faults.json"
    if text is not None:
        script.write_text(text)

    answer = run(*LIVE, "--faults", str(script), home=Home(tmp_path))

    assert answer.code == 2
    assert "faults.json" in answer.err
    assert not (tmp_path / "rehearsals").exists()


@pytest.mark.ci
def test_a_day_of_chaos_is_judged_too(tmp_path: Path, run: Run) -> None:
    """Much goes wrong, the owner trades in the app, and the records still say what happened."""
    answer = run(*LIVE, "--chaos", "1", home=Home(tmp_path))

    assert answer.code == 0
    assert "the exchange's ledger and the records agree" in answer.out
    assert "quote_source_failed" in answer.out or "!!" in answer.out


def test_a_day_without_a_session_is_refused(tmp_path: Path, run: Run) -> None:
    """Its reason is named; the arguments are wrong, so it is exit code 2."""
    found = run("rehearse", "--days", "2024-07-04", home=tmp_path)

    assert found.code == exits.USAGE
    assert "Independence Day" in found.err


def test_chaos_needs_orders_that_can_go_wrong(tmp_path: Path, run: Run) -> None:
    """On paper no order leaves: said, not ignored."""
    answer = run("rehearse", "--chaos", "1", home=Home(tmp_path))

    assert answer.code == 2
    assert "--live-code" in answer.err
