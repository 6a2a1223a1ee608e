"""What happened to working orders while the program was down: the worst of it, said so."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from support.paper import CLOSE, TEN, Desk, make_bar, run
from trading_bot.brokers.paper_gap import GapReport
from trading_bot.domain.order import BrokerOrder, OrderState, TimeInForce
from trading_bot.domain.quote import HistoricalBar

LATER = TEN + timedelta(hours=2)


def bar(minutes: int, low: str, high: str, close: str, **changes: object) -> HistoricalBar:
    """A bar that starts so many minutes after ten."""
    return make_bar(TEN + timedelta(minutes=minutes), low, high, close, **changes)


def settle(
    desk: Desk, *bars: HistoricalBar, now: datetime = LATER, seen_until: datetime | None = None
) -> GapReport:
    """A restart at `now`, settled from these bars."""
    desk.at(now)
    desk.broker = desk.restored()
    return run(desk.broker.settle_gap({"AAPL": bars}, now, seen_until=seen_until))


def with_stop(price: str = "99.00") -> tuple[Desk, BrokerOrder]:
    desk = Desk().holding(50)
    stop = desk.sell(50, stop=price, ref="stop", time_in_force=TimeInForce.GTC)
    return desk, stop


def test_a_stop_reached_in_the_gap_filled_at_the_low() -> None:
    """The worst price of the first bar that reached it, with a note that says so."""
    desk, stop = with_stop()

    report = settle(desk, bar(5, "99.50", "101.00", "100.00"), bar(10, "97.30", "100.00", "99.80"))

    seen = desk.look(stop)
    (execution,) = seen.executions
    assert seen.state is OrderState.FILLED
    assert execution.price == Decimal("97.30")
    assert execution.at == TEN + timedelta(minutes=15)
    assert seen.updated_at == LATER
    assert "settled over a gap" in execution.note
    assert "2026-11-23T15:10Z" in execution.note
    assert report == GapReport(filled=(stop.order_id,), uncovered=())


def test_a_stop_not_reached_stays() -> None:
    """It goes on against live quotes."""
    desk, stop = with_stop()

    report = settle(desk, bar(5, "99.01", "101.00", "100.00"))

    assert desk.look(stop).state is OrderState.OPEN
    assert report == GapReport(filled=(), uncovered=())


def test_a_limit_buy_needs_the_market_to_go_through_it() -> None:
    """Touched is not filled, in a gap neither; filled is at the limit."""
    desk = Desk()
    touched = desk.buy(10, "99.00", ref="touched")
    through = desk.buy(10, "99.10", ref="through")

    settle(desk, bar(5, "99.00", "101.00", "100.00"))

    assert desk.look(touched).state is OrderState.OPEN
    (execution,) = desk.look(through).executions
    assert execution.price == Decimal("99.10")
    assert execution.note


def test_a_limit_sell_likewise() -> None:
    """The other side of the same."""
    desk = Desk().holding(20)
    touched = desk.sell(10, "101.00", ref="touched")
    through = desk.sell(10, "100.90", ref="through")

    settle(desk, bar(5, "99.00", "101.00", "100.00"))

    assert desk.look(touched).state is OrderState.OPEN
    assert desk.look(through).executions[0].price == Decimal("100.90")


def test_in_the_bar_of_its_placing_only_the_close_counts() -> None:
    """What of that bar was before the order nobody knows, but its end was after it."""
    for close, state in (("99.01", OrderState.OPEN), ("98.90", OrderState.FILLED)):
        desk, stop = with_stop()
        settle(desk, bar(0, "95.00", "101.00", close))

        seen = desk.look(stop)
        assert seen.state is state
        assert [e.price for e in seen.executions] == [Decimal(close)][: len(seen.executions)]


def test_bars_that_were_watched_do_not_count_again() -> None:
    """`seen_until` says up to when quotes were shown; a bar that reaches beyond counts whole."""
    for minutes, state in ((15, OrderState.OPEN), (14, OrderState.FILLED)):
        desk, stop = with_stop()
        settle(
            desk,
            bar(10, "97.00", "100.00", "99.50"),
            seen_until=TEN + timedelta(minutes=minutes),
        )
        assert desk.look(stop).state is state


def test_bars_after_now_made_up_or_out_of_hours_do_not_count() -> None:
    """Only what was traded in regular hours, and before the restart."""
    desk, stop = with_stop()

    settle(
        desk,
        bar(10, "90.00", "100.00", "95.00", is_interpolated=True),
        bar(15, "90.00", "100.00", "95.00", session="post"),
        bar(-60, "90.00", "100.00", "95.00"),
        bar(120, "90.00", "100.00", "95.00"),
    )

    assert desk.look(stop).state is OrderState.OPEN


def test_a_bar_of_a_holiday_does_not_count() -> None:
    """The calendar knows better than a source that calls it a regular one."""
    desk, stop = with_stop()
    thanksgiving = TEN + timedelta(days=3)

    settle(
        desk,
        make_bar(thanksgiving, "90.00", "100.00", "95.00"),
        now=thanksgiving + timedelta(hours=1),
    )

    assert desk.look(stop).state is OrderState.OPEN


def test_an_unfinished_bar_is_known_at_the_restart() -> None:
    """A bar that still runs counts; its execution is not in the future."""
    desk, stop = with_stop()
    now = TEN + timedelta(minutes=7)

    settle(desk, bar(5, "98.00", "100.00", "99.00"), now=now)

    assert desk.look(stop).executions[0].at == now


def test_a_day_order_fills_only_in_its_session() -> None:
    """The next morning's bars come after its end."""
    desk = Desk()
    order = desk.buy(10, "99.00", ref="day")
    morning = TEN + timedelta(days=1)

    settle(desk, bar(24 * 60 - 20, "90.00", "95.00", "94.00"), now=morning)

    assert desk.look(order).state is OrderState.EXPIRED


