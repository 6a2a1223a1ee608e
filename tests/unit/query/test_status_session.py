"""The broker's session in the status."""

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from trading_bot.query.status import BrokerSessionShown, Snapshot, Status, reasons_against
from trading_bot.query.status_words import status_lines
from trading_bot.storage.home import Home

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
GOOD = Snapshot(at=NOON, pid=1, mode="paper", trading_day=date(2026, 11, 23))


def lines(snapshot: Snapshot) -> str:
    status = Status(
        state="not ready",
        reasons=tuple(reasons_against(snapshot)),
        pid=1,
        snapshot=snapshot,
        snapshot_age_s=1.0,
        last_session=None,
    )
    return "\n".join(status_lines(status, Home(Path("home"))))


def test_end_of_the_session_is_shown() -> None:
    """In New York, as every time of the status; nothing where nothing is known."""
    ends_at = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
    known = msgspec.structs.replace(GOOD, broker_session=BrokerSessionShown(ends_at=ends_at))

    assert "with the broker until 2026-11-25 10:00:00 New York" in lines(known)
    assert "with the broker" not in lines(GOOD)


def test_need_of_a_person_is_the_first_thing_said() -> None:
    """With what to type."""
    shown = BrokerSessionShown(problem="refused (400)")

    said = lines(msgspec.structs.replace(GOOD, broker_session=shown))

    assert "because a person must log in: trading-bot login (refused (400))" in said


def test_status_written_before_there_was_one_is_read() -> None:
    """A file of an older daemon has no such key."""
    text = '{"at":"2026-11-23T17:00:00Z","pid":1,"mode":"paper","trading_day":"2026-11-23"}'

    assert msgspec.json.decode(text, type=Snapshot).broker_session == BrokerSessionShown()
