"""The package that is built is the program that was tested."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.checkout import ROOT, SOURCE, tracked_files
from trading_bot.version import VERSION

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked(name: str) -> dict[str, str]:
    """Package -> version of a lock; of a package with several, the last."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    entries = [line.split(";")[0].strip(" \\") for line in lines if "==" in line]
    pairs = [entry.partition("==") for entry in entries]
    return {canonicalize_name(package): version.strip() for package, _, version in pairs}


def outside(requirements: list[str], versions: dict[str, str]) -> list[str]:
    """The requirements that a lock does not hold, or holds in a version they refuse."""
    missing = []
    for text in requirements:
        requirement = Requirement(text)
        version = versions.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version):
            missing.append(text)
    return missing


def test_the_locks_hold_what_the_project_asks_for() -> None:
    """A changed requirement without new locks is noticed."""
    groups = PROJECT["dependency-groups"]
    needed = PROJECT["project"]["dependencies"]
    tools = [text for text in groups["dev"] if isinstance(text, str)] + groups["build"]

    assert outside(needed, locked("requirements.lock")) == []
    assert outside(needed + tools, locked("requirements-dev.lock")) == []
    assert outside(groups["build"], locked("requirements-build.lock")) == []


def test_a_requirement_outside_the_lock_is_found() -> None:
    """The control: a package that is missing or too old is named."""
    assert outside(["a>=2", "b", "c<3"], {"a": "1.9", "c": "2.9"}) == ["a>=2", "b"]


def test_the_locks_agree() -> None:
    """What is tested is what runs: no package has one version here and another there."""
    development = locked("requirements-dev.lock")

    for name in ("requirements.lock", "requirements-build.lock"):
        assert all(development[package] == version for package, version in locked(name).items())


@pytest.mark.ci
def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    """Nothing the program reads is left behind when it is installed, and its version is the one."""
    # From a copy: setuptools would leave a build folder behind, and take old files from it.
    for path in tracked_files():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(tmp_path)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    sources = {path for path in tracked_files() if path.is_relative_to(SOURCE)}
    wanted = {path.relative_to(SOURCE.parent).as_posix() for path in sources}

    assert wheel.name.startswith(f"trading_bot-{VERSION}-")
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())
