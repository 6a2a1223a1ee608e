"""The loop: tape first, records durable before anything else, orders in time."""

import json
from datetime import timedelta
from typing import Any

import pytest

from support.core_builders import CLOSE, OPEN, after_open, core_settings
from support.shell_builders import Stage, entry_stage
from trading_bot.core.codec import decode_event
from trading_bot.core.events import JournalFailed, OrderFailed
from trading_bot.domain.errors import HaltError
from trading_bot.domain.order import Leg, OrderIntent
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_ORDERS, STREAM_RISK, STREAM_TRADES

NOON = after_open(5)


def test_a_short_morning_trades() -> None:
    """Control: the stage polls, buys, protects and stops with the position left open."""
    stage = entry_stage()

    reason = stage.run(NOON)

    assert reason == "the test is over"
    assert stage.log.of("place") == ["entry", "stop"]
    assert len(stage.sink.lines[STREAM_TRADES]) == 1
    assert json.loads(stage.sink.lines[STREAM_ORDERS][-1])["kind"] == "left_open"


def test_event_is_on_the_tape_before_it_is_stepped() -> None:
    """Every event seen by the core is on the tape, in the same order, and decodes."""
    stage = entry_stage()

    stage.run(NOON)

    taped = [type(decode_event(line)).__name__ for line in stage.sink.tape]
    assert taped == stage.observed
    # The signal's poll is on the tape before the decision made of it is on record.
    decision = stage.log.index("record", '"verdict":"approved"')
    last_tape = max(i for i in range(decision) if stage.log.done[i][0] == "tape")
    assert "PollArrived" in stage.log.done[last_tape][1]


@pytest.mark.parametrize("leg", ["entry", "stop"])
def test_intent_is_durable_before_the_order_leaves(leg: str) -> None:
    """The intent's line, and the tape that led to it, are synced before the broker is called."""
    stage = entry_stage()

    stage.run(NOON)

    placed = stage.log.index("place", leg)
    intent = next(
        i
        for i, (did, line) in enumerate(stage.log.done)
        if did == "record" and '"kind":"intent"' in line and f'"leg":"{leg}"' in line
    )
    before = stage.log.done[:intent]
    assert intent < placed
    assert before[::-1][[d for d, _ in before[::-1]].index("tape") - 1][0] in ("sync", "record")
    assert ("sync", "") in stage.log.done[:placed]


@pytest.mark.parametrize(("seconds", "leaves"), [(3, True), (6, False)])
def test_order_waits_for_a_slow_record(seconds: int, leaves: bool) -> None:
    """While the record is written nothing leaves; once the approval has expired, never."""
    stage = entry_stage()
    append = stage.sink.append

    async def slow(batch: Any) -> None:
        has_entry = any('"leg":"entry"' in line for line in batch.get(STREAM_ORDERS, ()))
        if has_entry and STREAM_DECISIONS in batch:
            await stage.clock.sleep(seconds)
        await append(batch)

    stage.sink.append = slow  # type: ignore[method-assign]

    stage.run(NOON)

    assert ("entry" in stage.log.of("place")) is leaves
    if leaves:
        assert stage.broker.placed_at[0] >= after_open(2, seconds)
    else:
        assert any('"kind":"withdrawn"' in line for line in stage.sink.lines[STREAM_ORDERS])


def broken_after(stage: Stage, has: str) -> None:
    """The journal dies with the first batch that holds `has`, for good."""
    dead: list[bool] = []

    def fail(batch: Any) -> Exception | None:
        if dead or any(has in line for lines in batch.values() for line in lines):
            dead.append(True)
            return HaltError("no space left on device")
        return None

    stage.sink.fail_append = fail


def test_entry_that_cannot_be_recorded_does_not_leave() -> None:
    """The journal dies under the entry's intent: nothing is sent, the core hears of it."""
    stage = entry_stage()
    broken_after(stage, '"kind":"intent"')

    stage.run(NOON)

    assert stage.log.of("place") == []
    assert stage.log.of("alert") == ["journal_failed"]
    assert OrderFailed.__name__ in stage.observed
    assert JournalFailed.__name__ in stage.observed
    assert stage.state.protect_only
    assert not stage.state.book.trades


def test_stop_leaves_though_it_cannot_be_recorded() -> None:
    """The journal dies with the entry's fill: the shares are protected all the same."""
    stage = entry_stage()
    broken_after(stage, '"kind":"fill"')

    stage.run(NOON)

    assert stage.log.of("place") == ["entry", "stop"]
    assert stage.log.of("alert") == ["journal_failed"]
    (trade,) = stage.state.book.trades.values()
    assert trade.working_sells == trade.held > 0


