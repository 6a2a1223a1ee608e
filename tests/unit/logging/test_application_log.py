"""The application log: one line an event, redacted, on the program's clock, rotated."""

import io
import logging
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from trading_bot.logging import application_log
from trading_bot.logging.application_log import FILE_NAME, ApplicationLog
from trading_bot.logging.redaction import Redactor

NOW = datetime(2026, 3, 2, 14, 32, 15, 123456, tzinfo=UTC)
SECRET = "hunter2-correct-horse"


@pytest.fixture
def console() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(tmp_path: Path, console: io.StringIO) -> Iterator[ApplicationLog]:
    running = application_log.set_up(
        folder=tmp_path, clock=lambda: NOW, redactor=Redactor((SECRET,)), console=console
    )
    yield running
    running.close()


@pytest.mark.usefixtures("log")
def test_an_event_is_one_line_with_the_programs_time(tmp_path: Path, console: io.StringIO) -> None:
    """Time, level, logger, event and values on one line; line feeds inside are escaped."""
    structlog.get_logger("shell").info("poll is late", age_s=3.5, symbol="AAPL", text="a\nb")

    assert (tmp_path / FILE_NAME).read_text() == (
        '2026-03-02T14:32:15.123Z INFO     shell poll is late age_s=3.5 symbol=AAPL text="a\\nb"\n'
    )
    assert "poll is late" in console.getvalue()
    assert "2026-03-02T14:32:15.123Z" in console.getvalue()


@pytest.mark.usefixtures("log")
def test_libraries_take_the_same_way(tmp_path: Path) -> None:
    """An event of the standard logging module is stamped, redacted and written like ours."""
    logging.getLogger("urllib3").warning("retry %s of /accounts/5QZ91827/", 2)

    line = (tmp_path / FILE_NAME).read_text()
    assert line.startswith("2026-03-02T14:32:15.123Z WARNING  urllib3 retry 2 of /accounts/")
    assert "5QZ91827" not in line


@pytest.mark.usefixtures("log")
def test_nothing_secret_is_written_anywhere(tmp_path: Path, console: io.StringIO) -> None:
    """Not in values, texts or exceptions, and no local variable is printed with a traceback."""
    logger = structlog.get_logger("brokers")

    def fail() -> None:
        in_a_local = "only-in-a-local-variable"
        raise ValueError(f"{len(in_a_local)} refused: password={SECRET}")

    logger.info("logged in", access_token="abcdefgh", headers={"Authorization": "Bearer abcdefgh"})
    try:
        fail()
    except ValueError:
        logger.exception("login failed", detail=f"secret was {SECRET}")
        logging.getLogger("library").exception("failed as well")

    for written in ((tmp_path / FILE_NAME).read_text(), console.getvalue()):
        assert "ValueError" in written
        for secret in (SECRET, "abcdefgh", "only-in-a-local-variable"):
            assert secret not in written
    assert len((tmp_path / FILE_NAME).read_text().splitlines()) == 3


@pytest.mark.usefixtures("log")
def test_below_the_level_nothing_is_written(tmp_path: Path) -> None:
    """Debug events cost no line unless asked for."""
    structlog.get_logger("shell").debug("every bar")

    assert (tmp_path / FILE_NAME).read_text() == ""


@pytest.mark.usefixtures("log")
def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600 from the first byte."""
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_the_file_is_rotated_and_three_old_ones_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file never passes its size; the fourth old one goes."""
    monkeypatch.setattr(application_log, "FILE_BYTES_MAX", 2_000)
    running = application_log.set_up(
        folder=tmp_path, clock=lambda: NOW, redactor=Redactor(), console=io.StringIO()
    )
    for number in range(200):
        structlog.get_logger("shell").info("event", number=number)
    running.close()

    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [FILE_NAME, f"{FILE_NAME}.1", f"{FILE_NAME}.2", f"{FILE_NAME}.3"]
    assert all(path.stat().st_size <= 2_000 for path in tmp_path.iterdir())
    assert "number=199" in (tmp_path / FILE_NAME).read_text()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_the_shipped_size_and_count() -> None:
    """10 MB, 3 old files."""
    assert application_log.FILE_BYTES_MAX == 10 * 1024 * 1024
    assert application_log.FILES_KEPT == 3


def test_importing_sets_nothing_up_and_close_takes_all_away(tmp_path: Path) -> None:
    """The log exists between set_up and close, and only then."""
    before = list(logging.getLogger().handlers)
    running = application_log.set_up(
        folder=tmp_path, clock=lambda: NOW, redactor=Redactor(), console=io.StringIO()
    )
    assert len(logging.getLogger().handlers) == len(before) + 2

    running.close()

    assert logging.getLogger().handlers == before
    assert not structlog.is_configured()
