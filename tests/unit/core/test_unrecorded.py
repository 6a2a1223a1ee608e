"""Sells that left while nothing could be written down: the next start knows them by their names."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    ENTRY_AT,
    Core,
    after_open,
    broker_order,
    execution,
    with_entry,
)
from trading_bot.domain.order import BrokerOrder, OrderIntent, OrderState
from trading_bot.ports.records import STREAM_TRADES

S = OrderState
AT = after_open(5)


def dead_journal() -> tuple[Core, BrokerOrder, OrderIntent]:
    """The next process's core, the filled entry, and the stop that no record knows."""
    core, entry = with_entry()
    written = {stream: list(lines) for stream, lines in core.lines.items()}
    bought = execution("fill-entry", entry.quantity, "100.02", ENTRY_AT)
    filled = broker_order(entry, S.FILLED, bought)
    (stop,) = core.placed(core.read(ENTRY_AT + timedelta(seconds=1), filled))
    again = Core(settings=core.settings, lines=written)
    again.start(AT, reconciles=True)
    return again, filled, stop


@pytest.mark.parametrize("is_stop_first", [False, True])
def test_a_stop_that_left_unrecorded_is_recorded_and_not_sent_again(is_stop_first: bool) -> None:
    """One intent, one order, under the broker's own id; in whatever order the reading tells."""
    core, entry, stop = dead_journal()
    there = broker_order(stop, S.OPEN, at=ENTRY_AT)
    told = (there, entry) if is_stop_first else (entry, there)

    sent = core.placed(core.read(AT, *told))
    sent += core.placed(core.read(AT + timedelta(seconds=1), *told))

    assert sent == []
    _, order = core.state.book.orders[stop.ref_id]
    assert (order.order_id, order.state) == (there.order_id, S.OPEN)
    (trade,) = core.state.book.trades.values()
    assert (trade.held, trade.working_sells) == (stop.quantity, stop.quantity)


def test_what_it_sold_meanwhile_is_booked() -> None:
    """The stop was hit before the next start: bought and sold are on record, nothing is sent."""
    core, entry, stop = dead_journal()
    sold = execution("fill-stop", stop.quantity, "98.90", AT)

    sent = core.placed(core.read(AT, entry, broker_order(stop, S.FILLED, sold)))

    assert sent == []
    bought, out = core.records(STREAM_TRADES)
    assert (bought.action, out.action, out.price) == ("BUY", "SELL", Decimal("98.90"))
    assert not core.state.book.trades


def test_another_order_of_that_name_is_not_taken_for_it() -> None:
    """Control: an order we can never have sent is none of ours, whatever it is called."""
    core, entry, stop = dead_journal()
    strange = replace(broker_order(stop, S.OPEN, at=ENTRY_AT), unlike_ours="a trailing stop")

    (sent,) = core.placed(core.read(AT, entry, strange))

    assert sent.ref_id == stop.ref_id
