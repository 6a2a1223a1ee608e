"""Calls: each ends in one event; error families say what the core may do."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from support.core_builders import OPEN, SYMBOL, with_entry
from support.shell_builders import Stage, behave
from trading_bot.core.effects import (
    CancelOrder,
    PlaceOrder,
    RequestAccount,
    RequestHistoricals,
    RequestHours,
    RequestOrders,
    RequestPoll,
    RequestReconcile,
)
from trading_bot.core.events import (
    CallFailed,
    CancelAnswered,
    Event,
    OrderFailed,
    OrderPlaced,
    PollArrived,
)
from trading_bot.domain.errors import (
    ConfigError,
    DataError,
    HaltError,
    HumanNeededError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    UnknownOutcomeError,
)
from trading_bot.domain.order import OrderIntent
from trading_bot.shell.calls import Calls

POLL = RequestPoll(request=7, symbols=(SYMBOL,), with_volumes=True)


def result(stage: Stage, call: Any) -> Event:
    """The one event that comes of a call."""

    async def go() -> Event:
        stage.calls.start(call)
        await stage.clock.settle()
        while (event := stage.inbox.take()) is None:
            await stage.clock.wait(stage.inbox.arrived, None)
        await stage.clock.settle()
        assert stage.inbox.take() is None, "one call, one event"
        assert stage.calls.under_way == []
        return event

    return asyncio.run(go())


def raising(error: Exception) -> Any:
    async def behave(*_: object) -> None:
        raise error

    return behave


def entry_effect() -> PlaceOrder:
    core, _ = with_entry()
    return next(e for e in core.effects if isinstance(e, PlaceOrder))


def place(stage: Stage, *, late: float = 0.0) -> Event:
    """The event of placing an entry that was approved `late` seconds ago."""
    effect = entry_effect()
    approved = effect.order.intent.created_at
    stage.clock._now = approved + timedelta(seconds=late)
    return result(stage, effect)


def test_poll_brings_quotes_and_volumes() -> None:
    """A poll is one event with all it asked for."""
    event = result(Stage(), POLL)

    assert isinstance(event, PollArrived)
    assert event.request == 7
    assert [q.symbol for q in event.quotes] == [SYMBOL]
    assert event.volumes is not None
    assert event.asked_at < event.at


def test_volumes_that_fail_do_not_lose_the_quotes() -> None:
    """Fundamentals down: the quotes arrive, and it is said that volumes do not."""
    stage = Stage()

    async def down(_symbols: object) -> Any:
        raise RetryableError("503")

    stage.quotes.fundamentals = down  # type: ignore[method-assign]

    event = result(stage, POLL)

    assert isinstance(event, PollArrived)
    assert (event.volumes, event.volumes_error) == (None, "503")


@pytest.mark.parametrize(
    ("error", "family", "wait"),
    [
        (RetryableError("429", retry_after_s=12.0), "retryable", 12.0),
        (RetryableError("reset"), "retryable", None),
        (SessionExpiredError("401"), "session", None),
        (DataError("not JSON"), "data", None),
        (HumanNeededError("a person must log in"), "session", None),
        (HaltError("the ledger cannot be written"), "journal", None),
    ],
)
def test_failed_poll_says_its_family(error: Exception, family: str, wait: float | None) -> None:
    """What the core may do next, the reason, and the wait that was asked for."""
    stage = Stage()
    stage.quotes.on_poll = raising(error)

    event = result(stage, POLL)

    assert isinstance(event, CallFailed)
    assert (event.what, event.request) == ("poll", 7)
    assert (event.family, event.reason, event.retry_after_s) == (family, str(error), wait)


@pytest.mark.parametrize(
    ("call", "what", "method"),
    [
        (RequestHistoricals(symbols=(SYMBOL,)), "historicals", "historicals"),
        (RequestHours(day=OPEN.date()), "hours", "hours"),
        (RequestAccount(), "account", "account"),
        (RequestAccount(), "account", "positions"),
        (RequestOrders(since=OPEN), "orders", "orders"),
    ],
)
def test_every_reading_may_fail_and_says_which(call: Any, what: str, method: str) -> None:
    """An outage is a failed reading, never an empty one."""
    stage = Stage()
    port = stage.quotes if hasattr(stage.quotes, method) else stage.broker
    setattr(port, method, raising(RetryableError("down")))

    event = result(stage, call)

    assert isinstance(event, CallFailed)
    assert (event.what, event.family) == (what, "retryable")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RejectedError("no buying power"), "rejected"),
        (RetryableError("connection refused"), "not_sent"),
        (UnknownOutcomeError("read timed out"), "unknown"),
        (SessionExpiredError("401"), "unknown"),
        (DataError("HTML"), "unknown"),
        (HaltError("ledger"), "unknown"),
        (ConfigError("?"), "unknown"),
    ],
)
def test_failed_place_says_its_outcome(error: Exception, outcome: str) -> None:
    """Only what provably never left, or was refused, is dead; all else may be working."""
    stage = Stage()
    stage.broker.on_place = raising(error)

    event = place(stage)

    assert isinstance(event, OrderFailed)
    assert (event.outcome, event.reason) == (outcome, str(error))


def test_an_order_that_breaks_the_program_is_unknown_and_told_loudly() -> None:
    """Its bytes may have left; what guards the stops must not end for it."""
    stage = Stage()
    stage.broker.on_place = raising(OverflowError("date value out of range"))

    event = place(stage)

    assert isinstance(event, OrderFailed)
    assert (event.outcome, event.reason) == ("unknown", "a fault of the program: OverflowError")
    (told,) = stage.log.of("CRITICAL")
    assert "PlaceOrder: OverflowError: date value out of range" in told
    assert "test_calls.py" in told


def test_a_cancel_that_breaks_the_program_is_lost() -> None:
    """It may have been taken."""
    stage = Stage()
    stage.broker.cancel = raising(KeyError("id"))  # type: ignore[method-assign]

    event = result(stage, CancelOrder(ref_id="r", order_id="o"))

    assert isinstance(event, CancelAnswered)
    assert (event.ref_id, event.accepted, event.outcome) == ("r", False, "lost")
    assert len(stage.log.of("CRITICAL")) == 1


@pytest.mark.parametrize(
    ("call", "what", "method"),
    [
        (POLL, "poll", "quotes"),
        (RequestHistoricals(symbols=(SYMBOL,)), "historicals", "historicals"),
        (RequestHours(day=OPEN.date()), "hours", "hours"),
        (RequestAccount(), "account", "account"),
        (RequestOrders(since=OPEN), "orders", "orders"),
        (RequestReconcile(since=OPEN), "reconcile", "orders"),
    ],
)
def test_a_reading_that_breaks_the_program_is_a_failed_one(
    call: Any, what: str, method: str
) -> None:
    """Of the family data; the error's own words may hold what does not belong on the tape."""
    stage = Stage()
    port = stage.quotes if hasattr(stage.quotes, method) else stage.broker
    setattr(port, method, raising(OverflowError("account 5TEST1234")))

    event = result(stage, call)

    assert isinstance(event, CallFailed)
    assert (event.what, event.family) == (what, "data")
    assert event.request == (7 if what == "poll" else 0)
    assert event.reason == "a fault of the program: OverflowError"
    assert len(stage.log.of("CRITICAL")) == 1


