"""The book: what order events make of it, and that a rebuilt one equals the live one."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.core_builders import OPEN, Core, after_open, with_entry, with_position
from support.core_world import World, book_view
from trading_bot.domain.order import OrderState
from trading_bot.execution.book import TradeBook
from trading_bot.logging.order_event import OrderEvent
from trading_bot.ports.records import STREAM_ORDERS


def events_of(core: Core) -> list[OrderEvent]:
    """The core's order events, as they come back from their lines."""
    lines = core.lines[STREAM_ORDERS]
    return [e for e in map(OrderEvent.from_jsonl_line, lines) if e.kind != "note"]


@given(seed=st.integers(min_value=0, max_value=10**9))
def test_rebuilt_equals_live_at_every_prefix(seed: int) -> None:
    """At every line, the book restored from the lines so far equals the one they were applied to.

    Against a broker that does everything wrong, with intents in flight as UNKNOWN.
    """
    world = World(seed)
    world.run(after_open(9))
    events = events_of(world.core)

    live = TradeBook()
    for length, event in enumerate(events, start=1):
        live.apply(event)
        if length % 5 and length != len(events):
            continue
        rebuilt = TradeBook()
        rebuilt.restore(events[:length])
        assert book_view(rebuilt) == book_view(live, is_live=True)
    assert book_view(live) == book_view(world.core.state.book)


def test_intent_without_answer_is_unknown_after_a_restart() -> None:
    """An intent on record may have been sent, so a restart counts it as working and unknown."""
    core, entry = with_entry()

    again = core.again(core.now)

    _, order = again.state.book.orders[entry.ref_id]
    assert order.state is OrderState.UNKNOWN
    assert order.remaining == entry.quantity
    assert core.state.book.orders[entry.ref_id][1].state is OrderState.NONE


def change(event: OrderEvent, kind: str, **data: object) -> OrderEvent:
    """Another fact about the order of `event`."""
    values = {name: getattr(event, name) for name in OrderEvent.__dataclass_fields__}
    return OrderEvent(**(values | {"kind": kind, "data": data}))


def fill(event: OrderEvent, name: str, quantity: int, price: str = "100.00") -> OrderEvent:
    return change(
        event,
        "fill",
        execution_id=name,
        executed_at=OPEN.isoformat(),
        quantity=quantity,
        price=price,
        fees="0",
    )


def test_fill_counts_once() -> None:
    """The same execution twice is one execution."""
    core, entry = with_entry()
    (intent,) = [e for e in events_of(core) if e.kind == "intent"]
    book = TradeBook()
    book.apply(intent)

    book.apply(fill(intent, "a", 10))
    book.apply(fill(intent, "a", 10))

    trade, order = book.orders[entry.ref_id]
    assert (trade.bought, order.filled) == (10, 10)
    assert order.state is OrderState.PART_FILLED


@pytest.mark.parametrize("late", ["unknown", "rejected", "withdrawn", "cancelled", "expired"])
def test_late_answer_does_not_bring_a_filled_order_back(late: str) -> None:
    """After its last fill no answer makes an order work, or die, again."""
    core, entry = with_entry()
    (intent,) = [e for e in events_of(core) if e.kind == "intent"]
    book = TradeBook()
    book.apply(intent)
    book.apply(fill(intent, "a", entry.quantity))

    book.apply(change(intent, late, reason="late"))

    _, order = book.orders[entry.ref_id]
    assert order.state is OrderState.FILLED
    assert order.ended_at is None


def test_late_fill_after_a_cancel_is_held() -> None:
    """Fills come after the end: the shares are ours and counted, the order stays ended."""
    core, entry = with_entry()
    (intent,) = [e for e in events_of(core) if e.kind == "intent"]
    book = TradeBook()
    book.apply(intent)
    book.apply(fill(intent, "a", 1))
    book.apply(change(intent, "cancelled", reason=""))

    book.apply(fill(intent, "b", 2))

    trade, order = book.orders[entry.ref_id]
    assert trade.held == 3
    assert order.state is OrderState.CANCELLED
    assert order.remaining == 0


def test_event_of_an_order_nobody_intended_is_told() -> None:
    """A hole in the record is named, and what stands around it is kept."""
    core, entry, stop = with_position()
    events = events_of(core)
    without_stop = [e for e in events if not (e.kind == "intent" and e.ref_id == stop.ref_id)]

    book = TradeBook()
    (problem, *_) = book.restore(without_stop)

    assert "nobody intended" in problem
    assert [t.held for t in book.trades.values()] == [entry.quantity]


def test_record_that_begins_inside_a_trade_makes_no_trade() -> None:
    """A stop of a trade whose entry is not on record is a hole, not a trade."""
    core, _, stop = with_position()
    tail = [e for e in events_of(core) if e.ref_id == stop.ref_id]

    book = TradeBook()
    (problem, *_) = book.restore(tail)

    assert "never entered" in problem
    assert not book.trades


def test_plan_changes_are_kept_with_their_prices() -> None:
    """Stop, target and the reason of an exit come from the record, exactly."""
    core, _, _ = with_position()
    (intent, *_) = events_of(core)
    book = TradeBook()
    book.apply(intent)
    changed = change(intent, "plan_change", stop_price="99.50", target=None)

    book.apply(changed)
    book.apply(change(intent, "plan_change", exit_reason="enough", exit_expected="100.10"))

    (trade,) = book.trades.values()
    assert (trade.stop_price, trade.target) == (Decimal("99.50"), None)
    assert (trade.exit_reason, trade.exit_expected) == ("enough", Decimal("100.10"))


def test_closed_trade_leaves_the_book() -> None:
    """A closed trade and its orders are gone from the book."""
    core, entry, stop = with_position()
    book = core.state.book
    (intent, *_) = events_of(core)

    book.apply(change(intent, "closed"))

    assert not book.trades
    assert not {entry.ref_id, stop.ref_id} & set(book.orders)


def test_times_and_prices_come_back_exactly() -> None:
    """Microseconds and trailing zeros of executions survive the line."""
    core, entry = with_entry()
    (intent,) = [e for e in events_of(core) if e.kind == "intent"]
    book = TradeBook()
    book.apply(intent)
    at = OPEN + timedelta(microseconds=123456)
    event = change(
        intent,
        "fill",
        execution_id="a",
        executed_at=at.isoformat(),
        quantity=1,
        price="100.0700",
        fees="0.02",
        note="settled over a gap",
    )

    book.apply(OrderEvent.from_jsonl_line(event.to_jsonl_line()))

    _, order = book.orders[entry.ref_id]
    kept = order.executions["a"]
    assert (kept.at, str(kept.price), kept.note) == (at, "100.0700", "settled over a gap")
