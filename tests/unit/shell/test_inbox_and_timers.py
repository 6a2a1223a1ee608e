"""The inbox's order and the timers'."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.core_builders import OPEN
from trading_bot.core.events import Event, TimerFired
from trading_bot.shell.inbox import Inbox
from trading_bot.shell.timers import Timers


def event(name: str) -> Event:
    return TimerFired(at=OPEN, name=name)


def drain(inbox: Inbox) -> list[str]:
    names = []
    while (taken := inbox.take()) is not None:
        assert isinstance(taken, TimerFired)
        names.append(taken.name)
    return names


@given(numbers=st.permutations(range(6)))
def test_results_come_in_the_order_they_were_asked_for(numbers: list[int]) -> None:
    """However answers overtake each other, those that are there are taken in order."""
    inbox = Inbox()
    for number in numbers:
        inbox.put_result(number, event(str(number)))

    assert drain(inbox) == [str(n) for n in range(6)]


def test_what_must_come_first_does() -> None:
    """A day's start and a dead journal pass everything that waits."""
    inbox = Inbox()
    inbox.put(event("second"))
    inbox.put_result(1, event("third"))
    inbox.put_first(event("first"))

    assert drain(inbox) == ["first", "second", "third"]


def test_arrived_is_set_while_there_may_be_something() -> None:
    """Nobody sleeps over an event; an empty inbox lets the loop sleep."""
    inbox = Inbox()
    assert not inbox.arrived.is_set()
    for put in (inbox.put, inbox.put_first, lambda e: inbox.put_result(1, e)):
        put(event("x"))
        assert inbox.arrived.is_set()
        assert drain(inbox) == ["x"]
        assert not inbox.arrived.is_set()


def test_failure_is_raised_at_the_next_take() -> None:
    """A broken call is not an event: whoever takes next gets its error, the first one."""
    inbox = Inbox()
    inbox.put(event("x"))
    inbox.fail(KeyError("first"))
    inbox.fail(KeyError("second"))

    assert inbox.arrived.is_set()
    with pytest.raises(KeyError, match="first"):
        inbox.take()


def at(seconds: float) -> object:
    return OPEN + timedelta(seconds=seconds)


@given(
    sets=st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(min_value=0, max_value=5)), max_size=12
    )
)
def test_timers_fire_by_time_then_by_age(sets: list[tuple[str, int]]) -> None:
    """The earliest first, ties in the order they were set; of one name only the last."""
    timers = Timers()
    for name, seconds in sets:
        timers.set(name, OPEN + timedelta(seconds=seconds))
    last = {name: (seconds, number) for number, (name, seconds) in enumerate(sets)}
    expected = sorted(last, key=lambda n: last[n])

    assert timers.next_at == (OPEN + timedelta(seconds=last[expected[0]][0]) if expected else None)
    fired = []
    while (name_fired := timers.pop_due(OPEN + timedelta(seconds=5))) is not None:
        fired.append(name_fired)
    assert fired == expected
    assert timers.next_at is None


def test_timer_is_not_early() -> None:
    """Nothing fires a microsecond before its time; exactly then it does."""
    timers = Timers()
    timers.set("a", OPEN)

    assert timers.pop_due(OPEN - timedelta(microseconds=1)) is None
    assert timers.pop_due(OPEN) == "a"
    assert timers.pop_due(OPEN) is None


def test_cleared_timers_do_not_fire() -> None:
    """One forgotten by name, all forgotten at once, an unknown one without an error."""
    timers = Timers()
    for name in "abc":
        timers.set(name, OPEN)
    timers.clear("b")
    timers.clear("nobody")
    assert timers.pop_due(OPEN) == "a"

    timers.clear_all()

    assert timers.pop_due(OPEN) is None
