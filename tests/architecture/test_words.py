"""Nothing in the project names a machine, a package host or an unfinished thought."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from support.checkout import ROOT, SOURCE, tracked_files

# A letter in brackets keeps this file from naming them itself.
FORBIDDEN = {
    "a path of one machine": (
        r"(?<![\w.$}~-])/(?:[w]ork|[r]oot|Users/\w|[t]mp/\w|home/(?!trading-bot/)\w)"
    ),
    "a package host": r"py[p]i\.org|python[h]osted|npm[j]s\.org|deb\.[d]ebian\.org",
    "an index option": r"--(?:extra-)?[i]ndex-url|trusted[-]host",
}
UNFINISHED = r"\b(?:[T]ODO|[F]IXME|[X]XX)\b|[N]otImplementedError"
TEXT = {
    "",
    ".cfg",
    ".css",
    ".html",
    ".js",
    ".json",
    ".jsonl",
    ".lock",
    ".md",
    ".py",
    ".service",
    ".sh",
}
TEXT |= {".example", ".toml", ".txt", ".yaml", ".yml"}
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))


def complaints(files: Iterable[Path], patterns: dict[str, str]) -> list[str]:
    """Each line of the text files that holds something forbidden, with what it is."""
    found = []
    for path in files:
        if path.suffix not in TEXT:
            continue
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        ):
            found += [
                f"{path}:{number}: {what}"
                for what, pattern in patterns.items()
                if re.search(pattern, line)
            ]
    return found


def unhashed(lock: str) -> list[str]:
    """The requirements of a lock that no hash pins, and the lines that name an address."""
    entries = lock.replace("\\\n", " ").splitlines()
    wanted = [entry for entry in entries if entry.strip() and not entry.startswith("#")]
    return [
        entry
        for entry in wanted
        if "==" not in entry or "--hash=sha256:" not in entry or "://" in entry
    ]


def test_no_file_names_a_machine_or_a_host() -> None:
    """What is committed runs anywhere: no absolute path of one machine, no package host."""
    assert complaints(tracked_files(), FORBIDDEN) == []


def test_no_source_is_unfinished() -> None:
    """Nothing in the program is left for later in a comment."""
    assert complaints(SOURCE.rglob("*.py"), {"unfinished": UNFINISHED}) == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_lock_is_hashed_and_names_no_address(name: str) -> None:
    """An installed package is the one that was tested, wherever it comes from."""
    text = (ROOT / name).read_text(encoding="utf-8")

    assert "--hash=sha256:" in text
    assert unhashed(text) == []


def test_there_are_locks() -> None:
    """The control of the one above: the program, its build and its development are locked."""
    assert LOCKS == ["requirements-build.lock", "requirements-dev.lock", "requirements.lock"]


@pytest.mark.parametrize(
    "line",
    [
        "see /wo" + "rk/notes",
        "cd /ro" + "ot",
        "open('/Us" + "ers/someone/x')",
        "FROM https://py" + "pi.org/simple",
        "pip install --index" + "-url X",
    ],
)
def test_forbidden_words_are_found(tmp_path: Path, line: str) -> None:
    """The control: each kind of forbidden word is seen in a file that holds it."""
    (tmp_path / "file.md").write_text(f"fine\n{line}\n", encoding="utf-8")

    assert len(complaints([tmp_path / "file.md"], FORBIDDEN)) == 1


def test_a_bad_lock_is_found() -> None:
    """The control: a requirement without a hash, or from an address, is seen."""
    good = "a==1 \\\n    --hash=sha256:00\n"

    assert unhashed(good) == []
    assert unhashed(good + "b==2\n") == ["b==2"]
    assert unhashed(good + "c @ https://x/c.whl --hash=sha256:00\n")
    assert complaints([Path(__file__)], {"unfinished": UNFINISHED}) == []
