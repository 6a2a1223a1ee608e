"""While fills cannot be seen, or stops do not come to stand, nothing more is bought."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from support.live_play import BUYS_AT, SYMBOL, LivePlay
from support.rehearsal import flat_day, together
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.faults import FaultRule

pytestmark = pytest.mark.ci

SYMBOLS = (SYMBOL, "ZZB", "ZZC", "ZZD")
OPEN = flat_day(SYMBOL).session.open


def at(minutes: float) -> datetime:
    return OPEN + timedelta(minutes=minutes)


def unread(path: str, until: datetime) -> FaultRule:
    """Orders cannot be read from just before the first entry on."""
    since = at(BUYS_AT - 0.05)
    return FaultRule(fault=menu.ServerError(), method="GET", path=path, since=since, until=until)


def made(tmp_path: Path, rule: FaultRule) -> LivePlay:
    """A day on which four symbols are bought, one a minute after the other."""
    return LivePlay(tmp_path, days=together(*map(flat_day, SYMBOLS)), rules=(rule,))


def test_a_list_of_orders_that_cannot_be_read_leaves_no_share_bare(tmp_path: Path) -> None:
    """Only the list is down: the entry is read by itself and protected, and no other is bought."""
    play = made(tmp_path, unread("/orders/", until=at(60)))

    play.run(until=at(75))

    first, *others = play.entries()
    assert first["symbol"] == SYMBOL
    assert all(datetime.fromisoformat(o["accepted_at"]) > at(60) for o in others)
    assert others
    assert play.bare_s() < 30
    refused = [d for d in play.lines("decisions") if d["verdict"] == "refused"]
    assert "the broker's orders cannot be read" in str(refused)
    play.check()


def test_an_entry_whose_fill_cannot_be_seen_is_told(tmp_path: Path) -> None:
    """No order can be read at all: within a minute a person hears which shares may be bare."""
    play = made(tmp_path, unread("/orders/*", until=at(20)))

    play.run(until=at(30))

    assert [o["symbol"] for o in play.entries() if o["accepted_at"] < at(20).isoformat()] == [
        SYMBOL
    ]
    (told,) = [text for _, subject, text in play.heard.alerts if subject == "fills_unseen"]
    assert SYMBOL in told
    (line,) = play.risk("fills_unseen")
    assert datetime.fromisoformat(line["timestamp"]) <= at(BUYS_AT + 1)
    play.check(bare_s=(at(20) - at(BUYS_AT)).total_seconds() + 60)


def test_stops_that_are_refused_stop_the_buying(tmp_path: Path) -> None:
    """Three in a row and nothing is opened; once one is accepted again, trading goes on."""
    refused = FaultRule(
        fault=faults.OrderRefused(only="stop"), until=at(32), method="POST", path="/orders/"
    )
    play = made(tmp_path, refused)

    play.run(until=at(60))

    early = [
        o["symbol"] for o in play.entries() if datetime.fromisoformat(o["accepted_at"]) < at(32)
    ]
    assert early == [SYMBOL]
    assert "stops_refused" in play.alerts()
    assert play.notes("protect_only")[0]["cause"] == "STOPS_REFUSED"
    assert play.notes("protect_only_ended")[0]["why"] == "a stop was accepted"
    assert len(play.entries()) > 1
    play.check(bare_s=(at(32) - at(BUYS_AT)).total_seconds() + 70)
