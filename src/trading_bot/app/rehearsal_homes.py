"""The homes of rehearsals: one each, `rehearsals/<when>/`, and only the newest are kept."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from trading_bot.storage.home import Home, HomeBusyError

KEPT: Final = 20
"""Some 6 MB a made-up day: a rehearsal played again and again stays far below a gigabyte."""

MARK: Final = ".rehearsal"
"""The file that says this folder was made here, so may be removed here."""

_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(?:\.(\d+))?")
_DISCARDED: Final = ".discarded-"


def new_home(base: Path, when: datetime) -> Home:
    """A rehearsal's own home, `rehearsals/<when>/`; `rehearsals/latest` points at it."""
    folder = base / "rehearsals"
    stamp = when.strftime("%Y-%m-%dT%H-%M-%SZ")
    root = folder / stamp
    count = 1
    while root.exists():
        count += 1
        root = folder / f"{stamp}.{count}"
    home = Home(root)
    folder.mkdir(parents=True, exist_ok=True)
    home.create()
    (root / MARK).touch(mode=0o600)
    link = folder / "latest"
    fresh = folder / f".latest-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(root.name)
    fresh.replace(link)
    return home


def discard_old(newest: Home, kept: int = KEPT) -> tuple[str, ...]:
    """Remove the rehearsals beside `newest` that are not among the last `kept`, it included.

    Only what `new_home` made and nobody uses is touched: a folder that was renamed, is bound to a
    mode, is a link, or has no mark stays for ever. Those kept give back their reserve. Returns
    what could not be removed, a sentence each.
    """
    folder = newest.root.parent
    others = sorted(_made_here(folder, newest), key=_age_order, reverse=True)
    for root in others[: kept - 1]:
        with suppress(HomeBusyError, OSError), Home(root).lock():
            Home(root).free_reserve()
    for root in others[kept - 1 :]:
        # Renamed first: what a crash leaves half removed is never taken for records.
        with suppress(HomeBusyError, OSError), Home(root).lock():
            root.rename(folder / f"{_DISCARDED}{root.name}")
    return tuple(_problems_of_removing(folder))


def _made_here(folder: Path, newest: Home) -> Iterator[Path]:
    for root in folder.iterdir():
        is_named = _STAMP.fullmatch(root.name) is not None and root.name != newest.root.name
        is_ours = root.is_dir() and not root.is_symlink() and (root / MARK).is_file()
        if is_named and is_ours and not Home(root).binding_file.exists():
            yield root


def _age_order(root: Path) -> tuple[str, int]:
    match = _STAMP.fullmatch(root.name)
    assert match is not None, "only stamped folders are ordered"
    return match[1], int(match[2] or 1)


def _problems_of_removing(folder: Path) -> Iterator[str]:
    for root in sorted(folder.glob(f"{_DISCARDED}*")):
        name = root.name.removeprefix(_DISCARDED)
        if _STAMP.fullmatch(name) is None or root.is_symlink():
            continue
        try:
            shutil.rmtree(root)
        except FileNotFoundError:
            continue  # another rehearsal removes it just now
        except OSError as error:
            yield f"the old rehearsal {root} could not be removed: {error}"
