"""Polls: asked in time, dropped when late, patient when the source is down."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    CLOSE,
    OPEN,
    SYMBOL,
    Core,
    after_open,
    core_settings,
    enter_at,
    make_quote,
    started,
    with_position,
)
from trading_bot.core.effects import RequestPoll
from trading_bot.core.events import CallFailed, PollArrived, TimerFired
from trading_bot.core.settings import PollSettings
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_RISK


def failed(request: int, at: object, retry_after_s: float | None = None) -> CallFailed:
    return CallFailed(
        at=at,  # type: ignore[arg-type]
        what="poll",
        request=request,
        family="retryable",
        reason="503",
        retry_after_s=retry_after_s,
    )


def risk_types(core: Core) -> list[str]:
    return [record.event_type for record in core.records(STREAM_RISK)]


def test_a_journal_that_fails_is_no_outage_of_the_quotes() -> None:
    """The paper account could not write: the polls go on, nobody is told to log in."""
    core = started()
    asked = core.ask(OPEN)
    assert asked is not None

    core.send(replace(failed(asked.request, after_open(seconds=1)), family="journal"))

    assert risk_types(core) == []
    assert core.alerts() == []
    assert core.timers["poll"] > after_open(seconds=1)


def test_first_poll_is_at_the_open() -> None:
    """Nothing is asked before the open; the first poll is due exactly then."""
    assert started().timers["poll"] == OPEN


def test_polls_keep_to_the_grid() -> None:
    """A poll that fires late does not shift those after it."""
    core = started()
    core.quote(OPEN)

    core.ask(after_open(seconds=16.4))

    assert core.timers["poll"] == after_open(seconds=30)


def test_poll_is_skipped_while_one_is_under_way() -> None:
    """A second poll is not queued behind a slow one; it is dropped and counted."""
    core = started()
    first = core.ask(OPEN)

    second = core.ask(after_open(seconds=15))

    assert first is not None
    assert second is None
    assert core.state.calls.polls_skipped == 1
    assert "poll" in core.timers, "the next one is due all the same"


def test_late_answer_of_another_poll_is_dropped() -> None:
    """An answer nobody waits for changes nothing but the count."""
    core = started()
    request = core.ask(OPEN)
    assert request is not None
    core.send(failed(request.request, after_open(seconds=5)))

    late = PollArrived(
        at=after_open(seconds=6),
        request=request.request,
        asked_at=OPEN,
        quotes=(make_quote("90.00", at=after_open(seconds=6)),),
        missing=(),
    )
    effects = core.send(late)

    assert effects == []
    assert core.state.symbols[SYMBOL].mark is None
    assert core.state.calls.polls_skipped == 1


@pytest.mark.parametrize(("failures", "waits"), [(1, 15), (2, 30), (3, 60), (4, 60), (12, 60)])
def test_failing_polls_back_off_to_a_limit(failures: int, waits: int) -> None:
    """The wait doubles from one failure to the next, up to the configured limit."""
    core = started()
    at = OPEN
    for _ in range(failures):
        request = core.ask(at)
        assert request is not None
        at += timedelta(seconds=1)
        core.send(failed(request.request, at))
        wait = core.timers["poll"] - at
        at = core.timers["poll"]

    assert wait == timedelta(seconds=waits)


@pytest.mark.parametrize(
    ("asked", "waits"),
    [(None, 15), (7.0, 15), (90.0, 90), (1e300, 3600), (float("inf"), 3600), (-5.0, 15), (0.0, 15)],
)
def test_wait_the_source_asks_for_is_kept(asked: float | None, waits: int) -> None:
    """Retry-After beyond our own wait is honoured, up to an hour whatever it says."""
    core = started(core_settings(poll=PollSettings(interval_s=15)))
    request = core.ask(OPEN)
    assert request is not None

    core.send(failed(request.request, OPEN, asked))

    # Over the tape infinity is null: nobody asked for anything.
    expected = 15 if asked == float("inf") else waits
    assert core.timers["poll"] == OPEN + timedelta(seconds=expected)


def test_outage_is_said_once_and_its_end_once() -> None:
    """A streak of failures is one record, five of them an alert, the recovery one more record."""
    core = started()
    at = OPEN
    for _ in range(7):
        request = core.ask(at)
        assert request is not None
        core.send(failed(request.request, at))
        at = core.timers["poll"]
    assert risk_types(core) == ["quote_source_failed", "quote_source_down"]
    assert len(core.alerts()) == 1

    core.quote(at)
    core.quote(at + timedelta(seconds=15))

    assert risk_types(core)[2:] == ["quote_source_recovered"]
    assert core.records(STREAM_RISK)[-1].config_snapshot["failed_polls"] == 7
    assert core.state.calls.poll_failures == 0


def test_no_poll_after_the_day_even_while_it_fails() -> None:
    """A source that is down at the close is not asked all night."""
    core = started()
    at = CLOSE
    asked = 0
    core.timers["poll"] = at
    while "poll" in core.timers and asked < 50:
        at = core.timers["poll"]
        request = core.ask(at)
        if request is None:
            break
        asked += 1
        core.send(failed(request.request, at))

    assert 1 <= asked <= 10
    assert at <= CLOSE + timedelta(minutes=4)
    assert "poll" not in core.timers


@pytest.mark.parametrize("interval_s", [1, 7, 15, 60])
def test_last_bar_is_asked_for_after_the_close(interval_s: int) -> None:
    """One poll at or after the close closes the last bar; then no more are asked for."""
    core = started(core_settings(poll=PollSettings(interval_s=interval_s)))
    core.timers["poll"] = CLOSE - timedelta(seconds=61)
    while "poll" in core.timers:
        core.quote(core.timers["poll"])

    (slot,) = core.state.symbols[SYMBOL].slots
    assert slot.last_bar is not None
    assert slot.last_bar.end == CLOSE
    assert CLOSE <= core.now < CLOSE + timedelta(seconds=interval_s)


BAD = [
    ("QUOTE_MISSING", None),
    ("QUOTE_HALTED", {"is_halted": True}),
    ("QUOTE_ZERO", {"bid": Decimal(0), "ask": Decimal(0)}),
    ("QUOTE_CROSSED", {"ask": Decimal("99.00")}),
    ("QUOTE_STALE", {"updated_at": OPEN - timedelta(minutes=5)}),
]


@pytest.mark.parametrize(("code", "changes"), BAD)
def test_bad_quote_is_said_once_in_a_streak(code: str, changes: dict[str, object] | None) -> None:
    """Three bad quotes are one record; after a good one a bad one is news again."""
    core = started()

    def bad(seconds: float) -> None:
        at = after_open(seconds=seconds)
        core.poll(at, None if changes is None else make_quote(at=at, **changes))

    for seconds in (0, 15, 30):
        bad(seconds)
    assert [r.config_snapshot["rule"] for r in core.records(STREAM_RISK)] == [code]

    core.quote(after_open(seconds=45))
    bad(60)

    assert [r.config_snapshot["rule"] for r in core.records(STREAM_RISK)] == [code, code]


@pytest.mark.parametrize(("code", "changes"), BAD)
def test_nothing_is_opened_on_a_bad_quote(code: str, changes: dict[str, object] | None) -> None:
    """A signal on a bar whose closing poll was bad is refused, with the quote's rule."""
    core = started(core_settings(enter_at(after_open(1))))
    core.account(OPEN)
    for seconds in (0, 15, 30, 45):
        core.quote(after_open(seconds=seconds))
    at = after_open(1)

    core.poll(at, None if changes is None else make_quote(at=at, **changes))

    assert not core.placed()
    (decision,) = core.records(STREAM_DECISIONS)
    assert decision.rule in ("QUOTE_BAD", "QUOTE_STALE")
    assert decision.verdict == "refused"


