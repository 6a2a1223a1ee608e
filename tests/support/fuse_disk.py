"""A disk that forgets, tears and lies on command: `python fuse_disk.py MOUNTPOINT BACKING`.

Writes stay in memory until their file is synced, as in a page cache; names are durable at once.
Commands are written to the file `.control`:
    crash          what was not synced is gone
    torn N         as crash, but the first N bytes of the oldest unsynced write reach the disk
    eio            the next sync fails, once; as on Linux the pages then count as clean, so readers
                   still see them, a repeated sync succeeds, and they are never written
"""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mfusepy

CONTROL = "/.control"


class ForgetfulDisk(mfusepy.Operations):  # type: ignore[misc]
    """`pages` is what readers see, `dirty` which ranges of it a sync will still write."""

    use_ns = True

    def __init__(self, backing: str) -> None:
        self._backing = Path(backing)
        self._pages: dict[str, bytearray] = {}
        self._dirty: dict[str, list[tuple[int, int]]] = {}
        self._fails_next_sync = False

    def _real(self, path: str) -> Path:
        return self._backing / path.lstrip("/")

    def _seen(self, path: str) -> bytearray:
        if path not in self._pages:
            self._pages[path] = bytearray(self._real(path).read_bytes())
        return self._pages[path]

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        if path == CONTROL:
            return {"st_mode": 0o100600, "st_size": 0, "st_nlink": 1}
        try:
            found = self._real(path).lstat()
        except OSError as error:
            raise mfusepy.FuseOSError(error.errno) from error
        names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_ino")
        attributes = {name: getattr(found, name) for name in names}
        if path in self._pages:
            attributes["st_size"] = len(self._pages[path])
        return attributes

    def readdir(self, path: str, fh: int) -> Iterator[str]:
        yield from (".", "..", *(entry.name for entry in self._real(path).iterdir()))

    def mkdir(self, path: str, mode: int) -> int:
        self._real(path).mkdir(mode)
        return 0

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        os.close(os.open(self._real(path), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode))
        self._forget(path)
        return 0

    def open(self, path: str, flags: int) -> int:
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._seen(path)[offset : offset + size])

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        if path != CONTROL:
            del self._seen(path)[length:]
            self._dirty.setdefault(path, [])
        return 0

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        if path == CONTROL:
            self._command(*data.decode().split())
            return len(data)
        self._seen(path)[offset : offset + len(data)] = data
        self._dirty.setdefault(path, []).append((offset, offset + len(data)))
        return len(data)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        if self._fails_next_sync:
            self._fails_next_sync = False
            self._dirty.pop(path, None)
            raise mfusepy.FuseOSError(errno.EIO)
        self._write_back(path)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        return 0

    def rename(self, old: str, new: str) -> int:
        self._real(old).replace(self._real(new))
        self._forget(new)
        for held in (self._pages, self._dirty):
            if old in held:
                held[new] = held.pop(old)  # type: ignore[assignment]
        return 0

    def unlink(self, path: str) -> int:
        self._real(path).unlink()
        self._forget(path)
        return 0

    def _forget(self, path: str) -> None:
        self._pages.pop(path, None)
        self._dirty.pop(path, None)

    def _write_back(self, path: str) -> None:
        ranges = self._dirty.pop(path, None)
        if ranges is None:
            return
        with self._real(path).open("r+b") as real:
            real.truncate(min(len(self._pages[path]), self._real(path).stat().st_size))
            for start, end in ranges:
                real.seek(start)
                real.write(self._pages[path][start:end])

    def _command(self, command: str, argument: str = "0") -> None:
        if command == "eio":
            self._fails_next_sync = True
            return
        if command == "torn":
            for path, ranges in self._dirty.items():
                start, end = ranges[0]
                with self._real(path).open("r+b") as real:
                    real.seek(start)
                    real.write(self._pages[path][start : min(end, start + int(argument))])
        self._pages.clear()
        self._dirty.clear()


if __name__ == "__main__":
    # Without attr_timeout=0 the kernel would append at a size from before the crash.
    mfusepy.FUSE(
        ForgetfulDisk(sys.argv[2]),
        sys.argv[1],
        foreground=True,
        nothreads=True,
        direct_io=True,
        attr_timeout=0,
    )
