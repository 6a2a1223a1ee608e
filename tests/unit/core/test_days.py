"""The day's start, its switch, its end; stopping; breakers over restarts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    CALENDAR,
    CLOSE,
    DAY,
    OPEN,
    SYMBOL,
    Core,
    after_open,
    broker_order,
    core_settings,
    enter_at,
    execution,
    make_signal,
    started,
    with_position,
)
from support.core_world import World, state_view
from trading_bot.core.breakers import check_day
from trading_bot.core.effects import (
    CancelOrder,
    Effect,
    RequestHistoricals,
    RequestHours,
    RequestOrders,
    RollDay,
)
from trading_bot.core.events import JournalFailed
from trading_bot.domain.order import Leg, OrderState
from trading_bot.ports.records import (
    STREAM_DECISIONS,
    STREAM_ORDERS,
    STREAM_RISK,
    STREAM_TRADES,
)
from trading_bot.risk.limits import RiskLimits

S = OrderState
NEXT_OPEN = OPEN + timedelta(days=1)
ROTATION = datetime(2026, 11, 24, 1, 5, tzinfo=UTC)

LOSS_LIMITS = RiskLimits(
    entry_start_delay_minutes=0,
    max_position_pct=Decimal(90),
    risk_per_trade_pct=Decimal("0.5"),
    max_daily_loss_pct=Decimal("0.5"),
)


def test_plan_of_a_normal_day() -> None:
    """Started early: hours and account before the open, polls from it, flat before the close."""
    core = Core()

    effects = core.start(OPEN - timedelta(hours=2))

    assert core.timers == {
        "rotate": ROTATION,
        "hours": OPEN - timedelta(minutes=5),
        "account": OPEN - timedelta(minutes=5),
        "poll": OPEN,
        "flatten": CLOSE - timedelta(minutes=10),
        "day_end": CLOSE + timedelta(minutes=2),
    }
    assert not [e for e in effects if isinstance(e, RequestHistoricals)]


def test_plan_of_a_start_in_mid_session() -> None:
    """Everything at once: hours, history, the account, a poll."""
    core = Core()

    effects = core.start(after_open(60))

    assert RequestHours(day=DAY) in effects
    assert RequestHistoricals(symbols=(SYMBOL,)) in effects
    assert core.timers["poll"] == core.timers["account"] == after_open(60)


@pytest.mark.parametrize("at", [CLOSE + timedelta(minutes=3), ROTATION - timedelta(minutes=1)])
def test_after_the_close_only_the_rotation_is_planned(at: datetime) -> None:
    """An evening start asks for no quotes."""
    core = Core()

    core.start(at)

    assert core.timers == {"rotate": ROTATION}


def test_a_weekend_belongs_to_monday() -> None:
    """Started on a Saturday, nothing fires before Monday's session."""
    saturday = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)
    core = Core()

    core.start(saturday)

    assert core.state.trading_day == date(2026, 11, 30)
    monday = CALENDAR.session(date(2026, 11, 30))
    assert monday is not None
    assert min(core.timers.values()) == monday.open - timedelta(minutes=5)


def test_early_close_is_flattened_before_one_o_clock() -> None:
    """The day after Thanksgiving: out before 13:00 New York time."""
    core = Core()

    core.start(datetime(2026, 11, 27, 13, 0, tzinfo=UTC))

    assert core.timers["flatten"] == datetime(2026, 11, 27, 17, 50, tzinfo=UTC)
    assert core.timers["day_end"] == datetime(2026, 11, 27, 18, 2, tzinfo=UTC)


def test_flatten_closes_and_lets_nothing_in() -> None:
    """From the flatten on the position goes and every signal is refused."""
    core, _, stop = with_position()
    at = core.timers["flatten"]
    core.state.symbols[SYMBOL].slots[0].strategy._script = make_signal  # type: ignore[attr-defined]
    core.timers["poll"] = at - timedelta(seconds=15)
    core.quote(at - timedelta(seconds=15))

    effects = core.fire("flatten")
    core.read(at, broker_order(stop, S.CANCELLED))
    core.account(at)
    core.quote(at + timedelta(minutes=1))
    core.quote(at + timedelta(minutes=2))

    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [stop.ref_id]
    assert core.placed()[-1].leg is Leg.EXIT
    assert not [i for i in core.placed()[1:] if i.leg is Leg.ENTRY]
    assert core.records(STREAM_DECISIONS)[-1].verdict == "refused"


def test_flatten_without_a_quote_keeps_the_stop() -> None:
    """Halted at the end of the day: the stop stays, and nothing is asked all night."""
    core, _, _ = with_position()
    at = core.timers["flatten"]
    core.timers["poll"] = at
    core.poll(at, None)

    effects = core.fire("flatten")

    assert not [e for e in effects if isinstance(e, CancelOrder)]
    (trade,) = core.state.book.trades.values()
    assert trade.working_sells == trade.held
    core.read(CLOSE + timedelta(minutes=30))
    assert core.timers.get("orders", OPEN) < CLOSE


