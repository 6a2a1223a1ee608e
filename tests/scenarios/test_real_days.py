"""Every recorded day through the whole daemon: quotes over HTTP, gate, paper broker, records."""

from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from support.real_days import Played, play_day

SHORT_DAY = "2023-05-24"


@pytest.fixture(scope="module")
def played(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    """Each session once, all its symbols together."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((market_data / "1min").glob("*/*.csv.gz")):
        files[path.name.removesuffix(".csv.gz")].append(path)
    base = tmp_path_factory.mktemp("days")
    folders = {day: base / day for day in files}
    for folder in folders.values():
        folder.mkdir()
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(play_day, day, paths, folders[day]) for day, paths in files.items()]
        return [one.result() for one in waiting]


@pytest.mark.ci
@pytest.mark.xdist_group("real-days")
def test_every_full_day_plays_replays_and_verifies(played: list[Played]) -> None:
    """A full session ends without an alarm, its seals hold and its tape gives the same records."""
    full = [day for day in played if not day.refused]

    assert len(full) >= 30
    assert [d.day for d in full if d.difference is not None] == []
    assert [(d.day, d.problems) for d in full if d.problems] == []
    unexpected = [a for d in full for a in d.alerts if "circuit breaker" not in a]
    assert [a for a in unexpected if not a.startswith("WARNING performance")] == []


@pytest.mark.ci
@pytest.mark.xdist_group("real-days")
def test_the_shipped_defaults_trade_win_lose_and_refuse(played: list[Played]) -> None:
    """Over these days there are twenty round trips, wins, losses and five reasons to refuse."""
    outcomes: Counter[str] = sum((day.outcomes for day in played), Counter())
    rules: Counter[str] = sum((day.rules for day in played), Counter())
    print(f"outcomes {dict(outcomes)}, refusals {dict(rules)}")

    assert outcomes.total() >= 20
    assert outcomes["win"] > 0
    assert outcomes["loss"] > 0
    assert len(rules) >= 5


@pytest.mark.ci
@pytest.mark.xdist_group("real-days")
def test_half_empty_days_are_refused(played: list[Played]) -> None:
    """A day without its regular minutes is refused with the number that was expected."""
    refused = {day.day: day.refused for day in played if day.refused}

    assert list(refused) == [SHORT_DAY]
    assert "expected 390 regular minutes" in refused[SHORT_DAY]
