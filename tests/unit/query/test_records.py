"""The records of a home as questions read them: all files, both ways, the archive included."""

import gzip
import os
from datetime import date
from pathlib import Path

import pytest

from support.records import decision_record, order_event, trade_record
from trading_bot.domain.errors import DataError
from trading_bot.ports.records import STREAM_ORDERS, STREAM_TRADES
from trading_bot.query.readable import READERS, unreadable_lines
from trading_bot.query.records import HomeRecords
from trading_bot.query.running import holder_of
from trading_bot.query.story import latest_day, symbol_day
from trading_bot.storage.home import Home
from trading_bot.storage.streams import STREAMS


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with its folders."""
    made = Home(tmp_path)
    made.create()
    return made


def write(path: Path, *lines: str) -> None:
    """A file of whole lines, packed if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def test_days_and_archive_are_one_stream(home: Home) -> None:
    """Forwards the oldest first, backwards the newest first."""
    write(home.trades_archive / "2023" / "2023-12-29.jsonl.gz", "a", "b")
    write(home.logs / "2024-01-02.jsonl", "c")
    write(home.logs / "2024-01-03.jsonl", "d", "e")
    records = HomeRecords(home)

    assert list(records.lines(STREAM_TRADES)) == ["a", "b", "c", "d", "e"]
    assert list(records.backwards(STREAM_TRADES)) == ["e", "d", "c", "b", "a"]
    assert records.tail(STREAM_TRADES, 3) == ["c", "d", "e"]


def test_years_of_a_single_stream_are_one(home: Home) -> None:
    """The file of a past year comes before the current one."""
    write(home.logs / "orders-2023.jsonl", "a")
    write(home.logs / "orders.jsonl", "b")

    assert list(HomeRecords(home).lines(STREAM_ORDERS)) == ["a", "b"]


def test_a_days_tape_is_found_in_folder_and_archive(home: Home) -> None:
    """And no line is given for a day without one."""
    write(home.archive / "tape" / "2024" / "2024-01-02.jsonl.gz", "old")
    write(home.tape / "2024-01-03.jsonl", "new")
    records = HomeRecords(home)

    assert list(records.tapes()) == [date(2024, 1, 2), date(2024, 1, 3)]
    assert list(records.tape_of("2024-01-02")) == ["old"]
    assert list(records.tape_of("2024-01-03")) == ["new"]
    assert list(records.tape_of("2024-01-04")) == []


def test_part_of_a_line_is_held_back(home: Home) -> None:
    """A writer may be in the middle of it."""
    (home.logs / "orders.jsonl").write_bytes(b"whole\npart")

    assert list(HomeRecords(home).lines(STREAM_ORDERS)) == ["whole"]
    assert list(HomeRecords(home).backwards(STREAM_ORDERS)) == ["whole"]


def test_bytes_that_are_no_text_are_named(home: Home) -> None:
    """By file and line."""
    (home.logs / "orders.jsonl").write_bytes(b"good\n\xff\n")

    with pytest.raises(DataError, match=r"orders\.jsonl, line 2: expected UTF-8"):
        list(HomeRecords(home).lines(STREAM_ORDERS))


def test_every_stream_has_a_reader() -> None:
    """A stream that nobody can read would be verified in part only."""
    assert set(READERS) == set(STREAMS)


def test_lines_that_are_no_records_are_named(home: Home) -> None:
    """By file, line and byte; so is a number that is not the next."""
    first, second = order_event(seq=0).to_jsonl_line(), order_event(seq=2).to_jsonl_line()
    path = home.logs / "orders.jsonl"
    write(path, first, "nonsense", second)

    found = list(unreadable_lines(home))

    assert [(bad.file, bad.line, bad.offset) for bad in found] == [
        (path, 2, len(first) + 1),
        (path, 3, len(first) + 1 + len("nonsense") + 1),
    ]
    assert "expected the record numbered 1, got 2" in found[1].what


def test_whole_records_have_nothing_to_name(home: Home) -> None:
    """Numbered over the files of two years, too."""
    write(home.logs / "orders-2023.jsonl", order_event(seq=0).to_jsonl_line())
    write(home.logs / "orders.jsonl", order_event(seq=1).to_jsonl_line())

    assert list(unreadable_lines(home)) == []


def test_a_symbols_day_is_its_own(home: Home) -> None:
    """Nothing of other symbols or days; the orders go on to the end of its trades."""
    day, following = "2026-11-23T14:45:00.000Z", "2026-11-24T14:45:00.000Z"
    write(
        home.logs / "decisions.jsonl",
        decision_record(seq=0, symbol="AAPL", timestamp="2026-11-20T14:45:00.000Z").to_jsonl_line(),
        decision_record(seq=1, symbol="AAPL", timestamp=day).to_jsonl_line(),
        decision_record(seq=2, symbol="TSLA", timestamp=day).to_jsonl_line(),
        decision_record(seq=3, symbol="AAPL", timestamp=following).to_jsonl_line(),
    )
    write(
        home.logs / "orders.jsonl",
        order_event(seq=0, symbol="AAPL", timestamp=day).to_jsonl_line(),
        order_event(seq=1, symbol="AAPL", timestamp=following).to_jsonl_line(),
    )

    story = symbol_day(HomeRecords(home), "AAPL", date(2026, 11, 23))

    assert [record.seq for record in story.decisions] == [1]
    assert [event.seq for event in story.orders] == [0, 1]
    assert story.trades == ()


def test_the_latest_day_is_new_yorks(home: Home) -> None:
    """Half past midnight UTC is still the evening before."""
    line = decision_record(seq=0, symbol="AAPL", timestamp="2026-11-24T00:30:00.000Z")
    write(home.logs / "decisions.jsonl", line.to_jsonl_line())

    assert latest_day(HomeRecords(home), "AAPL") == date(2026, 11, 23)
    assert latest_day(HomeRecords(home), "TSLA") is None


def test_a_trade_without_its_decision_has_a_day(home: Home) -> None:
    """Records of before, or of a lost decisions file, still are a day on record."""
    record = trade_record(symbol="AAPL")
    write(home.logs / f"{record.timestamp[:10]}.jsonl", record.to_jsonl_line())

    assert latest_day(HomeRecords(home), "AAPL") == date.fromisoformat(record.timestamp[:10])


def test_who_holds_a_home_is_known(home: Home) -> None:
    """Nobody, a process, nobody again; and a home without a lock file is free."""
    before = holder_of(home)
    with home.lock():
        during = holder_of(home)

    assert (before, during, holder_of(home)) == (None, os.getpid(), None)
