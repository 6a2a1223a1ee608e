"""What every implementer of the Broker port promises; one suite, run on each of them.

A bench is a broker together with the market it trades in: `show` makes that market quote a price,
`after` lets time pass. Add an implementer by adding its bench to `BENCHES`.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import pytest

from support.paper import CALENDAR, TEN, Desk, SetClock, make_order, make_ref, run
from support.robinhood_bench import at_exchange
from trading_bot.brokers.simulated import SimulatedBroker, SimulatedDesk, SimulatedSettings
from trading_bot.domain.bar import Bar
from trading_bot.domain.errors import RejectedError, UnknownOutcomeError
from trading_bot.domain.order import BrokerOrder, OrderState, Side, TimeInForce
from trading_bot.ports.broker import Broker

_Result = TypeVar("_Result")

WORKING = {OrderState.UNCONFIRMED, OrderState.OPEN, OrderState.PART_FILLED}


class Bench(Protocol):
    """A broker with an account of at least 50,000 dollars at ten o'clock on a trading day."""

    @property
    def broker(self) -> Broker: ...

    def show(self, bid: str, ask: str) -> None: ...

    def after(self, seconds: float) -> None: ...


class RestartedDesk:
    """A paper broker that is made anew from its ledger before every single call."""

    def __init__(self) -> None:
        self._desk = Desk()

    @property
    def broker(self) -> Broker:
        return self._desk.restored()

    def show(self, bid: str, ask: str) -> None:
        self._desk.broker = self._desk.restored()
        self._desk.show(bid, ask)

    def after(self, seconds: float) -> None:
        self._desk.after(seconds)


class SimulatedBench:
    """A simulated broker whose market is a minute bar for every quote it is shown."""

    def __init__(self) -> None:
        self._clock = SetClock()
        settings = SimulatedSettings(starting_cash=Decimal(100_000))
        desk = SimulatedDesk(settings=settings, calendar=CALENDAR)
        self.broker = SimulatedBroker(desk, self._clock)

    def show(self, bid: str, ask: str) -> None:
        start = self._clock.at
        self._clock.at += timedelta(minutes=1)
        low, high = float(bid), float(ask)
        bar = Bar("AAPL", start, self._clock.at, high, high, low, low, 1000, "recorded")
        self.broker.desk.open_bars([bar])
        self.broker.desk.finish_bars([bar])

    def after(self, seconds: float) -> None:
        self._clock.at += timedelta(seconds=seconds)


BENCHES: dict[str, Callable[[ExitStack], Bench]] = {
    "paper": lambda _stack: Desk(),
    "paper restarted": lambda _stack: RestartedDesk(),
    "simulated": lambda _stack: SimulatedBench(),
    "robinhood": at_exchange("in process"),
    "robinhood over HTTP": at_exchange("HTTP"),
}
"""What an implementer opens is closed with the stack."""


@pytest.fixture(params=list(BENCHES.values()), ids=list(BENCHES))
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with ExitStack() as stack:
        made: Bench = request.param(stack)
        made.show("100.00", "100.02")
        yield made


def ask(call: Coroutine[Any, Any, _Result]) -> _Result:
    return run(call)


def orders(bench: Bench, since: datetime = TEN - timedelta(days=1)) -> list[BrokerOrder]:
    return list(ask(bench.broker.orders(since)))


def find(bench: Bench, ref: str) -> BrokerOrder:
    """The order as it is read now, by its ref_id."""
    (found,) = [order for order in orders(bench) if order.ref_id == make_ref(ref)]
    return found


def buy(bench: Bench, quantity: int, limit: str, ref: str = "entry") -> BrokerOrder:
    return ask(bench.broker.place(make_order(Side.BUY, quantity, limit=limit, ref=ref)))


def test_it_says_whether_real_money_moves(bench: Bench) -> None:
    """PAPER or LIVE, nothing else."""
    assert bench.broker.execution_mode in ("PAPER", "LIVE")


def test_a_taken_order_is_found_by_its_ref_id(bench: Bench) -> None:
    """The answer and every later reading tell the same order."""
    answer = buy(bench, 10, "99.00")

    seen = find(bench, "entry")
    assert answer.ref_id == make_ref("entry")
    assert answer.state in WORKING
    assert seen.state in WORKING
    assert seen.order_id == answer.order_id
    assert (seen.symbol, seen.side, seen.quantity) == ("AAPL", Side.BUY, 10)
    assert seen.limit_price == Decimal("99.00")
    assert seen.created_at.tzinfo is not None
    assert seen.updated_at >= seen.created_at


def test_a_refused_order_is_no_order(bench: Bench) -> None:
    """RejectedError, and nothing of it in any reading."""
    sell = make_order(Side.SELL, 10, limit="99.00", ref="sell")

    with pytest.raises(RejectedError):
        ask(bench.broker.place(sell))

    assert orders(bench) == []


def test_more_than_the_account_holds_is_refused(bench: Bench) -> None:
    """Ten thousand shares at a hundred dollars are beyond it."""
    with pytest.raises(RejectedError):
        buy(bench, 10_000, "100.00")


