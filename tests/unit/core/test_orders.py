"""Late fills, fills taken back, edits and cancels by the owner, orders of nobody."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    ENTRY_AT,
    ENTRY_BAR,
    IDENTITY,
    Core,
    after_open,
    broker_order,
    execution,
    with_entry,
    with_position,
)
from support.core_world import book_view, state_view
from trading_bot.core.effects import CancelOrder, Effect, RequestOrders
from trading_bot.core.events import OrderFailed, TimerFired
from trading_bot.domain.order import BrokerOrder, Leg, OrderIntent, OrderState, OrderType
from trading_bot.execution.ref_ids import make_ref_id
from trading_bot.execution.trade import Trade
from trading_bot.ports.records import STREAM_ORDERS, STREAM_RISK, STREAM_TRADES

S = OrderState
AT = after_open(5)
OUT_AT = after_open(4)


def kinds(core: Core) -> list[str]:
    return [e.kind for e in core.records(STREAM_ORDERS)]


def risk_types(core: Core) -> list[str]:
    return [r.event_type for r in core.records(STREAM_RISK)]


def cancelled_entry() -> tuple[Core, OrderIntent]:
    """A core whose entry was cancelled unfilled: the trade is closed."""
    core, entry = with_entry()
    core.confirm(entry, ENTRY_AT + timedelta(seconds=1))
    core.read(ENTRY_AT + timedelta(seconds=12), broker_order(entry, S.OPEN))
    core.read(ENTRY_AT + timedelta(seconds=14), broker_order(entry, S.CANCELLED))
    assert not core.state.book.trades
    return core, entry


def sold() -> tuple[Core, OrderIntent, BrokerOrder]:
    """A core whose stop was filled: the trade is closed with a loss."""
    core, entry, stop = with_position()
    fill = execution("out", entry.quantity, "98.90", OUT_AT)
    reading = broker_order(stop, S.FILLED, fill, at=OUT_AT)
    core.read(OUT_AT, reading)
    assert not core.state.book.trades
    return core, entry, reading


def bought_again() -> tuple[Core, BrokerOrder, OrderIntent]:
    """A core with a trade that is over, by this reading of its stop, and a second one, open."""
    core, entry = with_entry(script_ends=(ENTRY_BAR, after_open(4)))
    fill = execution("fill-entry", entry.quantity, "100.02", ENTRY_AT)
    (stop,) = core.placed(core.read(ENTRY_AT, broker_order(entry, S.FILLED, fill)))
    out_at = after_open(3)
    out = execution("out", entry.quantity, "98.90", out_at)
    reading = broker_order(stop, S.FILLED, out, at=out_at)
    core.read(out_at, reading)
    for seconds in range(120, 240, 15):
        core.quote(after_open(seconds=seconds + 1))
    core.account(after_open(seconds=239))
    (again,) = core.placed(core.quote(after_open(4)))
    core.confirm(again, after_open(4))
    filled = execution("again", again.quantity, "100.02", after_open(4))
    (stop,) = core.placed(core.read(after_open(4), broker_order(again, S.FILLED, filled)))
    core.confirm(stop, after_open(4))
    return core, reading, again


def trades_of(core: Core) -> list[Trade]:
    return list(core.state.book.trades.values())


def same_after_restart(core: Core) -> None:
    """Another process finds the same book, day and results."""
    other = core.again(core.now)
    assert book_view(other.state.book) == book_view(core.state.book, is_live=True)
    assert other.state.day.realised == core.state.day.realised
    assert other.state.day.trades == core.state.day.trades
    assert other.state.losses == core.state.losses
    assert {k: net for k, (net, _) in other.state.results.items()} == {
        k: net for k, (net, _) in core.state.results.items()
    }


def test_late_fill_of_a_closed_entry_is_adopted_and_protected() -> None:
    """The fill lost to a cancel comes to light: recorded, protected by a stop, told."""
    core, entry = cancelled_entry()

    late = broker_order(entry, S.CANCELLED, execution("late", 40, "100.02", ENTRY_AT))
    effects = core.read(AT, late)

    assert [(i.leg, i.quantity) for i in core.placed(effects)] == [(Leg.STOP, 40)]
    assert len(core.records(STREAM_TRADES)) == 1
    assert kinds(core)[-4:] == ["reopened", "fill", "intent", "unprotected"]
    assert "trade_reopened" in [a.subject for a in core.alerts()]
    same_after_restart(core)


def test_late_fill_is_adopted_by_the_next_process_too() -> None:
    """A closed trade is watched over restarts: the record holds what is needed."""
    core, entry = cancelled_entry()
    other = core.again(core.now + timedelta(minutes=1))

    late = broker_order(entry, S.CANCELLED, execution("late", 40, "100.02", ENTRY_AT))
    effects = other.read(AT, late)

    assert [(i.leg, i.quantity) for i in other.placed(effects)] == [(Leg.STOP, 40)]


def test_closed_trades_are_watched_until_the_next_sessions_close() -> None:
    """On the next day a late fill is still ours, on the day after it is nobody's."""
    core, entry = cancelled_entry()
    day = timedelta(days=1)

    assert core.again(AT + day).state.book.find(entry.ref_id, "") is not None
    assert core.again(AT + 2 * day).state.book.find(entry.ref_id, "") is None


