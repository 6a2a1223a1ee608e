"""What account and positions say of a sell whose answer was lost."""

from decimal import Decimal

import pytest

from support.core_builders import with_position
from trading_bot.execution.evidence import shows_nothing_of
from trading_bot.execution.trade import Traces, TrackedOrder


def lost_stop(before: Traces | None) -> TrackedOrder:
    core, _, stop = with_position()
    _, order = core.state.book.orders[stop.ref_id]
    order.traces_before = before
    return order


def traces(shares: int, held: int) -> Traces:
    return Traces(shares=Decimal(shares), held_shares=Decimal(held))


@pytest.mark.parametrize(
    ("before", "now", "is_absent"),
    [
        pytest.param(None, traces(0, 0), True, id="a new process, all explained"),
        pytest.param(None, traces(0, 10), False, id="shares back a sell"),
        pytest.param(None, traces(-10, 0), False, id="shares are missing"),
        pytest.param(traces(0, -10), traces(0, 0), True, id="the first picture was behind"),
        pytest.param(traces(-10, 0), traces(0, 0), True, id="so were its shares"),
        pytest.param(traces(0, 0), traces(0, 10), False, id="shares back it now"),
        pytest.param(traces(0, 10), traces(0, 10), True, id="others' sells stand as before"),
        pytest.param(traces(0, -10), traces(0, 10), False, id="behind, and it stands"),
        pytest.param(traces(10, 0), traces(10, 0), True, id="others hold as before"),
        pytest.param(traces(10, 0), traces(0, 0), False, id="it may have sold what others held"),
        pytest.param(traces(0, 0), traces(-10, 0), False, id="it sold"),
    ],
)
def test_a_lost_sell_is_absent_only_when_nothing_shows_of_it(
    before: Traces | None, now: Traces, is_absent: bool
) -> None:
    """Had it stood shares would back it, had it traded shares would be missing."""
    order = lost_stop(before)

    assert shows_nothing_of(order, now) is is_absent