def test_end_of_day_is_written() -> None:
    """What the day brought is a note on record."""
    core, _, stop = with_position()
    out = execution("out", stop.quantity, "98.90", after_open(9))
    core.read(after_open(9), broker_order(stop, S.FILLED, out))

    core.fire("day_end")

    note = core.records(STREAM_ORDERS)[-1]
    assert note.data["what"] == "day_closed"
    assert Decimal(note.data["realised"]) == core.state.day.realised
    assert (note.data["trades"], note.data["left_open"]) == (1, 0)


def test_switch_of_the_day_keeps_positions_and_begins_the_day_anew() -> None:
    """After the rotation: the position and its stop are there, the day's counters are not."""
    core, entry, _ = with_position()
    (before,) = core.state.book.trades.values()
    effects = core.fire("rotate")
    assert effects == [RollDay(trading_day=date(2026, 11, 24))]

    core.start(ROTATION + timedelta(seconds=1), is_new=False)

    (trade,) = core.state.book.trades.values()
    assert trade.held == before.held == entry.quantity
    assert trade.working_sells == trade.held
    assert core.state.trading_day == date(2026, 11, 24)
    assert core.state.day.trades == 0
    assert core.state.day.realised == 0
    assert core.state.day.opening_equity is None
    assert core.timers["poll"] == NEXT_OPEN
    assert core.state.started_at == OPEN - timedelta(minutes=6)


def test_stops_refused_on_one_day_are_not_counted_on_the_next() -> None:
    """A day's tape must give its records by itself: what it does not hold must not decide."""
    core, _, stop = with_position()
    core.read(after_open(5), broker_order(stop, S.REJECTED))
    assert core.state.stops_refused == 1
    core.fire("rotate")

    core.start(ROTATION + timedelta(seconds=1), is_new=False)

    alone = Core(settings=core.settings, lines=core.lines)
    alone.start(ROTATION + timedelta(seconds=1), is_new=False)
    assert core.state.stops_refused == alone.state.stops_refused == 0


def lose(core: Core, minute: int, price: str = "98.90") -> None:
    """One losing round trip: bought at 100, stopped out."""
    for seconds in range(0, 75, 15):
        core.timers["poll"] = after_open(minute, seconds - 60)
        core.account(after_open(minute, seconds - 60))
        core.quote(after_open(minute, seconds - 60))
    entry = core.placed()[-1]
    assert entry.leg is Leg.ENTRY
    at = after_open(minute, 1)
    bought = execution(f"in-{minute}", entry.quantity, "100.02", at)
    (stop,) = core.placed(core.read(at, broker_order(entry, S.FILLED, bought)))
    out = execution(f"out-{minute}", entry.quantity, price, at + timedelta(seconds=5))
    core.read(at + timedelta(seconds=5), broker_order(stop, S.FILLED, out))


def losing_core(*minutes: int, **risk: object) -> Core:
    values: dict[str, object] = {
        "entry_start_delay_minutes": 0,
        "max_position_pct": Decimal(5),
        "max_consecutive_losses": 3,
    }
    limits = RiskLimits(**(values | risk))  # type: ignore[arg-type]
    core = started(core_settings(enter_at(*(after_open(m) for m in range(2, 60))), risk=limits))
    for minute in minutes:
        lose(core, minute)
    return core


def test_losses_in_a_row_trip_once_hold_and_survive_a_restart() -> None:
    """Three losses trip the breaker; it refuses, it is one record, a restart keeps it."""
    core = losing_core(2, 4, 6)
    trips = [r for r in core.records(STREAM_RISK) if r.event_type == "circuit_breaker_trip"]
    assert len(trips) == 1
    assert core.state.breaker.names == ("consecutive_losses",)
    again = core.again(after_open(7, 30))
    again.open_day(after_open(7, 30))
    for seconds in range(30, 150, 15):
        again.account(after_open(7, seconds))
        again.quote(after_open(7, seconds))

    assert again.state.breaker == core.state.breaker
    assert not again.placed()
    assert {d.rule for d in again.records(STREAM_DECISIONS)} >= {"BREAKER_TRIPPED"}
    new = [r for r in again.records(STREAM_RISK) if r.event_type == "circuit_breaker_trip"]
    assert new == []


def test_wins_never_trip() -> None:
    """Ten winning trades trip nothing: a breaker must not trip on profit."""
    core = losing_core()
    for minute in range(2, 22, 2):
        lose(core, minute, price="101.00")

    assert core.state.breaker.names == ()
    assert core.state.day.realised > 0


def test_a_win_ends_the_streak() -> None:
    """Two losses, a win, two losses: no trip; control: one more trips."""
    core = losing_core(2, 4)
    lose(core, 6, price="101.00")
    for minute in (8, 10):
        lose(core, minute)
    assert core.state.breaker.names == ()

    lose(core, 12)

    assert core.state.breaker.names == ("consecutive_losses",)