def test_old_reading_of_a_closed_trade_is_nothing() -> None:
    """What is known already opens no trade again."""
    core, _, reading = sold()
    before = len(core.lines[STREAM_ORDERS])

    core.read(AT, reading)

    assert len(core.lines[STREAM_ORDERS]) == before


def test_a_sale_of_what_is_not_held_opens_nothing() -> None:
    """A closed trade cannot sell: alarm and protect-only, as for every impossible reading."""
    core, _, stop = with_position()
    trade_stop = broker_order(stop, S.CANCELLED, at=OUT_AT)
    core.read(OUT_AT, trade_stop)
    again = core.placed()[-1]
    core.read(OUT_AT, broker_order(again, S.FILLED, execution("o", 467, "98.9", OUT_AT)))

    core.read(AT, broker_order(stop, S.CANCELLED, execution("late", 467, "98.9", OUT_AT)))

    assert not core.state.book.trades
    assert "broker_answer_impossible" in risk_types(core)


def bust_of(reading: BrokerOrder, at: datetime, *left: object) -> BrokerOrder:
    """The same order later, without its executions but `left`."""
    executions = tuple(e for e in reading.executions if e.execution_id in left)
    filled = sum(e.quantity for e in executions)
    return replace(reading, executions=executions, filled_quantity=filled, updated_at=at)


def test_a_taken_back_exit_opens_the_trade_again() -> None:
    """Two readings agree: the sale is reversed to the cent, the shares get a stop, told."""
    core, _, reading = sold()
    realised = core.state.day.realised
    assert realised < 0

    core.read(AT, bust_of(reading, AT))
    assert not core.state.book.trades, "one reading is not enough"
    effects = core.read(AT + timedelta(seconds=1), bust_of(reading, AT))

    (trade,) = core.state.book.trades.values()
    assert (trade.held, trade.sold, trade.matches) == (467, 0, {})
    assert core.state.day.realised == 0
    assert core.state.losses == []
    assert [(i.leg, i.quantity) for i in core.placed(effects)] == [(Leg.STOP, 467)]
    assert "execution_taken_back" in [a.subject for a in core.alerts()]
    assert "took back" in core.state.protect_only
    same_after_restart(core)


def test_a_first_sign_of_a_bust_is_looked_at_again_soon() -> None:
    """The orders of a closed trade are hardly read; the shares it may have again cannot wait."""
    core, _, reading = sold()
    core.send(TimerFired(at=AT, name="orders"))
    core.read(AT, bust_of(reading, AT))

    at = core.timers["orders"]
    effects = core.send(TimerFired(at=at, name="orders"))

    assert at - AT <= timedelta(seconds=1)
    assert [type(effect) for effect in effects] == [RequestOrders]


