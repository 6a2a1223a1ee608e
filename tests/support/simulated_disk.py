"""A disk in memory that forgets what was not synced, for tests that crash at every operation.

After SQLite's crash tests: writes not yet synced are dropped, kept, or the last one is torn; names
not yet synced by their directory are dropped or kept. `crash_at` names the operation (counted
from 0) before which the machine stops; `reboot` gives the disk as the next start finds it.
"""

import errno
import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class CrashError(BaseException):
    """The machine stopped. Not an Exception: nothing may handle it."""


class Fate(Enum):
    """What becomes of what was not synced."""

    DROP = "drop"
    KEEP = "keep"
    TEAR = "tear"
    KEEP_SEALS = "keep only what seals were given"
    DROP_SEALS = "drop only what seals were given"


@dataclass
class _Inode:
    durable: bytearray = field(default_factory=bytearray)
    current: bytearray = field(default_factory=bytearray)


@dataclass
class _Descriptor:
    inode: _Inode
    path: Path
    appends: bool


_Names = dict[Path, "_Inode | str"]


class SimulatedDisk:
    """Implements `FileOperations`. An entry is a file's inode or the target of a link."""

    def __init__(self, crash_at: int | None = None) -> None:
        self.crash_at = crash_at
        self.operations: list[str] = []
        self.fail_at: dict[int, int | str] = {}
        self._names: _Names = {}
        self._durable_names: _Names = {}
        self._descriptors: dict[int, _Descriptor] = {}
        self._next = 3

    def reboot(self, fate: Fate, crash_at: int | None = None) -> "SimulatedDisk":
        """The disk after the crash."""
        disk = SimulatedDisk(crash_at)
        keeps_names = fate in {Fate.KEEP, Fate.DROP_SEALS}
        names = self._names if keeps_names else self._durable_names
        for path, entry in names.items():
            if isinstance(entry, str):
                disk._names[path] = entry
                continue
            own = fate
            if fate in {Fate.KEEP_SEALS, Fate.DROP_SEALS}:
                is_seal = path.suffix == ".seal"
                own = Fate.KEEP if is_seal is (fate is Fate.KEEP_SEALS) else Fate.DROP
            data = _survivor(entry, own)
            disk._names[path] = _Inode(bytearray(data), bytearray(data))
        disk._durable_names = dict(disk._names)
        return disk

    def text(self, path: Path) -> bytes:
        """What a reader sees in a file now; nothing if it is not there."""
        entry = self._names.get(path)
        return bytes(entry.current) if isinstance(entry, _Inode) else b""

    def paths(self) -> list[Path]:
        """Every name that is there."""
        return sorted(self._names)

    def _do(self, what: str) -> int | str | None:
        at = len(self.operations)
        if self.crash_at is not None and at >= self.crash_at:
            raise CrashError(f"before operation {at}: {what}")
        self.operations.append(what)
        return self.fail_at.get(at)

    def _fail(self, what: str) -> int | str | None:
        fault = self._do(what)
        if isinstance(fault, int):
            raise OSError(fault, os.strerror(fault))
        return fault

    def _open(self, path: Path, *, appends: bool) -> int:
        entry = self._names.get(path)
        if not isinstance(entry, _Inode):
            raise FileNotFoundError(errno.ENOENT, "no file", str(path))
        self._next += 1
        self._descriptors[self._next] = _Descriptor(entry, path, appends)
        return self._next

    def open_append(self, path: Path) -> int:
        if path not in self._names:
            self._fail(f"create {path.name}")
            self._names[path] = _Inode()
        return self._open(path, appends=True)

    def open_overwrite(self, path: Path) -> int:
        return self._open(path, appends=False)

    def open_replace(self, path: Path) -> int:
        self._fail(f"replace {path.name}")
        self._names[path] = _Inode()
        return self._open(path, appends=False)

    def write(self, descriptor: int, data: bytes) -> int:
        opened = self._descriptors[descriptor]
        fault = self._fail(f"write {opened.path.name}")
        if fault == "short":
            data = data[: len(data) // 2]
        opened.inode.current += data
        return len(data)

    def write_at(self, descriptor: int, data: bytes, offset: int) -> int:
        opened = self._descriptors[descriptor]
        self._fail(f"overwrite {opened.path.name}")
        opened.inode.current[offset : offset + len(data)] = data
        return len(data)

    def read_at(self, descriptor: int, count: int, offset: int) -> bytes:
        return bytes(self._descriptors[descriptor].inode.current[offset : offset + count])

    def size(self, descriptor: int) -> int:
        return len(self._descriptors[descriptor].inode.current)

    def sync_data(self, descriptor: int) -> None:
        opened = self._descriptors[descriptor]
        self._fail(f"sync {opened.path.name}")
        opened.inode.durable = bytearray(opened.inode.current)

    def truncate(self, descriptor: int, length: int) -> None:
        opened = self._descriptors[descriptor]
        self._fail(f"truncate {opened.path.name}")
        del opened.inode.current[length:]

    def close(self, descriptor: int) -> None:
        del self._descriptors[descriptor]

    def make_directory(self, path: Path) -> None:
        """Directories are always there."""

    def sync_directory(self, path: Path) -> None:
        self._fail(f"sync directory {path.name}")
        self._durable_names = {
            name: entry for name, entry in self._durable_names.items() if name.parent != path
        } | {name: entry for name, entry in self._names.items() if name.parent == path}

    def rename(self, source: Path, target: Path) -> None:
        self._fail(f"rename {target.name}")
        self._names[target] = self._names.pop(source)

    def make_symlink(self, link: Path, target: str) -> None:
        self._fail(f"link {link.name}")
        if link in self._names:
            raise FileExistsError(errno.EEXIST, "is there", str(link))
        self._names[link] = target

    def read_symlink(self, link: Path) -> str | None:
        entry = self._names.get(link)
        return entry if isinstance(entry, str) else None

    def unlink(self, path: Path) -> None:
        self._fail(f"unlink {path.name}")
        self._names.pop(path, None)

    def exists(self, path: Path) -> bool:
        return path in self._names

    def names(self, directory: Path) -> list[str]:
        return sorted(path.name for path in self._names if path.parent == directory)


def _survivor(inode: _Inode, fate: Fate) -> bytes:
    if fate is Fate.KEEP:
        return bytes(inode.current)
    if fate is Fate.DROP or len(inode.current) <= len(inode.durable):
        return bytes(inode.durable)
    unsynced = len(inode.current) - len(inode.durable)
    return bytes(inode.current[: len(inode.durable) + (unsynced + 1) // 2])
