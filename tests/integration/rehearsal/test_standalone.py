"""The exchange as a process of its own: found by its port, killed, started again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from support.rehearsal import order_form
from trading_bot.rehearsal.tokens import TokenOffice

SRC = Path(__file__).resolve().parents[3] / "src"
OPEN = datetime(2024, 7, 2, 13, 30, tzinfo=UTC)


@contextmanager
def _process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
    command = [sys.executable, "-m", "trading_bot.rehearsal.server", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def _quote(port: object, seed: int = 3, **headers: str) -> requests.Response:
    token = TokenOffice(seed).first_session(OPEN).access_token
    return requests.get(
        f"http://127.0.0.1:{port}/quotes/?symbols=ZZA",
        headers={"Authorization": f"Bearer {token}", **headers},
        timeout=10,
    )


def test_it_says_where_it_listens_and_what_it_plays() -> None:
    """The first line names port, days and symbols, and that they are made up."""
    with _process("--seed", "3", "--symbols", "ZZA", "ZZB") as (_, said):
        assert said["bars"] == "made-up"
        assert said["days"] == ["2024-07-02", "2024-07-03"]
        assert said["symbols"] == ["ZZA", "ZZB"]
        answer = _quote(said["port"], **{"X-Rehearsal-Now": OPEN.isoformat()})
        assert answer.status_code == 200
        assert answer.headers["X-Rehearsal-Day"] == "made-up"


def test_killed_and_started_again_it_goes_on() -> None:
    """After kill -9 a new process on the same port answers the same, with the same session."""
    now = {"X-Rehearsal-Now": "2024-07-02T15:00:20+00:00"}
    with _process("--seed", "3") as (process, said):
        before = _quote(said["port"], **now).content
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(requests.ConnectionError):
            _quote(said["port"], **now)

    with _process("--seed", "3", "--port", str(said["port"])) as (_, again):
        assert again["port"] == said["port"]
        assert _quote(again["port"], **now).content == before


def test_paced_it_needs_no_time_from_the_client() -> None:
    """With --speed the day begins at its open and runs by itself."""
    with _process("--seed", "3", "--speed", "10") as (_, said):
        (quote,) = _quote(said["port"]).json()["results"]

    assert quote["updated_at"].startswith("2024-07-02T13:")
    assert quote["has_traded"] is True


def test_it_stops_when_asked() -> None:
    """SIGTERM ends it with code 0."""
    with _process("--seed", "3") as (process, _):
        process.terminate()

        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("what", ["--day", "--faults", "--owner", "--state"])
def test_a_bad_file_is_named(tmp_path: Path, what: str) -> None:
    """A file that is not what it must be: exit code 2 and one line that names it."""
    path = tmp_path / "bad.csv"
    path.write_text("nonsense\n")

    done = subprocess.run(
        [sys.executable, "-m", "trading_bot.rehearsal.server", what, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )

    assert done.returncode == 2
    assert str(path) in done.stderr
    assert done.stderr.count("\n") == 1


def test_killed_with_orders_open_it_forgets_none(tmp_path: Path) -> None:
    """After kill -9 a new process on the same state file has the order, its fill and its ledger."""
    state = str(tmp_path / "state.jsonl")
    arguments = ("--seed", "3", "--symbols", "ZZA", "--state", state)
    asked = {"X-Rehearsal-Now": "2024-07-02T15:00:20+00:00"}
    with _process(*arguments) as (process, said):
        placed = requests.post(
            f"http://127.0.0.1:{said['port']}/orders/",
            data=order_form(symbol="ZZA", price="60.00"),
            headers={"Authorization": f"Bearer {TokenOffice(3).first_session(OPEN).access_token}"}
            | asked,
            timeout=10,
        )
        process.send_signal(signal.SIGKILL)
        process.wait()

    with _process(*arguments) as (_, again):
        # The back door needs neither a token nor a time.
        ledger = requests.get(f"http://127.0.0.1:{again['port']}/rehearsal/ledger/", timeout=10)

    assert placed.status_code == 201
    (order,) = ledger.json()["orders"]
    assert order["order_id"] == placed.json()["id"]
    assert order["state"] == "unconfirmed"


def test_chaos_and_an_owner_may_be_asked_for(tmp_path: Path) -> None:
    """Both options are taken, and a bad owner's script is named."""
    script = tmp_path / "owner.json"
    script.write_text('[{"kind":"deposit","at":"2024-07-02T14:00:00Z","amount":"5"}]')
    with _process("--seed", "3", "--chaos", "4", "--owner", str(script)) as (_, said):
        ledger = requests.get(
            f"http://127.0.0.1:{said['port']}/rehearsal/ledger/",
            headers={"X-Rehearsal-Now": "2024-07-02T14:00:00+00:00"},
            timeout=10,
        )

    assert "deposited 5" in [entry.get("said") for entry in ledger.json()["entries"]]