def test_a_trade_that_opens_again_is_protected_beside_another() -> None:
    """Each has a stop for its own shares, though both are of one symbol."""
    core, first, second = bought_again()
    effects: list[Effect] = []
    for seconds in (0, 1):
        effects = core.read(AT + timedelta(seconds=seconds), bust_of(first, AT))

    assert [(i.leg, i.quantity) for i in core.placed(effects)] == [(Leg.STOP, 467)]
    held = {trade.trade_id: (trade.held, trade.working_sells) for trade in trades_of(core)}
    assert held[second.ref_id] == (second.quantity, second.quantity)
    assert len(held) == 2


def test_an_older_reading_does_not_bring_a_bust_back() -> None:
    """A slow answer from before the bust still lists the execution: it stays taken back."""
    core, _, reading = sold()
    for seconds in (0, 1):
        core.read(AT + timedelta(seconds=seconds), bust_of(reading, AT))

    core.read(AT + timedelta(seconds=2), reading)

    (trade,) = core.state.book.trades.values()
    assert (trade.held, trade.sold) == (467, 0)


def test_a_trade_sold_again_after_a_bust_counts_once() -> None:
    """The result is that of the sale that stood."""
    core, _, reading = sold()
    for seconds in (0, 1):
        core.read(AT + timedelta(seconds=seconds), bust_of(reading, AT))
    stop = core.placed()[-1]
    core.read(after_open(6), broker_order(stop, S.FILLED, execution("b", 467, "99.02", AT)))

    assert core.state.day.realised == Decimal("-467.00")
    assert [net for net, _ in core.state.results.values()] == [Decimal("-467.00")]
    same_after_restart(core)


def test_an_older_reading_takes_nothing_back() -> None:
    """A reading from before the execution cannot know of it."""
    core, _, reading = sold()
    old = bust_of(reading, OUT_AT - timedelta(seconds=1))

    core.read(AT, old)
    core.read(AT + timedelta(seconds=1), old)

    assert "bust" not in kinds(core)
    assert not core.state.book.trades


def test_a_taken_back_entry_ends_the_sell_of_its_shares() -> None:
    """Shares that were never bought are not sold: the stop goes, the trade ends flat."""
    core, entry, stop = with_position()
    bought = broker_order(entry, S.FILLED, execution("fill-entry", 467, "100.02", ENTRY_AT))
    for seconds in (0, 1):
        effects = core.read(
            AT + timedelta(seconds=seconds), bust_of(bought, AT), broker_order(stop, S.OPEN)
        )

    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [stop.ref_id]
    core.read(after_open(6), broker_order(stop, S.CANCELLED, at=after_open(6)))
    assert not core.state.book.trades


def test_the_owners_edit_of_a_stop_is_followed() -> None:
    """A new order that names ours: same trade, the owner's price from now on, told, not doubled."""
    core, entry, stop = with_position()
    old = broker_order(stop, S.CANCELLED, at=AT)
    new = broker_order(
        stop,
        S.OPEN,
        at=AT,
        order_id="edited",
        ref_id="11111111-2222-3333-4444-555555555555",
        stop_price=Decimal("98.00"),
        replaces=old.order_id,
    )

    effects = core.read(AT, old, new)

    trade, order = core.state.book.orders[stop.ref_id]
    assert core.placed(effects) == []
    assert (order.order_id, order.state, trade.stop_price) == ("edited", S.OPEN, Decimal("98.00"))
    assert "order_edited_by_owner" in [a.subject for a in core.alerts()]
    same_after_restart(core)
    out = execution("x", entry.quantity, "97.90", AT)
    core.read(after_open(6), replace(new, state=S.FILLED, executions=(out,), filled_quantity=467))
    assert not core.state.book.trades


def test_a_smaller_stop_by_the_owner_is_filled_up() -> None:
    """Edited down to 100 shares: the other 367 get a stop of their own."""
    core, _, stop = with_position()
    new = broker_order(stop, S.OPEN, at=AT, order_id="edited", quantity=100, replaces=id_of(stop))

    effects = core.read(AT, new)

    assert [(i.leg, i.quantity) for i in core.placed(effects)] == [(Leg.STOP, 367)]


