"""The import-linter contracts hold, and each of them catches a deliberate break."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.checkout import ROOT, SOURCE, rooms

PURE_ROOMS = {"domain", "market", "strategies", "risk", "performance", "execution", "core"}
HOUSE = "The house: a room imports only rooms below its line"
PURE = "Pure rooms: no clock, file, socket, randomness or asyncio, not even through others"
CYCLES = "No cycles: files and folders never import each other in a circle"
JUDGE = "The rehearsal exchange judges the daemon: it shares none of its decisions or sums"
ROBINHOOD = "Only brokers.robinhood knows robin_stocks"


def contracts() -> dict[str, dict[str, list[str]]]:
    """The contracts of `pyproject.toml` by their id."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the house that a test may break."""
    shutil.copytree(
        SOURCE,
        tmp_path / "src" / "trading_bot",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> tuple[bool, str]:
    """Whether the contracts hold in `folder`, and what import-linter said, on one line."""
    run = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode == 0, " ".join((run.stdout + run.stderr).split())


def add(folder: Path, module: str, line: str) -> None:
    """Writes a new file in the copy that holds `line`; its room is made if it is new."""
    path = folder / "src" / "trading_bot" / module
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").touch()
    path.write_text(line + "\n", encoding="utf-8")


def test_an_unbroken_copy_keeps_every_contract(copy: Path) -> None:
    """The control of the tests below: the copy as it stands is in order."""
    kept, said = lint(copy)

    assert kept, said


# What breaks a contract: the files to add, and the contract that has to name the break.
BREAKS = {
    "upwards": ({"domain/broken.py": "import trading_bot.ports"}, HOUSE),
    "far upwards": ({"market/broken.py": "import trading_bot.core"}, HOUSE),
    "on one line": (
        {
            "brokers/neighbour.py": "VALUE = 1",
            "storage/broken.py": "import trading_bot.brokers.neighbour",
        },
        HOUSE,
    ),
    "a room without a place": ({"attic/broken.py": "VALUE = 1"}, HOUSE),
    "a second door to robin_stocks": ({"storage/broken.py": "import robin_stocks"}, ROBINHOOD),
    "a judge with the daemon's sums": (
        {"rehearsal/broken.py": "import trading_bot.domain.fees"},
        JUDGE,
    ),
    "in a circle": (
        {
            "domain/hen.py": "import trading_bot.domain.egg",
            "domain/egg.py": "import trading_bot.domain.hen",
        },
        CYCLES,
    ),
}


@pytest.mark.parametrize(("files", "contract"), BREAKS.values(), ids=BREAKS)
def test_a_broken_contract_is_caught(copy: Path, files: dict[str, str], contract: str) -> None:
    """A forbidden import fails the check and the report names the contract it breaks."""
    for module, line in files.items():
        add(copy, module, line)

    kept, said = lint(copy)

    assert not kept
    assert f"{contract} BROKEN" in said, said


def test_every_contract_is_broken_by_some_test() -> None:
    """A contract that nobody has seen fail proves nothing."""
    tried = {contract for _, contract in BREAKS.values()} | {PURE}

    assert {str(contract["name"]) for contract in contracts().values()} == tried


def test_every_pure_room_is_kept_pure(copy: Path) -> None:
    """Each pure room that takes the time, directly or through a room below, is named."""
    existing = sorted(PURE_ROOMS & rooms())
    for room in existing:
        add(copy, f"{room}/broken.py", "import time")
    if "ports" in rooms():
        add(copy, "ports/broken.py", "import socket")
        add(copy, "core/broken_through_ports.py", "import trading_bot.ports.broken")

    kept, said = lint(copy)

    assert not kept
    assert f"{PURE} BROKEN" in said, said
    for room in existing:
        assert f"trading_bot.{room}.broken -> time" in said
    assert "trading_bot.core.broken_through_ports -> trading_bot.ports.broken" in said


def test_every_pure_room_stands_in_the_contract() -> None:
    """A pure room that exists is listed: leaving it out would evade the contract."""
    listed = {name.removeprefix("trading_bot.") for name in contracts()["pure"]["source_modules"]}

    assert listed == PURE_ROOMS & rooms()


def test_every_room_stands_in_the_house() -> None:
    """The order of the rooms names each of them once."""
    placed = [
        room.strip(" ()") for line in contracts()["house"]["layers"] for room in line.split("|")
    ]

    assert len(placed) == len(set(placed))
    assert rooms() <= set(placed)
