"""The journals of one home: every stream's file open for writing, and the change of the day."""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from trading_bot.domain.errors import DataError
from trading_bot.ports.records import (
    STREAM_DECISIONS,
    STREAM_ORDERS,
    STREAM_PAPER_BROKER,
    STREAM_PERFORMANCE,
    STREAM_RISK,
    STREAM_SESSIONS,
    STREAM_TAPE,
    STREAM_TRADES,
)
from trading_bot.storage.damage import (
    DamageFound,
    DamageKind,
    JournalDamagedError,
    JournalPoisonedError,
    JournalUnusableError,
)
from trading_bot.storage.files import FileOperations, SystemFiles
from trading_bot.storage.heads import Head, parse_heads
from trading_bot.storage.home import Home
from trading_bot.storage.journal import FileHead, JournalFile, encode_lines
from trading_bot.storage.reader import day_of
from trading_bot.storage.recovery import CHECK_BYTES, Recovery

STREAM_HEADS: Final = "heads"
# One file each, in logs/. Heads come first: the others are opened against them.
SINGLE_STREAMS: Final = (
    STREAM_HEADS,
    STREAM_ORDERS,
    STREAM_DECISIONS,
    STREAM_PERFORMANCE,
    STREAM_RISK,
    STREAM_SESSIONS,
    STREAM_PAPER_BROKER,
)
DAY_STREAMS: Final = (STREAM_TRADES, STREAM_TAPE)
STREAMS: Final = (*SINGLE_STREAMS, *DAY_STREAMS)
_BLOCK: Final = 1 << 20


def day_folder(home: Home, stream: str) -> Path:
    """Where the day files of a day stream are."""
    return home.tape if stream == STREAM_TAPE else home.logs


@dataclass(slots=True)
class _Slot:
    """A stream's open file; None while it is damaged. `day` is that of a day stream's file."""

    lock: threading.Lock
    file: JournalFile | None = None
    day: date | None = None


