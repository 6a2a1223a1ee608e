"""Trade records: 27 fields, first in first out, signs."""

import json
from datetime import timedelta
from decimal import Decimal

from support.core_builders import (
    ENTRY_AT,
    INFO,
    Core,
    after_open,
    broker_order,
    execution,
    with_entry,
)
from trading_bot.domain.order import Leg, OrderState
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_PERFORMANCE, STREAM_TRADES

FIELDS = 27


def traded(*sells: tuple[int, str, str], buys: tuple[tuple[int, str], ...]) -> Core:
    """A core that bought in parts and was stopped out in parts (quantity, price, fees)."""
    core, entry = with_entry()
    at = ENTRY_AT + timedelta(seconds=1)
    core.confirm(entry, at)
    fills = [execution(f"buy-{i}", q, price, at) for i, (q, price) in enumerate(buys)]
    core.read(at, broker_order(entry, OrderState.FILLED, *fills))
    stops = [i for i in core.placed() if i.leg is Leg.STOP]
    (stop,) = stops
    core.confirm(stop, at)
    out_at = after_open(10)
    exits = [execution(f"sell-{i}", q, p, out_at, fees) for i, (q, p, fees) in enumerate(sells)]
    is_out = sum(e.quantity for e in exits) == stop.quantity
    state = OrderState.FILLED if is_out else OrderState.PART_FILLED
    core.read(out_at, broker_order(stop, state, *exits))
    return core


def test_every_record_has_the_contracts_fields() -> None:
    """A line of an entry and of an exit holds exactly the 27 keys, and reads back equal."""
    core = traded((467, "98.90", "0.05"), buys=((467, "100.02"),))

    for record in core.records(STREAM_TRADES):
        line = record.to_jsonl_line()
        assert len(json.loads(line)) == FIELDS
        assert TradeRecord.from_jsonl_line(line) == record
        assert (record.session_id, record.bot_version) == (INFO.session_id, INFO.bot_version)


def test_entry_is_open_and_the_exit_closes_it() -> None:
    """One record an execution; the exit carries the entry's order id."""
    core = traded((467, "98.90", "0.05"), buys=((467, "100.02"),))

    entry, exit_ = core.records(STREAM_TRADES)

    assert (entry.action, entry.outcome, entry.profit_loss) == ("BUY", "open", None)
    assert (exit_.action, exit_.outcome) == ("SELL", "loss")
    assert exit_.order_id == entry.order_id
    assert exit_.profit_loss == (Decimal("98.90") - Decimal("100.02")) * 467
    assert exit_.net_profit_loss == exit_.profit_loss - Decimal("0.05")
    assert exit_.commission == Decimal("0.05")
    assert exit_.hold_duration_seconds == 479
    assert "stop 99.00 reached" in exit_.exit_reasoning


def test_slippage_is_positive_when_it_costs() -> None:
    """Paying more than decided and getting less than decided are both positive."""
    core = traded((467, "98.90", "0"), buys=((467, "100.02"),))
    entry, exit_ = core.records(STREAM_TRADES)
    assert entry.slippage == Decimal("0.02")
    assert exit_.slippage == Decimal("0.10")

    better = traded((467, "99.25", "0"), buys=((467, "99.98"),))
    entry, exit_ = better.records(STREAM_TRADES)
    assert entry.slippage == Decimal("-0.02")
    assert exit_.slippage == Decimal("-0.25")


def test_first_in_first_out_over_parts() -> None:
    """Two buys and two sells: the first shares bought are the first sold, to the cent."""
    core = traded(
        (150, "101.00", "0"), (317, "99.00", "0"), buys=((100, "100.00"), (367, "100.50"))
    )

    records = core.records(STREAM_TRADES)

    assert [r.outcome for r in records] == ["open", "open", "win", "loss"]
    # 100 at 100.00 and 50 at 100.50 were sold at 101.00.
    assert records[2].profit_loss == Decimal("125.00")
    assert records[3].profit_loss == Decimal("-475.50")
    total = sum(r.net_profit_loss for r in records if r.net_profit_loss is not None)
    assert total == core.state.day.realised == Decimal("-350.50")
    (metric,) = core.records(STREAM_PERFORMANCE)
    assert metric.total_trades == 1


def test_break_even_is_neither() -> None:
    """Out at the price paid without fees is a break-even, no loss for the streak."""
    core = traded((467, "100.02", "0"), buys=((467, "100.02"),))

    assert core.records(STREAM_TRADES)[-1].outcome == "breakeven"
    assert not core.state.losses


def test_part_sold_is_recorded_and_the_trade_goes_on() -> None:
    """A partial stop has its record at once; the round trip is not closed."""
    core = traded((100, "98.90", "0"), buys=((467, "100.02"),))

    assert len(core.records(STREAM_TRADES)) == 2
    assert not core.records(STREAM_PERFORMANCE)
    (trade,) = core.state.book.trades.values()
    assert trade.held == 367
