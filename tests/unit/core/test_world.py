"""A core and a broker that misbehaves: what holds whatever the broker does."""

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.core_builders import OPEN, Core, after_open
from support.core_world import World, state_view
from trading_bot.ports.records import STREAM_TRADES

SEEDS = st.integers(min_value=0, max_value=10**9)


def test_kind_broker_control_trades_and_ends_protected() -> None:
    """With a broker that does nothing wrong the world makes many round trips, so it can fail."""
    world = World(1, is_kind=True)

    world.run(after_open(120))

    assert not world.problems
    assert len(world.core.records(STREAM_TRADES)) >= 20
    assert world.position == sum(t.held for t in world.core.state.book.trades.values())


@given(seed=SEEDS)
@settings(max_examples=10)
def test_working_sells_never_exceed_what_is_held(seed: int) -> None:
    """Whatever the broker loses, delays, refuses or fills late: nothing is sold twice or short."""
    world = World(seed)

    world.run(after_open(40))

    assert not world.problems


@given(seed=SEEDS)
@settings(max_examples=10)
def test_once_the_broker_is_kind_again_all_is_protected(seed: int) -> None:
    """After two quiet minutes every share held has exactly one working sell at the broker."""
    world = World(seed, entry_every=5)
    world.run(after_open(23))

    world.is_kind = True
    world.run(after_open(24.9))

    assert not world.problems
    assert world.guarded == world.position
    assert world.position == sum(t.held for t in world.core.state.book.trades.values())


@given(seed=SEEDS, stop_s=st.integers(min_value=0, max_value=1800))
@settings(max_examples=20)
def test_restart_finds_what_was_there(seed: int, stop_s: int) -> None:
    """Killed at any moment, the state from the lines is the live one."""
    world = World(seed)
    world.run(OPEN + timedelta(seconds=stop_s))
    live = state_view(world.core.state, is_live=True)

    again = Core(settings=world.core.settings, lines=world.core.lines)
    again.start(world.core.now)

    before_start = state_view(again.state)
    assert before_start[0] == live[0]  # type: ignore[index]
    assert before_start == live


@given(seed=SEEDS, kills=st.lists(st.integers(min_value=10, max_value=1500), max_size=4))
@example(seed=94, kills=[10, 276, 604])
@settings(max_examples=10)
def test_kills_change_no_record_and_lose_no_protection(seed: int, kills: list[int]) -> None:
    """Killed several times, no execution is recorded twice or never, and all ends protected."""
    world = World(seed, entry_every=5)
    for kill in sorted(kills):
        world.run(OPEN + timedelta(seconds=kill))
        world.restart(OPEN + timedelta(seconds=kill))
    world.run(after_open(28))
    world.is_kind = True
    world.run(after_open(29.9))

    assert not world.problems
    assert world.guarded == world.position
    recorded = len(world.core.lines.get(STREAM_TRADES, []))
    assert recorded == sum(len(order.executions) for order in world.orders.values())
    # Every line number was given once, in order.
    seqs = [line.split(",")[0] for line in world.core.lines.get("orders", [])]
    assert seqs == [f'{{"seq":{number}' for number in range(len(seqs))]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_lines(seed: int) -> None:
    """The same events give the same records, byte for byte."""
    first, second = World(seed), World(seed)

    first.run(after_open(30))
    second.run(after_open(30))

    assert first.core.lines == second.core.lines
    assert first.core.tape == second.core.tape
