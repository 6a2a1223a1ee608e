"""FIFO matching: exact, conserving, first in first out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.domain.order import Execution
from trading_bot.performance.round_trips import Lots, Outcome, match_exits, outcome_of, round_trip

D = Decimal
START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def _fill(quantity: int, price: str, *, after_s: float = 0, fees: str = "0") -> Execution:
    return Execution(
        execution_id=f"{quantity}-{price}-{after_s}",
        at=START + timedelta(seconds=after_s),
        quantity=quantity,
        price=D(price),
        fees=D(fees),
    )


def test_exits_take_the_oldest_shares_first() -> None:
    """An exit over two entry executions is matched against the first, then the second."""
    entries = [_fill(60, "10.00"), _fill(40, "10.50", after_s=5)]
    exits = [_fill(50, "11.00", after_s=60, fees="0.02"), _fill(50, "10.20", after_s=90.9)]

    first, second = match_exits(entries, exits)

    assert (first.profit_loss, first.net_profit_loss) == (D("50.00"), D("49.98"))
    assert (first.hold_duration_s, first.outcome) == (60, Outcome.WIN)
    # 10 at 10.00 and 40 at 10.50 cost 520.00; sold for 510.00.
    assert second.profit_loss == D("-10.00")
    assert (second.hold_duration_s, second.outcome) == (90, Outcome.LOSS)


def test_fees_turn_a_break_even_into_a_loss() -> None:
    """The outcome is judged after fees."""
    assert match_exits([_fill(1, "10.00")], [_fill(1, "10.00")])[0].outcome is Outcome.BREAKEVEN
    assert (
        match_exits([_fill(1, "10.00")], [_fill(1, "10.00", fees="0.01")])[0].outcome
        is Outcome.LOSS
    )
    assert outcome_of(D("0.01")) is Outcome.WIN


def test_round_trip_deducts_the_fees_of_both_sides() -> None:
    """The round trip's net is what both sides' executions left."""
    trip = round_trip(
        "t1",
        "AAPL",
        [_fill(10, "10.00", fees="0.05")],
        [_fill(4, "10.10", after_s=30, fees="0.01"), _fill(6, "10.20", after_s=61, fees="0.02")],
    )

    assert trip.profit_loss == D("1.60")
    assert trip.net_profit_loss == D("1.52")
    assert (trip.quantity, trip.hold_duration_s, trip.outcome) == (10, 61, Outcome.WIN)


def test_more_sold_than_bought_is_an_error() -> None:
    """A trade that sold what it never bought cannot be matched."""
    with pytest.raises(ValueError, match="sold 11 of 10"):
        match_exits([_fill(10, "10.00")], [_fill(11, "10.00")])


@pytest.mark.parametrize(("bought", "sold"), [(10, 9), (9, 10)])
def test_an_open_trade_is_no_round_trip(bought: int, sold: int) -> None:
    """A round trip is closed: what was bought was sold."""
    with pytest.raises(ValueError, match="sells what it bought"):
        round_trip("t", "AAPL", [_fill(bought, "1.00")], [_fill(sold, "1.00")])
    with pytest.raises(ValueError, match="sells what it bought"):
        round_trip("t", "AAPL", [], [])


def test_clocks_that_disagree_make_no_negative_time() -> None:
    """An exit stamped just before its entry held for no seconds, not for less."""
    match = match_exits([_fill(1, "1.00", after_s=0.5)], [_fill(1, "1.00")])[0]

    assert match.hold_duration_s == 0


FILLS = st.lists(
    st.tuples(st.integers(1, 50), st.decimals("0.01", "900", places=4)), min_size=1, max_size=8
)


@given(buys=FILLS, cuts=st.lists(st.integers(1, 60), max_size=20), price=st.decimals(1, 900))
def test_fifo_equals_a_share_by_share_reference(
    buys: list[tuple[int, Decimal]], cuts: list[int], price: Decimal
) -> None:
    """Each exit's result equals the one found by laying single shares in a row; none is lost."""
    price = price.quantize(D("0.0001"))
    lots, shares = Lots(), [p for q, p in buys for _ in range(q)]
    for quantity, paid in buys:
        lots.buy(_fill(quantity, str(paid)))
    taken = 0
    for cut in cuts:
        quantity = min(cut, len(shares) - taken)
        if not quantity:
            break
        match = lots.sell(_fill(quantity, str(price)))
        reference = sum((price - p for p in shares[taken : taken + quantity]), D(0))
        assert match.profit_loss == reference
        taken += quantity
        assert lots.quantity == len(shares) - taken
        assert lots.cost == sum(shares[taken:], D(0))
