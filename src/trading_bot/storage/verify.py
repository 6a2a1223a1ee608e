"""Verifies what was written: one file, a stream over its days, a whole home. Reads only."""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trading_bot.domain.errors import DataError
from trading_bot.storage.chain import check_chain
from trading_bot.storage.damage import DamageFound, DamageKind
from trading_bot.storage.heads import Head, read_heads
from trading_bot.storage.home import Home
from trading_bot.storage.missing import missing_files
from trading_bot.storage.reader import open_text
from trading_bot.storage.recovery import seal_path
from trading_bot.storage.seal import GENESIS, Seal, chained, parse_seal
from trading_bot.storage.source import stream_files
from trading_bot.storage.streams import DAY_STREAMS, SINGLE_STREAMS, STREAM_HEADS, day_folder

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What one file is. `head` and `previous` are of its chain, `sha256` of its whole lines.

    `unsealed` lines and `torn` bytes at the end are no damage in a file that is still written.
    """

    file: Path
    lines: int
    size: int
    previous: bytes | None
    head: bytes
    sha256: str
    unsealed: int
    torn: int
    damage: tuple[DamageFound, ...]


@dataclass(slots=True, kw_only=True)
class VerifyReport:
    """What a stream or a home is."""

    files: list[FileReport] = field(default_factory=list)
    damage: list[DamageFound] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.damage

    @property
    def lines(self) -> int:
        return sum(report.lines for report in self.files)

    @property
    def size(self) -> int:
        """Bytes of whole lines in all files."""
        return sum(report.size for report in self.files)

    def include(self, other: "VerifyReport") -> None:
        """Take over what another report says."""
        self.files += other.files
        self.damage += other.damage


def verify_file(
    file: Path,
    *,
    previous: bytes | None = None,
    is_open: bool = False,
    heads: tuple[Head, ...] = (),
) -> FileReport:
    """Compare a file with its seal and with the heads recorded of it.

    `previous` is the head that it must continue (None: whatever its seal says). A file that
    `is_open` may be ahead of its seal and may end in part of a line. OSError if it cannot be read.
    """
    # The seal is read first: of a file that is being written it can then only be behind.
    seal = _read_seal(file)
    reader = _Reader(file)
    start = seal.previous or previous or GENESIS
    entries = seal.entries if seal.previous is not None else ()
    watch = _HeadWatch(heads)
    result = check_chain(file, watch.through(reader.lines(), start), entries, head=start)
    damage = list(result.damage)
    damage += _seal_damage(file, seal, reader, unsealed=len(result.unsealed), is_open=is_open)
    if previous is not None and seal.previous is not None and previous != seal.previous:
        what = f"continues {seal.previous.hex()}, the file before ends {previous.hex()}"
        damage.append(DamageFound(file=file, kind=DamageKind.CHAIN_BROKEN, what=what))
    if reader.torn and not is_open:
        what = f"{reader.torn} bytes after the last LF of a closed file"
        damage.append(
            DamageFound(
                file=file,
                kind=DamageKind.TORN,
                what=what,
                line=reader.count + 1,
                offset=reader.size,
            )
        )
    if not damage:
        # Damage found line by line says more than that the heads differ, too.
        damage += watch.damage(file, reader)
    return FileReport(
        file=file,
        lines=reader.count,
        size=reader.size,
        previous=seal.previous,
        head=result.head,
        sha256=reader.sha256.hexdigest(),
        unsealed=len(result.unsealed),
        torn=reader.torn,
        damage=tuple(damage),
    )


def verify_stream(
    home: Home, stream: str, heads: Mapping[str, list[Head]] | None = None
) -> VerifyReport:
    """Verify all files of a stream in order, each continuing the one before.

    `heads` are those recorded, by file; None reads them from the home's heads.jsonl. Heads kept
    elsewhere (the backup, a message) prove more: pass those.
    """
    known = heads if heads is not None else read_heads(_heads_file(home))
    report = VerifyReport()
    files = stream_files(home, stream)
    previous: bytes | None = None
    for path in files:
        is_open = path == files[-1] and path.suffix != ".gz"
        recorded = tuple(known.get(_name(home, path), ()))
        try:
            own = verify_file(path, previous=previous, is_open=is_open, heads=recorded)
        except OSError as error:
            kind = DamageKind.FILE_UNREADABLE
            report.damage.append(DamageFound(file=path, kind=kind, what=str(error)))
            previous = None
            continue
        report.files.append(own)
        report.damage += own.damage
        if not is_open and not any(head.is_final for head in recorded):
            what = "the file is closed, but heads.jsonl has no final head of it"
            report.damage.append(DamageFound(file=path, kind=DamageKind.HEAD_MISSING, what=what))
        previous = own.head
    present = {_name(home, path) for path in files}
    for name, recorded_heads in known.items():
        if recorded_heads[-1].stream == stream and name not in present:
            report.damage.append(_missing(home, recorded_heads[-1]))
    return report


def verify_home(home: Home, anchors: tuple[Head, ...] = ()) -> VerifyReport:
    """Verify every stream of a home.

    `anchors` are heads kept off the machine, compared as well as those in heads.jsonl.
    """
    report = VerifyReport()
    try:
        known = {name: list(heads) for name, heads in read_heads(_heads_file(home)).items()}
    except DataError as error:
        known = {}
        report.damage.append(
            DamageFound(file=_heads_file(home), kind=DamageKind.CHANGED, what=str(error))
        )
    for head in anchors:
        known.setdefault(head.file, []).append(head)
    for stream in (*SINGLE_STREAMS, *DAY_STREAMS):
        report.include(verify_stream(home, stream, known))
    told = {found.file for found in report.damage}
    report.damage += [found for found in missing_files(home) if found.file not in told]
    return report


def _heads_file(home: Home) -> Path:
    return home.logs / f"{STREAM_HEADS}.jsonl"


def _name(home: Home, path: Path) -> str:
    """The name under which heads know a file: where it was written, not where it is archived."""
    if path.suffix == ".gz":
        stream = path.parent.parent.name
        return (day_folder(home, stream) / path.stem).relative_to(home.root).as_posix()
    return path.relative_to(home.root).as_posix()


def _missing(home: Home, head: Head) -> DamageFound:
    what = f"a head of {head.lines} lines is recorded, the file is not there"
    return DamageFound(file=home.root / head.file, kind=DamageKind.FILE_MISSING, what=what)


def _read_seal(file: Path) -> Seal:
    path = seal_path(file.with_suffix("")) if file.suffix == ".gz" else seal_path(file)
    packed = path.with_name(path.name + ".gz")
    if packed.exists():
        return parse_seal(gzip.decompress(packed.read_bytes()))
    if path.exists():
        return parse_seal(path.read_bytes())
    return Seal(previous=None, entries=(), unreadable=(), torn=0)


def _seal_damage(
    file: Path, seal: Seal, reader: "_Reader", *, unsealed: int, is_open: bool
) -> Iterator[DamageFound]:
    if seal.previous is None:
        if reader.count or seal.entries:
            yield DamageFound(file=file, kind=DamageKind.SEAL_MISSING, what="no readable seal")
        return
    # A torn end is what a crash leaves of a seal that is behind; a bad line before good ones is
    # not, nor is any in a file that was closed.
    last = seal.unreadable[-1] if seal.unreadable else 0
    if seal.unreadable and not (is_open and last > len(seal.entries) + 1):
        lines = ", ".join(map(str, seal.unreadable[:10]))
        what = f"its seal cannot be read in line {lines}"
        yield DamageFound(file=file, kind=DamageKind.SEAL_UNREADABLE, what=what)
    if unsealed and not is_open:
        what = f"the last {unsealed} lines of a closed file have no seal"
        line = reader.count - unsealed + 1
        yield DamageFound(file=file, kind=DamageKind.SEAL_BEHIND, what=what, line=line)


class _Reader:
    """Reads the whole lines of a file once, counting and hashing them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.count = 0
        self.size = 0
        self.torn = 0
        self.sha256 = hashlib.sha256()

    def lines(self) -> Iterator[bytes]:
        rest = b""
        with open_text(self._file) as source:
            while block := source.read(_BLOCK):
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    raw = line + b"\n"
                    self.count += 1
                    self.size += len(raw)
                    self.sha256.update(raw)
                    yield raw
        self.torn = len(rest)