def test_loss_of_the_day_trips_on_what_is_realised() -> None:
    """Two percent lost: the breaker trips with the numbers, once."""
    core = losing_core(
        2, 4, max_consecutive_losses=50, max_position_pct=Decimal(90), risk_per_trade_pct=Decimal(1)
    )

    (trip,) = [r for r in core.records(STREAM_RISK) if r.event_type == "circuit_breaker_trip"]
    assert trip.config_snapshot["breaker"] == "daily_loss"
    assert trip.daily_pnl <= Decimal(-2000)
    assert core.state.day.realised == trip.daily_pnl


def test_open_loss_trips_without_a_trade_closed() -> None:
    """The day's loss counts what is held; one bad print is not enough, two in a row are."""
    core, _, _ = with_position(risk=LOSS_LIMITS)
    core.quote(after_open(2, 15), "97.00")
    assert core.state.breaker.names == ()

    core.quote(after_open(2, 30), "97.00")

    assert core.state.breaker.names == ("daily_loss",)


def test_a_bad_quote_does_not_confirm_itself() -> None:
    """A loss seen in one quote and looked at again without another one trips nothing."""
    core, _, _ = with_position(risk=LOSS_LIMITS)
    core.quote(after_open(2, 15), "97.00")
    out: list[Effect] = []

    check_day(core.state, after_open(2, 15), out, is_new_quote=False)
    assert core.state.breaker.names == ()

    check_day(core.state, after_open(2, 30), out)
    assert core.state.breaker.names == ("daily_loss",)


def test_a_day_that_ended_unwatched_is_ended_at_the_next_start() -> None:
    """Held past the close while down: said, sold at the next open, the day's note written once."""
    core, _, _ = with_position()

    again = core.again(CLOSE + timedelta(hours=1))

    (trade,) = again.state.book.trades.values()
    assert "held past the close" in trade.exit_reason
    assert [a.subject for a in again.alerts()] == ["held_past_the_close"]
    closed = [r for r in again.records(STREAM_ORDERS) if r.data.get("what") == "day_closed"]
    assert len(closed) == 1

    third = again.again(CLOSE + timedelta(hours=2))
    assert not any(r.data.get("what") == "day_closed" for r in third.records(STREAM_ORDERS))


def test_next_session_resets_the_breakers_on_record() -> None:
    """The switch to the next day ends the trips, and says so."""
    core = losing_core(2, 4, 6)
    core.fire("rotate")

    core.start(ROTATION + timedelta(seconds=1), is_new=False)

    assert core.state.breaker.names == ()
    resets = [r for r in core.records(STREAM_RISK) if r.event_type == "circuit_breaker_reset"]
    assert len(resets) == 1
    again = core.again(ROTATION + timedelta(minutes=5))
    assert again.state.breaker.names == ()
    assert not again.records(STREAM_RISK), "reset once"


def test_day_of_a_world_restored() -> None:
    """Realised, trades, opening equity and streak of a busy morning come back from the lines."""
    world = World(7, is_kind=True)
    world.run(after_open(60))

    again = world.core.again(world.core.now)

    assert state_view(again.state) == state_view(world.core.state, is_live=True)
    assert world.core.state.day.trades > 3, "control: there was something to restore"


def test_dead_journal_turns_the_day_without_its_files() -> None:
    """No file can be switched: the next day begins all the same, what is held is kept."""
    core, _, _ = with_position()
    core.send(JournalFailed(at=after_open(3), reason="no space"))

    effects = core.fire("rotate")

    assert not [e for e in effects if isinstance(e, RollDay)]
    assert core.state.trading_day == date(2026, 11, 24)
    assert core.timers["poll"] == NEXT_OPEN
    (trade,) = core.state.book.trades.values()
    assert trade.working_sells == trade.held
    assert core.state.protect_only


def test_damaged_record_starts_in_protect_only() -> None:
    """A start that cannot trust its records opens nothing, and says so."""
    core = Core(settings=core_settings(make_signal))
    core.start(protect_only="damaged record: line 3")
    core.open_day()
    for seconds in range(0, 75, 15):
        core.account(after_open(seconds=seconds))
        core.quote(after_open(seconds=seconds))

    assert not core.placed()
    assert core.records(STREAM_RISK)[0].event_type == "protect_only"
    assert core.records(STREAM_DECISIONS)[-1].rule == "PROTECT_ONLY"


def test_orders_are_read_at_the_start_when_some_are_open() -> None:
    """A start with open orders looks them up before anything else."""
    core, _, _ = with_position()

    again = Core(settings=core.settings, lines=core.lines)
    effects = again.start(after_open(5))

    assert [e for e in effects if isinstance(e, RequestOrders)]
    assert not again.records(STREAM_TRADES)