class JournalSet:
    """All streams of a home. One thread writes; the tape alone may be written from another.

    Whoever opens it holds the home's lock. `recoveries` says what opening mended, `damage` what
    it found and left alone: a damaged stream refuses lines, the others take them.
    """

    def __init__(
        self,
        home: Home,
        trading_day: date,
        *,
        files: FileOperations | None = None,
        check_bytes: int = CHECK_BYTES,
    ) -> None:
        """Open every file, recover each, and finish a change of the day that a crash ended.

        `trading_day` names the day files to be open; an older one is closed, a newer one stays
        (the clock was put back). JournalUnusableError if the disk refuses.
        """
        self._home = home
        self._files = files or SystemFiles()
        self._check_bytes = check_bytes
        self._poison: JournalPoisonedError | None = None
        self._recoveries: list[Recovery] = []
        self._damage: dict[str, tuple[DamageFound, ...]] = {}
        self._heads: dict[str, list[Head]] = {}
        self._slots = {stream: _Slot(threading.Lock()) for stream in STREAMS}
        try:
            self._open_all(trading_day)
        except OSError as error:
            self.abandon()
            raise JournalUnusableError(f"the journals of {home.root}: {error}") from error
        except BaseException:
            self.abandon()
            raise

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """What opening mended, file by file; nothing for a file that was in order."""
        return tuple(found for found in self._recoveries if not found.is_clean)

    @property
    def damage(self) -> tuple[DamageFound, ...]:
        """What opening found and did not touch."""
        return tuple(found for places in self._damage.values() for found in places)

    @property
    def damaged(self) -> frozenset[str]:
        """The streams that refuse lines because of it."""
        return frozenset(self._damage)

    @property
    def poison(self) -> JournalPoisonedError | None:
        """The first failure of a write or sync; since then nothing is written."""
        return self._poison

    @property
    def trading_day(self) -> date | None:
        """The day of the open trade file; None while that stream is damaged."""
        return self._slots[STREAM_TRADES].day

    def head(self, stream: str) -> FileHead:
        """Where the stream's open file ends. JournalDamagedError if it is damaged."""
        return self._file(stream).head

    def encode(self, batch: Mapping[str, Sequence[str]]) -> dict[str, list[bytes]]:
        """The batch as bytes, checked before anything is written.

        ValueError for an unknown stream or a bad line; JournalDamagedError for a damaged stream.
        """
        encoded = {}
        for stream, lines in batch.items():
            if stream not in self._slots:
                raise ValueError(f"expected a stream of {', '.join(STREAMS)}, got {stream!r}")
            self._refuse_damaged(stream)
            encoded[stream] = encode_lines(lines)
        return encoded

    def append(self, stream: str, lines: Sequence[str]) -> None:
        """Return when the lines are durable (the tape: written). Errors as `append_many`."""
        self.append_many({stream: lines})

    def append_many(self, batch: Mapping[str, Sequence[str]]) -> None:
        """Append to several streams in the order given, one write and one sync for each.

        ValueError or JournalDamagedError with nothing written; JournalPoisonedError when a write
        or sync fails or failed before: then no line of the batch is acknowledged.
        """
        self.append_encoded(self.encode(batch))

    def append_encoded(self, batch: Mapping[str, Sequence[bytes]]) -> None:
        """As `append_many`, of what `encode` has made."""
        self._refuse_poisoned()
        for stream, raw in batch.items():
            slot = self._slots[stream]
            with slot.lock:
                try:
                    self._file(stream).append_raw(raw)
                except JournalPoisonedError as error:
                    self._poison = self._poison or error
                    raise

    def sync_tape(self) -> None:
        """Make the tape durable as far as it was written when this was called."""
        self._refuse_poisoned()
        if (tape := self._slots[STREAM_TAPE].file) is not None:
            self._guarded_sync(tape)

    def sync_seals(self) -> None:
        """Make every seal durable; to be called each second."""
        self._refuse_poisoned()
        for slot in self._slots.values():
            if slot.file is not None:
                try:
                    slot.file.sync_seal()
                except JournalPoisonedError as error:
                    self._poison = self._poison or error
                    raise

    def roll(self, trading_day: date) -> None:
        """Close the day files with a final head each and open those of `trading_day`.

        Nothing happens for a day that is open or past. Whatever step a crash ends, opening the
        set again, or calling this again, goes on from there. JournalUnusableError if the disk
        refuses; the old files are then still open.
        """
        self._refuse_poisoned()
        try:
            for stream in DAY_STREAMS:
                self._roll_stream(stream, trading_day)
            self._link_trades()
        except OSError as error:
            raise JournalUnusableError(f"no files for {trading_day}: {error}") from error

    def _roll_stream(self, stream: str, trading_day: date) -> None:
        slot = self._slots[stream]
        if slot.file is None or slot.day is None or slot.day >= trading_day:
            return
        with slot.lock:
            old = slot.file
            self._guarded_sync(old)
            self._record_final(stream, old)
            path = day_folder(self._home, stream) / f"{trading_day}.jsonl"
            slot.file = self._open(stream, path, old.head.head)
            slot.day = trading_day
            old.close()

    def record_interim_heads(self) -> tuple[Head, ...]:
        """Write how far each file has come to heads.jsonl and return it, for the backup.

        The head of heads.jsonl itself, which anchors all others, is `head("heads")` afterwards.
        """
        self.sync_tape()
        heads = []
        for stream, slot in self._slots.items():
            if stream != STREAM_HEADS and slot.file is not None:
                heads.append(self._to_head(stream, slot.file.head, sha256=None))
        self.append(STREAM_HEADS, [head.to_line() for head in heads])
        for head in heads:
            self._heads.setdefault(head.file, []).append(head)
        return tuple(heads)

    def reopen(self) -> "JournalSet":
        """A new set on new descriptors, after the reserve was freed; this one is finished.

        Only for a full disk. JournalPoisonedError if a sync failed: what is on the disk is then
        unknown to this process, whatever the disk says later.
        """
        if self._poison is not None and not self._poison.is_disk_full:
            raise self._poison
        day = next((s.day for s in self._slots.values() if s.day is not None), None)
        if day is None:
            raise JournalDamagedError(self.damage)
        self.abandon()
        return JournalSet(self._home, day, files=self._files, check_bytes=self._check_bytes)

    def close(self) -> None:
        """Sync the tape and all seals, and close; what is poisoned is only closed."""
        try:
            if self._poison is None:
                self.sync_tape()
                self.sync_seals()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close every descriptor and write nothing."""
        for slot in self._slots.values():
            if slot.file is not None:
                slot.file.abandon()
                slot.file = None

    def _file(self, stream: str) -> JournalFile:
        self._refuse_damaged(stream)
        file = self._slots[stream].file
        if file is None:
            raise JournalUnusableError(f"the journals of {self._home.root} are closed")
        return file

    def _refuse_damaged(self, stream: str) -> None:
        if stream in self._damage:
            raise JournalDamagedError(self._damage[stream])

    def _refuse_poisoned(self) -> None:
        if self._poison is not None:
            raise JournalPoisonedError(
                str(self._poison), is_disk_full=self._poison.is_disk_full
            ) from self._poison

    def _guarded_sync(self, file: JournalFile) -> None:
        try:
            file.sync()
            file.sync_seal()
        except JournalPoisonedError as error:
            self._poison = self._poison or error
            raise

    def _open_all(self, trading_day: date) -> None:
        lost = self._lost_streams()
        for stream in SINGLE_STREAMS:
            path = self._home.logs / f"{stream}.jsonl"
            if stream in lost:
                # Made anew it would say that nothing was ever written.
                what = "the other journals have lines, and it is made before they get any"
                found = DamageFound(file=path, kind=DamageKind.FILE_MISSING, what=what)
                self._damage[stream] = (found,)
            else:
                self._slots[stream].file = self._try_open(stream, path, None)
        self._load_heads()
        for stream in DAY_STREAMS:
            self._open_newest_day(stream, trading_day)
        if STREAM_HEADS not in self._damage:
            self.roll(trading_day)

    def _lost_streams(self) -> set[str]:
        paths = {stream: self._home.logs / f"{stream}.jsonl" for stream in SINGLE_STREAMS}
        lost = {stream for stream, path in paths.items() if not self._files.exists(path)}
        kept = [path for stream, path in paths.items() if stream not in lost]
        return lost if lost and any(self._size(path) for path in kept) else set()

    def _size(self, path: Path) -> int:
        descriptor = self._files.open_append(path)
        try:
            return self._files.size(descriptor)
        finally:
            self._files.close(descriptor)

    def _try_open(self, stream: str, path: Path, previous: bytes | None) -> JournalFile | None:
        try:
            file = self._open(stream, path, previous)
        except JournalDamagedError as error:
            self._damage[stream] = error.damage
            return None
        self._recoveries.append(file.recovery)
        return file

    def _open(self, stream: str, path: Path, previous: bytes | None) -> JournalFile:
        return JournalFile.open(
            path,
            quarantine=self._home.quarantine,
            previous=previous,
            is_durable=stream != STREAM_TAPE,
            check_bytes=self._check_bytes,
            files=self._files,
        )

    def _load_heads(self) -> None:
        file = self._slots[STREAM_HEADS].file
        if file is None:
            return
        try:
            self._heads = parse_heads(file.file, file.read(0, file.head.size))
        except DataError as error:
            found = DamageFound(file=file.file, kind=DamageKind.CHANGED, what=str(error))
            self._damage[STREAM_HEADS] = (found,)

    def _open_newest_day(self, stream: str, trading_day: date) -> None:
        folder = day_folder(self._home, stream)
        names = (name for name in self._files.names(folder) if name.endswith(".jsonl"))
        days = sorted(day for name in names if (day := day_of(name)))
        newest = days[-1] if days else trading_day
        slot = self._slots[stream]
        path = folder / f"{newest}.jsonl"
        slot.file = self._try_open(stream, path, self._head_before(stream, newest))
        slot.day = newest if slot.file is not None else None

    def _head_before(self, stream: str, day: date) -> bytes | None:
        """The last final head of an earlier day; None if none is recorded."""
        before: tuple[date, bytes] | None = None
        for file, heads in self._heads.items():
            own = day_of(Path(file).name)
            if heads[-1].stream != stream or own is None or own >= day:
                continue
            finals = [head for head in heads if head.is_final]
            if finals and (before is None or own > before[0]):
                before = own, bytes.fromhex(finals[-1].head)
        return before[1] if before else None

    def _record_final(self, stream: str, file: JournalFile) -> None:
        head = self._to_head(stream, file.head, sha256=_sha256(file))
        if head in self._heads.get(head.file, []):
            return  # a crash came between this and the opening of the next file
        self.append(STREAM_HEADS, [head.to_line()])
        self._heads.setdefault(head.file, []).append(head)

    def _to_head(self, stream: str, head: FileHead, *, sha256: str | None) -> Head:
        return Head(
            stream=stream,
            file=head.file.relative_to(self._home.root).as_posix(),
            lines=head.lines,
            size=head.size,
            head=head.head.hex(),
            previous=head.previous.hex(),
            sha256=sha256,
        )

    def _link_trades(self) -> None:
        """Point logs/trades.jsonl at the open day, by name alone so that the home can move."""
        day = self._slots[STREAM_TRADES].day
        link = self._home.trades_link
        if day is None or self._files.read_symlink(link) == f"{day}.jsonl":
            return
        temporary = link.with_name(".trades.jsonl.new")
        self._files.unlink(temporary)
        self._files.make_symlink(temporary, f"{day}.jsonl")
        self._files.rename(temporary, link)
        self._files.sync_directory(link.parent)


def _sha256(file: JournalFile) -> str:
    digest = hashlib.sha256()
    for offset in range(0, file.head.size, _BLOCK):
        digest.update(file.read(offset, min(_BLOCK, file.head.size - offset)))
    return digest.hexdigest()
