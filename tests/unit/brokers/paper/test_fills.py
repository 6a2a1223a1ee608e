"""When a paper order trades, and at what price."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.paper import CLOSE, PLAIN, Desk, make_quote, prices, run
from trading_bot.domain.order import OrderState, Side, TimeInForce

SLIPPING = PLAIN.model_copy(update={"slippage_bps": Decimal(2), "depth_slippage_bps": Decimal(10)})


def test_a_marketable_buy_pays_the_ask_and_slippage() -> None:
    """The spread and two basis points, rounded up to the tick: 100.02 and 0.02 more."""
    desk = Desk(SLIPPING)
    desk.show("100.00", "100.02")

    order = desk.buy(50, "100.20")

    assert prices(desk.look(order)) == [(50, "100.05")]


def test_slippage_never_passes_the_limit() -> None:
    """A limit is a promise: the fill is at it, not beyond it."""
    desk = Desk(SLIPPING)
    desk.show("100.00", "100.02")

    order = desk.buy(50, "100.03")

    assert prices(desk.look(order)) == [(50, "100.03")]


def test_a_marketable_sell_gets_the_bid_less_slippage() -> None:
    """The other side of the same: 99.90 less two basis points, cut to the tick."""
    desk = Desk(SLIPPING)
    desk.holding(50, "100.10")
    desk.show("99.90", "99.95")

    order = desk.sell(50, "99.50")

    assert prices(desk.look(order)) == [(50, "99.88")]


def test_the_answer_to_place_tells_no_fill() -> None:
    """As at Robinhood the order is taken first; that it traded shows at the next reading."""
    desk = Desk()
    desk.show("100.00", "100.02")

    order = desk.buy(50, "100.20")

    assert order.state is OrderState.UNCONFIRMED
    assert order.executions == ()
    assert order.filled_quantity == 0
    seen = desk.look(order)
    assert seen.state is OrderState.FILLED
    assert seen.filled_quantity == 50


def test_without_a_quote_an_order_waits_for_one() -> None:
    """Nothing is priced by guess: the first good quote decides."""
    desk = Desk()

    order = desk.buy(50, "100.20")
    assert desk.look(order).state is OrderState.OPEN
    desk.show("100.00", "100.02")

    assert prices(desk.look(order)) == [(50, "100.02")]


def test_an_old_quote_fills_nothing() -> None:
    """A quote beyond its age is no offer any more."""
    desk = Desk()
    desk.show("100.00", "100.02")
    desk.after(16)

    order = desk.buy(50, "100.20")

    assert desk.look(order).state is OrderState.OPEN


def test_displayed_size_fills_in_parts() -> None:
    """Each quote offers its size once; the rest waits for the next quote."""
    desk = Desk()
    order = desk.buy(250, "100.20")

    desk.show("100.00", "100.02", size=100)
    assert desk.look(order).state is OrderState.PART_FILLED
    desk.show("100.00", "100.03", size=100)
    desk.show("100.00", "100.04", size=100)

    seen = desk.look(order)
    assert prices(seen) == [(100, "100.02"), (100, "100.03"), (50, "100.04")]
    assert seen.state is OrderState.FILLED
    assert len({e.execution_id for e in seen.executions}) == 3


def test_one_share_short_is_not_filled() -> None:
    """An order is filled by its last share."""
    desk = Desk()
    order = desk.buy(101, "100.20")

    desk.show("100.00", "100.02", size=100)
    assert desk.look(order).state is OrderState.PART_FILLED
    desk.show("100.00", "100.02", size=100)

    assert desk.look(order).state is OrderState.FILLED


def test_the_same_quote_offers_its_shares_once() -> None:
    """Reading a quote again, or sending a second order, makes no new shares."""
    desk = Desk()
    quote = make_quote("100.00", "100.02", at=desk.clock.at, size=100)
    first = desk.buy(80, "100.20", ref="first")
    second = desk.buy(80, "100.20", ref="second")

    for _ in range(3):
        run(desk.broker.on_quotes({"AAPL": quote}, desk.clock.at))

    assert desk.look(first).filled_quantity == 80
    assert desk.look(second).filled_quantity == 20


def test_only_our_share_of_the_size_is_ours() -> None:
    """Others take part: a quarter of 100 shares is 25."""
    desk = Desk(PLAIN.model_copy(update={"participation_pct": Decimal(25)}))
    order = desk.buy(50, "100.20")

    desk.show("100.00", "100.02", size=100)

    assert desk.look(order).filled_quantity == 25


def test_a_quote_without_size_fills_no_limit_order() -> None:
    """No shares offered, none bought."""
    desk = Desk()
    order = desk.buy(50, "100.20")

    desk.show("100.00", "100.02", size=0)

    assert desk.look(order).state is OrderState.OPEN


def test_a_resting_buy_that_is_touched_does_not_fill() -> None:
    """At the limit others are first in the queue; when the market goes through, we trade at it."""
    desk = Desk(SLIPPING)
    desk.show("100.00", "100.02")
    order = desk.buy(50, "99.90")

    desk.show("99.88", "99.90")
    assert desk.look(order).state is OrderState.OPEN
    desk.show("99.87", "99.89")

    assert prices(desk.look(order)) == [(50, "99.90")]


def test_a_resting_sell_that_is_touched_does_not_fill() -> None:
    """The same on the other side."""
    desk = Desk(SLIPPING)
    desk.holding(50)
    order = desk.sell(50, "101.00")

    desk.show("101.00", "101.02")
    assert desk.look(order).state is OrderState.OPEN
    desk.show("101.01", "101.03")

    assert prices(desk.look(order)) == [(50, "101.00")]


def test_the_rest_of_a_marketable_order_stays_marketable_until_it_rests() -> None:
    """A part filled by size goes on at the ask; once out of reach it waits like any other."""
    desk = Desk()
    order = desk.buy(250, "100.02")
    desk.show("100.00", "100.02", size=100)
    desk.show("100.00", "100.02", size=100)
    desk.show("100.03", "100.05", size=100)
    desk.show("100.00", "100.02", size=100)

    assert desk.look(order).filled_quantity == 200

    desk.show("99.99", "100.01", size=100)
    assert prices(desk.look(order))[-1] == (50, "100.02")


def test_a_stop_waits_above_its_price() -> None:
    """Neither bid nor trade reached it."""
    desk = Desk().holding(50)
    order = desk.sell(50, stop="99.00", time_in_force=TimeInForce.GTC)

    desk.show("99.01", "99.03", last="99.01")

    assert desk.look(order).state is OrderState.OPEN


def test_a_stop_is_triggered_by_the_bid_and_fills_there() -> None:
    """A stop is a market order once reached: the bid less slippage, wherever that is."""
    desk = Desk(SLIPPING).holding(50)
    order = desk.sell(50, stop="99.00", time_in_force=TimeInForce.GTC)

    desk.show("97.00", "97.10")

    assert prices(desk.look(order)) == [(50, "96.98")]


def test_a_stop_is_triggered_by_a_trade() -> None:
    """A print at the stop is enough, though the bid is above it."""
    desk = Desk().holding(50)
    order = desk.sell(50, stop="99.00", time_in_force=TimeInForce.GTC)

    desk.show("99.02", "99.04", last="99.00")

    assert prices(desk.look(order)) == [(50, "99.02")]


def test_a_trade_before_the_stop_does_not_trigger_it() -> None:
    """The last print may be older than the order."""
    desk = Desk().holding(50)
    before = desk.clock.at - timedelta(seconds=5)
    order = desk.sell(50, stop="99.00", time_in_force=TimeInForce.GTC)

    desk.show("99.02", "99.04", last="98.00", last_at=before)

    assert desk.look(order).state is OrderState.OPEN


def test_a_triggered_stop_fills_in_full_and_the_depth_costs_more() -> None:
    """Shares beyond the displayed size walk the book: 2 and 10 basis points more."""
    desk = Desk(SLIPPING).holding(150)
    order = desk.sell(150, stop="99.00", time_in_force=TimeInForce.GTC)

    desk.show("99.00", "99.02", size=100)

    assert prices(desk.look(order)) == [(100, "98.98"), (50, "98.88")]


def test_a_market_sell_fills_at_once_in_full() -> None:
    """Whatever the size shown."""
    desk = Desk().holding(50)
    desk.show("99.00", "99.02", size=0)

    order = desk.sell(50)

    assert prices(desk.look(order)) == [(50, "99.00")]


def test_a_market_buy_is_collared() -> None:
    """It holds five percent above the ask and pays no more than that."""
    deep = {"slippage_bps": Decimal(400), "depth_slippage_bps": Decimal(400)}
    desk = Desk(PLAIN.model_copy(update=deep))
    desk.show("100.00", "100.00", size=4)

    order = desk.buy(10)

    assert prices(desk.look(order)) == [(4, "104.00"), (6, "105.00")]


def test_a_triggered_buy_waits_while_the_ask_is_beyond_its_collar() -> None:
    """The cash it holds would not pay for it."""
    desk = Desk()
    desk.show("100.00", "100.02")
    order = desk.buy(10, stop="101.00")

    desk.show("106.04", "106.06")
    assert desk.look(order).state is OrderState.OPEN
    desk.show("106.03", "106.05")

    assert prices(desk.look(order)) == [(10, "106.05")]


def test_a_buy_stop_waits_below_and_pays_the_ask() -> None:
    """An entry on the way up."""
    desk = Desk()
    desk.show("100.00", "100.02")
    order = desk.buy(10, stop="101.00")
    assert desk.look(order).state is OrderState.OPEN

    desk.show("101.00", "101.05")

    assert prices(desk.look(order)) == [(10, "101.05")]


@pytest.mark.parametrize(
    "fault",
    [
        {"is_halted": True},
        {"has_traded": False},
        {"bid": None},
        {"ask": None},
        {"bid": Decimal(0)},
        {"bid": Decimal("99.03")},
        {"ask": Decimal("NaN")},
        {"last": None},
        {"updated_at": None},
        {"updated_at": CLOSE},
        {"updated_at": CLOSE - timedelta(days=30)},
    ],
    ids=lambda fault: "-".join(f"{k}={v}" for k, v in fault.items()),
)
def test_a_bad_quote_fills_nothing(fault: dict[str, Any]) -> None:
    """Halted, not open yet, missing, zero, crossed, stale or from the future: no offer."""
    desk = Desk().holding(50)
    stop = desk.sell(50, stop="99.50", ref="stop")
    entry = desk.buy(10, "100.20", ref="entry")
    good = make_quote("99.00", "99.02", at=desk.clock.at + timedelta(seconds=1))
    desk.after(1)

    run(desk.broker.on_quotes({"AAPL": replace(good, **fault)}, desk.clock.at))
    assert desk.look(stop).state is OrderState.OPEN
    assert desk.look(entry).state is OrderState.OPEN

    run(desk.broker.on_quotes({"AAPL": good}, desk.clock.at))
    assert desk.look(stop).state is OrderState.FILLED
    assert desk.look(entry).state is OrderState.FILLED


def test_a_missing_quote_is_no_quote() -> None:
    """The source may know none of a symbol."""
    desk = Desk()
    order = desk.buy(10, "100.20")

    run(desk.broker.on_quotes({"AAPL": None}, desk.clock.at))

    assert desk.look(order).state is OrderState.OPEN


@pytest.mark.parametrize("hours", [-1.5, -0.51, 6, 8, 24 * 5])
def test_outside_regular_hours_nothing_fills(hours: float) -> None:
    """Before the open, after the close, at the weekend: orders wait."""
    desk = Desk()
    desk.after(hours * 3600)
    order = desk.buy(10, "100.20", time_in_force=TimeInForce.GTC)

    desk.show("100.00", "100.02")

    assert desk.look(order).state is OrderState.OPEN


def test_a_day_order_ends_with_its_session() -> None:
    """At the close, not before, with what it had filled."""
    desk = Desk()
    order = desk.buy(250, "100.02")
    desk.show("100.00", "100.02", size=100)

    desk.at(CLOSE - timedelta(milliseconds=1))
    assert desk.look(order).state is OrderState.PART_FILLED
    desk.at(CLOSE)

    seen = desk.look(order)
    assert seen.state is OrderState.EXPIRED
    assert seen.filled_quantity == 100


def test_a_day_order_after_the_close_is_for_the_next_session() -> None:
    """Sent on Wednesday evening it skips Thanksgiving and ends at Friday's early close."""
    desk = Desk()
    desk.at(CLOSE + timedelta(days=2, hours=1))
    order = desk.buy(10, "100.20")

    friday_close = CLOSE + timedelta(days=4, hours=-3)
    desk.at(friday_close - timedelta(seconds=1))
    assert desk.look(order).state is OrderState.OPEN
    desk.at(friday_close)

    assert desk.look(order).state is OrderState.EXPIRED


