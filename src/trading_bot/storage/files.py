"""The few operations on files that the journal makes, behind a door that tests can stand in."""

import os
from pathlib import Path
from typing import Protocol

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_OVERWRITE = os.O_WRONLY | os.O_CLOEXEC
_REPLACE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_READ_BLOCK = 1 << 20


class FileOperations(Protocol):
    """What the journal asks of a disk. Every method raises OSError as the system call does."""

    def open_append(self, path: Path) -> int:
        """A readable descriptor that appends; the file is created 0600 if it is not there."""
        ...

    def open_overwrite(self, path: Path) -> int:
        """A descriptor of an existing file that writes at a given offset."""
        ...

    def open_replace(self, path: Path) -> int:
        """A descriptor of a new or emptied file."""
        ...

    def write(self, descriptor: int, data: bytes) -> int:
        """One write call; the count may be short."""
        ...

    def write_at(self, descriptor: int, data: bytes, offset: int) -> int: ...

    def read_at(self, descriptor: int, count: int, offset: int) -> bytes:
        """Up to `count` bytes; fewer only at the end of the file."""
        ...

    def size(self, descriptor: int) -> int: ...

    def sync_data(self, descriptor: int) -> None: ...

    def truncate(self, descriptor: int, length: int) -> None: ...

    def close(self, descriptor: int) -> None: ...

    def make_directory(self, path: Path) -> None:
        """Make the directory, 0700, and its parents; one that exists is left as it is."""
        ...

    def sync_directory(self, path: Path) -> None: ...

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, whether or not that exists."""
        ...

    def make_symlink(self, link: Path, target: str) -> None: ...

    def read_symlink(self, link: Path) -> str | None:
        """Where the link points, or None if it is not there or not a link."""
        ...

    def unlink(self, path: Path) -> None:
        """Remove a file; one that is not there is no error."""
        ...

    def exists(self, path: Path) -> bool: ...

    def names(self, directory: Path) -> list[str]:
        """Names in a directory, sorted; none if it does not exist."""
        ...


class SystemFiles:
    """The real disk."""

    def open_append(self, path: Path) -> int:
        return os.open(path, _APPEND, FILE_MODE)

    def open_overwrite(self, path: Path) -> int:
        return os.open(path, _OVERWRITE)

    def open_replace(self, path: Path) -> int:
        return os.open(path, _REPLACE, FILE_MODE)

    def write(self, descriptor: int, data: bytes) -> int:
        return os.write(descriptor, data)

    def write_at(self, descriptor: int, data: bytes, offset: int) -> int:
        return os.pwrite(descriptor, data, offset)

    def read_at(self, descriptor: int, count: int, offset: int) -> bytes:
        parts: list[bytes] = []
        while count > 0:
            part = os.pread(descriptor, min(count, _READ_BLOCK), offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            count -= len(part)
        return b"".join(parts)

    def size(self, descriptor: int) -> int:
        return os.fstat(descriptor).st_size

    def sync_data(self, descriptor: int) -> None:
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        os.ftruncate(descriptor, length)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def make_directory(self, path: Path) -> None:
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)

    def sync_directory(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def make_symlink(self, link: Path, target: str) -> None:
        link.symlink_to(target)

    def read_symlink(self, link: Path) -> str | None:
        return str(link.readlink()) if link.is_symlink() else None

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def exists(self, path: Path) -> bool:
        return path.exists()

    def names(self, directory: Path) -> list[str]:
        if not directory.is_dir():
            return []
        return sorted(entry.name for entry in directory.iterdir())
