"""Protect-only: causes, how long they hold and who ends them."""

from datetime import timedelta

from support.core_builders import OPEN, Core, after_open, started
from trading_bot.core import protect
from trading_bot.core.events import JournalFailed, PersonDecided
from trading_bot.core.protect import Cause
from trading_bot.ports.records import STREAM_RISK


def begun(cause: Cause, text: str = "the reason") -> Core:
    core = started()
    core.state.reconciles = True
    out: list[object] = []
    protect.begin(core.state, out, core.now, cause, text)  # type: ignore[arg-type]
    for effect in out:
        record = effect.record  # type: ignore[attr-defined]
        core.lines.setdefault("orders", []).append(record.to_jsonl_line())
    return core


def test_every_cause_says_how_it_ends() -> None:
    """There is no cause without a way out that the owner can read."""
    assert set(protect.RULES) == set(Cause)
    assert all(rule.ends for rule in protect.RULES.values())


def test_causes_add_up_and_end_one_by_one() -> None:
    """Two causes are two sentences; the end of one leaves the other."""
    core = begun(Cause.SESSION, "the session is gone")
    protect.begin(core.state, [], core.now, Cause.CLOCK_SKEW, "the clock is off")
    both = core.state.protect_only

    protect.end(core.state, [], core.now, Cause.SESSION)

    assert both == "the session is gone; the clock is off"
    assert core.state.protect_only == "the clock is off"


def test_what_a_person_must_end_holds_over_restarts_and_days() -> None:
    """An impossible answer of the broker is on record and read again at every start."""
    core = begun(Cause.BROKER_IMPOSSIBLE, "filled 5 of 4")

    for at in (after_open(1), OPEN + timedelta(days=1)):
        other = core.again(at)
        assert other.state.protection[Cause.BROKER_IMPOSSIBLE].text == "filled 5 of 4"
        assert "filled 5 of 4" in other.state.protect_only


def test_a_person_ends_it_with_a_name_and_a_reason() -> None:
    """The end is on record, and holds over restarts as well."""
    core = begun(Cause.BROKER_IMPOSSIBLE)

    core.send(
        PersonDecided(
            at=core.now,
            decision="end",
            subject="BROKER_IMPOSSIBLE",
            by="eve",
            why="asked the broker",
        )
    )

    assert not core.state.protect_only
    (noted,) = core.notes("protect_only_ended")
    assert (noted["by"], noted["why"]) == ("eve", "asked the broker")
    assert not core.again(after_open(1)).state.protect_only


def test_a_person_cannot_end_what_ends_otherwise() -> None:
    """A damaged record is mended, not talked away: the decision is refused and says how it ends."""
    core = started()
    core.start(protect_only="damaged record: line 3")

    core.send(
        PersonDecided(at=core.now, decision="end", subject="RECORD_DAMAGED", by="eve", why="no")
    )

    assert core.state.protect_only
    assert core.records(STREAM_RISK)[-1].event_type == "decision_refused"


def test_a_full_disk_holds_over_the_day_and_ends_with_a_restart() -> None:
    """With the reserve's room it is on record; a new process that writes again ends it."""
    core = started()
    core.state.reconciles = True
    core.send(JournalFailed(at=core.now, reason="no space left", is_dead=False))
    same_process = Core(settings=core.settings, lines=core.lines)
    same_process.start(OPEN + timedelta(days=1), is_new=False)
    held = same_process.state.protect_only

    other = core.again(after_open(1))

    assert "no space left" in held
    assert not other.state.protect_only
    assert [n["by"] for n in other.notes("protect_only_ended")] == ["a restart"]


def test_a_dead_journal_holds_for_as_long_as_the_process_lives() -> None:
    """Nothing can be written of it: it is kept in mind over the switch of the day."""
    core = started()
    core.send(JournalFailed(at=core.now, reason="input/output error"))

    core.fire("rotate")

    assert Cause.JOURNAL_DEAD in core.state.protection


def test_a_tape_from_before_causes_were_kept_gives_its_records_again() -> None:
    """Its start does not say that it reconciles: entries stop, and no note is made of it."""
    core = started()

    core.send(JournalFailed(at=core.now, reason="no space left", is_dead=False))

    assert core.state.protect_only
    assert not core.notes("protect_only")
