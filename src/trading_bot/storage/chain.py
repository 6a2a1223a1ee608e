"""Compares the lines of a file with its seal and names each place where they part. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trading_bot.storage.damage import DamageFound, DamageKind
from trading_bot.storage.seal import SealEntry, chained

# How far to look ahead for the line that stands where another was expected.
LOOK_AHEAD: Final = 64
# A file with more damage than this is not worth a longer list.
DAMAGE_MAX: Final = 100


@dataclass(slots=True)
class ChainResult:
    """What the comparison found.

    `lines`, `size` and `head` describe the file as it stands; `head` is the chain's state after
    the last line, right only if there is no damage. `unsealed` are the entries that a complete
    seal would have after its last one.
    """

    lines: int
    size: int
    head: bytes
    damage: list[DamageFound] = field(default_factory=list)
    unsealed: list[SealEntry] = field(default_factory=list)


def check_chain(
    file: Path,
    raw_lines: Iterable[bytes],
    entries: tuple[SealEntry, ...],
    *,
    head: bytes,
    first_number: int = 0,
    first_offset: int = 0,
) -> ChainResult:
    """Walk the lines (each with LF) along the entries.

    `head` is the chain's state before the first line, which has `first_number` and begins at
    `first_offset`. The entries may leave lines out (a thinned seal, or one entry for a group); a
    difference is then known only to lie between two entries, and ends the walk.
    """
    result = ChainResult(lines=first_number, size=first_offset, head=head)
    walk = _Walk(file, entries, result, number=first_number)
    for raw in raw_lines:
        walk.take(raw)
        result.lines += 1
        result.size += len(raw)
        if walk.is_lost or len(result.damage) >= DAMAGE_MAX:
            return result
    walk.finish()
    return result


class _Walk:
    """One pass. `number` is the sealed number the next line should have."""

    def __init__(
        self, file: Path, entries: tuple[SealEntry, ...], result: ChainResult, number: int
    ) -> None:
        self._file = file
        self._entries = entries
        self._result = result
        self._number = number
        self._at = 0
        self._group_line = result.lines
        self._group_offset = result.size
        # Sealed lines that were not found in their place, by number: head before, head after.
        self._absent: dict[int, tuple[bytes, bytes]] = {}
        self.is_lost = False

    def take(self, raw: bytes) -> None:
        result = self._result
        before = result.head
        after = chained(before, raw)
        if self._at >= len(self._entries):
            result.head = after
            result.unsealed.append(SealEntry(self._number, result.size, len(raw), after, True))
            self._number += 1
            return
        entry = self._entries[self._at]
        if self._number < entry.number:
            result.head = after
            self._number += 1
            return
        if after == entry.head:
            result.head = after
            if not result.damage and (entry.offset, entry.length) != (result.size, len(raw)):
                self._report(DamageKind.SEAL_UNREADABLE, "its seal names another place or length")
            self._go_on(self._at + 1, len(raw))
            return
        self._part(raw, before)

    def _go_on(self, at: int, length: int) -> None:
        self._at = at
        self._number = self._entries[at - 1].number + 1
        self._group_line = self._result.lines + 1
        self._group_offset = self._result.size + length

    def _part(self, raw: bytes, before: bytes) -> None:
        """The line is not the sealed one: find out what it is, and where to go on."""
        if self._group_line != self._result.lines:
            self._report_group()
            return
        for number, (head_before, head_after) in self._absent.items():
            if chained(head_before, raw) == head_after:
                self._report_displaced(number)
                del self._absent[number]
                self._group_line = self._result.lines + 1
                self._group_offset = self._result.size + len(raw)
                return
        found = self._find_ahead(raw)
        if found is not None:
            self._skip_to(found, before, raw)
            return
        self._report(DamageKind.CHANGED, "the line is not the one that was sealed here")
        entry = self._entries[self._at]
        self._absent[entry.number] = (before, entry.head)
        self._result.head = entry.head
        self._go_on(self._at + 1, len(raw))

    def _report_group(self) -> None:
        last = self._result.lines + 1
        self._result.damage.append(
            DamageFound(
                file=self._file,
                kind=DamageKind.CHANGED,
                what=f"the lines {self._group_line + 1} to {last} are not those sealed as a group; "
                "nothing after them was compared",
                line=self._group_line + 1,
                offset=self._group_offset,
            )
        )
        self.is_lost = True

    def _report_displaced(self, number: int) -> None:
        """This line was sealed earlier: the one reported there was moved, or put in before it."""
        last = self._result.damage[-1]
        if last.kind is DamageKind.CHANGED and last.line == self._result.lines:
            # The line before was taken for a changed one; it is one too many.
            self._result.damage[-1] = DamageFound(
                file=self._file,
                kind=DamageKind.INSERTED,
                what="a line that was never sealed stands here",
                line=last.line,
                offset=last.offset,
            )
            return
        self._result.damage = [
            found
            for found in self._result.damage
            if not (found.kind is DamageKind.DELETED and found.line == number + 1)
        ]
        self._report(DamageKind.MOVED, f"this line was sealed as line {number + 1}")

    def _find_ahead(self, raw: bytes) -> int | None:
        """The index of the entry within reach that seals this very line."""
        entries = self._entries
        for at in range(self._at + 1, min(self._at + 1 + LOOK_AHEAD, len(entries))):
            if entries[at].number != entries[at - 1].number + 1:
                return None
            if chained(entries[at - 1].head, raw) == entries[at].head:
                return at
        return None

    def _skip_to(self, found: int, before: bytes, raw: bytes) -> None:
        head = before
        for entry in self._entries[self._at : found]:
            self._absent[entry.number] = (head, entry.head)
            head = entry.head
            self._result.damage.append(
                DamageFound(
                    file=self._file,
                    kind=DamageKind.DELETED,
                    what=f"the line of {entry.length} bytes sealed here is not here",
                    line=entry.number + 1,
                    offset=entry.offset,
                )
            )
        self._result.head = self._entries[found].head
        self._go_on(found + 1, len(raw))

    def _report(self, kind: DamageKind, what: str) -> None:
        self._result.damage.append(
            DamageFound(
                file=self._file,
                kind=kind,
                what=what,
                line=self._result.lines + 1,
                offset=self._result.size,
            )
        )

    def finish(self) -> None:
        """Name what the seal has and the file has not."""
        if self._at >= len(self._entries):
            return
        first, last = self._entries[self._at], self._entries[-1]
        lines = last.number - self._number + 1
        self._result.damage.append(
            DamageFound(
                file=self._file,
                kind=DamageKind.GONE,
                what=f"{lines} acknowledged lines are gone: the seal goes to line "
                f"{last.number + 1}, byte {last.end}",
                line=min(self._number, first.number) + 1,
                offset=self._result.size,
            )
        )
