"""A day on a disk that fills up: a real small file system under the home."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.small_disk import mounts
from support.small_disk import small_disk as mounted
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import (
    STREAM_DECISIONS,
    STREAM_ORDERS,
    STREAM_RISK,
    STREAM_TRADES,
)
from trading_bot.query.records import HomeRecords
from trading_bot.storage.home import Home
from trading_bot.storage.verify import verify_home

pytestmark = [pytest.mark.ci, mounts]

SIZE = "17500k"
"""The reserve and a good megabyte: full before the first made-up day is over."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with little room beside the reserve."""
    with mounted(tmp_path / "disk", SIZE) as folder:
        yield folder


def play(base: Path) -> Home:
    command = [sys.executable, "-m", "trading_bot", "rehearse", "--generated", "--quiet"]
    done = subprocess.run(
        [*command, "--home", str(base)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Home((base / "rehearsals" / "latest").resolve())


def test_exits_are_recorded_and_nothing_is_entered_on_a_full_disk(small_disk: Path) -> None:
    """When the disk is full the reserve holds every exit, no entry is sent, and the seals hold."""
    home = play(small_disk)
    records = HomeRecords(home)

    risks = [RiskEvent.from_jsonl_line(line) for line in records.lines(STREAM_RISK)]
    failed_at = next(r.timestamp for r in risks if r.event_type == "journal_failed")
    decisions = [DecisionRecord.from_jsonl_line(x) for x in records.lines(STREAM_DECISIONS)]
    orders = [OrderEvent.from_jsonl_line(x) for x in records.lines(STREAM_ORDERS)]
    trades = [TradeRecord.from_jsonl_line(x) for x in records.lines(STREAM_TRADES)]

    assert any(d.is_approved and d.timestamp < failed_at for d in decisions)
    later = [d for d in decisions if d.timestamp > failed_at]
    assert later
    assert {d.rule for d in later if not d.is_approved} == {"PROTECT_ONLY"}
    assert not any(d.is_approved for d in later)
    entries = {e.correlation_id for e in orders if e.kind == "intent" and e.leg == "entry"}
    assert entries == {e.correlation_id for e in orders if e.kind == "closed"}
    bought = sum(t.quantity for t in trades if t.action == "BUY")
    assert bought == sum(t.quantity for t in trades if t.action == "SELL") > 0
    assert verify_home(home).damage == []


def test_a_disk_with_room_enters_later_too(tmp_path: Path) -> None:
    """The control: the same days on a large disk have approvals to the end."""
    records = HomeRecords(play(tmp_path))

    decisions = [DecisionRecord.from_jsonl_line(x) for x in records.lines(STREAM_DECISIONS)]
    assert any(d.is_approved for d in decisions[len(decisions) // 2 :])
