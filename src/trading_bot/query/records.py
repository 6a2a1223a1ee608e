"""The records of a home as the RecordSource port."""

from collections.abc import Iterator

from trading_bot.domain.errors import DataError
from trading_bot.ports.records import STREAM_TAPE, STREAM_TRADES
from trading_bot.storage.home import Home
from trading_bot.storage.reader import FileList, iter_lines, last_lines
from trading_bot.storage.streams import DAY_STREAMS, day_folder


class HomeRecords:
    """Reads a home's files, archive included; whole lines only."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def files(self, stream: str) -> FileList:
        """The stream's files, oldest first."""
        if stream in DAY_STREAMS:
            archive = self._home.trades_archive if stream == STREAM_TRADES else None
            return FileList(day_folder(self._home, stream), archive=archive)
        return FileList(self._home.logs, single=f"{stream}.jsonl")

    def lines(self, stream: str) -> Iterator[str]:
        """Every whole line, oldest first; DataError where one is not text."""
        for path in self.files(stream)():
            for line in iter_lines(path):
                yield _text(line.raw, f"{path}, line {line.number}")

    def tail(self, stream: str, count: int) -> list[str]:
        """The last `count` whole lines, oldest first."""
        newest_first = reversed(self.files(stream)())
        return [_text(raw, stream) for raw in last_lines(newest_first, count)]

    def tape_of(self, day: str) -> Iterator[str]:
        """The events of one trading day's tape, `day` as YYYY-MM-DD."""
        path = day_folder(self._home, STREAM_TAPE) / f"{day}.jsonl"
        if path.exists():
            for line in iter_lines(path):
                yield _text(line.raw, f"{path}, line {line.number}")


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: expected UTF-8 text: {error}") from error
