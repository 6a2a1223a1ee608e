"""Every item of the fault menu in the midst of a trade: in, protected, out, and all adds up.

The whole daemon by its live code over HTTP; the exchange's own ledger is the judge.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from support.live_play import BUYS_AT, SYMBOL, LivePlay
from support.rehearsal import flat_day
from trading_bot.rehearsal import fault_menu as menu
from trading_bot.rehearsal import order_faults as orders
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.fault_menu import AnyFault
from trading_bot.rehearsal.faults import FaultRule, kind_of

pytestmark = pytest.mark.ci

RISING = {16: "100.10 101.00 100.10 101.00", 17: "101.00 101.20 100.90 101.00"}
"""From minute 16 on the target is reached: the stop is cancelled, the shares are sold."""

DAY = flat_day(SYMBOL, special=RISING)
OPEN = DAY.session.open
FROM, TO = OPEN + timedelta(minutes=BUYS_AT, seconds=-10), OPEN + timedelta(minutes=20)


def often(fault: AnyFault, count: int | None = 3, **how: Any) -> FaultRule:
    """From just before the entry until after the exit, on the first few requests it fits."""
    return FaultRule(fault=fault, since=FROM, until=TO, count=count, **how)


def held(fault: AnyFault) -> FaultRule:
    """From just after the entry's fill until after the exit."""
    return FaultRule(fault=fault, since=FROM + timedelta(seconds=12), until=TO, count=6)


SEND = {"path": "/orders/", "method": "POST"}
STOP = {**SEND, "skip": 1}
ORDERS = {"path": "/orders/", "method": "GET"}
MENU: dict[str, FaultRule] = {
    "401": often(menu.Unauthorized(), path="/quotes/"),
    "401 for the stop": often(menu.Unauthorized(), 1, **STOP),
    "429": often(menu.Throttled()),
    "429 with a wait": often(menu.Throttled(retry_after_s=7)),
    "429 for the stop": often(menu.Throttled(retry_after_s=7), **STOP),
    "500": often(menu.ServerError(status=500)),
    "502 for the stop": often(menu.ServerError(status=502), 1, **STOP),
    "a page": often(menu.HtmlPage()),
    "a hang": often(menu.Hangs(seconds=30)),
    "a slow body": often(menu.SlowBody(seconds=8)),
    "a reset": often(menu.ResetConnection()),
    "a reset in the body": often(menu.ResetConnection(after_bytes=10)),
    "cut off": often(menu.BodyCutOff()),
    "truncated": often(menu.TruncatedJson()),
    "truncated for orders": often(menu.TruncatedJson(), path="/orders/*"),
    "another clock": often(menu.SkewedClock(seconds=120), None),
    "turned rows": often(menu.Reordered(), None),
    "second page": often(menu.PageError(), **ORDERS),
    "foreign next": often(menu.ForeignNext(), **ORDERS),
    "next in a loop": often(menu.NextLoop(path="/orders/"), **ORDERS),
    "null quote": held(menu.NullQuote()),
    "stale quote": held(menu.StaleQuote()),
    "zero quote": held(menu.ZeroQuote()),
    "crossed quote": held(menu.CrossedQuote()),
    "halted": held(menu.HaltedQuote()),
    "a jump": held(menu.PriceJump(factor="10")),
    "taken, dropped": often(orders.AcceptThenDrop()),
    "taken, hangs": often(orders.AcceptThenHang()),
    "taken, 503": often(orders.AcceptThenError()),
    "hangs, not taken": often(orders.HangBeforeAccepting(), 1, skip=1),
    "dropped, not taken": often(orders.DropBeforeAccepting(), 1, skip=1),
    "refused": often(orders.OrderRefused(only="stop")),
    "repeated, not taken": often(orders.RepeatedNotTaken(), 1, skip=1),
    "repeated, taken": often(orders.RepeatedAndTaken()),
    "rejected later": often(orders.RejectedLater(only="stop")),
    "confirmed late": often(orders.ConfirmedLate(seconds=8)),
    "unseen": often(orders.UnseenOrder(seconds=20, reads=2)),
    "in parts": often(orders.PartialFills(pieces=4, every_s=2)),
    "busted": often(orders.BustedExecution(after_s=60), 1),
    "cancel loses": often(orders.CancelLoses()),
    "cancel ignored": often(orders.CancelIgnored(), 1),
    "cancel dropped": often(orders.CancelThenDrop()),
    "cancel hangs": often(orders.CancelThenHang()),
    "cancel lost": often(orders.CancelNeverArrives()),
    "execution twice": often(orders.DoubledExecution(), None),
    "canceled": often(orders.StateWord(), None),
    "a new word": often(orders.StateWord(word="under_review", of="confirmed"), None),
    "average zero": often(orders.ZeroAveragePrice(), None),
    "positions late": often(orders.LaggingPositions(seconds=20), None),
    "outage": FaultRule(
        fault=orders.Outage(),
        since=FROM + timedelta(seconds=12),
        until=FROM + timedelta(seconds=100),
    ),
    "outage, hung": FaultRule(
        fault=orders.Outage(how="hang"),
        since=FROM + timedelta(seconds=12),
        until=FROM + timedelta(seconds=100),
    ),
}
OF_NO_ENTRY: dict[str, FaultRule] = {
    "401": often(menu.Unauthorized(), 1, **SEND),
    "429": often(menu.Throttled(retry_after_s=7), **SEND),
    "502": often(menu.ServerError(status=502), **SEND),
    "hangs": often(orders.HangBeforeAccepting()),
    "dropped": often(orders.DropBeforeAccepting()),
    "refused": often(orders.OrderRefused()),
    "rejected": often(orders.RejectedLater()),
    "repeated": often(orders.RepeatedNotTaken()),
    "null quote": often(menu.NullQuote()),
    "stale quote": often(menu.StaleQuote()),
    "zero quote": often(menu.ZeroQuote()),
    "crossed quote": often(menu.CrossedQuote()),
    "halted": often(menu.HaltedQuote()),
    "a jump": often(menu.PriceJump(factor="10")),
}
"""What keeps the entry from being: nothing is bought, now or later, for this signal."""


