"""What comes late: a bar after an outage, an answer that never comes, a fill of another day."""

from datetime import datetime, timedelta

from support.core_builders import (
    CLOSE,
    ENTRY_AT,
    ENTRY_BAR,
    OPEN,
    Script,
    Scripted,
    after_open,
    broker_order,
    core_settings,
    enter_at,
    execution,
    make_quote,
    say_nothing,
    started,
    with_entry,
    with_position,
)
from trading_bot.core.effects import RequestPoll
from trading_bot.core.events import OrderFailed, PollArrived
from trading_bot.domain.bar import Bar
from trading_bot.domain.order import OrderState
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_RISK


def test_signal_of_a_bar_from_before_an_outage_is_refused() -> None:
    """The bar that was open when quotes stopped closes an hour later: nothing is bought on it."""
    core = started(core_settings(enter_at(ENTRY_BAR)))
    for seconds in range(0, 120, 15):
        core.quote(after_open(seconds=seconds))
    back = after_open(62)
    core.account(back - timedelta(seconds=1))

    effects = core.quote(back)

    assert not core.placed(effects)
    (decision,) = core.records(STREAM_DECISIONS)
    assert (decision.rule, decision.reason) == (
        "STRATEGY_STOPPED",
        "the strategy is stopped: the bar ended 3600 s ago",
    )


def test_signal_of_a_bar_that_closed_in_time_is_taken() -> None:
    """The control: a poll a minute after the bar's end is not late."""
    core = started(core_settings(enter_at(ENTRY_BAR)))
    for seconds in range(0, 120, 15):
        core.quote(after_open(seconds=seconds))
    soon = ENTRY_BAR + timedelta(seconds=60)
    core.account(soon)

    assert core.placed(core.quote(soon))


def test_a_poll_that_never_ends_is_told_once() -> None:
    """A request without answer or failure is an alarm after a minute; its answer ends that."""
    core, _, _ = with_position()
    at = ENTRY_AT + timedelta(seconds=15)
    request = core.ask(at)
    assert request is not None
    for _ in range(20):
        assert not any(isinstance(e, RequestPoll) for e in core.fire("poll"))

    hangs = [r for r in core.records(STREAM_RISK) if r.event_type == "quote_source_hangs"]
    assert [r.config_snapshot["waited_s"] for r in hangs] == [60]
    assert [a.subject for a in core.alerts()] == ["quote_source_hangs"]

    core.send(
        PollArrived(
            at=core.now,
            request=request.request,
            asked_at=at,
            quotes=(make_quote(at=core.now),),
            missing=(),
        )
    )
    assert ("poll_hangs",) not in core.state.said
    assert core.ask(core.now + timedelta(seconds=15)) is not None


def test_a_fill_of_yesterday_counts_for_yesterday() -> None:
    """A loss learnt a day late is on record, but not in today's result, now or after a restart."""
    core, entry, stop = with_position()
    today = core.again(OPEN + timedelta(days=1, minutes=30))
    today.open_day(today.now)
    at = CLOSE - timedelta(minutes=5)
    fill = execution("x", entry.quantity, "98.90", at)

    today.read(today.now, broker_order(stop, OrderState.FILLED, fill))

    later = today.again(today.now + timedelta(minutes=1))
    assert today.state.day.realised == later.state.day.realised == 0
    assert today.state.day.trades == later.state.day.trades == 0
    assert today.state.losses == later.state.losses == [at], "the streak knows of it"


def test_a_clock_that_was_set_back_makes_no_minute_twice() -> None:
    """No bar reaches a strategy until time has caught up; it is told once, and bars go on."""
    seen: list[datetime] = []

    def script(bar: Bar) -> None:
        seen.append(bar.start)

    factories = {
        "short": lambda symbol: Scripted(symbol, script, "short"),
        "long": lambda symbol: LongBars(symbol, say_nothing, "long"),
    }
    core = started(core_settings(factories=factories))
    for seconds in (*range(0, 420, 15), *range(290, 600, 15)):
        core.quote(after_open(seconds=seconds))

    assert seen == sorted(set(seen))
    assert seen[-1] == after_open(8)
    told = [r for r in core.records(STREAM_RISK) if r.event_type == "clock_set_back"]
    assert [r.config_snapshot["back_s"] for r in told] == [115]


def test_shares_that_stay_without_a_stop_are_told_once() -> None:
    """A stop that the broker refuses again and again is an alarm after a minute."""
    core, entry = with_entry()
    at = ENTRY_AT + timedelta(seconds=1)
    core.confirm(entry, at)
    fill = execution("fill", entry.quantity, "100.02", at)
    (stop,) = core.placed(core.read(at, broker_order(entry, OrderState.FILLED, fill)))
    pauses = []
    for _ in range(6):
        at += timedelta(seconds=1)
        core.send(OrderFailed(at=at, ref_id=stop.ref_id, outcome="rejected", reason="too high"))
        refused_at = at
        while not (placed := core.placed(core.quote(at))):
            at += timedelta(seconds=1)
        stop = placed[-1]
        pauses.append((at - refused_at).total_seconds())

    told = [a.text for a in core.alerts() if a.subject == "position_unprotected"]
    assert told == ["stop_tried_again: symbol AAPL, quantity 467, unprotected_s 60"]
    assert pauses == [5, 10, 20, 40, 60, 60], "a refusal is not hammered"


class LongBars(Scripted):
    """The same on bars of five minutes."""

    def __init__(self, symbol: str, script: Script, name: str) -> None:
        super().__init__(symbol, script, name)
        self.interval_minutes = 5