def test_control_a_good_quote_opens() -> None:
    """The same day with a good closing poll buys: the test above can fail."""
    core = started(core_settings(enter_at(after_open(1))))
    core.account(OPEN)
    for seconds in (0, 15, 30, 45, 60):
        core.quote(after_open(seconds=seconds))

    assert len(core.placed()) == 1


def test_outage_opens_nothing_even_on_the_quote_before() -> None:
    """The first poll after an outage closes a bar; without a fresh quote nothing is bought."""
    core = started(core_settings(enter_at(after_open(1))))
    core.account(OPEN)
    for seconds in (0, 15, 30):
        core.quote(after_open(seconds=seconds))
    request = core.ask(after_open(seconds=45))
    assert request is not None
    core.send(failed(request.request, after_open(seconds=45)))

    core.poll(after_open(seconds=90), None)

    assert not core.placed()


def test_target_needs_quotes_in_a_row() -> None:
    """One print at the target, or two with a bad quote between, is not the target reached."""
    core, _, stop = with_position()
    at = after_open(2, 15)
    core.quote(at, "102.50")
    core.poll(at + timedelta(seconds=15), None)
    core.quote(at + timedelta(seconds=30), "102.50")
    (trade,) = core.state.book.trades.values()
    assert trade.exit_reason == ""

    core.quote(at + timedelta(seconds=45), "102.50")

    assert trade.exit_reason.startswith("target 102.00 reached")
    assert stop.ref_id in core.state.book.orders


def test_held_symbol_is_polled_though_it_left_the_watchlist() -> None:
    """What is held is polled and protected, whatever the config now says."""
    core, _, _ = with_position()
    other = Core(
        settings=core_settings(watchlist=("MSFT",)),
        lines={k: list(v) for k, v in core.lines.items()},
    )
    other.start(after_open(5))

    request = next(
        e
        for e in other.send(TimerFired(at=after_open(5), name="poll"))
        if isinstance(e, RequestPoll)
    )

    assert request.symbols == ("AAPL", "MSFT")