def test_a_gtc_order_outlives_its_session() -> None:
    """A protective stop is there the next morning."""
    desk = Desk().holding(50)
    order = desk.sell(50, stop="99.00", time_in_force=TimeInForce.GTC)
    desk.at(CLOSE + timedelta(hours=18))

    desk.show("98.00", "98.02")

    assert desk.look(order).state is OrderState.FILLED


def test_a_cancel_is_final_at_the_next_reading() -> None:
    """Asked is not done: the order still counts until it is read."""
    desk = Desk()
    desk.show("100.00", "100.02")
    order = desk.buy(10, "99.00")

    desk.cancel(order)
    desk.cancel(order)

    assert desk.broker.book.orders[order.order_id].state is OrderState.OPEN
    assert desk.look(order).state is OrderState.CANCELLED


def test_a_fill_can_beat_a_cancel() -> None:
    """Quotes that come first are matched first."""
    desk = Desk()
    desk.show("100.00", "100.02")
    order = desk.buy(10, "99.00")
    desk.cancel(order)

    desk.show("98.90", "98.95")

    assert desk.look(order).state is OrderState.FILLED


def test_a_part_may_beat_a_cancel() -> None:
    """The rest is cancelled with what it has."""
    desk = Desk()
    desk.show("100.00", "100.02")
    order = desk.buy(100, "99.00")
    desk.cancel(order)

    desk.show("98.90", "98.95", size=30)

    seen = desk.look(order)
    assert seen.state is OrderState.CANCELLED
    assert seen.filled_quantity == 30


def test_orders_trade_in_the_order_they_came() -> None:
    """Two sells of one symbol share a bid's size, first come first served."""
    desk = Desk().holding(100)
    first = desk.sell(60, "100.50", ref="a")
    second = desk.sell(40, "100.50", ref="b")

    desk.show("100.60", "100.70", size=70)

    assert desk.look(first).filled_quantity == 60
    assert desk.look(second).filled_quantity == 10


def test_another_symbols_quote_is_another_matter() -> None:
    """A quote fills its own symbol only."""
    desk = Desk()
    order = desk.place(Side.BUY, 10, limit="100.20", symbol="MSFT")

    desk.show("100.00", "100.02")

    assert desk.look(order).state is OrderState.OPEN


def test_a_day_order_sent_at_the_close_is_for_the_next_session() -> None:
    """The close itself is no trading time any more."""
    desk = Desk()
    desk.at(CLOSE)

    order = desk.buy(10, "100.20")

    assert desk.look(order).state is OrderState.OPEN
