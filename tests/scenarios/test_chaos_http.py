"""Days on which everything goes wrong, over HTTP, with daemons that die of a real kill -9.

`benchmarks/chaos.py --http` plays more, and says what was hit.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from support.chaos_day import ChaosResult
from support.chaos_http import play_chaos_over_http
from support.chaos_setting import DAY
from trading_bot.app.replay import Replayer
from trading_bot.storage.home import Home
from trading_bot.storage.verify import verify_home

pytestmark = pytest.mark.xdist_group("chaos-http")

SEEDS = (1, 2)
SHORT = timedelta(minutes=25)
CONTROLS = ("deduplication", "unknown", "write-ahead")
CONTROL_SEED = 5


def check(result: ChaosResult, root: Path) -> None:
    """What a good day is, records that are sound and replay included."""
    assert result.problems == ()
    assert result.orders >= 5
    assert sum(result.faults.values()) >= 20
    assert sum(result.kills.values()) >= 3
    report = verify_home(Home(root))
    assert report.is_sound, report
    assert Replayer(Home(root)).first_difference(DAY) is None


@pytest.mark.ci
@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_of_real_kills_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """All of a day's faults and deaths in less than half an hour: ledger and records agree."""
    result = play_chaos_over_http(seed, tmp_path / "home", lasts=SHORT)

    check(result, tmp_path / "home")


@pytest.mark.long
def test_twenty_days_of_real_kills(tmp_path: Path) -> None:
    """As above, by the twenty; every day dies from outside as well."""
    seeds = range(1, 21)
    with ThreadPoolExecutor(2) as pool:
        results = list(
            pool.map(lambda seed: play_chaos_over_http(seed, tmp_path / str(seed)), seeds)
        )

    for seed, result in zip(seeds, results, strict=True):
        check(result, tmp_path / str(seed))
    assert sum(result.kills.get("outside", 0) for result in results) >= 20


@pytest.mark.long
@pytest.mark.parametrize("control", CONTROLS)
def test_a_day_over_http_without_one_safeguard_is_found_out(tmp_path: Path, control: str) -> None:
    """The judge of these days can say no."""
    result = play_chaos_over_http(CONTROL_SEED, tmp_path / "home", control)

    assert result.problems