def test_a_fault_that_repeats_is_told_once_until_it_is_over() -> None:
    """A poll every three seconds must not drown what else there is to say."""
    stage = Stage()
    broken = raising(OverflowError("date value out of range"))
    for behaviour in (broken, broken, behave, broken):
        stage.quotes.on_poll = behaviour
        result(stage, POLL)

    assert len(stage.log.of("CRITICAL")) == 2


def test_a_fault_nobody_is_told_of_goes_to_whoever_waits() -> None:
    """A command that a person typed ends with it."""
    stage = Stage()
    stage.calls = Calls(
        clock=stage.clock, quotes=stage.quotes, broker=stage.broker, inbox=stage.inbox
    )
    stage.quotes.on_poll = raising(KeyError("symbol"))

    with pytest.raises(KeyError, match="symbol"):
        result(stage, POLL)


@pytest.mark.parametrize(("late", "is_sent"), [(0.0, True), (5.0, True), (5.001, False)])
def test_approval_expires(late: float, is_sent: bool) -> None:
    """An order approved more than five seconds ago does not leave."""
    stage = Stage()

    event = place(stage, late=late)

    assert bool(stage.log.of("place")) is is_sent
    if is_sent:
        assert isinstance(event, OrderPlaced)
    else:
        assert isinstance(event, OrderFailed)
        assert event.outcome == "not_sent"
        assert "valid until" in event.reason


def test_cancel_that_fails_is_an_answer() -> None:
    """Refused or lost, a cancel is answered: not accepted, and why."""
    stage = Stage()
    stage.broker.cancel = raising(RejectedError("it is filled"))  # type: ignore[method-assign]

    event = result(stage, CancelOrder(ref_id="r", order_id="o"))

    assert event == CancelAnswered(
        at=stage.clock.now(), ref_id="r", accepted=False, reason="it is filled"
    )


def test_close_gives_up_what_is_under_way() -> None:
    """A hung call is cancelled, a broken one does not stop the closing."""
    stage = Stage()

    async def hang(_intent: OrderIntent) -> None:
        await stage.clock.sleep(10**6)

    async def go() -> None:
        stage.broker.on_place = hang
        stage.clock._now = entry_effect().order.intent.created_at
        stage.calls.start(entry_effect())
        stage.calls.start(POLL)
        await asyncio.sleep(0)
        assert stage.calls.under_way == ["PlaceOrder-1", "RequestPoll-2"]
        await stage.calls.close()
        assert stage.calls.under_way == []

    _run(go())


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)
