"""Bar files: what is read, and what is refused with file, line, expected and got."""

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from trading_bot.rehearsal.bar_file import BarFileError, read_bars

HEADER = "symbol,timestamp,open,high,low,close,volume"
GOOD = "AAPL,2023-05-25T13:30:00Z,172.5,172.99,172.41,172.9,1200"


def _file(tmp_path: Path, *lines: str, end: str = "\n") -> Path:
    path = tmp_path / "day.csv"
    path.write_text("\n".join((HEADER, *lines)) + end)
    return path


def test_a_bar_is_read_exactly(tmp_path: Path) -> None:
    """Prices come from their text, the time is the bar's start in UTC."""
    (bar,) = read_bars(_file(tmp_path, GOOD))

    assert bar.symbol == "AAPL"
    assert bar.start == datetime(2023, 5, 25, 13, 30, tzinfo=UTC)
    assert (bar.open, bar.high, bar.low, bar.close) == tuple(
        map(Decimal, ("172.5", "172.99", "172.41", "172.9"))
    )
    assert bar.volume == 1200


def test_gzip_and_windows_line_ends_read_the_same(tmp_path: Path) -> None:
    """A gzipped file with CRLF holds the same bars as a plain one."""
    plain = read_bars(_file(tmp_path, GOOD))
    packed = tmp_path / "day.csv.gz"
    packed.write_bytes(gzip.compress(f"{HEADER}\r\n{GOOD}\r\n".encode()))

    assert read_bars(packed) == plain


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("AAPL,2023-05-25T13:30:00Z,1,2,1", "7 fields"),
        (GOOD + ",9", "7 fields"),
        (GOOD.replace("AAPL", "BRK.B"), "class shares"),
        (GOOD.replace("AAPL", "aapl"), "a symbol"),
        (GOOD.replace("13:30:00Z", "13:30:00"), "start of a minute"),
        (GOOD.replace("13:30:00Z", "13:30:07Z"), "start of a minute"),
        (GOOD.replace("05-25", "02-30"), "start of a minute"),
        (GOOD.replace("172.5,", "1e2,"), "a price as open"),
        (GOOD.replace("172.5,", "NaN,"), "a price as open"),
        (GOOD.replace("172.41", "0"), "a positive price as low"),
        (GOOD.replace("172.41", "-1"), "a positive price as low"),
        (GOOD.replace("172.99", "172.6"), "low <= open and close <= high"),
        (GOOD.replace("172.41", "172.95"), "low <= open and close <= high"),
        (GOOD.replace("1200", "12.5"), "whole shares"),
        (GOOD.replace("1200", "-3"), "whole shares"),
        (GOOD.replace("1200", ""), "whole shares"),
        ("", "7 fields"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    """The error says the file, the line, what was expected and what came."""
    path = _file(tmp_path, GOOD, line, GOOD.replace("13:30", "13:31"))

    with pytest.raises(BarFileError, match=expected) as caught:
        read_bars(path)

    assert caught.value.line == 3
    assert str(path) in str(caught.value)
    assert ", got " in str(caught.value)


def test_times_must_ascend(tmp_path: Path) -> None:
    """A minute told twice is refused."""
    with pytest.raises(BarFileError, match="AAPL after 2023-05-25T13:30:00Z"):
        read_bars(_file(tmp_path, GOOD, GOOD))


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    """What a spreadsheet puts before its file does not refuse it."""
    path = _file(tmp_path, GOOD)
    plain = read_bars(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert read_bars(path) == plain


def test_a_wrong_header_is_refused(tmp_path: Path) -> None:
    """A file with other columns is refused at line 1."""
    path = tmp_path / "x.csv"
    path.write_text("date,open\n1,2\n")

    with pytest.raises(BarFileError, match="line 1: expected the columns symbol,timestamp"):
        read_bars(path)


def test_a_broken_gzip_is_refused(tmp_path: Path) -> None:
    """A gzip file cut short is refused with a typed error."""
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{GOOD}\n".encode())[:-12])

    with pytest.raises(BarFileError, match="a whole gzip file"):
        read_bars(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """The line of the first byte that is no ASCII is named."""
    path = tmp_path / "x.csv"
    path.write_bytes(f"{HEADER}\n{GOOD}\n".encode() + b"\xff\xfe")

    with pytest.raises(BarFileError, match="line 3: expected plain ASCII"):
        read_bars(path)
