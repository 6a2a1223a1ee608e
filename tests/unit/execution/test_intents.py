"""Intents: prices on the tick, on the right side, valid for seconds."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.core_builders import IDENTITY, OPEN, make_signal, with_position
from trading_bot.domain.bar import Bar
from trading_bot.domain.money import tick_size
from trading_bot.domain.order import Leg, OrderType, Side
from trading_bot.execution.intents import APPROVAL_LIFE, Maker
from trading_bot.execution.settings import ExecutionSettings

MAKER = Maker(identity=IDENTITY, settings=ExecutionSettings())
PRICES = st.decimals(min_value="0.0001", max_value="9999", places=4)


@given(ask=PRICES)
def test_entry_limit_is_on_the_tick_within_the_collar(ask: Decimal) -> None:
    """Never above the collar, and on the tick of its price."""
    limit = MAKER.entry_limit(ask)

    assert 0 < limit <= ask * Decimal("1.0005")
    assert limit % tick_size(limit) == 0


def test_price_under_a_tick_still_makes_an_order_to_refuse() -> None:
    """A quote of less than a tick must reach the gate, not raise."""
    limit = MAKER.entry_limit(Decimal("0.00001"))

    assert limit == Decimal("0.0001")


@given(bid=PRICES)
def test_exit_limit_is_on_the_tick_under_the_bid(bid: Decimal) -> None:
    """At most a collar and a tick under the bid, never zero."""
    trade, _, _ = with_position_once()
    intent = MAKER.exit(trade, quantity=1, bid=bid, now=OPEN, at_market=False)

    assert intent.limit_price is not None
    assert bid * Decimal("0.998") <= intent.limit_price <= bid + Decimal("0.01")
    assert intent.limit_price % tick_size(intent.limit_price) == 0


_KEPT: list[Any] = []


def with_position_once() -> tuple[Any, Any, Any]:
    """A held trade, made once for all examples."""
    if not _KEPT:
        core, entry, stop = with_position()
        (trade,) = core.state.book.trades.values()
        _KEPT.extend((trade, entry, stop))
    return _KEPT[0], _KEPT[1], _KEPT[2]


def test_legs_are_what_they_must_be() -> None:
    """Buys open, sells close; all name the trade by its entry and expire in seconds."""
    trade, entry, stop = with_position_once()
    exit_ = MAKER.exit(trade, quantity=1, bid=Decimal(100), now=OPEN, at_market=True)

    assert (entry.side, entry.leg, entry.type) == (Side.BUY, Leg.ENTRY, OrderType.LIMIT)
    assert (stop.side, stop.leg, stop.type) == (Side.SELL, Leg.STOP, OrderType.STOP)
    assert (exit_.side, exit_.leg, exit_.type) == (Side.SELL, Leg.EXIT, OrderType.MARKET)
    for intent in (entry, stop, exit_):
        assert intent.trade_id == entry.ref_id
        assert intent.valid_until - intent.created_at == APPROVAL_LIFE


@pytest.mark.parametrize("minute", [1, 2])
def test_same_signal_is_the_same_order(minute: int) -> None:
    """The entry's name depends on the signal alone, not on when or at what price it is sent."""
    bar = Bar("AAPL", OPEN, OPEN, 100, 100, 100, 100, 0)
    signal = make_signal(bar)

    ref_ids = {
        MAKER.entry(
            signal,
            ref_id=MAKER.entry_ref_id(signal),
            quantity=q,
            limit=MAKER.entry_limit(Decimal(a)),
            now=OPEN.replace(minute=minute),
            instrument_id="",
        ).ref_id
        for q, a in ((1, 100), (2, 101))
    }

    assert len(ref_ids) == 1
