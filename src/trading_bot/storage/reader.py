"""Reads lines: forwards, backwards from the end, and following a file that is being written.

Only whole lines come out: bytes after the last LF are held back until their LF is there. Files
ending in .gz (the archive) are read the same way; offsets are then those of the unpacked text.
"""

import gzip
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO, Final, NamedTuple

_BLOCK: Final = 1 << 18
_DAY_NAME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl(\.gz)?").fullmatch


class Line(NamedTuple):
    """One whole line: its number from 1, its first byte from 0, its text without LF."""

    number: int
    offset: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFile:
    """The file of one trading day."""

    day: date
    path: Path
    is_archived: bool


def iter_lines(path: Path, *, offset: int = 0, number: int = 1) -> Iterator[Line]:
    """The whole lines of a file from the line that begins at `offset` and has `number`."""
    with open_text(path) as file:
        file.seek(offset)
        yield from _whole_lines(file, offset, number)


def open_text(path: Path) -> "IO[bytes] | gzip.GzipFile":
    """The file's bytes, unpacked if it is in the archive."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _whole_lines(file: "IO[bytes] | gzip.GzipFile", offset: int, number: int) -> Iterator[Line]:
    rest = b""
    while block := file.read(_BLOCK):
        lines = (rest + block).split(b"\n") if rest else block.split(b"\n")
        rest = lines.pop()
        for raw in lines:
            yield Line(number, offset, raw)
            number += 1
            offset += len(raw) + 1


def iter_backwards(path: Path) -> Iterator[bytes]:
    """The whole lines of a file without LF, the last one first, reading only what is asked for."""
    if path.suffix == ".gz":
        yield from (line.raw for line in reversed(list(iter_lines(path))))
        return
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        rest = b""
        is_held_back = True
        while end > 0:
            start = max(0, end - _BLOCK)
            file.seek(start)
            lines = (file.read(end - start) + rest).split(b"\n")
            end = start
            rest = lines[0]
            if len(lines) == 1:
                continue
            if is_held_back:
                lines.pop()
                is_held_back = False
            yield from reversed(lines[1:])
        if not is_held_back:
            yield rest


def last_lines(paths: Iterable[Path], count: int) -> list[bytes]:
    """The last `count` whole lines over several files, oldest first; `paths` newest first."""
    found = list(islice((raw for path in paths for raw in iter_backwards(path)), max(0, count)))
    found.reverse()
    return found


def day_files(folder: Path, archive: Path | None = None) -> list[DayFile]:
    """The day files of a folder and of `archive/YYYY/`, oldest first.

    A day that is in both (archived, original not yet removed) is listed once, from the folder.
    """
    found: dict[date, DayFile] = {}
    years = sorted(archive.iterdir()) if archive is not None and archive.is_dir() else []
    for place in (*(year for year in years if year.is_dir()), folder):
        if not place.is_dir():
            continue
        for path in place.iterdir():
            day = day_of(path.name)
            if day is not None and not path.is_symlink():
                found[day] = DayFile(day=day, path=path, is_archived=place is not folder)
    return [found[day] for day in sorted(found)]


def day_of(name: str) -> date | None:
    """The day in a file's name, or None if the name is not that of a day file."""
    match = _DAY_NAME(name)
    if match is None:
        return None
    try:
        return date.fromisoformat(match[1])
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a reader is: the next line of `file` has `number` (from 1) and begins at `offset`."""

    file: Path
    number: int = 1
    offset: int = 0


class Follower:
    """Follows a stream over its files. `poll` never waits: call it again when it is time.

    `files` (a `FileList`) lists the stream's files oldest first, anew at each call. It goes on to
    the next file only after it has read the old one to its end *after* it has seen the new one, so
    that nothing written before the switch is missed.
    """

    def __init__(self, files: Callable[[], list[Path]], cursor: Cursor | None = None) -> None:
        self._files = files
        self._cursor = cursor
        self._open: IO[bytes] | gzip.GzipFile | None = None

    @property
    def cursor(self) -> Cursor | None:
        """Where the next poll begins; None before the first file exists. Safe to keep."""
        return self._cursor

    def poll(self) -> list[Line]:
        """The whole lines written since the last poll, over all files, oldest first.

        FileNotFoundError if the cursor's file is gone before it was opened. ValueError if the
        file became shorter than what was read of it.
        """
        found: list[Line] = []
        while True:
            # The list is taken before the file is read to its end: the order is the point.
            files = self._files()
            if self._cursor is None:
                if not files:
                    return found
                self._cursor = Cursor(file=files[0])
            following = _after(files, self._cursor.file)
            if self._is_replaced(self._cursor.file):
                following = self._cursor.file
            found += self._read_to_end(self._cursor)
            if following is None:
                return found
            self.close()
            self._cursor = Cursor(file=following)

    def close(self) -> None:
        """Let go of the open file; a later poll opens it again at the cursor."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _is_replaced(self, file: Path) -> bool:
        """True if the name stands for another file than the open one (renamed for the year)."""
        if self._open is None or not file.exists():
            return False
        return not os.path.samestat(os.fstat(self._open.fileno()), file.stat())

    def _read_to_end(self, cursor: Cursor) -> list[Line]:
        if self._open is None:
            self._open = open_text(cursor.file)
        if cursor.file.suffix != ".gz":
            size = os.fstat(self._open.fileno()).st_size
            if size < cursor.offset:
                raise ValueError(f"{cursor.file} has {size} bytes, {cursor.offset} were read")
        self._open.seek(cursor.offset)
        lines = list(_whole_lines(self._open, cursor.offset, cursor.number))
        if lines:
            last = lines[-1]
            self._cursor = Cursor(
                file=cursor.file,
                number=last.number + 1,
                offset=last.offset + len(last.raw) + 1,
            )
        return lines


class FileList:
    """The files of a stream: those of its days, or the one that it has."""

    def __init__(
        self, folder: Path, *, archive: Path | None = None, single: str | None = None
    ) -> None:
        self._folder = folder
        self._archive = archive
        self._single = single

    def __call__(self) -> list[Path]:
        """The paths that exist now, oldest first."""
        if self._single is None:
            return [file.path for file in day_files(self._folder, self._archive)]
        path = self._folder / self._single
        return [*self._earlier(path), path] if path.exists() else self._earlier(path)

    def _earlier(self, path: Path) -> list[Path]:
        """Files of past years, `NAME-YYYY.jsonl`, beside it."""
        pattern = f"{path.stem}-[0-9][0-9][0-9][0-9].jsonl"
        return sorted(self._folder.glob(pattern)) if self._folder.is_dir() else []


def _after(files: list[Path], file: Path) -> Path | None:
    """The file that follows; by name if the file itself has left the list (into the archive)."""
    if file in files:
        at = files.index(file) + 1
        return files[at] if at < len(files) else None
    own = day_of(file.name)
    if own is None:
        return None
    later = (path for path in files if (day_of(path.name) or own) > own)
    return next(later, None)
