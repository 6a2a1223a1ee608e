"""Known failures of others that come from outside of an order: disk, clock, another bot, silence.

Live code, the real robin_stocks over HTTP, and the exchange's own ledger as the judge.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from support.live_play import BUYS_AT, NUMBER, SYMBOL, LivePlay
from support.rehearsal import flat_day, order_form, session_of, together
from support.scenarios import time_of
from support.small_disk import fill, mounts, small_disk
from trading_bot.app import engine, rehearse
from trading_bot.app.engine import Engine
from trading_bot.app.sink import WriterSink
from trading_bot.app.status_file import write_status
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.domain.errors import HaltError
from trading_bot.domain.order import Leg
from trading_bot.execution.ref_ids import Identity, make_ref_id
from trading_bot.ports.records import STREAM_ORDERS
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.runtime.measure import Measures
from trading_bot.storage.home import HomeBusyError

pytestmark = pytest.mark.ci

POST = {"method": "POST", "path": "/orders/"}
OPEN = session_of().open
TOO_LONG_S = 30
"""Seconds without a stop that `status` calls too long."""


def at(minutes: float, seconds: float = 0) -> datetime:
    return OPEN + timedelta(minutes=minutes, seconds=seconds)


@mounts
@pytest.mark.parametrize("has_reserve", [True, False], ids=["reserve", "none"])
def test_a_disk_that_fills_between_fill_and_stop_has_its_stop(
    tmp_path: Path, has_reserve: bool
) -> None:
    """With the reserve it is on record, without one it goes out all the same; nothing is opened."""
    late = FaultRule(fault=faults.ConfirmedLate(only="limit", seconds=4), count=1, **POST)
    with small_disk(tmp_path / "disk", "24m") as disk:
        play = LivePlay(disk / "home", rules=(late,))

        def run_full() -> None:
            if not has_reserve:
                play.home.reserve.unlink()
            fill(disk)

        play.run((at(BUYS_AT, 2), run_full), until=at(35))
        sent, kinds = play.taken(), [(o["kind"], o["leg"]) for o in play.orders()]
        bare_s = play.bare_s()
        (disk / "filler").unlink()
        play.again(60, until=at(37))

        assert [(o["side"], o["trigger"]) for o in sent] == [
            ("buy", "immediate"),
            ("sell", "stop"),
        ]
        assert bare_s < TOO_LONG_S
        assert (("reply", "stop") in kinds) is has_reserve
        assert "journal_failed" in play.alerts()
        assert play.taken() == sent
        assert [t["quantity"] for t in play.lines("trades")] == [int(sent[0]["quantity"])]
        play.check()


def test_a_stop_goes_out_though_neither_it_nor_the_fill_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes nothing from the fill on; the broker's history is the record then."""
    play = LivePlay(tmp_path)
    is_full = []

    class FullSink(WriterSink):
        async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
            is_full.extend(line for line in batch.get(STREAM_ORDERS, ()) if '"fill"' in line)
            if is_full:
                raise HaltError("no space left on device")
            await super().append(batch)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "WriterSink", FullSink)
        play.run(until=at(BUYS_AT + 4))
    written = [o["kind"] for o in play.orders()]
    play.again(until=at(BUYS_AT + 14))

    assert written == ["note", "intent", "reply"]
    assert "journal_failed" in play.alerts()
    (entry,) = play.entries()
    (stop,) = play.stops()
    assert (stop["state"], stop["quantity"]) == ("confirmed", entry["quantity"])
    assert play.bare_s() < 2
    assert len(play.orders("fill")) == len(play.lines("trades")) == 1
    assert play.report()["repeated_ref_ids"] == {}


