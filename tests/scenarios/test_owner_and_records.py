"""The live client against the exchange, in lockstep: what the records and the broker differ in."""

import json
import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.live_play import SYMBOL, LivePlay
from support.rehearsal import DAY, flat_day, together
from support.scenarios import Play, time_of
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.rehearsal.brokerage import Plan
from trading_bot.rehearsal.corporate import Rename, Split, split_days
from trading_bot.rehearsal.owner import Cancels

SOLD_AT = 41.0
"""Minutes after the open: bought on the bar before, with a stop."""


@pytest.mark.ci
def test_the_owner_sells_half_on_the_phone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is protected at once and entries stop; a person books the sale over HTTP."""
    play = LivePlay(tmp_path)
    play.run(
        (
            play.after_open(SOLD_AT),
            lambda: play.owner(kind="sell", symbol=SYMBOL, fraction="0.5"),
        ),
        until=play.after_open(SOLD_AT + 8),
    )
    (found,) = [n for n in notes(play) if n["what"] == "difference"]
    seen = play.at_the_desk()
    booked = play.at_the_desk("--accept", found["key"], "--why", "sold on the phone", "--yes")
    said = capsys.readouterr().out
    rest = int(found["broker"])
    started = play.events[-1].at + timedelta(minutes=2)
    play.run(start=started, until=started + timedelta(minutes=2))

    assert found["difference_kind"] == "shares"
    assert int(found["ours"]) == 2 * rest
    assert "reconcile_difference" in [subject for _, subject, _ in play.heard.alerts]
    after = play.after_open(SOLD_AT + 7)
    assert not play.approved(after, started), "nothing is opened while the books differ"
    assert (seen, booked) == (exits.HUMAN_NEEDED, exits.OK)
    assert "booked as the owner's own sale" in said
    last = play.lines("trades")[-1]
    assert (last["quantity"], last["exit_reasoning"]) == (rest, "sold by the owner in the app")
    stop = [o for o in play.lines("orders") if o["kind"] == "intent" and o["leg"] == "stop"][-1]
    assert stop["data"]["quantity"] == rest
    placed = time_of(stop["timestamp"])
    assert placed <= play.after_open(SOLD_AT + 2), "nobody waits for the person with the stop"
    ends = [o["kind"] for o in play.lines("orders") if o["ref_id"] == stop["ref_id"]]
    assert not {"rejected", "withdrawn", "cancelled", "expired"} & set(ends)
    assert main(["verify", "--home", str(play.home.root)]) == exits.OK


def notes(play: Play) -> list[dict[str, Any]]:
    return [o["data"] for o in play.lines("orders") if o["kind"] == "note"]


@pytest.mark.ci
def test_a_day_without_trouble_reconciles_to_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bought, sold, stopped, flattened: no difference is ever found, and the desk finds none."""
    play = LivePlay(tmp_path)

    play.run()

    assert play.lines("trades"), "control: it traded"
    assert [n["what"] for n in notes(play)] == ["day_opened", "day_closed"]
    assert sum(type(e).__name__ == "ReconcileArrived" for e in play.events) > 70
    assert play.at_the_desk() == exits.OK
    trades = len(play.lines("trades"))
    said = f"the books agree: broker {trades} executions, records {trades}"
    assert said in capsys.readouterr().out


@pytest.mark.ci
def test_another_bot_on_the_account_is_found_at_once(tmp_path: Path) -> None:
    """Two homes, one account: the second sees buys under names it cannot make and opens nothing."""
    one = LivePlay(tmp_path / "one")
    one.run(until=one.after_open(SOLD_AT))
    other = LivePlay(tmp_path / "other", one.exchange)
    other.home.key(lambda size: b"o" * size)

    other.run(start=one.events[-1].at + timedelta(minutes=1), until=one.after_open(SOLD_AT + 30))

    (found,) = [n for n in notes(other) if n["what"] == "difference"]
    assert found["difference_kind"] == "another_bot"
    assert [d for d in other.lines("decisions") if d["verdict"] == "approved"] == []
    assert other.lines("decisions"), "control: it wanted to buy"
    assert not other.lines("trades")


