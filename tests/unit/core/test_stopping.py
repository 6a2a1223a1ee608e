"""A staged stop: entries cancelled, stops kept, what is left written down, in time."""

from datetime import UTC, datetime, timedelta

from support.core_builders import (
    OPEN,
    SYMBOL,
    after_open,
    broker_order,
    execution,
    make_signal,
    started,
    with_entry,
)
from trading_bot.core.effects import CancelOrder, Finish
from trading_bot.domain.order import OrderState
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_ORDERS

S = OrderState
ROTATION = datetime(2026, 11, 24, 1, 5, tzinfo=UTC)


def test_stop_cancels_entries_and_keeps_stops() -> None:
    """A part-filled entry is cancelled, what was bought keeps its stop, what is left is written."""
    core, entry = with_entry()
    at = after_open(2, 1)
    core.confirm(entry, at)
    part = execution("a", 100, "100.02", at)
    (stop,) = core.placed(core.read(at, broker_order(entry, S.PART_FILLED, part)))
    core.confirm(stop, at)

    effects = core.stop(at + timedelta(seconds=1))
    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [entry.ref_id]
    assert not [e for e in effects if isinstance(e, Finish)]
    effects = core.read(at + timedelta(seconds=2), broker_order(entry, S.CANCELLED, part))

    assert [e.reason for e in effects if isinstance(e, Finish)] == ["told to"]
    left = core.records(STREAM_ORDERS)[-1]
    assert (left.kind, left.data["held"], left.data["working_orders"]) == ("left_open", 100, 1)


def test_stop_while_the_entry_is_in_flight_cancels_it_once_it_is_there() -> None:
    """An entry that is confirmed only after the stop was asked for is cancelled at once."""
    core, entry = with_entry()
    effects = core.stop(after_open(2, 1))
    assert not [e for e in effects if isinstance(e, CancelOrder | Finish)]

    effects = core.confirm(entry, after_open(2, 2))

    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [entry.ref_id]


def test_stop_of_an_idle_daemon_is_at_once() -> None:
    """Nothing to settle: finished in the same step, once."""
    core = started()

    effects = core.stop(OPEN)
    more = core.stop(OPEN) + core.fire("stop_deadline")

    assert [type(e) for e in effects if isinstance(e, Finish)] == [Finish]
    assert not [e for e in more if isinstance(e, Finish)]


def test_stop_that_cannot_settle_ends_at_its_deadline() -> None:
    """An unknown entry does not keep the daemon up; it is written as left open."""
    core, _ = with_entry()
    core.stop(after_open(2, 1))

    effects = core.fire("stop_deadline")

    assert [type(e) for e in effects if isinstance(e, Finish)] == [Finish]
    assert core.now - after_open(2, 1) <= timedelta(seconds=5)
    assert core.records(STREAM_ORDERS)[-1].kind == "left_open"


def test_stop_outlives_the_switch_of_the_day() -> None:
    """The switch forgets every timer; a stop under way gets its deadline back."""
    core, _ = with_entry()
    core.stop(ROTATION - timedelta(seconds=1))
    core.fire("rotate")

    core.start(ROTATION + timedelta(seconds=1), is_new=False)

    assert "stop_deadline" in core.timers


def test_signals_while_stopping_are_refused() -> None:
    """A stop under way lets no signal through, and says why."""
    core, _ = with_entry()
    core.state.symbols[SYMBOL].slots[0].strategy._script = make_signal  # type: ignore[attr-defined]
    core.stop(after_open(2, 1))

    for seconds in (15, 30, 45, 60):
        core.quote(after_open(2, seconds))

    last = core.records(STREAM_DECISIONS)[-1]
    assert last.verdict == "refused"
    assert "PROTECT_ONLY" in {c.rule for c in last.checks if not c.ok}
    assert len(core.placed()) == 1
