"""Days on which everything goes wrong: nothing is lost, doubled or left bare, on any of them.

`benchmarks/chaos.py` plays many more.
"""

from pathlib import Path

import pytest

from support.chaos_controls import CONTROLS
from support.chaos_day import ChaosResult, play_chaos
from support.chaos_setting import DAY
from trading_bot.app.replay import Replayer
from trading_bot.storage.home import Home
from trading_bot.storage.verify import verify_home

SEEDS = (3, 4, 5, 24)
CONTROL_SEEDS = {"unknown": (3, 4), "deduplication": (3, 5), "write-ahead": (3, 4)}


def play(root: Path, seed: int, control: str = "none") -> ChaosResult:
    chosen = CONTROLS[control]
    with chosen.patches():
        return play_chaos(seed, root, chosen.tampering)


@pytest.mark.ci
@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_of_chaos_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """Ledger and records agree, each bare time has its reasons, and the tape replays."""
    result = play(tmp_path / "home", seed)

    assert result.problems == ()
    assert result.orders >= 5
    assert sum(result.faults.values()) >= 20
    assert sum(result.kills.values()) >= 3
    home = Home(tmp_path / "home")
    report = verify_home(home)
    assert report.is_sound, report
    assert Replayer(home).first_difference(DAY) is None


@pytest.mark.ci
@pytest.mark.parametrize("control", sorted(CONTROL_SEEDS))
def test_a_day_without_one_safeguard_is_found_out(tmp_path: Path, control: str) -> None:
    """Unknown orders sent again, fills counted twice, intents written late: some day shows it."""
    found = [
        problem
        for seed in CONTROL_SEEDS[control]
        for problem in play(tmp_path / str(seed), seed, control).problems
    ]

    assert found


@pytest.mark.ci
def test_a_day_of_chaos_is_the_same_twice(tmp_path: Path) -> None:
    """One seed gives the same orders, faults and deaths."""
    assert play(tmp_path / "first", 3) == play(tmp_path / "second", 3)