def test_a_ref_id_is_taken_once(bench: Bench) -> None:
    """The second sending is not counted as dead: the first may be working."""
    buy(bench, 10, "99.00")

    with pytest.raises(UnknownOutcomeError):
        buy(bench, 10, "99.00")

    assert len(orders(bench)) == 1


def test_a_marketable_order_fills_within_its_limit(bench: Bench) -> None:
    """Executions add up, cost no more than the limit, and never change once told."""
    buy(bench, 10, "100.50")
    bench.after(2)
    bench.show("100.00", "100.02")

    seen = find(bench, "entry")
    assert seen.state is OrderState.FILLED
    assert seen.filled_quantity == sum(e.quantity for e in seen.executions) == 10
    assert all(0 < e.price <= Decimal("100.50") for e in seen.executions)
    assert all(e.at.tzinfo is not None and e.at >= seen.created_at for e in seen.executions)
    assert find(bench, "entry").executions == seen.executions


def test_a_cancelled_order_becomes_final(bench: Bench) -> None:
    """Asked is not done, but a reading soon says it."""
    answer = buy(bench, 10, "99.00")

    ask(bench.broker.cancel(answer.order_id))
    bench.after(2)
    bench.show("100.00", "100.02")

    assert find(bench, "entry").state is OrderState.CANCELLED


def test_a_final_order_cannot_be_cancelled(bench: Bench) -> None:
    """RejectedError for a filled one, an unknown one, and one cancelled before."""
    filled = buy(bench, 10, "100.50", "filled")
    gone = buy(bench, 10, "99.00", "gone")
    bench.after(2)
    bench.show("100.00", "100.02")
    ask(bench.broker.cancel(gone.order_id))
    bench.after(2)
    assert find(bench, "gone").state is OrderState.CANCELLED

    for order_id in (filled.order_id, gone.order_id, make_ref("never")):
        with pytest.raises(RejectedError):
            ask(bench.broker.cancel(order_id))


def test_a_reading_since_leaves_out_what_did_not_change(bench: Bench) -> None:
    """Orders that changed at that moment or later are all there, others are not."""
    buy(bench, 10, "99.00", "first")
    bench.after(60)
    bench.show("100.00", "100.02")
    second = buy(bench, 10, "99.00", "second")

    assert {o.ref_id for o in orders(bench)} == {make_ref("first"), make_ref("second")}
    late = orders(bench, second.created_at)
    assert [o.ref_id for o in late] == [make_ref("second")]
    assert orders(bench, second.updated_at + timedelta(hours=1)) == []


def test_a_fill_is_a_position_and_costs_cash(bench: Bench) -> None:
    """Shares at their price; the equity stays but for what the trade cost."""
    before = ask(bench.broker.account())
    buy(bench, 10, "100.50")
    bench.after(2)
    bench.show("100.00", "100.02")

    (execution,) = find(bench, "entry").executions
    (position,) = ask(bench.broker.positions())
    after = ask(bench.broker.account())
    assert (position.symbol, position.quantity, position.held_for_sells) == ("AAPL", 10, 0)
    assert position.average_price == execution.price
    assert before.cash - after.cash == 10 * execution.price + execution.fees
    assert abs(after.equity - before.equity) < 10
    assert after.buying_power <= after.cash


def test_a_working_buy_reserves_its_cash(bench: Bench) -> None:
    """What it may spend cannot be spent twice."""
    before = ask(bench.broker.account()).buying_power
    buy(bench, 10, "99.00")

    assert ask(bench.broker.account()).buying_power <= before - 990


def test_a_resting_stop_reserves_its_shares(bench: Bench) -> None:
    """No second sell is backed by them until it is final; then one is."""
    buy(bench, 10, "100.50")
    bench.after(2)
    bench.show("100.00", "100.02")
    stop = make_order(Side.SELL, 10, stop="95.00", ref="stop", time_in_force=TimeInForce.GTC)
    placed = ask(bench.broker.place(stop))
    (position,) = ask(bench.broker.positions())
    assert position.held_for_sells == 10

    with pytest.raises(RejectedError):
        ask(bench.broker.place(make_order(Side.SELL, 10, limit="99.00", ref="early")))
    ask(bench.broker.cancel(placed.order_id))
    bench.after(2)
    assert find(bench, "stop").state is OrderState.CANCELLED
    ask(bench.broker.place(make_order(Side.SELL, 10, limit="99.00", ref="exit")))
    bench.after(2)
    bench.show("100.00", "100.02")

    assert find(bench, "exit").state is OrderState.FILLED
    assert ask(bench.broker.positions()) == ()


def test_a_stop_sells_when_it_is_reached(bench: Bench) -> None:
    """A protective stop works at the broker without anyone looking."""
    buy(bench, 10, "100.50")
    bench.after(2)
    bench.show("100.00", "100.02")
    stop = make_order(Side.SELL, 10, stop="95.00", ref="stop", time_in_force=TimeInForce.GTC)
    ask(bench.broker.place(stop))
    bench.after(2)
    bench.show("96.00", "96.02")
    assert find(bench, "stop").state in WORKING
    bench.after(2)
    bench.show("94.90", "94.92")

    seen = find(bench, "stop")
    assert seen.state is OrderState.FILLED
    assert all(e.price <= Decimal("95.00") for e in seen.executions)
    assert ask(bench.broker.positions()) == ()
