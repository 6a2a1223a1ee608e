"""What can be wrong with a journal file, named so that a person finds the place."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trading_bot.domain.errors import HaltError


class DamageKind(StrEnum):
    """The kinds of damage, by what stands in the file against what was acknowledged."""

    CHANGED = "changed"
    DELETED = "deleted"
    MOVED = "moved"
    INSERTED = "inserted"
    GONE = "gone"  # the seal is ahead: acknowledged lines are missing at the end
    ROLLED_BACK = "rolled-back"  # the file ends before, or differs from, a recorded head
    TORN = "torn"  # bytes after the last LF of a file that is closed
    CHAIN_BROKEN = "chain-broken"  # the file does not continue the one before it
    HEAD_MISSING = "head-missing"  # a closed file without its final head
    FILE_MISSING = "file-missing"
    FILE_UNREADABLE = "file-unreadable"
    SEAL_MISSING = "seal-missing"
    SEAL_UNREADABLE = "seal-unreadable"
    SEAL_BEHIND = "seal-behind"  # lines of a closed file that no seal covers


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageFound:
    """One place where a file is not what was acknowledged.

    `line` counts from 1, `offset` in bytes from 0; both are None when the whole file is meant.
    """

    file: Path
    kind: DamageKind
    what: str
    line: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        place = str(self.file)
        if self.line is not None:
            place += f", line {self.line}"
        if self.offset is not None:
            place += f", byte {self.offset}"
        return f"{place}: {self.kind}: {self.what}"


class JournalDamagedError(HaltError):
    """A journal file is damaged in a way that no crash of ours explains; nothing was altered."""

    def __init__(self, damage: tuple[DamageFound, ...]) -> None:
        super().__init__("\n".join(str(found) for found in damage))
        self.damage = damage


class JournalPoisonedError(HaltError):
    """A write or sync failed or was short: nothing more may be written to that descriptor.

    `is_disk_full` tells that the write itself was refused for want of space, so that after the
    reserve is freed the file may be opened anew (`JournalSet.reopen`). It is never set when a
    sync failed: what the disk then holds is unknown to this process for good.
    """

    def __init__(self, message: str, *, is_disk_full: bool = False) -> None:
        super().__init__(message)
        self.is_disk_full = is_disk_full


class JournalUnusableError(HaltError):
    """The disk refuses to open, create or replace a journal's files; nothing was acknowledged."""