def test_dead_journal_is_not_tried_again() -> None:
    """A poisoned journal takes no more lines: a second sync would lie."""
    stage = entry_stage()
    tries: list[int] = []

    def fail(batch: Any) -> Exception | None:
        if STREAM_DECISIONS in batch or tries:
            tries.append(1)
            return HaltError("poisoned")
        return None

    stage.sink.fail_append = fail

    stage.run(NOON)

    assert len(tries) == 1
    assert stage.observed.count("JournalFailed") == 1


def test_dead_tape_is_a_dead_journal() -> None:
    """An event that cannot be taped still is stepped; nothing is opened any more."""
    stage = entry_stage()
    stage.sink.fail_put = lambda line: (
        HaltError("tape is gone") if stage.clock.now() >= after_open(1) else None
    )

    stage.run(NOON)

    assert stage.log.of("place") == []
    assert stage.log.of("alert") == ["journal_failed"]
    assert stage.log.of("poll"), "the market is watched on"


def test_day_is_rolled_and_the_next_one_runs() -> None:
    """The rotation closes the day's files, and the next session is polled; the night is quiet."""
    stage = Stage(core_settings())
    polls: list[Any] = []
    stage.quotes.on_poll = lambda: _noted(polls, stage)

    stage.run(OPEN + timedelta(days=1, minutes=2))

    assert [d.isoformat() for d in stage.rolled] == ["2026-11-24"]
    assert stage.observed.count("Started") == 2
    quiet = [at for at in polls if CLOSE + timedelta(minutes=1) < at < OPEN + timedelta(days=1)]
    assert quiet == []
    assert polls[-1] > OPEN + timedelta(days=1)


async def _noted(polls: list[Any], stage: Stage) -> None:
    polls.append(stage.clock.now())


def test_roll_that_fails_keeps_the_daemon_and_its_position() -> None:
    """The journal dies at the rotation: told, protect-only, and the next day is looked after."""
    stage = entry_stage()
    stage.roll_error = HaltError("cannot open the next file")

    stage.run(OPEN + timedelta(days=1, minutes=2))

    assert stage.log.of("alert")[-1] == "journal_failed"
    assert stage.state.protect_only
    assert stage.state.trading_day.isoformat() == "2026-11-24"
    assert stage.state.symbols["AAPL"].quote is not None
    assert stage.state.symbols["AAPL"].quote.checked_at > OPEN + timedelta(days=1)


def test_staged_stop_settles_the_entry_first() -> None:
    """A working entry is cancelled before the daemon ends; within its deadline."""
    stage = entry_stage()
    stage.broker.fills_entries = False

    stage.run(after_open(2, 3))

    assert stage.log.of("place") == ["entry"]
    assert len(stage.log.of("cancel")) == 1
    assert not stage.state.book.trades
    assert stage.clock.now() < after_open(2, 3 + 5)


def test_stop_does_not_wait_for_a_hung_broker() -> None:
    """A broker that hangs does not keep the daemon up: it ends at the deadline."""
    stage = entry_stage()

    async def hang(_intent: OrderIntent) -> None:
        await stage.clock.sleep(3600)

    stage.broker.on_place = hang

    stage.run(after_open(2, 3))

    assert stage.clock.now() == after_open(2, 3) + timedelta(seconds=4)
    (trade,) = stage.state.book.trades.values()
    assert [o.intent.leg for o in trade.orders.values()] == [Leg.ENTRY]
    assert stage.calls.under_way == []


def test_a_fault_in_an_adapter_leaves_the_run_up() -> None:
    """The readings fail and it is told; when the adapter works again, so does the daemon."""
    stage = entry_stage()

    async def bug() -> None:
        if after_open(1) <= stage.clock.now() < after_open(2):
            raise KeyError("results")

    stage.quotes.on_poll = bug

    assert stage.run(after_open(4)) == "the test is over"
    assert len([told for told in stage.log.of("CRITICAL") if "KeyError: 'results'" in told]) == 1
    assert "CallFailed" in stage.observed
    assert "PollArrived" in stage.observed[-10:]


def test_what_no_event_can_say_takes_the_run_down() -> None:
    """No call leaves the core waiting for ever: what is no error either ends the run."""
    stage = entry_stage()

    class Gone(BaseException):
        """Not an Exception: nothing of ours catches it."""

    async def gone() -> None:
        if stage.clock.now() >= after_open(1):
            raise Gone

    stage.quotes.on_poll = gone

    with pytest.raises(Gone):
        stage.run(after_open(30))


def test_risk_records_reach_their_stream() -> None:
    """Refusals and warnings are appended with the decisions they belong to."""
    stage = Stage(core_settings(_always))

    stage.run(after_open(4, 1))

    assert stage.sink.lines[STREAM_RISK]
    assert len(stage.sink.lines[STREAM_DECISIONS]) == 4


def _always(bar: Any) -> Any:
    from support.core_builders import make_signal

    return make_signal(bar)
