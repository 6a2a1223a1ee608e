"""The tiers leave nothing out in silence, and the set-up says what is wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.checkout import ROOT

TESTS = '''
"""Five fates of a test."""
import pytest

def test_kept():
    """Passes."""

def test_skipped():
    """Skips inside."""
    pytest.skip("no reason")

@pytest.mark.skip(reason="none")
def test_marked():
    """Skips by its mark."""

@pytest.mark.xfail(reason="known", strict=True)
def test_expected():
    """Fails as expected."""
    assert False

def test_with_data(market_data):
    """Needs real bars."""
'''


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A test suite of its own, under this project's conftest."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (tmp_path / "test_fates.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


def closing_line(suite: Path, *arguments: str, data: Path) -> str:
    """The last line pytest prints for the suite."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=suite,
        env={**os.environ, "TRADING_BOT_MARKET_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.strip().splitlines()[-1]


def test_a_skip_is_allowed_in_the_fast_tier(suite: Path) -> None:
    """A newcomer's machine may lack things; what is left out is counted."""
    said = closing_line(suite, data=suite)

    assert said.startswith("2 passed, 2 skipped, 1 xfailed")


def test_a_skip_fails_the_tier_that_runs_everything(suite: Path) -> None:
    """Under `--fail-on-skip` any skip of a test is a failure; an expected failure is not."""
    said = closing_line(suite, "--fail-on-skip", data=suite)

    assert said.startswith("1 failed, 2 passed, 1 xfailed, 1 error")


def test_a_skipped_file_fails_the_tier_that_runs_everything(suite: Path) -> None:
    """Nor may a whole file leave."""
    (suite / "test_gone.py").write_text(
        'import pytest\npytest.skip("all of it", allow_module_level=True)\n', encoding="utf-8"
    )

    assert "1 error" in closing_line(suite, "--fail-on-skip", "test_gone.py", data=suite)


def test_tests_of_real_bars_are_left_out_where_there_are_none(suite: Path) -> None:
    """Without the data these tests are not collected; the closing line counts them."""
    said = closing_line(suite, data=suite / "nowhere")

    assert said.startswith("1 passed, 2 skipped, 1 deselected, 1 xfailed")


def set_up(python: str, venv: Path) -> subprocess.CompletedProcess[str]:
    """Runs the set-up with an interpreter of the given words."""
    fake = venv.parent / "python3"
    fake.write_text(f"#!/bin/sh\n{python}\n", encoding="utf-8")
    fake.chmod(0o755)
    return subprocess.run(
        [ROOT / "scripts" / "_venv", "run"],
        env={"PATH": os.environ["PATH"], "PYTHON": str(fake), "TRADING_BOT_VENV": str(venv)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_is_named(tmp_path: Path) -> None:
    """Where Python is too old, the set-up says which it found and which it needs."""
    old = 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac'

    run = set_up(old, tmp_path / "venv")

    assert run.returncode == 1
    assert "Python 3.11 or newer is needed" in run.stderr
    assert "is Python 3.9.2." in run.stderr


def test_a_missing_venv_module_is_named(tmp_path: Path) -> None:
    """Where Debian's split of Python left out venv, the set-up says what to install."""
    split = f'case "$*" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"'

    run = set_up(split, tmp_path / "venv")

    assert run.returncode == 1
    assert "apt-get install python3-venv" in run.stderr


def test_an_unknown_kind_of_environment_is_refused() -> None:
    """A typo installs nothing."""
    run = subprocess.run(
        [ROOT / "scripts" / "_venv", "rnu"], capture_output=True, text=True, check=False
    )

    assert run.returncode == 2
    assert "expected run or dev, got 'rnu'" in run.stderr
