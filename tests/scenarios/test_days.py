"""Whole days: the calendar's odd ones, restarts, dead journals, the same bytes twice."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from support.checkout import ROOT
from support.rehearsal import flat_day, together
from support.scenarios import CALENDAR, Play, days_of, terminate, time_of
from trading_bot.app import engine
from trading_bot.app.sink import WriterSink
from trading_bot.core.effects import RequestOrders, RequestPoll
from trading_bot.core.events import TimerFired
from trading_bot.domain.errors import HaltError
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_PAPER_BROKER

_LONG = timedelta(minutes=2)


def held_at_broker(play: Play) -> dict[str, int]:
    """Shares the paper broker holds, from its own ledger."""
    sides, held = {}, {}
    for line in play.lines("paper-broker"):
        if line["kind"] == "placed":
            sides[line["order_id"]] = (line["symbol"], line["side"])
        elif line["kind"] == "filled":
            symbol, side = sides[line["order_id"]]
            sign = 1 if side == "BUY" else -1
            held[symbol] = held.get(symbol, 0) + sign * line["quantity"]
    return {symbol: quantity for symbol, quantity in held.items() if quantity}


def test_hours_that_differ_open_nothing(tmp_path: Path) -> None:
    """The broker knows of an early close that our calendar does not: said, nothing is opened."""
    there = NyseCalendar({}, {date(2024, 7, 2): "13:00"})
    play = Play(tmp_path, calendar_there=there)

    play.run(until=play.after_open(45))

    assert len([r for r in play.risk("hours_disagree") if r["severity"] == "CRITICAL"]) == 1
    assert {d["rule"] for d in play.lines("decisions")} == {"HOURS_DISAGREE"}
    assert not play.lines("trades")
    play.check()


@pytest.mark.ci
def test_early_close_is_flat_before_one_o_clock(tmp_path: Path) -> None:
    """On a half day everything is sold before 13:00 New York time, and the evening is quiet."""
    play = Play(tmp_path, days_of(first=1))
    assert play.days[0].session.is_early_close

    play.run()

    assert play.close == datetime(2024, 7, 3, 17, 0, tzinfo=UTC)
    assert not held_at_broker(play)
    trades = play.lines("trades")
    assert len(trades) >= 10
    assert max(time_of(t["timestamp"]) for t in trades) < play.close
    late = [t for t in trades if time_of(t["timestamp"]) >= play.close - timedelta(minutes=10)]
    assert all(t["action"] == "SELL" for t in late)
    play.check()


@pytest.mark.ci
def test_weekend_is_quiet(tmp_path: Path) -> None:
    """Friday and Monday in a row: from Friday's end to Monday's open nothing is asked for."""
    friday, monday = date(2023, 5, 19), date(2023, 5, 22)
    days = together(flat_day("ZZA", friday), flat_day("ZZA", monday))
    play = Play(tmp_path, days)

    play.run()

    close, opened = days[0].session.close, days[1].session.open
    between = [
        (event.at, effect)
        for event, effects in play.steps
        for effect in effects
        if isinstance(effect, RequestPoll | RequestOrders)
        and close + timedelta(minutes=5) < event.at < opened
    ]
    assert between == []
    polls = [e.at for e in play.of(TimerFired) if e.name == "poll"]
    assert {at.date() for at in polls} == {friday, monday}
    assert play.tape_days() == [friday, monday]
    notes = [o["data"] for o in play.lines("orders") if o["kind"] == "note"]
    assert [n["what"] for n in notes] == ["day_opened", "day_closed"] * 2
    play.check()


@pytest.mark.ci
def test_two_days_in_a_row_trade_both(tmp_path: Path) -> None:
    """The switch at 20:05: both days trade, each in its own files, the second from a clean day."""
    play = Play(tmp_path, days_of(count=2))

    play.run()

    days = {t["timestamp"][:10] for t in play.lines("trades")}
    assert days == {"2024-07-02", "2024-07-03"}
    for day in days:
        lines = (play.home.logs / f"{day}.jsonl").read_text().splitlines()
        assert lines
        assert all(f'"timestamp":"{day}' in line for line in lines)
    assert not held_at_broker(play)
    play.check()


def stop_time(tmp_path: Path) -> float:
    """A minute of the made-up day at which something is held, found by playing it."""
    probe = Play(tmp_path / "probe")
    probe.run(until=probe.after_open(75))
    trades = probe.lines("trades")
    sold = {t["order_id"]: time_of(t["timestamp"]) for t in trades if t["action"] == "SELL"}
    bought = {t["order_id"]: time_of(t["timestamp"]) for t in trades if t["action"] == "BUY"}
    held = [at for order, at in bought.items() if sold.get(order, probe.close) - at > _LONG]
    return (max(held) - probe.open + _LONG / 2).total_seconds() / 60


def test_stopped_and_started_again_goes_on(tmp_path: Path) -> None:
    """SIGTERM with a position open, ten minutes later again: all of it is there, gap settled."""
    play = Play(tmp_path / "home")
    stop_at = stop_time(tmp_path)
    reason = play.run(until=play.after_open(stop_at))
    assert "SIGTERM" in reason
    assert held_at_broker(play), "control: something was held at the stop"
    left = [o for o in play.lines("orders") if o["kind"] == "left_open"]
    assert left
    assert all(o["data"]["held"] and o["data"]["working_orders"] == 1 for o in left)
    before = play.lines("trades")
    again = Play(tmp_path / "home")

    again.run(start=play.after_open(stop_at + 10), until=play.after_open(stop_at + 45))

    again.check()
    first = again.events[0]
    assert first.at == play.after_open(stop_at + 10)
    trades = again.lines("trades")
    assert trades[: len(before)] == before
    assert len(trades) > len(before), "control: it traded on"
    notes = [o["data"] for o in again.lines("orders") if o["kind"] == "note"]
    assert [n["what"] for n in notes] == ["day_opened"], "the opening equity is recorded once"
    sold = {t["order_id"] for t in trades if t["action"] == "SELL"}
    assert {t["order_id"] for t in before if t["action"] == "BUY"} <= sold
    # Trades closed before the stop are in the window of the metric after it.
    closed = [o for o in again.lines("orders") if o["kind"] == "closed" and o["data"]["quantity"]]
    assert again.lines("performance-alerts")[-1]["total_trades"] == len(closed)


def test_stop_leaves_no_entry_working(tmp_path: Path) -> None:
    """After a SIGTERM no buy works at the broker."""
    play = Play(tmp_path)
    play.run((play.after_open(30, 15), terminate))

    ended = {"cancelled", "expired"}
    ledger = play.lines("paper-broker")
    buys = {
        o["order_id"]: o["quantity"] for o in ledger if o["kind"] == "placed" and o["side"] == "BUY"
    }
    for order_id, quantity in buys.items():
        filled = sum(
            o["quantity"] for o in ledger if o["kind"] == "filled" and o["order_id"] == order_id
        )
        done = [o for o in ledger if o["kind"] in ended and o["order_id"] == order_id]
        assert filled == quantity or done
    assert buys


def test_journal_that_dies_opens_nothing_and_protects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 14:00 on no record can be written: no entry, an alert, and the stops are placed."""
    play = Play(tmp_path)
    dead: list[datetime] = []
    placed_before: list[str] = []

    class DyingSink(WriterSink):
        """The broker's ledger lives; ours dies with the first fill that follows 14:00."""

        async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
            has_fill = any('"kind":"fill"' in line for lines in batch.values() for line in lines)
            is_time = self._clock.now() >= play.after_open(30)
            if STREAM_PAPER_BROKER not in batch and (dead or (has_fill and is_time)):
                dead.append(self._clock.now())
                placed_before.extend(_placed(play))
                raise HaltError("no space left on device")
            await super().append(batch)

    monkeypatch.setattr(engine, "WriterSink", DyingSink)

    play.run(until=play.after_open(75))

    assert len(dead) == 1, "a dead journal is not tried again"
    assert ("CRITICAL", "journal_failed") in [(s, what) for s, what, _ in play.heard.alerts]
    after = _placed(play)[len(placed_before) :]
    assert after[0] == "SELL stop", "the fill that could not be recorded is protected"
    assert not [what for what in after if what.startswith("BUY")]
    assert any(what.startswith("BUY") for what in placed_before), "control: it bought before"
    assert [d for d in play.lines(STREAM_DECISIONS) if time_of(d["timestamp"]) > dead[0]] == []


