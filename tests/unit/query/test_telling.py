"""The story of a day: what is said of the time that shares were held without a sell."""

from datetime import date
from typing import Any

import pytest

from support.records import REF_ID, order_event, trade_record
from trading_bot.logging.order_event import OrderEvent
from trading_bot.query.busts import Counted
from trading_bot.query.story import SymbolDay
from trading_bot.query.telling import tell_day


def covered(ms: int, **data: Any) -> OrderEvent:
    """The end of a time without a working sell."""
    return order_event(kind="protected", data={"unprotected_ms": ms, **data})


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([covered(512, by="stop")], "protected by a stop after 0.512 s"),
        (
            [covered(512, by="stop"), covered(700, by="stop")],
            "protected by a stop after 0.700 s at most, 2 times",
        ),
        (
            [covered(512, by="stop"), covered(700, by="exit")],
            "without a working sell order for 0.700 s at most, 2 times",
        ),
        ([covered(512, by="sold")], "without a working sell order for 0.512 s"),
        ([covered(512)], "without a working sell order for 0.512 s"),
    ],
)
def test_only_a_stop_is_called_one(events: list[OrderEvent], words: str) -> None:
    """An exit covers as well, shares may be gone, and old records do not say what it was."""
    placed = order_event(broker_order_id=REF_ID)
    story = SymbolDay(
        symbol="AAPL",
        day=date(2026, 3, 2),
        trades=(Counted(record=trade_record()),),
        decisions=(),
        orders=(placed, *events),
    )

    lines = [line.strip() for line in tell_day(story, None, "no tape")]

    assert words in lines
