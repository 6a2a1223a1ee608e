"""A record with unreadable lines: nothing is opened, what is held is looked after."""

import pytest

from support.core_builders import CLOSE, Core, after_open, with_position
from trading_bot.core.effects import CancelOrder
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_ORDERS, STREAM_RISK, STREAM_TRADES


@pytest.mark.parametrize(
    ("stream", "place"),
    [(STREAM_TRADES, 0), (STREAM_DECISIONS, -1), (STREAM_ORDERS, 0), (STREAM_RISK, 0)],
)
@pytest.mark.parametrize("damage", ["x", ""])
def test_unreadable_line_keeps_the_position_in_hand(stream: str, place: int, damage: str) -> None:
    """The daemon starts protect-only, says so, and the held position still leaves by its plan."""
    core, _, stop = with_position()
    lines = core.lines.setdefault(stream, [])
    trip = '{"event_type":"circuit_breaker_triggered"}'
    line = lines[place] if lines else trip
    lines[place : place + 1 or None] = [damage + line[1:]]

    other = core.again(after_open(5))
    other.open_day(after_open(5))

    assert other.state.protect_only.startswith("damaged record: ")
    assert [a.subject for a in other.alerts()] == ["protect_only"]
    assert [t.held for t in other.state.book.trades.values()] == [stop.quantity]
    other.fire("flatten")
    effects = other.quote(CLOSE.replace(hour=20, minute=51), "101.00")
    cancels = [e.ref_id for e in (*other.effects, *effects) if isinstance(e, CancelOrder)]
    assert stop.ref_id in cancels


def test_a_lost_fill_is_not_made_up() -> None:
    """Events that do not fit because one before them is unreadable are left out, not guessed."""
    core, entry, _ = with_position()
    lines = core.lines[STREAM_ORDERS]
    number = next(i for i, line in enumerate(lines) if '"kind":"intent"' in line)
    lines[number] = lines[number].replace('"kind"', '"kindle"')

    other: Core = core.again(after_open(5))

    assert "missing required field" in other.state.protect_only
    assert not other.state.book.trades
    assert entry.ref_id not in other.state.book.orders
