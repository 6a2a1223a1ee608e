"""The hash of the code: another one whenever a tape may give other records."""

import shutil
from pathlib import Path

import pytest

from support.checkout import ROOT
from trading_bot.app.provenance import code_hash, hash_of


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the program's source."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "trading_bot", tmp_path / "copy", ignore=ignored)
    return tmp_path / "copy"


def test_it_does_not_depend_on_where_the_program_lies(package: Path) -> None:
    """A copy elsewhere, or compiled files beside the source, are the same program."""
    (package / "core" / "step.pyc").write_bytes(b"compiled")

    assert hash_of(package) == code_hash()


@pytest.mark.parametrize(
    "name",
    [
        "app/core_settings.py", "config/model.py", "core/step.py", "domain/money.py",
        "execution/book.py", "logging/trade_record.py", "market/bars.py", "performance/metric.py",
        "ports/records.py", "risk/gate.py", "strategies/bull_flag.py",
    ],
)  # fmt: skip
def test_a_change_of_what_decides_or_records_changes_it(package: Path, name: str) -> None:
    """In any room that a replay runs through."""
    with (package / name).open("a") as file:
        file.write("# another line\n")

    assert hash_of(package) != code_hash()


def test_a_file_under_another_name_changes_it(package: Path) -> None:
    """The same text elsewhere is another program."""
    (package / "core" / "step.py").rename(package / "core" / "steps.py")

    assert hash_of(package) != code_hash()


def test_a_change_of_what_only_shows_leaves_it(package: Path) -> None:
    """A better word in a command makes no day another program's."""
    with (package / "cli" / "verify.py").open("a") as file:
        file.write("# another line\n")

    assert hash_of(package) == code_hash()