def test_a_fill_of_the_last_bar_is_before_the_close() -> None:
    """A restart in the evening finds it filled, not expired, settling from that day."""
    desk = Desk().holding(10)
    order = desk.sell(10, stop="99.00", ref="stop")
    last = make_bar(CLOSE - timedelta(minutes=5), "98.00", "100.00", "99.50")

    settle(desk, last, now=CLOSE + timedelta(hours=3))

    (execution,) = desk.look(order).executions
    assert execution.at == CLOSE
    account = run(desk.broker.account())
    assert account.cash == Decimal("99979.97")
    assert account.settled_cash == Decimal(99_000)


def test_a_cancel_asked_before_the_gap_took_effect_first() -> None:
    """The exchange had all the time it needed."""
    desk, stop = with_stop()
    desk.cancel(stop)

    settle(desk, bar(10, "90.00", "100.00", "95.00"))

    assert desk.look(stop).state is OrderState.CANCELLED


def test_a_market_order_left_open_gets_the_worst_of_its_first_bar() -> None:
    """A triggered stop whose shares did not trade is a market order, too."""
    desk = Desk().holding(50)
    desk.after(60)
    order = desk.sell(50, ref="market")

    settle(desk, bar(5, "98.50", "100.00", "99.00"))

    assert desk.look(order).executions[0].price == Decimal("98.50")


def test_a_buy_stop_pays_the_high_within_its_collar() -> None:
    """Never more than the cash it holds."""
    for high, price in (("102.00", "102.00"), ("120.00", "106.05")):
        desk = Desk()
        order = desk.buy(10, stop="101.00", ref="stop")

        settle(desk, bar(5, "100.00", high, "101.50"))

        assert desk.look(order).executions[0].price == Decimal(price)


