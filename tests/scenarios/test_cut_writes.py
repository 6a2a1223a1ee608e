"""A whole daemon killed inside a write, then started again: what is on disk adds up."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from trading_bot.app import rehearse
from trading_bot.app.rehearse import Audience, Rehearsal, play, prepare
from trading_bot.app.replay import Replayer
from trading_bot.app.sink import WriterSink
from trading_bot.config.model import Config
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.records import STREAM_PAPER_BROKER, STREAM_TRADES
from trading_bot.query.records import HomeRecords
from trading_bot.storage.home import Home
from trading_bot.storage.verify import verify_home

DAY = date(2024, 7, 2)


class KilledError(BaseException):
    """Nothing of ours catches it: the process is gone."""


class Silent:
    """A Notifier that nobody listens to."""

    def notify(self, severity: str, subject: str, text: str) -> None:
        """Forget it."""


class CutSink:
    """Kills the process at the `number`th append of two streams or more, or of any.

    `whole` is how many of its streams are on disk by then.
    """

    def __init__(self, number: int, whole: int, *, of_many: bool) -> None:
        self.left = number
        self.whole = whole
        self.of_many = of_many
        self.killed_after = timedelta(0)

    async def append(self, sink: WriterSink, batch: Mapping[str, Sequence[str]]) -> None:
        if len(batch) > 1 or not self.of_many:
            self.left -= 1
        if self.left:
            await ORIGINAL(sink, batch)
            return
        await ORIGINAL(sink, dict(list(batch.items())[: self.whole]))
        session = CALENDAR.session(DAY)
        assert session is not None
        self.killed_after = sink._clock.now() - session.open
        raise KilledError


ORIGINAL = WriterSink.append
CALENDAR = NyseCalendar()


def play_from(home: Home, after_open: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearse, "LEAD", -after_open)
    plan = Rehearsal(seed=1, days=(DAY,), symbols=("ZZA", "ZZB", "ZZC"))
    asyncio.run(play(prepare(plan, home, Config()), Audience(notifier=Silent())))


@pytest.mark.ci
@pytest.mark.parametrize(
    ("number", "whole", "of_many"),
    [(9, 0, False), (14, 1, False), (2, 1, True), (3, 1, True), (3, 2, True)],
)
def test_a_write_cut_off_loses_no_fill_and_replays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, whole: int, of_many: bool
) -> None:
    """Every fill of the broker is one trade record, all is sold, and the tape gives the records."""
    home = Home(tmp_path)
    home.create()
    cut = CutSink(number, whole, of_many=of_many)
    with monkeypatch.context() as patch:

        async def append(sink: WriterSink, batch: Mapping[str, Sequence[str]]) -> None:
            await cut.append(sink, batch)

        patch.setattr(WriterSink, "append", append)
        with pytest.raises(KilledError):
            play_from(home, -timedelta(minutes=5), patch)
    play_from(home, cut.killed_after + timedelta(seconds=30), monkeypatch)

    records = HomeRecords(home)
    ledger = [json.loads(line) for line in records.lines(STREAM_PAPER_BROKER)]
    fills = sorted(e["executed_at"] for e in ledger if e["kind"] == "filled")
    trades = [TradeRecord.from_jsonl_line(line) for line in records.lines(STREAM_TRADES)]
    assert sorted(t.timestamp for t in trades) == fills
    assert sum(t.quantity if t.action == "BUY" else -t.quantity for t in trades) == 0
    assert Replayer(home).first_difference(DAY) is None
    assert verify_home(home).damage == []
