"""What other bots are known to have lost money by: each as a day of the whole daemon.

Live code, the real robin_stocks over HTTP, and the exchange's own ledger as the judge.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from support.live_play import BUYS_AT, SYMBOL, LivePlay, kill
from support.rehearsal import DAY as TODAY
from support.rehearsal import flat_day, together
from support.scenarios import time_of
from trading_bot.core.effects import PlaceOrder
from trading_bot.core.events import CallFailed, PollArrived
from trading_bot.core.settings import PollSettings
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as faults
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.faults import FaultRule

pytestmark = pytest.mark.ci

POST = {"method": "POST", "path": "/orders/"}
CANCEL = {"method": "POST", "path": "/orders/*/cancel/"}
GET = {"method": "GET", "path": "/orders/"}
DAY = flat_day(SYMBOL)
OPEN = DAY.session.open
TOO_LONG_S = 30
"""Seconds without a stop that `status` calls too long."""


def at(minutes: float, seconds: float = 0) -> datetime:
    return OPEN + timedelta(minutes=minutes, seconds=seconds)


def test_three_lost_answers_in_a_row_are_one_order(tmp_path: Path) -> None:
    """The send and both looks after it get no answer; the exchange has one buy, not four."""
    lost = FaultRule(fault=faults.AcceptThenDrop(only="limit"), count=3, **POST)
    looks = FaultRule(fault=menu.ResetConnection(), since=at(BUYS_AT), count=2, **GET)
    play = LivePlay(tmp_path, rules=(lost, looks))

    play.run(until=at(BUYS_AT + 5))

    assert play.exchange.faults.fired == (1, 2)
    (entry,) = play.entries()
    assert play.received(entry["ref_id"]) == ["accepted"]
    assert [o["kind"] for o in play.orders(leg="entry")][:2] == ["intent", "unknown"]
    assert len(play.stops()) == 1
    assert play.bare_s() < TOO_LONG_S
    play.check()


def test_a_morning_of_lost_answers_has_an_order_for_each_signal(tmp_path: Path) -> None:
    """Every answer to a send is lost; each signal and each stop is one order all the same."""
    lost = FaultRule(fault=faults.AcceptThenHang(), until=at(25), **POST)
    symbols = (SYMBOL, "ZZB", "ZZC")
    play = LivePlay(tmp_path, days=together(*map(flat_day, symbols)), rules=(lost,))

    play.run(until=at(30))

    assert play.exchange.faults.fired == (6,)
    assert sorted(entry["symbol"] for entry in play.entries()) == list(symbols)
    assert sorted(stop["symbol"] for stop in play.stops()) == list(symbols)
    assert play.report()["repeated_ref_ids"] == {}
    play.check()


def test_an_order_that_is_not_found_at_the_restart_is_kept(tmp_path: Path) -> None:
    """Sent, killed, started again, and for 15 s the broker knows nothing: one order, protected."""
    hidden = FaultRule(fault=faults.UnseenOrder(only="limit", seconds=15), count=1, **POST)
    silent = FaultRule(fault=faults.AcceptThenHang(only="limit"), count=1, **POST)
    play = LivePlay(tmp_path, rules=(hidden, silent))
    assert play.run((at(BUYS_AT, 2), kill)) == "killed"
    assert [o["kind"] for o in play.orders(leg="entry")] == ["intent"]

    play.again(5, until=at(BUYS_AT + 4))

    (entry,) = play.entries()
    kinds = [o["kind"] for o in play.orders(leg="entry")]
    assert kinds[0] == "intent"
    assert "withdrawn" not in kinds
    assert "fill" in kinds
    assert play.received(entry["ref_id"]) == ["accepted"]
    assert len(play.stops()) == 1
    play.check()


def test_an_exchange_that_hangs_does_not_hold_a_stop_back(tmp_path: Path) -> None:
    """Each poll hangs, and the fill comes in the midst of one: the stop goes out at once."""
    late = FaultRule(fault=faults.ConfirmedLate(only="limit", seconds=3), count=1, **POST)
    hung = FaultRule(
        fault=menu.Hangs(seconds=60), since=at(BUYS_AT, 0.2), until=at(15), path="/quotes/*"
    )
    play = LivePlay(tmp_path, rules=(late, hung), poll=PollSettings(interval_s=3))

    play.run(until=at(20))

    (stop,) = play.stops()
    first = next(e for e in play.of(CallFailed) if e.what == "poll")
    filled_at = at(BUYS_AT, 3.4)
    assert filled_at < time_of(stop["accepted_at"]) < first.at
    assert play.bare_s() < 2
    assert not [e for e in play.of(PollArrived) if at(BUYS_AT, 5) < e.at < at(15)]
    play.check()


@pytest.mark.parametrize(
    ("fault", "bare_s"),
    [(menu.Throttled(retry_after_s=86400), 40), (menu.ServerError(retry_after_s=86400), 65)],
    ids=["429", "503"],
)
def test_a_stop_told_to_wait_a_day_goes_out_in_a_minute(
    tmp_path: Path, fault: menu.AnyFault, bare_s: float
) -> None:
    """One answer with a day's wait leaves nothing bare for that day; a 503 is looked up first."""
    wait = FaultRule(fault=fault, since=at(BUYS_AT, 0.3), count=1, **POST)
    play = LivePlay(tmp_path, rules=(wait,))

    play.run(until=at(20))

    assert play.exchange.faults.fired == (1,)
    assert "withdrawn" in [o["kind"] for o in play.orders(leg="stop")]
    assert len(play.stops()) == 1
    play.check(bare_s=bare_s)


