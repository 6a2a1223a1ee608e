"""The session with the broker: what its end means for entries."""

from datetime import timedelta

import pytest

from support.core_builders import CLOSE, Core, after_open
from trading_bot.core.effects import RequestReconcile
from trading_bot.core.events import SessionKnown
from trading_bot.core.protect import Cause
from trading_bot.ports.records import STREAM_RISK


def begun() -> Core:
    core = Core()
    core.start(reconciles=True)
    core.reconcile(core.now)
    return core


def test_a_persons_turn_stops_entries_and_a_new_session_compares_everything() -> None:
    """While a person must log in nothing is opened; then it is read anew, and entries go on."""
    core = begun()

    core.send(SessionKnown(at=core.now, needs_person="the session was refused"))
    held = core.state.protect_only
    core.send(SessionKnown(at=core.now, needs_person="the session was refused"))
    effects = core.send(SessionKnown(at=core.now, ends_at=CLOSE + timedelta(days=2)))

    assert held == "the session was refused"
    assert not core.state.protect_only
    assert [r.event_type for r in core.records(STREAM_RISK)] == ["session_lost"], "said once"
    assert any(isinstance(e, RequestReconcile) for e in effects)


@pytest.mark.parametrize(
    ("ends_at", "stops"),
    [
        (after_open(60), True),
        (CLOSE - timedelta(minutes=11), True),
        (CLOSE - timedelta(minutes=10), False),
        (None, False),
    ],
)
def test_a_session_that_ends_before_the_exits_opens_nothing(ends_at: object, stops: bool) -> None:
    """Positions are closed ten minutes before the close: until then orders must be possible."""
    core = begun()

    core.send(SessionKnown(at=core.now, ends_at=ends_at))  # type: ignore[arg-type]

    assert (Cause.SESSION in core.state.protection) is stops
