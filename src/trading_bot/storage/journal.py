"""One journal file and its seal: recovered at opening, appended to durably, poisoned by failure."""

import errno
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trading_bot.storage.damage import (
    DamageFound,
    DamageKind,
    JournalDamagedError,
    JournalPoisonedError,
)
from trading_bot.storage.files import FileOperations, SystemFiles
from trading_bot.storage.recovery import (
    CHECK_BYTES,
    Recovered,
    Recoverer,
    Recovery,
    place_seal,
    seal_path,
    write_all,
)
from trading_bot.storage.seal import GENESIS, SealEntry, chained, parse_seal

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHead:
    """Where a file ends: `size` in bytes, `head` and `previous` of its chain."""

    file: Path
    lines: int
    size: int
    head: bytes
    previous: bytes


def encode_lines(lines: Sequence[str]) -> list[bytes]:
    """Each line as it will stand in the file, with LF.

    ValueError for an empty line, a line feed inside, or text that is not UTF-8.
    """
    raw = []
    for line in lines:
        if not line or "\n" in line:
            raise ValueError(f"a line must have text and no line feed: {line[:80]!r}")
        raw.append(line.encode() + b"\n")
    return raw


class JournalFile:
    """The writer of one file. Make it with `open`; it may be used from several threads.

    Durable: each append is one write, a sync, then the seal (unsynced). Not durable (the tape):
    an append is one write; `sync` makes all of it durable and seals it with one entry.
    """

    def __init__(
        self,
        files: FileOperations,
        file: Path,
        descriptor: int,
        seal_descriptor: int,
        head: FileHead,
        recovery: Recovery,
        *,
        is_durable: bool,
    ) -> None:
        self._files = files
        self._file = file
        self._fd = descriptor
        self._seal_fd = seal_descriptor
        self._lines = head.lines
        self._size = head.size
        self._head = head.head
        self._previous = head.previous
        self._is_durable = is_durable
        self._unsealed: SealEntry | None = None
        self._is_seal_dirty = False
        self._poison: JournalPoisonedError | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        self.recovery = recovery

    @classmethod
    def open(
        cls,
        file: Path,
        *,
        quarantine: Path,
        previous: bytes | None = None,
        is_durable: bool = True,
        adopt: bool = False,
        check_bytes: int = CHECK_BYTES,
        files: FileOperations | None = None,
    ) -> "JournalFile":
        """Open or create the file, recover it, and be ready to append.

        `previous` is the head of the file before it in its stream; None trusts its seal (or starts
        a stream). `adopt` accepts lines without a seal and seals them as they are. Raises
        JournalDamagedError with nothing altered, or OSError.
        """
        files = files or SystemFiles()
        files.make_directory(file.parent)
        _create_if_missing(files, file, previous)
        descriptor = files.open_append(file)
        try:
            recovered = Recoverer(
                files,
                file,
                descriptor,
                quarantine=quarantine,
                previous=previous,
                adopt=adopt,
                check_bytes=check_bytes,
            ).recover()
            # The names of the file and of its seal must not be lost with what follows.
            files.sync_directory(file.parent)
            seal_descriptor = files.open_append(seal_path(file))
        except BaseException:
            files.close(descriptor)
            raise
        head, recovery = _head_of(file, recovered), recovered.recovery
        return cls(files, file, descriptor, seal_descriptor, head, recovery, is_durable=is_durable)

    @property
    def file(self) -> Path:
        """The data file."""
        return self._file

    @property
    def poison(self) -> JournalPoisonedError | None:
        """The failure after which nothing more is written, if there was one."""
        return self._poison

    @property
    def head(self) -> FileHead:
        """Where the file ends, as far as it was acknowledged (or written, if not durable)."""
        return FileHead(
            file=self._file,
            lines=self._lines,
            size=self._size,
            head=self._head,
            previous=self._previous,
        )

    def append(self, lines: Sequence[str]) -> None:
        """Return when every line is durable (or written, if the file is not durable).

        ValueError for a bad line, with nothing written; JournalPoisonedError for a failed or
        short write or sync, now or earlier: then none of the lines counts as written.
        """
        self.append_raw(encode_lines(lines))

    def append_raw(self, raw: Sequence[bytes]) -> None:
        """As `append`, of lines that `encode_lines` has made."""
        if not raw:
            return
        with self._lock:
            self._refuse()
            self._write(b"".join(raw) if len(raw) > 1 else raw[0])
            if self._is_durable:
                self._sync()
                self._seal_each(raw)
            else:
                self._note_unsealed(raw)

    def sync(self) -> None:
        """Make what a file that is not durable has been given so far durable, and seal it.

        Appends may go on in another thread meanwhile; what they write is not waited for.
        """
        with self._lock:
            self._refuse()
            entry = self._unsealed
            if entry is None:
                return
            self._unsealed = None
        self._sync()
        with self._lock:
            self._write_seal(entry.to_line())

    def sync_seal(self) -> None:
        """Make the seal durable as far as it goes."""
        with self._lock:
            if not self._is_seal_dirty or self._poison or self._is_closed:
                return
            self._is_seal_dirty = False
        try:
            self._files.sync_data(self._seal_fd)
        except OSError as error:
            raise self._poisoned("sync of the seal", error) from error

    def read(self, offset: int, count: int) -> bytes:
        """Bytes of the file as they stand, fewer at its end."""
        return self._files.read_at(self._fd, count, offset)

    def close(self) -> None:
        """Sync what is left and close; a poisoned file is only closed. Twice is once."""
        if self._is_closed:
            return
        try:
            if self._poison is None:
                self.sync()
                self.sync_seal()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the descriptors and write nothing. Twice is once."""
        if not self._is_closed:
            self._is_closed = True
            self._files.close(self._fd)
            self._files.close(self._seal_fd)

    def _refuse(self) -> None:
        if self._is_closed:
            raise ValueError(f"{self._file} is closed")
        if self._poison is not None:
            raise JournalPoisonedError(
                str(self._poison), is_disk_full=self._poison.is_disk_full
            ) from self._poison

    def _write(self, data: bytes) -> None:
        try:
            count = self._files.write(self._fd, data)
        except OSError as error:
            raise self._poisoned("write", error, is_full=error.errno in _NO_SPACE) from error
        if count != len(data):
            # The kernel cuts a write short when the space ends within it.
            raise self._poisoned(f"write: short, {count} of {len(data)} bytes", None, is_full=True)

    def _sync(self) -> None:
        try:
            self._files.sync_data(self._fd)
        except OSError as error:
            raise self._poisoned("sync", error) from error

    def _poisoned(
        self, what: str, error: OSError | None, *, is_full: bool = False
    ) -> JournalPoisonedError:
        reason = f": {error.strerror or error}" if error else ""
        self._poison = JournalPoisonedError(
            f"{self._file}, after line {self._lines}, byte {self._size}: {what}{reason}; "
            "nothing more is written to it",
            is_disk_full=is_full,
        )
        return self._poison

    def _seal_each(self, raw: Sequence[bytes]) -> None:
        """Chain the durable lines and write their seal, which nobody waits for."""
        number, offset, head = self._lines, self._size, self._head
        text = []
        for line in raw:
            head = chained(head, line)
            length = len(line)
            text.append(f'{{"v":1,"n":{number},"o":{offset},"l":{length},"h":"{head.hex()}"}}\n')
            number += 1
            offset += length
        self._lines, self._size, self._head = number, offset, head
        self._write_seal("".join(text).encode())

    def _note_unsealed(self, raw: Sequence[bytes]) -> None:
        head = self._head
        for line in raw:
            head = chained(head, line)
        self._head = head
        self._lines += len(raw)
        self._size += sum(map(len, raw))
        last = len(raw[-1])
        self._unsealed = SealEntry(self._lines - 1, self._size - last, last, head)

    def _write_seal(self, text: bytes) -> None:
        """A failure here undoes nothing: the lines are durable. But the disk is not well."""
        try:
            write_all(self._files, self._seal_fd, text)
        except OSError as error:
            self._poisoned("write of the seal", error, is_full=error.errno in _NO_SPACE)
        self._is_seal_dirty = True


def _create_if_missing(files: FileOperations, file: Path, previous: bytes | None) -> None:
    """Put the seal in place before its file, so that lines without a seal mean damage."""
    if files.exists(file):
        return
    path = seal_path(file)
    if files.exists(path):
        descriptor = files.open_append(path)
        try:
            seal = parse_seal(files.read_at(descriptor, files.size(descriptor), 0))
        finally:
            files.close(descriptor)
        if seal.entries:
            what = f"the seal has {seal.entries[-1].number + 1} lines, the file is not there"
            found = DamageFound(file=file, kind=DamageKind.FILE_MISSING, what=what)
            raise JournalDamagedError((found,))
        if seal.previous is not None and previous in {None, seal.previous}:
            return
    place_seal(files, file, previous or GENESIS)


def _head_of(file: Path, recovered: Recovered) -> FileHead:
    return FileHead(
        file=file,
        lines=recovered.lines,
        size=recovered.size,
        head=recovered.head,
        previous=recovered.previous,
    )
