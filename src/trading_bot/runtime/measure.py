"""How long things take: loop lag and stage latencies, in bounded memory."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_BUCKETS_PER_DECADE = 10
_SMALLEST_S = 1e-6
_BUCKETS = 80


@dataclass(slots=True)
class Stage:
    """Durations of one stage in a logarithmic histogram: ten buckets a decade from 1 µs up."""

    count: int = 0
    total_s: float = 0.0
    max_s: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * _BUCKETS)

    def add(self, seconds: float) -> None:
        """Count one duration; negative ones (a clock that was set) count as none."""
        seconds = max(0.0, seconds)
        self.count += 1
        self.total_s += seconds
        self.max_s = max(self.max_s, seconds)
        self.buckets[_bucket_of(seconds)] += 1

    def percentile_s(self, fraction: float) -> float:
        """Upper edge of the bucket that holds the `fraction` quantile; 0 without a reading."""
        wanted = fraction * self.count
        seen = 0
        for index, number in enumerate(self.buckets):
            seen += number
            if number and seen >= wanted:
                return min(_edge_of(index), self.max_s)
        return 0.0


class Measures:
    """Stages by name. Real durations; they stay out of every record."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}

    def add(self, name: str, seconds: float) -> None:
        """Count a duration that was measured elsewhere."""
        stage = self.stages.get(name)
        if stage is None:
            stage = self.stages[name] = Stage()
        stage.add(seconds)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - started)

    def summary(self) -> dict[str, dict[str, float]]:
        """Count, median, 99th percentile and maximum of every stage, durations in milliseconds."""
        return {
            name: {
                "count": stage.count,
                "p50_ms": round(stage.percentile_s(0.5) * 1e3, 3),
                "p99_ms": round(stage.percentile_s(0.99) * 1e3, 3),
                "max_ms": round(stage.max_s * 1e3, 3),
            }
            for name, stage in sorted(self.stages.items())
        }


async def watch_loop_lag(
    measures: Measures, *, every_s: float = 1.0, name: str = "loop_lag"
) -> None:
    """Measure for ever how late the loop wakes a sleeper. Real time: not for lockstep."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every_s
        await asyncio.sleep(every_s)
        measures.add(name, loop.time() - due)


def _bucket_of(seconds: float) -> int:
    index, edge = 0, _SMALLEST_S
    while edge < seconds and index < _BUCKETS - 1:
        index += 1
        edge = _edge_of(index)
    return index


def _edge_of(index: int) -> float:
    return float(_SMALLEST_S * 10 ** (index / _BUCKETS_PER_DECADE))
