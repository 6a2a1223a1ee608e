"""Sales that come to light late: booked as what they were where the broker's position shows it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    ENTRY_AT,
    ENTRY_BAR,
    Core,
    after_open,
    broker_order,
    execution,
    with_entry,
    with_position,
)
from support.core_world import book_view
from trading_bot.core.effects import CancelOrder, RequestReconcile
from trading_bot.core.events import PersonDecided
from trading_bot.domain.order import BrokerOrder, OrderState
from trading_bot.ports.records import STREAM_ORDERS, STREAM_TRADES

S = OrderState
SECOND = timedelta(seconds=1)
OUT_AT = after_open(3)
AT = after_open(6)


def over_and_again() -> tuple[Core, list[BrokerOrder], BrokerOrder, int]:
    """A trade that is over, whose first stop was cancelled, and another that holds shares.

    The broker's orders, the cancelled stop apart, and the shares that the second trade holds.
    """
    core, entry = with_entry(script_ends=(ENTRY_BAR, after_open(4)))
    fill = execution("fill-entry", entry.quantity, "100.02", ENTRY_AT)
    bought = broker_order(entry, S.FILLED, fill)
    (stop,) = core.placed(core.read(ENTRY_AT, bought))
    gone = broker_order(stop, S.CANCELLED, at=after_open(2.5))
    (second,) = core.placed(core.read(after_open(2.5), gone))
    out = broker_order(second, S.FILLED, execution("out", 467, "98.90", OUT_AT), at=OUT_AT)
    core.read(OUT_AT, out)
    for seconds in range(120, 240, 15):
        core.quote(after_open(seconds=seconds + 1))
    core.account(after_open(seconds=239))
    (again,) = core.placed(core.quote(after_open(4)))
    more = broker_order(
        again, S.FILLED, execution("again", again.quantity, "100.02", after_open(4))
    )
    (third,) = core.placed(core.read(after_open(4), more))
    core.confirm(third, after_open(4))
    other = core.again(after_open(5), reconciles=True)
    orders = [bought, out, more, broker_order(third, S.OPEN, at=after_open(4))]
    other.reconcile(after_open(5), gone, *orders, AAPL=again.quantity)
    assert not other.state.protect_only
    return other, orders, gone, again.quantity


def filled_late(gone: BrokerOrder, quantity: int) -> BrokerOrder:
    late = execution("late", quantity, "99.10", AT)
    return replace(gone, executions=(late,), filled_quantity=quantity, updated_at=AT)


def test_a_late_sale_of_another_trades_shares_is_booked_to_that_trade() -> None:
    """Nothing is opened until the account was read; then it is an exit of who held the shares."""
    core, orders, gone, shares = over_and_again()
    late = filled_late(gone, 100)

    asked = core.read(AT, late, *orders)
    meanwhile = core.state.protect_only
    effects = core.reconcile(AT + SECOND, late, *orders, AAPL=shares - 100)

    assert any(isinstance(e, RequestReconcile) for e in asked)
    assert meanwhile == "a late sale: sold 100 AAPL, only 0 were held"
    assert not core.state.protect_only, "position and account agree: trading goes on"
    (record,) = core.records(STREAM_TRADES, effects)
    (trade,) = core.state.book.trades.values()
    assert (record.action, record.quantity, record.price) == ("SELL", 100, Decimal("99.10"))
    assert record.order_id == orders[2].order_id
    assert record.exit_reasoning == "sold by a late fill of the stop of a trade that was over"
    assert trade.held == shares - 100
    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)], "its stop is too large now"


def test_it_is_booked_once_whatever_is_read_again() -> None:
    """The same order in later readings, and after a restart, is no news."""
    core, orders, gone, shares = over_and_again()
    late = filled_late(gone, 100)
    core.reconcile(AT, late, *orders, AAPL=shares - 100)
    core.reconcile(AT + SECOND, late, *orders, AAPL=shares - 100)
    lines = len(core.lines[STREAM_ORDERS])

    core.read(AT + 2 * SECOND, late, *orders)
    core.reconcile(AT + 3 * SECOND, late, *orders, AAPL=shares - 100)
    other = core.again(AT + 4 * SECOND, reconciles=True)
    other.reconcile(AT + 5 * SECOND, late, *orders, AAPL=shares - 100)

    assert len(core.lines[STREAM_ORDERS]) == lines
    assert not other.state.protect_only
    assert book_view(other.state.book) == book_view(core.state.book, is_live=True)
    assert len(core.records(STREAM_TRADES)) == 1


def test_a_late_sale_that_the_position_denies_asks_for_a_person() -> None:
    """All the shares are still there: after two readings it is what cannot be."""
    core, orders, gone, shares = over_and_again()
    late = filled_late(gone, 100)

    core.reconcile(AT, late, *orders, AAPL=shares)
    first = set(core.state.protection)
    core.reconcile(AT + 10 * SECOND, late, *orders, AAPL=shares)

    assert "BROKER_IMPOSSIBLE" not in first, "a position may follow its executions"
    assert "BROKER_IMPOSSIBLE" in core.state.protection
    assert not core.records(STREAM_TRADES)


def test_what_a_person_has_seen_is_no_news_when_it_is_read_again() -> None:
    """Ended by a person, protect-only does not begin again with the next reading or process."""
    core, orders, gone, shares = over_and_again()
    late = filled_late(gone, 100)
    for n in range(2):
        core.reconcile(AT + n * SECOND, late, *orders, AAPL=shares)
    at = AT + 20 * SECOND
    core.send(
        PersonDecided(at=at, decision="end", subject="BROKER_IMPOSSIBLE", by="eve", why="asked")
    )

    core.reconcile(at + SECOND, late, *orders, AAPL=shares)
    core.reconcile(at + 2 * SECOND, late, *orders, AAPL=shares)
    other = core.again(at + 3 * SECOND, reconciles=True)
    for n in range(2):
        other.reconcile(at + (4 + n) * SECOND, late, *orders, AAPL=shares)

    assert not core.state.protect_only
    assert not other.state.protect_only


def test_the_owners_shares_sold_by_a_late_stop_are_told_and_left_out() -> None:
    """An oversell: counted as not ours any more, on record, and a person looks."""
    core, orders, gone, bought = over_and_again()
    part = execution("part", 50, "98.90", after_open(5.5))
    orders[-1] = replace(orders[-1], state=S.PART_FILLED, executions=(part,), filled_quantity=50)
    shares = bought - 50
    for n in range(2):
        core.reconcile(AT + n * SECOND, gone, *orders, AAPL=shares + 400)
    key = f"shares:AAPL:{shares}:{shares + 400}"
    core.send(PersonDecided(at=core.now, decision="not_ours", subject=key, by="eve", why="mine"))
    late = filled_late(gone, gone.quantity)
    more = gone.quantity - shares
    assert more > 0, "control: more than our other trade held"

    core.reconcile(AT + 5 * SECOND, late, *orders, AAPL=400 - more)
    other = core.again(AT + 6 * SECOND, reconciles=True)

    assert [d["shares"] for d in core.notes("oversold")] == [str(more)]
    assert "owners_shares_sold" in [a.subject for a in core.alerts()]
    assert set(core.state.protection) == {"BROKER_IMPOSSIBLE"}
    assert core.state.reconciled.foreign == other.state.reconciled.foreign == {"AAPL": 400 - more}
    assert sum(t.held for t in core.state.book.trades.values()) == 0


def test_a_sale_that_comes_before_its_shares_in_one_reading_is_no_riddle() -> None:
    """A late fill of the entry and the sale of those shares: in whatever order they are listed."""
    core, entry = with_entry()
    core.start(ENTRY_AT, reconciles=True, is_new=False)
    some = execution("some", 100, "100.02", ENTRY_AT)
    bought = broker_order(entry, S.CANCELLED, some, at=ENTRY_AT)
    (stop,) = core.placed(core.read(ENTRY_AT, bought))
    core.confirm(stop, ENTRY_AT + SECOND)
    gone = broker_order(stop, S.FILLED, execution("out", 100, "98.90", OUT_AT), at=OUT_AT)
    core.read(OUT_AT, gone)
    assert not core.state.book.trades
    rest = execution("rest", 40, "100.02", ENTRY_AT)
    more = replace(bought, executions=(some, rest), filled_quantity=140, updated_at=AT)
    again = core.placed(core.read(AT, more))[-1]
    core.confirm(again, AT)
    last = execution("last", 10, "100.02", ENTRY_AT)
    whole = replace(more, executions=(some, rest, last), filled_quantity=150, updated_at=AT)
    out = execution("out2", 40, "98.90", AT)
    sold = broker_order(again, S.FILLED, out, at=AT)
    over = replace(gone, executions=(*gone.executions,), updated_at=AT)

    core.read(AT + SECOND, over, sold, whole)

    (trade,) = core.state.book.trades.values()
    assert (trade.held, trade.bought) == (10, 150)
    assert "BROKER_IMPOSSIBLE" not in core.state.protection


@pytest.mark.parametrize("price", ["98.80", "99.10"])
def test_a_corrected_sale_is_followed_and_told(price: str) -> None:
    """The broker takes an execution back and tells another of as many shares: no person waits."""
    core, _, stop = with_position()
    reading = broker_order(stop, S.FILLED, execution("out", 467, "98.90", OUT_AT), at=OUT_AT)
    core.read(OUT_AT, reading)
    right = execution("out-2", 467, price, OUT_AT)
    corrected = replace(reading, executions=(right,), updated_at=AT)

    for seconds in (0, 1):
        core.read(AT + seconds * SECOND, corrected)

    assert not core.state.book.trades
    assert not core.state.protect_only
    assert core.state.day.realised == 467 * (Decimal(price) - Decimal("100.02"))
    assert "execution_corrected" in [a.subject for a in core.alerts()]
    assert not core.placed()[2:], "no stop for shares that were never there again"
    assert core.again(AT + 2 * SECOND).state.day.realised == core.state.day.realised


def test_a_corrected_entry_of_a_closed_trade_corrects_its_result() -> None:
    """What was paid is another amount: the closed trade's result is too, and it stays closed."""
    core, entry, stop = with_position()
    bought = broker_order(
        entry, S.FILLED, execution("fill-entry", 467, "100.02", ENTRY_AT + SECOND), at=ENTRY_AT
    )
    core.read(
        OUT_AT, broker_order(stop, S.FILLED, execution("out", 467, "98.90", OUT_AT), at=OUT_AT)
    )
    right = execution("right", 467, "100.00", ENTRY_AT + SECOND)
    corrected = replace(bought, executions=(right,), updated_at=AT)

    for seconds in (0, 1):
        core.read(AT + seconds * SECOND, corrected)

    assert not core.state.book.trades
    assert not core.state.protect_only
    (net,) = [net for net, _ in core.state.results.values()]
    assert net == core.state.day.realised == 467 * (Decimal("98.90") - Decimal(100))
    other = core.again(AT + 2 * SECOND)
    assert [net for net, _ in other.state.results.values()] == [net]
    assert other.state.day.realised == net
    assert other.state.day.trades == core.state.day.trades == 1


def test_an_entry_of_which_less_came_back_is_booked() -> None:
    """200 of 467 sold; the broker takes the 467 back and tells 300 instead: 100 are held."""
    core, entry, stop = with_position()
    bought = broker_order(
        entry, S.FILLED, execution("fill-entry", 467, "100.02", ENTRY_AT + SECOND), at=ENTRY_AT
    )
    out = execution("out", 200, "98.90", OUT_AT)
    part = broker_order(stop, S.PART_FILLED, out, at=OUT_AT)
    core.read(OUT_AT, part)
    less = execution("less", 300, "100.00", ENTRY_AT + SECOND)
    corrected = replace(bought, executions=(less,), filled_quantity=300, updated_at=AT)

    for seconds in (0, 1):
        core.read(AT + seconds * SECOND, corrected, part)

    (trade,) = core.state.book.trades.values()
    assert (trade.bought, trade.sold) == (300, 200)
    assert core.state.day.realised == 200 * (Decimal("98.90") - Decimal(100))
    assert "took back" in core.state.protect_only
    assert core.again(AT + 2 * SECOND).state.day.realised == core.state.day.realised