@pytest.mark.ci
def test_with_every_record_lost_the_position_is_protected(tmp_path: Path) -> None:
    """Nothing is left but the home's key: our shares are known by their orders' names."""
    play = LivePlay(tmp_path)
    play.run(until=play.after_open(SOLD_AT))
    started = play.events[-1].at + timedelta(minutes=1)
    for folder in (play.home.logs, play.home.tape):
        shutil.rmtree(folder)
    play.exchange.brokerage.act(Cancels(symbol=SYMBOL, only="stop"), started)

    play.run(start=started, until=started + timedelta(minutes=1))

    found = [n for n in notes(play) if n["what"] == "orphan_stop"]
    assert len(found) == 1, "one stop, once"
    kinds = [n["difference_kind"] for n in notes(play) if n["what"] == "difference"]
    assert kinds == ["missing_trade"]
    ledger = play.exchange.brokerage.report(play.events[-1].at)
    assert found[0]["stop_ref_id"] in json.dumps(ledger, default=str), "the broker has it"
    assert "position_without_record" in [subject for _, subject, _ in play.heard.alerts]
    assert not play.lines("trades")


@pytest.mark.ci
def test_a_split_overnight_is_left_alone_until_a_person_accepts_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice the shares, the stop gone: nothing is sent; accepted, the stop stands at half price."""
    tomorrow = DAY + timedelta(days=1)
    split = Split(symbol=SYMBOL, day=tomorrow, multiplier=2)
    days = split_days(together(flat_day(SYMBOL), flat_day(SYMBOL, tomorrow)), split)
    play = LivePlay(tmp_path, days=days, plan=Plan(splits=(split,)))
    play.run(until=play.after_open(SOLD_AT))
    before = [o for o in play.lines("orders") if o["kind"] == "intent"]
    opens = days[1].session.open

    play.run(start=opens - timedelta(minutes=8), until=opens + timedelta(minutes=4))
    held = [o for o in play.lines("orders") if o["kind"] == "intent"]
    (found,) = [n for n in notes(play) if n["what"] == "difference"]
    words = ("--accept", found["key"], "--ratio", "2", "--why", "read the notice", "--yes")
    accepted = play.at_the_desk(*words)
    started = play.events[-1].at + timedelta(minutes=2)
    play.run(start=started, until=started + timedelta(minutes=2))

    assert found["difference_kind"] == "corporate_action"
    assert held == before, "nothing was sent for other shares than we bought"
    assert accepted == exits.OK
    stop = [o for o in play.lines("orders") if o["kind"] == "intent"][len(before)]
    first = next(o for o in before if o["leg"] == "stop")
    assert stop["leg"] == "stop"
    assert stop["data"]["quantity"] == 2 * first["data"]["quantity"]
    assert Decimal(stop["data"]["stop_price"]) * 2 == Decimal(first["data"]["stop_price"])
    capsys.readouterr()


@pytest.mark.ci
@pytest.mark.parametrize("keeps_orders", [True, False])
def test_a_symbol_changed_overnight_goes_on_under_its_new_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keeps_orders: bool
) -> None:
    """Frozen until a person accepts it; then quoted, protected and sold under the new name."""
    new, tomorrow = "ZZN", DAY + timedelta(days=1)
    days = together(flat_day(SYMBOL), flat_day(SYMBOL, tomorrow))
    rename = Rename(old=SYMBOL, new=new, day=tomorrow, keeps_orders=keeps_orders)
    play = LivePlay(tmp_path, days=days, plan=Plan(renames=(rename,)))
    play.run(until=play.after_open(SOLD_AT))
    opens = days[1].session.open

    play.run(start=opens - timedelta(minutes=8), until=opens + timedelta(minutes=4))
    (found,) = play.notes("difference")
    before = play.taken()
    accepted = play.at_the_desk("--accept", found["key"], "--why", "read the notice", "--yes")
    started = play.events[-1].at + timedelta(minutes=2)
    play.run(start=started)

    assert found["key"] == f"corporate_action:{SYMBOL}:symbol:{new}"
    assert accepted == exits.OK
    stops = [o for o in play.orders("intent", "stop") if o["symbol"] == new]
    assert bool(stops) is not keeps_orders, "one that stands is kept, one that is gone comes back"
    assert [o["is_ours"] for o in before] == [True] * 2, "nothing was sent while it was frozen"
    entry, *sales = play.lines("trades")
    assert {(t["symbol"], t["order_id"]) for t in sales} == {(new, entry["order_id"])}
    assert sum(t["quantity"] for t in sales) == entry["quantity"]
    assert sum(Decimal(t["profit_loss"]) for t in sales) == sum(
        (Decimal(t["price"]) - Decimal(entry["price"])) * t["quantity"] for t in sales
    )
    assert [p for p in play.verdict().problems if "unprotected" not in p] == []
    assert main(["verify", "--replay", "--home", str(play.home.root)]) == exits.OK
    capsys.readouterr()
