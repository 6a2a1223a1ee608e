"""Which program this is, more closely than its version says it."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import trading_bot

_DECIDING: Final = (
    "app/core_settings.py",
    "app/strategy_files.py",
    "config",
    "core",
    "domain",
    "execution",
    "logging",
    "market",
    "performance",
    "ports",
    "risk",
    "strategies",
)
"""What a replay runs through: the rest may change without changing a record of a tape."""


@cache
def code_hash() -> str:
    """The hash of the program that runs."""
    return hash_of(Path(trading_bot.__file__).parent)


def hash_of(root: Path) -> str:
    """SHA-256 over the source in the package `root` that turns a tape into records, 64 hex."""
    files = [path for name in _DECIDING for path in _sources(root / name)]
    digest = hashlib.sha256()
    for path in sorted(files):
        inner = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {inner}\n".encode())
    return digest.hexdigest()


def _sources(place: Path) -> list[Path]:
    return list(place.rglob("*.py")) if place.is_dir() else [place]