def test_an_edit_in_place_is_followed_too() -> None:
    """The same order with other numbers is the owner's edit as well."""
    core, _, stop = with_position()

    core.read(AT, broker_order(stop, S.OPEN, at=AT, stop_price=Decimal("98.50")))

    (trade,) = core.state.book.trades.values()
    assert trade.stop_price == Decimal("98.50")
    assert kinds(core)[-1] == "replaced"


def test_an_edit_into_something_else_is_told_and_not_followed() -> None:
    """A fraction, a trailing stop: not ours any more; our order ends by its own reading."""
    core, _, stop = with_position()
    new = broker_order(
        stop, S.OPEN, at=AT, order_id="x", ref_id="", replaces=id_of(stop), unlike_ours="trailing"
    )

    core.read(AT, new)

    assert core.state.book.orders[stop.ref_id][1].order_id == id_of(stop)
    assert "not_followed" in core.alerts()[-1].text


def id_of(intent: OrderIntent) -> str:
    return broker_order(intent, S.OPEN).order_id


def test_a_stop_cancelled_by_hand_is_placed_once_more() -> None:
    """Once may be a slip; the second time it stays away, and that is shown."""
    core, _, stop = with_position()

    (again,) = core.placed(core.read(AT, broker_order(stop, S.CANCELLED, at=AT)))
    core.confirm(again, AT)
    later = AT + timedelta(seconds=30)
    effects = core.read(later, broker_order(again, S.CANCELLED, at=later))

    assert core.placed(effects) == []
    alarms = [a.text for a in core.alerts() if a.subject == "stop_cancelled_by_others"]
    assert [text.split(":")[0] for text in alarms] == ["placed_once_more", "left_without"]
    (trade,) = core.state.book.trades.values()
    assert trade.unprotected_since is not None
    other = core.again(later)
    assert other.placed(other.read(later, broker_order(again, S.CANCELLED, at=later))) == []


def test_fees_that_are_told_otherwise_later_are_noted_once() -> None:
    """The trade record is written once; the note has both amounts, also when the trade is over."""
    core, _, reading = sold()
    (fill,) = reading.executions
    later = replace(reading, executions=(replace(fill, fees=Decimal("0.37")),))

    for seconds in (10, 20):
        core.read(OUT_AT + timedelta(seconds=seconds), later)

    (note,) = core.notes("fees_changed")
    assert (note["booked"], note["fees"], note["execution_id"]) == ("0", "0.37", "out")
    assert len([t for t in core.records(STREAM_TRADES) if t.action == "SELL"]) == 1


def test_stops_cancelled_together_are_cancelled_once() -> None:
    """Whoever sells in the app cancels every stop of the position: that is one slip, not two."""
    core, entry = with_entry()
    first = execution("first", 60, "100.02", ENTRY_AT)
    (stop,) = core.placed(core.read(ENTRY_AT, broker_order(entry, S.PART_FILLED, first)))
    core.confirm(stop, ENTRY_AT)
    rest = execution("rest", entry.quantity - 60, "100.02", ENTRY_AT)
    filled = broker_order(entry, S.FILLED, first, rest)
    (other,) = core.placed(core.read(after_open(3), filled))
    core.confirm(other, after_open(3))

    gone = [broker_order(o, S.CANCELLED, at=AT) for o in (stop, other)]
    again = core.placed(core.read(AT, *gone))

    assert sorted(o.quantity for o in again) == sorted((stop.quantity, other.quantity))
    for one in again:
        core.confirm(one, AT)
    later = AT + timedelta(seconds=30)
    gone = [broker_order(o, S.CANCELLED, at=later) for o in again]
    assert core.placed(core.read(later, *gone)) == []


def test_an_entry_cancelled_by_hand_is_over() -> None:
    """Nothing is bought again; the owner is told."""
    core, entry = with_entry()
    soon = ENTRY_AT + timedelta(seconds=1)
    core.confirm(entry, soon)

    core.read(soon, broker_order(entry, S.CANCELLED, at=soon))

    assert not core.state.book.trades
    assert core.alerts()[-1].subject == "order_cancelled_by_others"


