"""The simulated broker keeps to the model in its docstring."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.paper import CALENDAR, CLOSE, TEN, make_order
from trading_bot.brokers.simulated import SimulatedDesk, SimulatedSettings
from trading_bot.domain.bar import Bar
from trading_bot.domain.errors import RejectedError, UnknownOutcomeError
from trading_bot.domain.order import BrokerOrder, OrderState, Side, TimeInForce

MINUTE = timedelta(minutes=1)


def bar(
    prices: Sequence[float], *, at: datetime = TEN, symbol: str = "AAPL", volume: int = 1000
) -> Bar:
    """Open, high, low, close of the minute from `at` on."""
    return Bar(symbol, at, at + MINUTE, *prices, volume, "recorded")


class Market:
    """A desk whose minutes pass one after the other."""

    def __init__(self, *, slippage_bps: str = "0", charges_fees: bool = False) -> None:
        settings = SimulatedSettings(
            starting_cash=Decimal(100_000),
            slippage_bps=Decimal(slippage_bps),
            charges_fees=charges_fees,
        )
        self.desk = SimulatedDesk(settings=settings, calendar=CALENDAR)
        self.now = TEN

    def send(self, side: Side, quantity: int, **details: Any) -> BrokerOrder:
        return self.desk.take(make_order(side, quantity, **details).intent, self.now)

    def play(self, *prices: float) -> list[BrokerOrder]:
        """One bar of open, high, low, close; what ended in it."""
        played = bar(prices, at=self.now)
        self.desk.open_bars([played])
        self.desk.finish_bars([played])
        self.now += MINUTE
        return list(self.desk.changed())

    def holding(self, quantity: int, price: float = 100.0) -> "Market":
        """The same market with shares bought at `price`."""
        self.send(Side.BUY, quantity, limit=f"{price:.2f}", ref="holding")
        self.play(price, price, price, price)
        return self


def only(orders: list[BrokerOrder]) -> tuple[OrderState, str, datetime]:
    """How the one order ended, at which price, when."""
    (order,) = orders
    (execution,) = order.executions
    return order.state, str(execution.price), execution.at


def test_a_buy_pays_the_next_open() -> None:
    """A limit order that the open satisfies trades there, not at its limit."""
    market = Market()
    market.send(Side.BUY, 10, limit="100.05")

    assert only(market.play(100.01, 101, 99, 100)) == (OrderState.FILLED, "100.01", TEN)


def test_a_buy_pays_slippage_up_to_its_limit() -> None:
    """Ten basis points on a hundred dollars are ten cents; the limit stands above them."""
    market = Market(slippage_bps="10")
    market.send(Side.BUY, 10, limit="100.20", ref="wide")
    market.send(Side.BUY, 10, limit="100.05", ref="narrow")

    prices = [str(o.executions[0].price) for o in market.play(100, 100, 100, 100)]
    assert prices == ["100.10", "100.05"]


def test_a_market_sell_gets_the_open_less_slippage() -> None:
    """Whatever the rest of the bar does."""
    market = Market(slippage_bps="10").holding(10)
    market.send(Side.SELL, 10)

    assert only(market.play(100, 120, 80, 90))[1] == "99.90"


def test_a_limit_out_of_reach_rests_and_is_filled_at_its_limit() -> None:
    """And only once the market went through it: to be touched is not enough."""
    market = Market()
    market.send(Side.BUY, 10, limit="99.00")

    assert market.play(100, 100, 99, 100) == []
    start = market.now
    assert only(market.play(100, 100, 98.99, 100)) == (OrderState.FILLED, "99.00", start + MINUTE)


def test_a_resting_limit_never_does_better_than_its_limit() -> None:
    """Also where the market opens beyond it."""
    market = Market().holding(10)
    market.send(Side.SELL, 10, limit="101.00")
    assert market.play(100, 100.5, 99, 100) == []

    assert only(market.play(102, 103, 101, 102))[1] == "101.00"


def test_a_stop_inside_the_bar_sells_at_the_stop() -> None:
    """Touched is reached."""
    market = Market().holding(10)
    market.send(Side.SELL, 10, stop="95.00", time_in_force=TimeInForce.GTC)

    assert market.play(100, 100, 95.01, 96) == []
    start = market.now
    assert only(market.play(96, 96, 95, 96)) == (OrderState.FILLED, "95.00", start + MINUTE)


def test_a_gap_through_the_stop_sells_at_the_open() -> None:
    """The lower of stop and open, at the bar's start."""
    market = Market().holding(10)
    market.send(Side.SELL, 10, stop="95.00", time_in_force=TimeInForce.GTC)
    start = market.now

    assert only(market.play(90, 99, 89, 98)) == (OrderState.FILLED, "90.00", start)


def test_a_stop_sent_after_the_open_guards_the_rest_of_the_bar() -> None:
    """An entry's stop is placed on its fill; the bar's low then reaches it."""
    market = Market()
    market.send(Side.BUY, 10, limit="100.00", ref="entry")
    entry_bar = bar((100, 101, 94, 96))
    market.desk.open_bars([entry_bar])
    assert len(market.desk.changed()) == 1
    market.send(Side.SELL, 10, stop="95.00", ref="stop")

    market.desk.finish_bars([entry_bar])
    assert only(list(market.desk.changed())) == (OrderState.FILLED, "95.00", TEN + MINUTE)


