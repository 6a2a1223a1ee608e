"""What the core knows of the session with the broker."""

from datetime import timedelta

from support.core_builders import OPEN, Core
from trading_bot.core.codec import decode_event
from trading_bot.core.events import SessionKnown

ENDS = OPEN + timedelta(days=2)


def test_session_is_kept_as_it_was_told() -> None:
    """The latest word counts; nothing is done about it here."""
    core = Core()
    core.start()

    effects = core.send(SessionKnown(at=OPEN, ends_at=ENDS))
    core.send(SessionKnown(at=OPEN, ends_at=ENDS, needs_person="refused (400)"))

    assert effects == []
    assert (core.state.session_ends_at, core.state.session_problem) == (ENDS, "refused (400)")


def test_a_days_tape_begins_without_knowledge() -> None:
    """The day's own tape tells it: what an earlier day's said must not decide."""
    core = Core()
    core.start()
    core.send(SessionKnown(at=OPEN, ends_at=ENDS, needs_person="refused (400)"))

    core.start(OPEN + timedelta(days=1), is_new=False)

    assert (core.state.session_ends_at, core.state.session_problem) == (None, "")


def test_line_of_the_tape_needs_no_more_than_its_time() -> None:
    """What may be added to the event later has a default in the lines of today."""
    event = decode_event('["SessionKnown",{"at":"2026-11-23T14:30:00Z"}]')

    assert event == SessionKnown(at=OPEN)
