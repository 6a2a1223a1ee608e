"""The container, the compose file and the unit agree with each other and with the tools."""

import re
import subprocess
from pathlib import Path

import pytest

from support.checkout import ROOT

UNIT = ROOT / "deploy" / "trading-bot.service"
STOP_SECONDS = 45


def verify(unit: Path) -> str:
    """What systemd has against a unit; it reports unknown keys in words only, not in its result."""
    run = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    return run.stderr + ("" if run.returncode == 0 else f"exit code {run.returncode}")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine."""
    copy = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    copy.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text), encoding="utf-8")
    return copy


@pytest.mark.ci
def test_systemd_accepts_the_unit(unit: Path) -> None:
    """Every key of the unit is known and well formed."""
    assert verify(unit) == ""


@pytest.mark.ci
def test_systemd_refuses_a_broken_unit(unit: Path) -> None:
    """The control: a key that does not exist is reported."""
    text = unit.read_text(encoding="utf-8")
    unit.write_text(text.replace("UMask=", "UMusk="), encoding="utf-8")

    assert "UMusk" in verify(unit)


@pytest.mark.ci
def test_the_unit_is_hardened(unit: Path) -> None:
    """Systemd's own measure of exposure stays below 2 of 10."""
    subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        check=True,
        capture_output=True,
    )


def test_both_ways_of_running_wait_for_a_clean_stop() -> None:
    """A stop may take 30 s when live, so both supervisors wait longer than that."""
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    assert f"TimeoutStopSec={STOP_SECONDS}\n" in UNIT.read_text(encoding="utf-8")
    assert f"stop_grace_period: {STOP_SECONDS}s\n" in compose


def test_the_container_starts_with_a_rehearsal() -> None:
    """What runs first shows something alive and cannot spend money."""
    command = "rehearse --generated --speed 60"
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert f"${{TRADING_BOT_COMMAND:-{command}}}" in compose
    assert f"\nTRADING_BOT_COMMAND={command}\n" in example
    assert '"' + command.replace(" ", '", "') + '"' in image


def test_the_image_runs_as_nobody_special() -> None:
    """The program in the container is not root, and its base can be chosen at build time."""
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert "\nUSER trading-bot\n" in image
    assert image.count("FROM ${PYTHON_IMAGE}") == image.count("FROM ")