class _HeadWatch:
    """Compares the recorded heads of a file with its own chain, computed from the bytes alone."""

    def __init__(self, heads: tuple[Head, ...]) -> None:
        self._heads = heads
        self._found: dict[int, tuple[str, str]] = {}

    def through(self, lines: Iterator[bytes], start: bytes) -> Iterator[bytes]:
        """Pass the lines on, and remember the chain and the bytes' hash at each recorded head."""
        wanted = {head.lines for head in self._heads}
        if not wanted:
            yield from lines
            return
        head, digest, count = start, hashlib.sha256(), 0
        if count in wanted:
            self._found[count] = (head.hex(), digest.hexdigest())
        for raw in lines:
            yield raw
            head = chained(head, raw)
            digest.update(raw)
            count += 1
            if count in wanted:
                self._found[count] = (head.hex(), digest.hexdigest())

    def damage(self, file: Path, reader: _Reader) -> Iterator[DamageFound]:
        for head in self._heads:
            found = self._found.get(head.lines)
            if found is None:
                what = f"a head of {head.lines} lines is recorded, the file has {reader.count}"
                yield DamageFound(
                    file=file,
                    kind=DamageKind.ROLLED_BACK,
                    what=what,
                    line=reader.count + 1,
                    offset=reader.size,
                )
            elif found[0] != head.head or head.sha256 not in {None, found[1]}:
                what = f"up to line {head.lines} the file is not the one whose head is recorded"
                yield DamageFound(file=file, kind=DamageKind.ROLLED_BACK, what=what)
