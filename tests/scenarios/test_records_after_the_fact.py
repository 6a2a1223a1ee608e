"""What the records are told after the fact: an execution taken back, a damaged line."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from support.live_play import SYMBOL, LivePlay
from support.rehearsal import flat_day
from trading_bot.app.summary import summary_of
from trading_bot.cli import exits
from trading_bot.cli.main import main
from trading_bot.domain.errors import HaltError
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.owner import Cancels
from trading_bot.runtime.measure import Measures

pytestmark = pytest.mark.ci

RISE = dict.fromkeys((20, 21), "100.80 101.00 100.80 100.90")
"""Two minutes at the target of what was bought before."""

HELD_AT = 15.0


def said_by(capsys: pytest.CaptureFixture[str], play: LivePlay, *words: str) -> Sequence[str]:
    assert main([*words, "--home", str(play.home.root)]) == exits.OK
    return capsys.readouterr().out.splitlines()


def test_a_sale_that_is_taken_back_counts_in_no_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Marked where it is listed; totals, the day and the summary are the ledger's cash."""
    day = flat_day(SYMBOL, special=RISE)
    rule = FaultRule(
        fault=faults.BustedExecution(120, only="sell"),
        method="POST",
        path="/orders/",
        since=day.session.open + timedelta(minutes=19),
        count=1,
    )
    play = LivePlay(tmp_path, days=(day,), rules=(rule,))

    play.run(until=play.after_open(19))
    assert [t["action"] for t in play.lines("trades")] == ["BUY"], "control: it is held"
    play.again()

    assert len(play.orders("bust")) == 1, "control: it was taken back"
    report = play.report()
    gained = Decimal(report["cash"]) - Decimal(report["entries"][0]["cash"])
    *_, closed = play.notes("day_closed")
    listed = said_by(capsys, play, "trades")
    told = said_by(capsys, play, "why", SYMBOL)
    assert Decimal(closed["realised"]) == gained
    assert sum("busted" in line for line in listed) == 1
    assert listed[-1].endswith(f"net {gained:+,.2f} dollars after fees")
    assert "1 execution taken back by the broker and not counted" in listed[-1]
    assert sum("BUSTED, does not count" in line for line in told) == 1
    summed = summary_of(play.home, "over", Measures())
    assert "1 execution, in no number above" in summed
    assert play.at_the_desk() == exits.HUMAN_NEEDED
    desk = capsys.readouterr().out
    left = len(play.lines("trades")) - 1
    assert f"the books agree: broker {left} executions, records {left}" in desk
    play.check()


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_damaged_line_of_a_held_trade_leaves_it_protected(
    tmp_path: Path, is_cancelled: bool
) -> None:
    """The stop is kept, or placed by its name; nothing is adopted until the line is put back."""
    play = LivePlay(tmp_path)
    play.run(until=play.after_open(HELD_AT))
    path = play.home.logs / "orders.jsonl"
    number, line = next(
        (n, text)
        for n, text in enumerate(path.read_bytes().splitlines(keepends=True))
        if b'"kind":"intent"' in text
    )
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number] = line.replace(b'"intent"', b'"indent"')
    path.write_bytes(b"".join(lines))
    at = play.ended_at + timedelta(seconds=30)
    if is_cancelled:
        play.exchange.brokerage.act(Cancels(symbol=SYMBOL, only="stop"), at)

    play.run(start=at, until=at + timedelta(minutes=3))
    (entry,) = play.entries()
    key = f"missing_trade:{SYMBOL}:{entry['order_id']}"
    damaged = path.read_bytes()
    with pytest.raises(HaltError, match=f"orders.jsonl, line {number + 1}, byte") as caught:
        play.at_the_desk("--accept", key, "--why", "restored", "--yes")
    path.write_bytes(b"".join([*lines[:number], line, *lines[number + 1 :]]))
    play.again(until=play.ended_at + timedelta(minutes=3))

    assert damaged == b"".join(lines), "nothing was written beside the damage"
    assert "put the lines named above back" in str(caught.value)
    assert len(play.stops()) == (2 if is_cancelled else 1)
    assert play.bare_s() < 45
    assert play.at_the_desk() == exits.OK
    (trade,) = (t for t in play.lines("trades"))
    assert trade["action"] == "BUY"
    assert [p for p in play.verdict().problems if "unprotected" not in p] == []
