"""A clock that was moved, or that is not the broker's."""

from datetime import timedelta

import pytest

from support.core_builders import Core, after_open, core_settings, enter_at, started, with_entry
from trading_bot.core.effects import CancelOrder, RequestReconcile
from trading_bot.core.events import ClockJumped, ServerClockSeen
from trading_bot.ports.records import STREAM_DECISIONS


def running(*ends: float) -> Core:
    """A reconciled core, three quotes into the day."""
    core = Core(settings=core_settings(enter_at(*(after_open(m) for m in ends))))
    core.start(reconciles=True)
    core.open_day()
    core.reconcile(core.now)
    for seconds in range(0, 45, 15):
        core.quote(after_open(seconds=seconds))
    return core


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 2.5])
def test_after_a_jump_everything_is_read_again(jump_s: float) -> None:
    """Every quote is stale, the account is compared anew, the owner hears of it."""
    core = running()
    at = core.now + timedelta(seconds=jump_s)

    effects = core.send(ClockJumped(at=at, jump_s=jump_s))

    symbol = core.state.symbols["AAPL"]
    assert symbol.quote is None
    assert symbol.problem == "QUOTE_STALE"
    assert any(isinstance(e, RequestReconcile) for e in effects)
    assert [a.subject for a in core.alerts()] == ["clock_jumped"]
    assert "the clock moved" in core.state.protect_only


def test_after_a_jump_entries_wait_for_quotes_and_the_reading() -> None:
    """With both there again a signal is taken; before, it is refused."""
    core = running(1, 2)
    core.send(ClockJumped(at=after_open(seconds=40), jump_s=5.0))
    for seconds in range(45, 75, 15):
        core.quote(after_open(seconds=seconds))
    refused = core.records(STREAM_DECISIONS)[-1]

    core.reconcile(after_open(seconds=61))
    for seconds in range(75, 135, 15):
        core.quote(after_open(seconds=seconds))

    assert refused.rule == "PROTECT_ONLY"
    assert core.records(STREAM_DECISIONS)[-1].verdict == "approved"


def test_a_working_entry_is_cancelled_when_the_clock_was_set_back() -> None:
    """By the new clock its time would never come."""
    core, entry = with_entry()
    core.state.reconciles = True
    core.confirm(entry, core.now + timedelta(seconds=1))

    core.send(ClockJumped(at=core.now - timedelta(hours=1), jump_s=-3600.0))
    effects = core.quote(core.now + timedelta(seconds=1))

    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [entry.ref_id]


def test_short_waits_are_set_anew_on_the_new_clock() -> None:
    """Set back by an hour, the next poll is now and not in an hour."""
    core = running()
    at = core.now - timedelta(seconds=20)

    core.send(ClockJumped(at=at, jump_s=-20.0))

    assert core.timers["poll"] == at


def test_a_clock_that_is_not_the_brokers_opens_nothing() -> None:
    """Off by more than 5 s entries are refused and the owner is told once; back, they go on."""
    core = started()

    core.send(ServerClockSeen(at=core.now, skew_s=120.0))
    core.send(ServerClockSeen(at=core.now, skew_s=125.0))
    skewed = core.state.protect_only
    core.send(ServerClockSeen(at=core.now, skew_s=0.4))

    assert skewed == "the broker's clock is +120.0 s off this machine's"
    assert not core.state.protect_only
    assert [a.subject for a in core.alerts()] == ["clock_skewed"]