def test_an_outage_is_never_an_empty_account(tmp_path: Path) -> None:
    """The library answers [] when refused; nothing is closed, sold or booked, entries stop."""
    out = FaultRule(fault=faults.Outage(how="error", status=500), since=at(12), until=at(32))
    play = LivePlay(tmp_path, rules=(out,))

    play.run(until=at(40))

    assert play.exchange.faults.fired[0] > 10
    assert len(play.entries()) == 1
    assert play.orders("closed") == []
    assert play.notes("difference") == []
    (stop,) = play.stops()
    assert stop["state"] == "confirmed"
    assert play.approved(at(12, 20), at(32)) == []
    play.check()


@pytest.mark.parametrize("path", ["/positions/", "/orders/", "/portfolios/*"])
@pytest.mark.parametrize(
    "fault", [menu.Throttled(), menu.ServerError(status=503)], ids=["429", "503"]
)
def test_one_kind_of_reading_refused_is_not_nothing(
    tmp_path: Path, path: str, fault: menu.AnyFault
) -> None:
    """Positions or orders that cannot be read are not an empty list of them."""
    refused = FaultRule(fault=fault, since=at(12), until=at(28), method="GET", path=path)
    play = LivePlay(tmp_path, rules=(refused,))

    play.run(until=at(40))

    assert play.exchange.faults.fired[0] > 10
    assert len(play.entries()) == 1
    assert play.orders("closed") == []
    assert play.notes("difference") == []
    assert [stop["state"] for stop in play.stops()] == ["confirmed"]
    play.check()


def test_a_cancel_that_lost_to_a_fill_is_a_position_with_a_stop(tmp_path: Path) -> None:
    """The entry is cancelled for being late, and filled all the same: booked, and protected."""
    never = FaultRule(fault=faults.ConfirmedLate(only="limit", seconds=9.9), count=1, **POST)
    loses = FaultRule(fault=faults.CancelLoses(), count=1, **CANCEL)
    play = LivePlay(tmp_path, rules=(never, loses))

    play.run(until=at(BUYS_AT + 4))

    assert play.exchange.faults.fired == (1, 1)
    (entry,) = play.entries()
    assert entry["state"] == "filled"
    assert "cancel" in " ".join(o["kind"] for o in play.orders(leg="entry"))
    (stop,) = play.stops()
    assert stop["quantity"] == entry["quantity"]
    assert play.bare_s() < TOO_LONG_S
    play.check()


@pytest.mark.parametrize(
    "refused",
    [
        faults.OrderRefused(only="stop", text="Something went wrong."),
        faults.RejectedLater(only="stop"),
    ],
    ids=["at once", "after it was taken"],
)
def test_a_rejected_stop_is_told_and_placed_again(
    tmp_path: Path, refused: faults.OrderFault
) -> None:
    """A position whose stop the broker did not want: another stands soon, and a person hears."""
    play = LivePlay(tmp_path, rules=(FaultRule(fault=refused, count=1, **POST),))

    play.run(until=at(BUYS_AT + 5))

    assert play.exchange.faults.fired == (1,)
    stop = play.stops()[-1]
    assert stop["state"] == "confirmed"
    assert play.bare_s() < TOO_LONG_S
    assert [o["leg"] for o in play.orders("rejected")] == ["stop"]
    play.check()


def test_a_stop_refused_for_minutes_is_told_and_stands_in_the_end(tmp_path: Path) -> None:
    """Tried again and again with growing pauses, a person hears, nothing else is opened."""
    refused = FaultRule(fault=faults.OrderRefused(only="stop"), until=at(14), **POST)
    play = LivePlay(tmp_path, rules=(refused,))

    play.run(until=at(20))

    tries = [time_of(o["timestamp"]) for o in play.orders("intent", "stop")]
    pauses = [(b - a).total_seconds() for a, b in pairwise(tries)]
    assert len(tries) > 4
    assert pauses == sorted(pauses)
    assert pauses[0] >= 5
    assert pauses[-1] <= 60
    (stop,) = play.stops()
    assert stop["state"] == "confirmed"
    assert "position_unprotected" in play.alerts()
    play.check(bare_s=(at(14) - at(BUYS_AT)).total_seconds() + 61)


