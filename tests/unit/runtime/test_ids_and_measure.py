"""Ids that repeat where they must; percentiles that are true within their bound."""

import asyncio
import math
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.runtime.ids import counted_ids, random_ids
from trading_bot.runtime.measure import Measures, Stage, watch_loop_lag


def test_random_ids_are_new_uuids() -> None:
    """Two live sessions never share an id."""
    ids = random_ids()

    made = {ids() for _ in range(100)}

    assert len(made) == 100
    assert all(str(uuid.UUID(text)) == text for text in made)


def test_counted_ids_repeat_with_their_seed() -> None:
    """One seed, one row of ids, on every machine; another seed, another row."""
    first, second, other = counted_ids("seed 1"), counted_ids("seed 1"), counted_ids("seed 2")

    row = [first() for _ in range(5)]

    assert row == [second() for _ in range(5)]
    assert len({*row, other()}) == 6
    assert uuid.UUID(row[0]).version == 5


@given(st.lists(st.floats(1e-5, 50), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 1.0]))
def test_percentile_is_an_upper_bound_within_a_bucket(
    durations: list[float], fraction: float
) -> None:
    """Compared with the sorted list, a percentile is never too low and hardly too high."""
    stage = Stage()
    for duration in durations:
        stage.add(duration)

    true = sorted(durations)[max(1, math.ceil(fraction * len(durations))) - 1]

    assert true * (1 - 1e-9) <= stage.percentile_s(fraction) <= true * 10**0.1 * (1 + 1e-9)


def test_stage_takes_anything_and_stays_small() -> None:
    """No duration is out of its range, and none needs more memory."""
    stage = Stage()
    size = len(stage.buckets)

    for duration in (-1.0, 0.0, 1e-12, 1e9):
        stage.add(duration)

    assert (stage.count, stage.max_s, len(stage.buckets)) == (4, 1e9, size)
    assert Stage().percentile_s(0.99) == 0


def test_failed_block_is_measured_too() -> None:
    """The slow way to fail is what one wants to see."""
    measures = Measures()

    def fails() -> None:
        with measures.stage("poll"):
            raise OSError("down")

    with pytest.raises(OSError, match="down"):
        fails()
    assert measures.summary()["poll"]["count"] == 1


def test_loop_lag_shows_a_blocked_loop() -> None:
    """Work that blocks the loop is seen as lag of about its length."""
    measures = Measures()

    async def scene() -> None:
        watcher = asyncio.ensure_future(watch_loop_lag(measures, every_s=0.005))
        await asyncio.sleep(0.001)
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.08
        while loop.time() < until:
            pass
        await asyncio.sleep(0.02)
        watcher.cancel()

    asyncio.run(scene())

    assert measures.stages["loop_lag"].max_s >= 0.05
