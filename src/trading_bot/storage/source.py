"""The records of a home as its readers ask for them: by stream, over all its files."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from trading_bot.domain.errors import DataError
from trading_bot.storage.home import Home
from trading_bot.storage.reader import (
    Cursor,
    DayFile,
    FileList,
    Follower,
    day_files,
    iter_backwards,
    iter_lines,
    last_lines,
)
from trading_bot.storage.streams import DAY_STREAMS, STREAMS, day_folder


def file_list(home: Home, stream: str) -> FileList:
    """Lists the stream's files, the archive included; ValueError for an unknown stream."""
    if stream not in STREAMS:
        raise ValueError(f"expected a stream of {', '.join(STREAMS)}, got {stream!r}")
    if stream in DAY_STREAMS:
        return FileList(day_folder(home, stream), archive=home.archive / stream)
    return FileList(home.logs, single=f"{stream}.jsonl")


def stream_files(home: Home, stream: str) -> list[Path]:
    """The files of a stream that exist, oldest first, the archive included."""
    return file_list(home, stream)()


class JournalSource:
    """Reads any stream of a home, whether or not a writer is at work. Is a `RecordSource`."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def lines(self, stream: str) -> Iterator[str]:
        """Every whole line of the stream, oldest first, over all days and the archive.

        DataError, here as everywhere, where a line is not text.
        """
        for path in stream_files(self._home, stream):
            yield from _lines_of(path)

    def backwards(self, stream: str) -> Iterator[str]:
        """As `lines`, the last one first, reading no more than is asked for."""
        for path in reversed(stream_files(self._home, stream)):
            for raw in iter_backwards(path):
                yield _text(raw, str(path))

    def tail(self, stream: str, count: int) -> list[str]:
        """The last `count` whole lines, oldest first."""
        newest_first = reversed(stream_files(self._home, stream))
        return [_text(raw, stream) for raw in last_lines(newest_first, count)]

    def days(self, stream: str) -> list[DayFile]:
        """The day files of a day stream, oldest first."""
        return day_files(day_folder(self._home, stream), self._home.archive / stream)

    def day(self, stream: str, day: date) -> Iterator[str]:
        """The whole lines of one day; none if there is no such day."""
        for file in self.days(stream):
            if file.day == day:
                yield from _lines_of(file.path)

    def follow(self, stream: str, cursor: Cursor | None = None) -> Follower:
        """A follower from the beginning, or from where an earlier one was."""
        return Follower(file_list(self._home, stream), cursor)


def _lines_of(path: Path) -> Iterator[str]:
    for line in iter_lines(path):
        yield _text(line.raw, f"{path}, line {line.number}")


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: expected UTF-8 text: {error}") from error
