"""The seal of a journal file as text: its lines, and what a seal file says. Pure."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

HEAD_LENGTH: Final = 32
GENESIS: Final = bytes(HEAD_LENGTH)
HEADER_SIZE: Final = len('{"v":1,"p":"') + 2 * HEAD_LENGTH + len('"}\n')

_HEADER: Final = re.compile(rb'\{"v":1,"p":"([0-9a-f]{64})"\}').fullmatch
_ENTRY: Final = re.compile(
    rb'\{"v":1,"n":(\d{1,18}),"o":(\d{1,18}),"l":(\d{1,18}),"h":"([0-9a-f]{64})"(,"r":1)?\}'
).fullmatch


class SealEntry(NamedTuple):
    """The chain after one line: its number from 0, first byte, length with LF, head."""

    number: int
    offset: int
    length: int
    head: bytes
    is_recomputed: bool = False

    @property
    def end(self) -> int:
        """The first byte after the line."""
        return self.offset + self.length

    def to_line(self) -> bytes:
        """The entry as it stands in the seal file, with LF."""
        mark = ',"r":1' if self.is_recomputed else ""
        return (
            f'{{"v":1,"n":{self.number},"o":{self.offset},"l":{self.length},'
            f'"h":"{self.head.hex()}"{mark}}}\n'
        ).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a seal file says.

    `previous` is the head of the file before, None without a readable header. `entries` are the
    readable ones whose numbers ascend. `unreadable` are the lines (from 1) that are not. `torn` is
    the count of bytes after the last LF.
    """

    previous: bytes | None
    entries: tuple[SealEntry, ...]
    unreadable: tuple[int, ...]
    torn: int


def chained(head: bytes, raw: bytes) -> bytes:
    """The head after a line; `raw` is the line with its LF."""
    return hashlib.sha256(head + raw).digest()


def header_line(previous: bytes) -> bytes:
    """The first line of a seal file, with LF."""
    return f'{{"v":1,"p":"{previous.hex()}"}}\n'.encode()


def parse_header(line: bytes) -> bytes | None:
    """The previous head in a first line without LF; None if it is not one."""
    match = _HEADER(line)
    return bytes.fromhex(match[1].decode()) if match else None


def parse_entry(line: bytes) -> SealEntry | None:
    """The entry in a line without LF; None if it is not one."""
    match = _ENTRY(line)
    if match is None:
        return None
    number, offset, length, head, mark = match.groups()
    return SealEntry(
        int(number), int(offset), int(length), bytes.fromhex(head.decode()), mark is not None
    )


def parse_seal(data: bytes) -> Seal:
    """What the bytes of a whole seal file say."""
    lines = data.split(b"\n")
    torn = len(lines.pop())
    previous = parse_header(lines[0]) if lines else None
    return _with_entries(previous, lines[1:], 2, torn)


def parse_seal_end(header: bytes, end: bytes) -> Seal:
    """What the first line and the last bytes of a seal say; a cut first line of `end` is left out.

    The numbers in `unreadable` count within `end`.
    """
    lines = end.split(b"\n")
    torn = len(lines.pop())
    return _with_entries(parse_header(header.rstrip(b"\n")), lines[1:], 2, torn)


def _with_entries(previous: bytes | None, lines: list[bytes], first: int, torn: int) -> Seal:
    entries: list[SealEntry] = []
    unreadable: list[int] = []
    last = -1
    for at, line in enumerate(lines, start=first):
        entry = parse_entry(line)
        if entry is None or entry.number <= last:
            unreadable.append(at)
            continue
        last = entry.number
        entries.append(entry)
    return Seal(previous=previous, entries=tuple(entries), unreadable=tuple(unreadable), torn=torn)