def test_our_own_cancel_is_not_the_owners() -> None:
    """Control: an entry that timed out is nobody's hand."""
    core, _ = cancelled_entry()

    assert "order_cancelled_by_others" not in risk_types(core)


def test_an_order_under_our_tag_on_no_record_stops_entries() -> None:
    """The tag proves that it is ours: records are lost, so a person must look."""
    core, _, stop = with_position()
    ref_id = make_ref_id(
        IDENTITY, strategy_name="x", symbol="AAPL", bar_end=AT, leg=Leg.STOP, generation=7
    )

    effects = core.read(AT, broker_order(stop, S.OPEN, ref_id=ref_id, order_id="lost"))

    assert "on no record" in core.state.protect_only
    assert not [e for e in effects if isinstance(e, CancelOrder)]


def test_a_refused_gtc_is_for_the_day_from_now_on() -> None:
    """The broker takes no stop that is good until cancelled: the next is for the day, at once."""
    core, entry = with_entry()
    core.confirm(entry, AT)
    fill = execution("fill", entry.quantity, "100.02", AT)
    (stop,) = core.placed(core.read(AT, broker_order(entry, S.FILLED, fill)))

    reason = "Invalid Good Til Canceled order."
    effects = core.send(OrderFailed(at=AT, ref_id=stop.ref_id, outcome="rejected", reason=reason))

    (second,) = core.placed(effects)
    assert (stop.time_in_force.value, second.time_in_force.value) == ("gtc", "gfd")
    same_after_restart(core)


def test_a_stop_that_was_not_sent_is_sent_again_within_bounds() -> None:
    """At once, twice; then with growing pauses: nothing is hammered."""
    core, entry = with_entry()
    core.confirm(entry, AT)
    fill = execution("fill", entry.quantity, "100.02", AT)
    (stop,) = core.placed(core.read(AT, broker_order(entry, S.FILLED, fill)))
    sent = [stop.ref_id]
    for _ in range(2):
        failed = OrderFailed(at=AT, ref_id=sent[-1], outcome="not_sent", reason="refused")
        (stop,) = core.placed(core.send(failed))
        sent.append(stop.ref_id)

    failed = OrderFailed(at=AT, ref_id=sent[-1], outcome="not_sent", reason="refused")
    assert core.placed(core.send(failed)) == []
    assert len(core.placed(core.read(AT + timedelta(seconds=1)))) == 1
    assert len(set(sent)) == 3


@pytest.mark.parametrize("price", ["99.00", "98.00"])
def test_a_refused_stop_that_is_through_is_an_exit(price: str) -> None:
    """The bid is at or through the stop and nothing stands: out, marketable, now."""
    core, entry = with_entry()
    core.confirm(entry, AT)
    fill = execution("fill", entry.quantity, "100.02", AT)
    (stop,) = core.placed(core.read(AT, broker_order(entry, S.FILLED, fill)))
    core.send(OrderFailed(at=AT, ref_id=stop.ref_id, outcome="rejected", reason="too high"))

    effects = core.quote(AT + timedelta(seconds=1), price)

    (exit_,) = core.placed(effects)
    assert (exit_.leg, exit_.type, exit_.quantity) == (Leg.EXIT, OrderType.LIMIT, 467)
    (trade,) = core.state.book.trades.values()
    assert "at or through the stop 99.00" in trade.exit_reason


def test_closed_says_how_long_shares_were_without_a_stop() -> None:
    """Bought at +1 s, stop confirmed at +3 s."""
    core, _, _ = sold()

    (closed,) = [e for e in core.records(STREAM_ORDERS) if e.kind == "closed"]

    assert closed.data["unprotected_ms"] == 2000
    assert closed.data["watch_until"] == "2026-11-24T21:00:00.000Z"
    other = core.again(core.now)
    assert other.state.day.peak_unprotected_s == core.state.day.peak_unprotected_s == 2.0
    assert state_view(other.state) == state_view(core.state, is_live=True)