@pytest.mark.parametrize("seconds", [180, -180])
def test_a_clock_off_by_minutes_opens_nothing_until_it_is_right(
    tmp_path: Path, seconds: float
) -> None:
    """The broker's own dates tell: not one order is sent, a person hears, then trading goes on."""
    skewed = FaultRule(fault=menu.SkewedClock(seconds=seconds), until=at(25))
    play = LivePlay(tmp_path, rules=(skewed,))

    play.run(until=at(35))

    (entry,) = play.entries()
    assert time_of(entry["accepted_at"]) > at(25)
    refused, approved = play.lines("decisions")
    assert (refused["rule"], approved["verdict"]) == ("PROTECT_ONLY", "approved")
    assert f"{seconds:+.1f} s off" in refused["reason"]
    assert "clock_skewed" in play.alerts()
    play.check()


def test_a_second_daemon_on_one_home_is_refused(tmp_path: Path) -> None:
    """While the first holds a position the second start ends at once, and has sent nothing."""
    play = LivePlay(tmp_path)
    another = LivePlay(tmp_path, play.exchange)
    refused: list[BaseException] = []

    def start_another() -> None:
        try:
            another.run(start=play.events[-1].at)
        except HomeBusyError as error:
            refused.append(error)

    def in_a_thread() -> None:
        thread = Thread(target=start_another)
        thread.start()
        thread.join(10)

    play.run((at(BUYS_AT, 5), in_a_thread), until=at(BUYS_AT + 4))

    assert len(refused) == 1
    assert another.events == []
    assert [order["side"] for order in play.taken()] == ["buy", "sell"]
    play.check()


def test_a_bot_of_another_home_that_begins_to_buy_stops_the_first(tmp_path: Path) -> None:
    """Found by the next comparison: nothing more is opened, the first one's stop stands."""
    symbols = (SYMBOL, "ZZB", "ZZC")
    play = LivePlay(tmp_path, days=together(*map(flat_day, symbols)))
    name = make_ref_id(
        Identity(mode="rehearsal", account=NUMBER, key=b"another home's"),
        strategy_name="often",
        symbol="ZZB",
        bar_end=at(17),
        leg=Leg.ENTRY,
        generation=0,
    )
    form = order_form(symbol="ZZB", quantity="1", ref_id=name)

    play.run((at(17.2), lambda: play.send("/orders/", form)), until=at(34))

    found = play.notes("difference")[0]
    assert found["difference_kind"] == "another_bot"
    refused = [d for d in play.lines("decisions") if d["rule"] == "PROTECT_ONLY"]
    assert {d["symbol"] for d in refused} == set(symbols)
    bought = [e["symbol"] for e in play.entries() if e["ref_id"] != name]
    assert bought == list(symbols)
    assert [stop["state"] for stop in play.stops()] == ["confirmed"] * 3
    assert "reconcile_difference" in play.alerts()


def test_status_says_within_one_poll_that_the_exchange_hangs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not ready, in words; but alive, so that nothing kills a daemon that guards a position."""
    engines: list[Engine] = []

    class Seen(Engine):
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            engines.append(self)

    monkeypatch.setattr(rehearse, "Engine", Seen)
    hung = FaultRule(fault=menu.Hangs(seconds=60), since=at(12), until=at(14))
    play = LivePlay(tmp_path, rules=(hung,))
    seen: dict[float, tuple[int, int, str]] = {}

    def look(seconds: float) -> None:
        state = engines[0].state
        assert state is not None
        write_status(play.home, state, play.events[-1].at, Measures(), "rehearsal")
        home = ("--home", str(play.home.root))
        codes = main(["status", *home]), main(["status", "--alive", *home])
        seen[seconds] = (*codes, capsys.readouterr().out)

    play.run(*((at(12, s), lambda s=s: look(s)) for s in (-5, 20, 110, 180)), until=at(16))

    ready, alive, said = seen[20]
    assert (ready, alive) == (exits.FAILED, exits.OK)
    assert "no quotes" in said
    assert [codes[:2] for codes in seen.values()] == [
        (exits.OK, exits.OK),
        (exits.FAILED, exits.OK),
        (exits.FAILED, exits.OK),
        (exits.OK, exits.OK),
    ]
    play.check()
