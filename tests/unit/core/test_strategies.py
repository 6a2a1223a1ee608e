"""A trader's own code: loud when it fails, and its exits live on."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from support.core_builders import (
    ENTRY_BAR,
    OPEN,
    SYMBOL,
    Core,
    Scripted,
    after_open,
    broker_order,
    core_settings,
    enter_at,
    execution,
    make_exit_signal,
    make_signal,
    say_nothing,
    started,
    with_position,
)
from trading_bot.core import bars
from trading_bot.core.effects import CancelOrder, Effect
from trading_bot.core.events import CallFailed, HistoricalsArrived, StrategyLoadFailed
from trading_bot.domain.bar import Bar
from trading_bot.domain.order import OrderState
from trading_bot.domain.quote import HistoricalBar
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_RISK


def run_minutes(core: Core, first: float, last: float) -> None:
    """Good quotes, four a minute, with a fresh account."""
    at = after_open(first)
    while at <= after_open(last):
        core.account(at)
        core.quote(at)
        at += timedelta(seconds=15)


def raising(bar: Bar) -> Any:
    raise RuntimeError("a trader's bug")


def failures(core: Core) -> list[Any]:
    return [r for r in core.records(STREAM_RISK) if r.event_type == "strategy_failed"]


def test_raising_strategy_is_recorded_told_and_stopped() -> None:
    """The first error is on record and told; its later signals are refused."""
    bars: list[Bar] = []

    def script(bar: Bar) -> Any:
        bars.append(bar)
        if len(bars) == 1:
            raise RuntimeError("a trader's bug")
        return make_signal(bar)

    core = started(core_settings(script))
    run_minutes(core, 0, 3)

    (failure,) = failures(core)
    assert failure.config_snapshot["reason"] == "RuntimeError: a trader's bug"
    assert failure.severity == "CRITICAL"
    assert [a.subject for a in core.alerts()] == ["strategy_failed"]
    assert {d.rule for d in core.records(STREAM_DECISIONS)} == {"STRATEGY_STOPPED"}
    assert not core.placed()


def test_a_strategy_that_calls_exit_does_not_take_the_daemon_along() -> None:
    """`sys.exit()` in a trader's file ends that strategy's entries like any other error."""

    def leaving(bar: Bar) -> Any:
        raise SystemExit(3)

    core = started(core_settings(leaving))
    run_minutes(core, 0, 2)

    (failure,) = failures(core)
    assert failure.config_snapshot["reason"] == "SystemExit: 3"


def test_raising_on_one_symbol_stops_all_of_that_strategy() -> None:
    """The bug is in the strategy, not in the symbol; other strategies go on."""
    core = started(
        core_settings(
            watchlist=("AAPL", "MSFT"),
            factories={
                "bad": lambda s: Scripted(s, raising if s == "AAPL" else say_nothing, "bad"),
                "good": lambda s: Scripted(s, say_nothing, "good"),
            },
        )
    )
    run_minutes(core, 0, 1)

    stopped = {
        (symbol.symbol, slot.strategy.name): bool(slot.stopped)
        for symbol in core.state.symbols.values()
        for slot in symbol.slots
    }
    assert stopped == {
        ("AAPL", "bad"): True,
        ("MSFT", "bad"): True,
        ("AAPL", "good"): False,
        ("MSFT", "good"): False,
    }


def test_raising_strategy_keeps_its_exits() -> None:
    """A position of a strategy that broke still goes at its target."""
    core, _, stop = with_position()
    (slot,) = core.state.symbols[SYMBOL].slots
    slot.strategy._script = raising  # type: ignore[attr-defined]
    run_minutes(core, 2.25, 3)
    assert slot.stopped

    core.quote(after_open(3, 15), "102.50")
    effects = core.quote(after_open(3, 30), "102.50")

    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [stop.ref_id]


@pytest.mark.parametrize(
    "said",
    [
        lambda bar: "buy!",
        lambda bar: True,
        lambda bar: make_signal(bar, symbol="MSFT"),
        lambda bar: make_signal(bar, name="other"),
        lambda bar: make_signal(bar, bar_end=bar.start),
        lambda bar: make_signal(bar, price=100.0, stop_loss=99.0, target=102.0),
        lambda bar: make_signal(bar, price=Decimal("Infinity"), target=None),
        lambda bar: make_signal(bar, reasons="\ud800"),
        lambda bar: make_signal(bar, indicators_used=(1, 2)),
        lambda bar: make_signal(bar, price=Decimal("1e40"), target=None),
        lambda bar: make_exit_signal(bar, name="other"),
    ],
)
def test_nonsense_from_a_strategy_stops_it_and_nothing_else(said: Any) -> None:
    """What no order and no record can hold is the strategy's failure, not the daemon's."""
    core = started(core_settings(said))

    run_minutes(core, 0, 2)

    assert len(failures(core)) == 1
    assert not core.placed()


def test_strategy_that_cannot_be_made_leaves_the_others() -> None:
    """A factory that raises is told; the day goes on with what can be made."""

    def broken(_symbol: str) -> Any:
        raise KeyError("settings")

    core = started(
        core_settings(
            factories={"broken": broken, "good": lambda s: Scripted(s, say_nothing, "good")}
        )
    )

    (failure,) = failures(core)
    assert failure.config_snapshot["strategy"] == "broken"
    assert [s.strategy.name for s in core.state.symbols[SYMBOL].slots] == ["good"]


def test_told_load_failure_is_as_loud() -> None:
    """The event of a failed load is recorded and told."""
    core = started()

    core.send(
        StrategyLoadFailed(at=OPEN, strategy_name="mine", symbol=SYMBOL, reason="SyntaxError")
    )

    assert [f.config_snapshot["strategy"] for f in failures(core)] == ["mine"]


def history(*minutes: int, symbol: str = SYMBOL) -> tuple[HistoricalBar, ...]:
    price = Decimal("100.00")
    return tuple(
        HistoricalBar(
            symbol=symbol,
            start=after_open(m),
            open=price,
            high=price,
            low=price,
            close=price,
            volume=1000,
        )
        for m in minutes
    )


def mid_session(script: Any = say_nothing) -> tuple[Core, Scripted]:
    """A core started at 10:02 New York time."""
    core = Core(settings=core_settings(script))
    core.start(after_open(32))
    (slot,) = core.state.symbols[SYMBOL].slots
    assert isinstance(slot.strategy, Scripted)
    return core, slot.strategy


def test_start_in_mid_session_warms_up_with_whole_bars_of_today() -> None:
    """Bars of before the open, of another symbol or not over yet are left out."""
    core, strategy = mid_session()
    given = history(-5, 0, 5, 25, 30) + history(5, symbol="MSFT")

    core.send(HistoricalsArrived(at=after_open(32, 1), bars=given))

    assert [b.start for b in strategy.warmed] == [after_open(m) for m in (0, 5, 25)]
    (event,) = [r for r in core.records(STREAM_RISK) if r.event_type == "started_mid_session"]
    assert event.config_snapshot["five_minute_bars"] == 3


def test_history_after_the_first_live_bar_is_too_late() -> None:
    """Bars reach a strategy in order or not at all."""
    core, strategy = mid_session()
    core.send(
        CallFailed(
            at=after_open(32, 1), what="historicals", request=0, family="retryable", reason="down"
        )
    )
    run_minutes(core, 32.25, 34)
    assert strategy.seen

    core.send(HistoricalsArrived(at=after_open(34, 1), bars=history(0, 5, 25)))

    assert strategy.warmed == []


@pytest.mark.parametrize("given", [history(5, 5), history(10, 5)])
def test_history_out_of_order_warms_nothing_up(given: tuple[HistoricalBar, ...]) -> None:
    """A history no bar can be made of is said, and the day goes on without it."""
    core, strategy = mid_session()

    core.send(HistoricalsArrived(at=after_open(32, 1), bars=given))

    assert strategy.warmed == []
    (event,) = core.records(STREAM_RISK)
    assert event.event_type == "history_refused"


def test_warm_up_that_raises_stops_the_strategy() -> None:
    """A bug in a warm-up is as loud as one on a bar."""

    class Broken(Scripted):
        def warm_up(self, session_bars: Sequence[Bar]) -> None:
            raise ZeroDivisionError

    core = Core(settings=core_settings(factories={"scripted": lambda s: Broken(s, say_nothing)}))
    core.start(after_open(32))

    core.send(HistoricalsArrived(at=after_open(32, 1), bars=history(0, 5)))

    assert len(failures(core)) == 1


def test_no_signal_from_a_bar_that_began_before_the_start() -> None:
    """The bar that was under way at a restart is not traded: it may have been before."""
    core, _ = mid_session(make_signal)
    core.open_day(after_open(32))
    core.timers["poll"] = after_open(32, 15)

    run_minutes(core, 32.25, 34)

    first, second = core.records(STREAM_DECISIONS)[:2]
    assert (first.bar_end, first.rule) == ("2026-11-23T15:03:00.000Z", None)
    # Control: started half a minute into that bar, the same signal is refused.
    late = Core(settings=core_settings(make_signal))
    late.start(after_open(32.5))
    late.open_day(after_open(32.5))
    run_minutes(late, 32.75, 33)
    assert late.records(STREAM_DECISIONS)[0].rule == "STRATEGY_STOPPED"
    assert second.rule is not None


def test_same_signal_again_is_one_order() -> None:
    """A strategy that says the same bar twice buys once."""
    core, _, _ = with_position()
    (slot,) = core.state.symbols[SYMBOL].slots
    bar = slot.last_bar
    assert bar is not None
    slot.strategy._script = make_signal  # type: ignore[attr-defined]

    out: list[Effect] = []
    bars.on_bar(core.state, core.state.symbols[SYMBOL], bar, after_open(2, 15), out)

    assert core.placed(out) == []
    (said,) = core.records(STREAM_DECISIONS, out)
    assert said.verdict == "refused"
    assert "DUPLICATE_ORDER" in {c.rule for c in said.checks if not c.ok}


@pytest.mark.parametrize("reasons", ["had enough", "", None, 5, "half \ud800"])
def test_exit_signal_closes_what_its_strategy_holds(reasons: Any) -> None:
    """A wish to leave, however badly it is said, cancels the stop, then sells."""
    core, _, stop = with_position()
    (slot,) = core.state.symbols[SYMBOL].slots
    slot.strategy._script = lambda bar: structs.replace(  # type: ignore[attr-defined]
        make_exit_signal(bar), reasons=reasons
    )

    run_minutes(core, 2.25, 3)
    cancels = [e.ref_id for e in core.effects if isinstance(e, CancelOrder)]
    core.read(after_open(3, 1), broker_order(stop, OrderState.CANCELLED))

    assert cancels == [stop.ref_id]
    exit_ = core.placed()[-1]
    assert (exit_.leg.value, exit_.quantity) == ("exit", stop.quantity)
    out = execution("out", exit_.quantity, "99.90", after_open(3, 2))
    core.read(after_open(3, 2), broker_order(exit_, OrderState.FILLED, out))
    assert not core.state.book.trades


def test_control_the_entry_bar_is_the_one_that_was_scripted() -> None:
    """The builders' strategy speaks on one bar only."""
    assert enter_at(ENTRY_BAR)(Bar(SYMBOL, OPEN, OPEN, 1, 1, 1, 1, 0)) is None
