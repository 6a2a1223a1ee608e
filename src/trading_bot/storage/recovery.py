"""What is done to a journal file before the first append: look, and mend what a crash explains.

A crash of ours leaves at most: a torn tail, lines that no seal covers yet, a torn or incomplete
seal. Anything else is damage: it raises, and nothing is altered.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trading_bot.storage.chain import ChainResult, check_chain
from trading_bot.storage.damage import DamageFound, DamageKind, JournalDamagedError
from trading_bot.storage.files import FileOperations
from trading_bot.storage.seal import (
    GENESIS,
    HEADER_SIZE,
    Seal,
    SealEntry,
    header_line,
    parse_seal,
    parse_seal_end,
)

# Of a file larger than this only the end is compared at opening (0.1 s a file); `verify` reads all.
CHECK_BYTES: Final = 8 << 20
_BLOCK: Final = 1 << 20
# As much of the seal as lines of 400 bytes and more need; of shorter lines fewer are compared.
_SEAL_SHARE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was found and mended when a file was opened.

    `torn_offset` is the byte where the torn tail of `torn_size` bytes began; the bytes themselves
    are in `quarantined`. `resealed` counts the lines whose seal was computed anew.
    `checked_from_line` (from 1) is where the comparison began: later than 1 in a large file.
    """

    file: Path
    torn_offset: int | None = None
    torn_size: int = 0
    quarantined: Path | None = None
    resealed: int = 0
    is_seal_rebuilt: bool = False
    checked_from_line: int = 1

    @property
    def is_clean(self) -> bool:
        """True when nothing had to be mended."""
        return self.torn_size == 0 and self.resealed == 0 and not self.is_seal_rebuilt


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """The state of a file that is ready for its next line."""

    lines: int
    size: int
    head: bytes
    previous: bytes
    recovery: Recovery


def seal_path(file: Path) -> Path:
    """The seal beside a journal file."""
    return file.with_suffix(".seal")