def test_a_share_that_trades_in_nickels_has_its_stop_soon(tmp_path: Path) -> None:
    """The stop's price is refused once; the next stands on the step below, and the exit too."""
    day = flat_day(
        SYMBOL,
        prices="100.08 100.20 99.90 100.07",
        special={16: "100.10 101.00 100.10 101.00", 17: "101.00 101.20 100.90 101.01"},
    )
    account = AccountSettings(ticks={SYMBOL: Decimal("0.05")})
    play = LivePlay(tmp_path, days=(day,), account=account)

    play.run(until=at(BUYS_AT + 15))

    (stop,) = play.stops()
    assert stop["stop_price"] == "99.65"
    assert play.bare_s() < 10
    assert play.report()["positions"] == {}
    play.check()


def test_a_gap_through_the_stop_is_sold_once_at_what_the_market_gives(tmp_path: Path) -> None:
    """Held over a night, opened ten dollars under the stop: one sale, booked at the real price."""
    tomorrow = TODAY + timedelta(days=1)
    low = flat_day(SYMBOL, tomorrow, prices="90.00 90.20 89.90 90.10")
    play = LivePlay(tmp_path, days=together(DAY, low))
    play.run(until=at(BUYS_AT + 4))
    (entry,) = play.entries()
    opens = low.session.open

    play.run(start=opens - timedelta(minutes=6), until=opens + timedelta(minutes=5))

    (stop,) = play.stops()
    assert (stop["state"], stop["quantity"]) == ("filled", entry["quantity"])
    assert play.taken("sell") == [stop]
    sold = play.lines("trades")[-1]
    assert (sold["action"], sold["outcome"]) == ("SELL", "loss")
    assert 89 < float(sold["price"]) < 91
    assert play.notes("difference") == []
    play.check()


def test_a_stop_that_ran_out_while_nobody_was_there_stands_before_the_open(tmp_path: Path) -> None:
    """Ninety days off, the broker has ended the stop: it is no cancel by hand, another stands."""
    autumn = flat_day(SYMBOL, TODAY + timedelta(days=91))
    play = LivePlay(tmp_path, days=together(DAY, autumn))
    play.run(until=at(BUYS_AT + 4))
    opens = autumn.session.open

    play.run(start=opens - timedelta(minutes=6), until=opens + timedelta(seconds=30))

    old, new = play.stops()
    assert (old["state"], new["state"]) == ("cancelled", "confirmed")
    assert time_of(new["accepted_at"]) < opens
    assert play.bare_s() < 1
    assert "stop_cancelled_by_others" not in play.alerts()
    play.check()


@pytest.mark.parametrize(
    ("killed_at", "orders"),
    [((9, 30), 0), ((10, 0), 0), ((10, 0.5), 1), ((10, 5), 1)],
    ids=["in the bar", "before its end is read", "sent", "filled"],
)
def test_a_restart_inside_the_signals_bar_sends_nothing_twice(
    tmp_path: Path, killed_at: tuple[float, float], orders: int
) -> None:
    """Killed around the bar that gives the signal and back in seconds: no second order from it."""
    play = LivePlay(tmp_path)
    assert play.run((at(*killed_at), kill)) == "killed"

    play.again(4, until=at(20))

    assert len(play.entries()) == orders
    assert len(play.stops()) == orders
    assert len(play.orders("intent", "entry")) == orders
    assert play.bare_s() < TOO_LONG_S
    play.check()


def test_an_intent_that_never_left_is_not_sent_by_the_next_start(tmp_path: Path) -> None:
    """Killed between the intent's write and its send: no order, now or later, and it says so."""
    play = LivePlay(tmp_path)
    play.dies_of = lambda effect: isinstance(effect, PlaceOrder)
    assert play.run() == "killed"
    (intent,) = play.orders("intent")

    play.again(4, until=at(20))

    assert play.taken() == []
    assert play.received(intent["ref_id"]) == []
    _, withdrawn = play.orders(leg="entry")
    assert withdrawn["kind"] == "withdrawn"
    waited = time_of(withdrawn["timestamp"]) - time_of(intent["timestamp"])
    assert timedelta(seconds=60) <= waited < timedelta(seconds=90)
    play.check()


def test_an_order_that_hangs_is_settled_when_the_exchange_is_back(tmp_path: Path) -> None:
    """The send gets no answer, for three minutes nothing does: not sent again, not given up."""
    silent = FaultRule(fault=faults.AcceptThenHang(only="limit"), count=1, **POST)
    hung = FaultRule(
        fault=faults.Outage(how="hang", seconds=60), since=at(BUYS_AT, 1), until=at(13)
    )
    play = LivePlay(tmp_path, rules=(silent, hung))

    play.run(until=at(16))

    (entry,) = play.entries()
    assert play.received(entry["ref_id"]) == ["accepted"]
    assert not play.orders("withdrawn")
    (stop,) = play.stops()
    assert time_of(stop["accepted_at"]) - at(13) < timedelta(seconds=TOO_LONG_S)
    play.check()
