"""Heads: the lines of heads.jsonl, each saying where a file of a stream ended."""

import json
from dataclasses import dataclass
from pathlib import Path

from trading_bot.domain.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a file ended: `file` relative to the home, `size` in bytes, hashes as hex.

    A final head closes the file and has the SHA-256 of its bytes; an interim one (`sha256` None)
    only says how far the file had come, so that a file put back to an earlier state shows.
    """

    stream: str
    file: str
    lines: int
    size: int
    head: str
    previous: str
    sha256: str | None

    @property
    def is_final(self) -> bool:
        return self.sha256 is not None

    def to_line(self) -> str:
        """The line, without LF."""
        record = {
            "v": 1,
            "stream": self.stream,
            "file": self.file,
            "kind": "final" if self.is_final else "interim",
            "n": self.lines,
            "bytes": self.size,
            "sha256": self.sha256,
            "head": self.head,
            "prev_head": self.previous,
        }
        return json.dumps(record, separators=(",", ":"))


def parse_head(raw: bytes) -> Head:
    """The head in a line; DataError if it is not one."""
    try:
        record = json.loads(raw)
        return Head(
            stream=str(record["stream"]),
            file=str(record["file"]),
            lines=int(record["n"]),
            size=int(record["bytes"]),
            head=str(record["head"]),
            previous=str(record["prev_head"]),
            sha256=None if record["sha256"] is None else str(record["sha256"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"expected a head, got {raw[:80]!r}: {error!r}") from error


def parse_heads(file: Path, data: bytes) -> dict[str, list[Head]]:
    """All heads in the whole lines of `data` by the file they are of, oldest first.

    DataError names the line of `file` that is no head.
    """
    found: dict[str, list[Head]] = {}
    for number, raw in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            head = parse_head(raw)
        except DataError as error:
            raise DataError(f"{file}, line {number}: {error}") from error
        found.setdefault(head.file, []).append(head)
    return found


def read_heads(file: Path) -> dict[str, list[Head]]:
    """`parse_heads` of a file; none if it is not there."""
    return parse_heads(file, file.read_bytes()) if file.exists() else {}
