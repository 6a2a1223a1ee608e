"""The records of a home as the RecordSource port."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from trading_bot.domain.errors import DataError
from trading_bot.ports.records import STREAM_TAPE
from trading_bot.storage.home import Home
from trading_bot.storage.reader import FileList, day_of, iter_backwards, iter_lines, last_lines
from trading_bot.storage.source import file_list


class HomeRecords:
    """Reads a home's files, archive included; whole lines only."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def files(self, stream: str) -> FileList:
        """The stream's files, oldest first."""
        return file_list(self._home, stream)

    def lines(self, stream: str) -> Iterator[str]:
        """Every whole line, oldest first; DataError where one is not text."""
        for path in self.files(stream)():
            yield from _lines_of(path)

    def tail(self, stream: str, count: int) -> list[str]:
        """The last `count` whole lines, oldest first."""
        newest_first = reversed(self.files(stream)())
        return [_text(raw, stream) for raw in last_lines(newest_first, count)]

    def newest(self, stream: str) -> Iterator[str]:
        """Every whole line, the newest first, reading no more than is asked for."""
        for path in reversed(self.files(stream)()):
            for raw in iter_backwards(path):
                yield _text(raw, str(path))

    def tape_of(self, day: str) -> Iterator[str]:
        """The events of one trading day's tape, `day` as YYYY-MM-DD."""
        path = self.tapes().get(date.fromisoformat(day))
        if path is not None:
            yield from _lines_of(path)

    def tapes(self) -> dict[date, Path]:
        """The tape of each day that has one, oldest first."""
        found = {day_of(path.name): path for path in self.files(STREAM_TAPE)()}
        return {day: path for day, path in found.items() if day is not None}


def _lines_of(path: Path) -> Iterator[str]:
    for line in iter_lines(path):
        yield _text(line.raw, f"{path}, line {line.number}")


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: expected UTF-8 text: {error}") from error
