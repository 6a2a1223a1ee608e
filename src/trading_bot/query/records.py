"""The records of a home, and the tapes of its days."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from trading_bot.ports.records import STREAM_TAPE
from trading_bot.storage.source import JournalSource


class HomeRecords(JournalSource):
    """What storage reads of any stream, and by day the one that questions are asked of most."""

    def tape_of(self, day: str) -> Iterator[str]:
        """The events of one trading day's tape, `day` as YYYY-MM-DD."""
        return self.day(STREAM_TAPE, date.fromisoformat(day))

    def tapes(self) -> dict[date, Path]:
        """The tape of each day that has one, oldest first."""
        return {file.day: file.path for file in self.days(STREAM_TAPE)}