def made(tmp_path: Path, rule: FaultRule) -> LivePlay:
    """An owner of two accounts, ours the second; lists come in pages of one row."""
    account = AccountSettings(others=("REH000777",))
    return LivePlay(tmp_path, days=(DAY,), rules=(rule,), account=account, page_size=1)


@pytest.mark.parametrize("item", MENU)
def test_a_trade_comes_through(tmp_path: Path, item: str) -> None:
    """Bought once, sold once, each fill booked, protected within the bound, flat in the end."""
    play = made(tmp_path, MENU[item])

    play.run(until=OPEN + timedelta(minutes=29))

    assert play.exchange.faults.fired[0] > 0
    assert len(play.entries()) == 1
    bought, sold = (
        sum(int(t["quantity"]) for t in play.lines("trades") if t["action"] == action)
        for action in ("BUY", "SELL")
    )
    # What the market took back is gone, and nothing was sold of it.
    assert sold == (0 if item == "busted" else bought)
    assert bought > 0
    assert play.report()["positions"] == {}
    play.check()


@pytest.mark.parametrize("item", OF_NO_ENTRY)
def test_a_signal_is_missed(tmp_path: Path, item: str) -> None:
    """Nothing is bought for it, now or later, and no name is sent twice."""
    play = made(tmp_path, OF_NO_ENTRY[item])

    play.run(until=OPEN + timedelta(minutes=29))

    assert play.exchange.faults.fired[0] > 0
    assert len(play.orders("intent")) <= 1
    assert play.report()["executions"] == []
    assert all(order["state"] == "rejected" for order in play.taken())
    play.check()


def test_the_whole_menu_is_played() -> None:
    """A fault that is added to the menu must be added here, a log-in's apart."""
    kinds = {kind.__struct_config__.tag for kind in get_args(AnyFault)}

    played = {kind_of(rule.fault) for rule in MENU.values()}

    assert played | {"human_needed"} == kinds