class Recoverer:
    """Recovers one file, whose descriptor is opened to append; the seal is opened as needed."""

    def __init__(
        self,
        files: FileOperations,
        file: Path,
        descriptor: int,
        *,
        quarantine: Path,
        previous: bytes | None = None,
        adopt: bool = False,
        check_bytes: int = CHECK_BYTES,
    ) -> None:
        self._files = files
        self._file = file
        self._fd = descriptor
        self._quarantine = quarantine
        self._previous = previous
        self._adopt = adopt
        self._check_bytes = check_bytes

    def recover(self) -> Recovered:
        """Look at the whole, then mend. JournalDamagedError before anything is altered."""
        whole = self._whole_size()
        torn = self._files.size(self._fd) - whole
        seal = self._load_seal(whole)
        previous = self._previous_head(seal, whole)
        result, first = self._compare(seal, previous, whole)
        if result.damage:
            raise JournalDamagedError(tuple(result.damage))
        quarantined = self._cut_tail(whole, torn) if torn else None
        is_rebuilt = self._mend_seal(seal, previous, result)
        return Recovered(
            lines=result.lines,
            size=result.size,
            head=result.head,
            previous=previous,
            recovery=Recovery(
                file=self._file,
                torn_offset=whole if torn else None,
                torn_size=torn,
                quarantined=quarantined,
                resealed=len(result.unsealed),
                is_seal_rebuilt=is_rebuilt,
                checked_from_line=first + 1,
            ),
        )

    def _whole_size(self) -> int:
        """The bytes up to and with the last LF."""
        end = self._files.size(self._fd)
        while end > 0:
            start = max(0, end - _BLOCK)
            at = self._files.read_at(self._fd, end - start, start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            end = start
        return 0

    def _load_seal(self, whole: int) -> Seal:
        path = seal_path(self._file)
        if not self._files.exists(path):
            return Seal(previous=None, entries=(), unreadable=(), torn=0)
        descriptor = self._files.open_append(path)
        try:
            size = self._files.size(descriptor)
            limit = self._check_bytes // _SEAL_SHARE
            if whole > self._check_bytes and size > limit:
                header = self._files.read_at(descriptor, HEADER_SIZE, 0)
                end = self._files.read_at(descriptor, limit, size - limit)
                seal = parse_seal_end(header, end)
                if seal.entries and not seal.unreadable:
                    return seal
            return parse_seal(self._files.read_at(descriptor, size, 0))
        finally:
            self._files.close(descriptor)

    def _previous_head(self, seal: Seal, whole: int) -> bytes:
        """The head before this file; JournalDamagedError if its seal contradicts."""
        if seal.previous is None:
            # The seal is put in place before its file: without one there are no lines yet,
            # unless the file came from elsewhere.
            if (whole or seal.entries) and not self._adopt:
                what = "lines are here, but no seal that says what they continue"
                raise JournalDamagedError((self._damage(DamageKind.SEAL_MISSING, what),))
            return self._previous or GENESIS
        if self._previous is None or seal.previous == self._previous:
            return seal.previous
        if not whole and not seal.entries:
            return self._previous  # made by a roll that a crash ended; nothing hangs on it yet
        what = f"continues {seal.previous.hex()}, the file before ends {self._previous.hex()}"
        raise JournalDamagedError((self._damage(DamageKind.CHAIN_BROKEN, what),))

    def _damage(self, kind: DamageKind, what: str) -> DamageFound:
        return DamageFound(file=self._file, kind=kind, what=what)

    def _compare(self, seal: Seal, previous: bytes, whole: int) -> tuple[ChainResult, int]:
        """The comparison, and the number of the line it began with."""
        entries, head, number, offset = seal.entries, previous, 0, 0
        if seal.previous is None:
            entries = ()
        start = whole - self._check_bytes
        if start > 0 and entries:
            # Begin after a sealed line: the last that ends before the part to compare, or the
            # first that was loaded.
            at = max(0, bisect_right(entries, start, key=lambda entry: entry.end) - 1)
            begin = entries[at]
            if begin.end <= whole:
                entries, head = entries[at + 1 :], begin.head
                number, offset = begin.number + 1, begin.end
        result = check_chain(
            self._file,
            self._lines(offset, whole),
            entries,
            head=head,
            first_number=number,
            first_offset=offset,
        )
        return result, number

    def _lines(self, offset: int, end: int) -> Iterator[bytes]:
        rest = b""
        while offset < end:
            block = rest + self._files.read_at(self._fd, min(_BLOCK, end - offset), offset)
            offset += len(block) - len(rest)
            lines = block.split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line + b"\n"

    def _cut_tail(self, whole: int, torn: int) -> Path:
        """Keep the torn bytes in quarantine, then cut them off; the same again after a crash."""
        fragment = self._files.read_at(self._fd, torn, whole)
        kept = _keep_fragment(self._files, self._quarantine, self._file, whole, fragment)
        self._files.truncate(self._fd, whole)
        self._files.sync_data(self._fd)
        return kept

    def _mend_seal(self, seal: Seal, previous: bytes, result: ChainResult) -> bool:
        """Complete the seal; True if it had to be written anew as a whole."""
        if result.unsealed:
            self._make_durable(result.unsealed[0].offset, result.size)
        if seal.previous != previous or seal.unreadable:
            entries = seal.entries if seal.previous is not None else ()
            place_seal(self._files, self._file, previous, (*entries, *result.unsealed))
            return bool(result.lines)
        if not seal.torn and not result.unsealed:
            return False
        descriptor = self._files.open_append(seal_path(self._file))
        try:
            if seal.torn:
                self._files.truncate(descriptor, self._files.size(descriptor) - seal.torn)
            if result.unsealed:
                write_all(self._files, descriptor, _text(result.unsealed))
            self._files.sync_data(descriptor)
        finally:
            self._files.close(descriptor)
        return False

    def _make_durable(self, offset: int, end: int) -> None:
        """Write the unsealed lines over themselves and sync.

        After a failed sync the kernel may show lines that never reached the disk and call them
        clean: only writing them again makes them dirty, so that a sync means something.
        """
        descriptor = self._files.open_overwrite(self._file)
        try:
            while offset < end:
                block = self._files.read_at(self._fd, min(_BLOCK, end - offset), offset)
                if self._files.write_at(descriptor, block, offset) != len(block):
                    raise OSError(f"short write over {self._file} at byte {offset}")
                offset += len(block)
            self._files.sync_data(descriptor)
        finally:
            self._files.close(descriptor)


def place_seal(
    files: FileOperations, file: Path, previous: bytes, entries: tuple[SealEntry, ...] = ()
) -> None:
    """Put a whole seal beside a file in the place of the one there: all or nothing.

    Its name is durable once the caller has synced the directory, which comes before any append.
    """
    seal = seal_path(file)
    temporary = seal.with_name(seal.name + ".new")
    descriptor = files.open_replace(temporary)
    try:
        write_all(files, descriptor, header_line(previous) + _text(entries))
        files.sync_data(descriptor)
    finally:
        files.close(descriptor)
    files.rename(temporary, seal)


def _keep_fragment(
    files: FileOperations, quarantine: Path, file: Path, offset: int, fragment: bytes
) -> Path:
    """Write the fragment to a name made of its place and text, so that a repeat is the same."""
    digest = hashlib.sha256(fragment).hexdigest()[:12]
    kept = quarantine / f"{file.name}.{offset}.{digest}.torn"
    files.make_directory(quarantine)
    descriptor = files.open_replace(kept)
    try:
        write_all(files, descriptor, fragment)
        files.sync_data(descriptor)
    finally:
        files.close(descriptor)
    files.sync_directory(quarantine)
    files.sync_directory(quarantine.parent)
    return kept


def _text(entries: Iterable[SealEntry]) -> bytes:
    return b"".join(entry.to_line() for entry in entries)


def write_all(files: FileOperations, descriptor: int, data: bytes) -> None:
    """One write; OSError if it is short."""
    count = files.write(descriptor, data)
    if count != len(data):
        raise OSError(f"short write: {count} of {len(data)} bytes")
