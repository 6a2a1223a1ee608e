"""Files that must be there and are not, told by what stands beside them. Reads only.

A file that is gone is the one damage its own seal cannot show. No crash explains what is found
here: a seal stands before its file is made, every file is made before the first line of any.
"""

from collections.abc import Iterator
from pathlib import Path

from trading_bot.ports.records import STREAM_SESSIONS
from trading_bot.storage.damage import DamageFound, DamageKind
from trading_bot.storage.home import Home
from trading_bot.storage.seal import parse_seal
from trading_bot.storage.source import stream_files
from trading_bot.storage.streams import DAY_STREAMS, SINGLE_STREAMS


def missing_files(home: Home) -> tuple[DamageFound, ...]:
    """Every file that is known to have been there, once each."""
    found: dict[Path, DamageFound] = {}
    for place in (*_left_seals(home), *_broken_link(home), *_missed_streams(home)):
        found.setdefault(place.file, place)
    return tuple(found.values())


def _left_seals(home: Home) -> Iterator[DamageFound]:
    """Seals of lines whose file is neither beside them nor in the archive."""
    for folder in (home.logs, home.tape):
        for path in sorted(folder.glob("*.seal")):
            file = path.with_suffix(".jsonl")
            if file.exists() or any(home.archive.rglob(f"{file.name}.gz")):
                continue
            entries = parse_seal(path.read_bytes()).entries
            if entries:
                what = f"its seal has {entries[-1].number + 1} lines, the file is not there"
                yield _missing(file, what)


def _broken_link(home: Home) -> Iterator[DamageFound]:
    link = home.trades_link
    if link.is_symlink() and not link.exists():
        yield _missing(link.parent / link.readlink(), f"{link.name} points at it")


def _missed_streams(home: Home) -> Iterator[DamageFound]:
    written = [name for name in SINGLE_STREAMS if _has_lines(home, name)]
    if not written:
        return
    for stream in SINGLE_STREAMS:
        if not stream_files(home, stream):
            what = f"{written[0]}.jsonl has lines, and all journals are made before the first line"
            yield _missing(home.logs / f"{stream}.jsonl", what)
    for stream in DAY_STREAMS if STREAM_SESSIONS in written else ():
        if not stream_files(home, stream):
            what = f"a session was started, and there is no file of {stream} of any day"
            yield _missing(home.tape if stream == "tape" else home.logs, what)


def _has_lines(home: Home, stream: str) -> bool:
    return any(path.stat().st_size for path in stream_files(home, stream))


def _missing(file: Path, what: str) -> DamageFound:
    return DamageFound(file=file, kind=DamageKind.FILE_MISSING, what=what)