def _placed(play: Play) -> list[str]:
    return [f"{o['side']} {o['type']}" for o in play.lines("paper-broker") if o["kind"] == "placed"]


def home_files(root: Path) -> dict[str, bytes]:
    """What the records are: logs and tape, without the Python version of sessions."""
    version = f'"python_version":"{sys.version.split()[0]}"'.encode()
    return {
        str(path.relative_to(root)): path.read_bytes().replace(version, b"")
        for folder in ("logs", "tape")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and path.name != "status.json" and path.suffix != ".log"
    }


@pytest.mark.ci
def test_same_bytes_under_two_hash_seeds(tmp_path: Path) -> None:
    """The same days, seed and config give the same files, byte for byte; another seed does not."""
    found = []
    for name, hash_seed, seed in (("one", "1", "1"), ("two", "424242", "1"), ("other", "1", "2")):
        base = tmp_path / name
        subprocess.run(
            [
                *(sys.executable, "-m", "trading_bot", "rehearse", "--generated", "--quiet"),
                *("--home", str(base), "--seed", seed),
            ],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "src")},
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=120,
        )
        found.append(home_files((base / "rehearsals" / "latest").resolve()))

    one, two, other = found
    assert list(one) == list(two)
    assert [name for name in one if one[name] != two[name]] == []
    assert any("orders.jsonl" in name for name in one)
    assert one != other, "control: another seed is another day"