def test_of_a_stop_and_a_target_in_one_bar_the_stop_is_taken() -> None:
    """Nobody knows which came first, so the loss is assumed."""
    market = Market().holding(20)
    market.send(Side.SELL, 10, limit="105.00", ref="target")
    market.send(Side.SELL, 10, stop="95.00", ref="stop")
    market.play(100, 100, 100, 100)

    ended = market.play(100, 110, 90, 100)
    assert [str(o.executions[0].price) for o in ended] == ["95.00", "105.00"]


def test_a_cancelled_order_never_trades() -> None:
    """Between two bars a cancel is done at once, and it is final."""
    market = Market()
    order = market.send(Side.BUY, 10, limit="100.00")
    market.desk.cancel(order.order_id, market.now)

    (ended,) = market.play(90, 90, 90, 90)
    assert (ended.state, ended.executions) == (OrderState.CANCELLED, ())
    with pytest.raises(RejectedError, match="cancelled"):
        market.desk.cancel(order.order_id, market.now)


def test_the_end_of_the_session_ends_what_was_for_the_day() -> None:
    """A gtc stop stays."""
    market = Market().holding(10)
    market.send(Side.BUY, 10, limit="90.00", ref="day")
    market.send(Side.SELL, 10, stop="80.00", ref="stop", time_in_force=TimeInForce.GTC)

    market.desk.end_session(CLOSE)
    (ended,) = market.desk.changed()
    assert (ended.state, ended.side) == (OrderState.EXPIRED, Side.BUY)
    assert market.desk.has_working


def test_fees_are_those_of_the_day() -> None:
    """A sell of 100,000 dollars pays 20.60 a million, rounded up to the cent; a buy nothing."""
    market = Market(charges_fees=True).holding(900)
    market.send(Side.SELL, 900)

    (sold,) = market.play(100, 100, 100, 100)
    assert sold.executions[0].fees == Decimal("1.86")
    assert market.desk.account(market.now).cash == Decimal("99998.14")


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"side": Side.BUY, "quantity": 10}, "limit price"),
        ({"side": Side.BUY, "quantity": 5000, "limit": "100.00"}, "cost more"),
        ({"side": Side.BUY, "quantity": 10, "limit": "100.001"}, "multiple"),
        ({"side": Side.SELL, "quantity": 11, "limit": "100.00"}, "can be sold"),
    ],
)
def test_what_the_account_cannot_carry_is_refused(details: dict[str, Any], reason: str) -> None:
    """A refused order leaves nothing behind."""
    market = Market().holding(10)

    with pytest.raises(RejectedError, match=reason):
        market.send(**details)
    assert not market.desk.has_working


def test_a_ref_id_is_taken_once() -> None:
    """The second sending may not be counted as dead."""
    market = Market()
    market.send(Side.BUY, 10, limit="100.00")

    with pytest.raises(UnknownOutcomeError):
        market.send(Side.BUY, 10, limit="100.00")


cents = st.integers(min_value=9000, max_value=11000).map(lambda n: n / 100)


@given(
    minutes=st.lists(st.lists(cents, min_size=4, max_size=4), min_size=1, max_size=8),
    levels=st.tuples(cents, cents, cents),
)
def test_money_is_conserved_and_prices_lie_inside_the_bars(
    minutes: list[list[float]], levels: tuple[float, float, float]
) -> None:
    """Cash and executions agree, nothing oversells, no order does better than the market."""
    market = Market().holding(20)
    buy, target, stop = (f"{level:.2f}" for level in levels)
    market.send(Side.BUY, 10, limit=buy, ref="buy")
    market.send(Side.SELL, 10, limit=target, ref="target")
    market.send(Side.SELL, 10, stop=stop, ref="stop")
    before = market.desk.account(market.now).cash
    flow, shares = Decimal(0), 20

    for prices in minutes:
        low, high = min(prices), max(prices)
        for order in market.play(prices[0], high, low, prices[3]):
            (execution,) = order.executions
            sign = 1 if order.side is Side.SELL else -1
            flow += sign * execution.quantity * execution.price
            shares -= sign * execution.quantity
            if order.limit_price is not None:
                assert sign * (execution.price - order.limit_price) >= 0
            # A resting limit trades at its limit, so perhaps worse than the bar; never better.
            may_be_worse = order.limit_price is not None
            is_buy = order.side is Side.BUY
            assert execution.price >= Decimal(repr(low)) or (may_be_worse and not is_buy)
            assert execution.price <= Decimal(repr(high)) or (may_be_worse and is_buy)

    account = market.desk.account(market.now)
    assert account.cash == before + flow
    assert sum((p.quantity for p in market.desk.positions()), Decimal(0)) == shares >= 0
    assert account.equity == account.cash + shares * Decimal(repr(minutes[-1][3]))