def test_a_buy_stop_beyond_its_collar_stays() -> None:
    """The whole bar was dearer than the cash it holds allows."""
    desk = Desk()
    order = desk.buy(10, stop="101.00", ref="stop")

    settle(desk, bar(5, "106.06", "120.00", "110.00"))

    assert desk.look(order).state is OrderState.OPEN


def test_a_long_bar_ends_with_the_session() -> None:
    """An hourly bar that began at 15:30 traded until 16:00."""
    desk, stop = with_stop()
    evening = CLOSE + timedelta(hours=2)
    late = make_bar(CLOSE - timedelta(minutes=30), "98.00", "100.00", "99.50")

    desk.at(evening)
    run(desk.broker.settle_gap({"AAPL": [late]}, evening, bar_length=timedelta(hours=1)))

    assert desk.look(stop).executions[0].at == CLOSE


def test_a_symbol_without_bars_is_named() -> None:
    """What could not be settled is said, and stays as it was."""
    desk, stop = with_stop()

    report = settle(desk)

    assert report == GapReport(filled=(), uncovered=("AAPL",))
    assert desk.look(stop).state is OrderState.OPEN


def test_several_fills_come_in_the_order_of_time() -> None:
    """Whichever order came first to the broker."""
    desk = Desk().holding(20)
    late = desk.sell(10, stop="98.00", ref="late", time_in_force=TimeInForce.GTC)
    early = desk.sell(10, stop="99.00", ref="early", time_in_force=TimeInForce.GTC)

    report = settle(desk, bar(5, "98.50", "100.00", "99.00"), bar(10, "97.50", "99.00", "98.00"))

    assert report.filled == (early.order_id, late.order_id)


def test_settling_twice_changes_nothing() -> None:
    """A restart during the restart finds the same."""
    desk, _ = with_stop()
    bars = (bar(5, "99.50", "101.00", "100.00"), bar(10, "97.30", "100.00", "99.80"))
    settle(desk, *bars)
    lines = list(desk.sink.lines)

    report = settle(desk, *bars)

    assert report.filled == ()
    assert desk.sink.lines == lines


@pytest.mark.parametrize("zone_hours", [0, 5])
def test_the_gap_may_span_a_night(zone_hours: int) -> None:
    """A stop that the next morning's open went through."""
    desk, stop = with_stop()
    opening = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)

    settle(
        desk,
        make_bar(opening, "94.00", "96.00", "95.00"),
        now=opening + timedelta(hours=zone_hours, minutes=30),
    )

    assert desk.look(stop).executions[0].price == Decimal("94.00")


def test_the_ledger_says_until_when_quotes_were_seen() -> None:
    """Every five minutes while an order works: what was watched is not settled again."""
    desk, stop = with_stop()
    for _ in range(20):
        desk.after(59)
        desk.show("99.50", "99.52")
    watched = [line for line in desk.sink.lines if '"watched"' in line]
    assert len(watched) == 4

    settle(desk, bar(5, "90.00", "100.00", "99.50"))
    assert desk.look(stop).state is OrderState.OPEN

    settle(desk, bar(15, "90.00", "100.00", "99.50"))
    assert desk.look(stop).state is OrderState.FILLED


def test_a_symbol_that_was_not_seen_was_not_watched() -> None:
    """A bad quote, or none, of a symbol with a working order is a gap."""
    desk, stop = with_stop()
    for _ in range(20):
        desk.after(59)
        desk.show("99.50", "99.52", is_halted=True)
        desk.show("99.50", "99.52", symbol="MSFT")
    assert not any('"watched"' in line for line in desk.sink.lines)

    settle(desk, bar(5, "90.00", "100.00", "99.50"))
    assert desk.look(stop).state is OrderState.FILLED


def test_without_working_orders_nothing_is_written() -> None:
    """A quiet account costs no disk."""
    desk = Desk()
    for _ in range(20):
        desk.show("99.50", "99.52")

    assert len(desk.sink.lines) == 1