@pytest.mark.ci
def test_killed_in_mid_day_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Kill -9 of a paced process, twice, then a lockstep run to the end: whole, once, protected."""
    home = tmp_path / "home"
    killed_at = -6.0
    for trades_wanted in (3, 6):
        killed_at = _play_and_kill(home, killed_at, trades_wanted)
        killed_at += 5
    play = Play(home)
    seen = play.lines("trades")
    assert len(seen) >= 5, "control: it traded before it was killed"

    play.run(start=play.after_open(killed_at))

    play.check()
    assert not held_at_broker(play)
    trades = play.lines("trades")
    assert trades[: len(seen)] == seen
    ids = [(t["order_id"], t["timestamp"], t["quantity"], t["action"], t["price"]) for t in trades]
    fills = [o for o in play.lines("paper-broker") if o["kind"] == "filled"]
    assert len(ids) == len(fills)


def _play_and_kill(home: Path, offset: float, trades_wanted: int) -> float:
    """Run a paced process until it has that many trades, kill it; minutes after the open."""
    script = ROOT / "tests" / "support" / "rehearsal_process.py"
    path = os.pathsep.join(str(ROOT / folder) for folder in ("src", "tests"))
    with subprocess.Popen(
        [sys.executable, str(script), str(home), str(offset), "300"],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        at = offset
        for line in process.stdout:
            when, count = line.split()
            at = float(when)
            if int(count) >= trades_wanted or at > 330:
                break
        process.kill()
    return at


def test_control_the_calendar_here_has_no_early_close_that_day() -> None:
    """The day whose hours differ is a whole one for our calendar."""
    session = CALENDAR.session(date(2024, 7, 2))

    assert session is not None
    assert not session.is_early_close
