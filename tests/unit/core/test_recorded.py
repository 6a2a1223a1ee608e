"""Recorded bars do what polls do; what is skipped for speed changes nothing that is written."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.core_builders import (
    CALENDAR,
    CLOSE,
    OPEN,
    SYMBOL,
    Core,
    after_open,
    core_settings,
    enter_at,
    make_exit_signal,
    make_signal,
    started,
)
from support.core_world import World
from trading_bot.brokers.simulated import SimulatedDesk, SimulatedSettings
from trading_bot.core import recorded
from trading_bot.core.effects import CancelOrder, Effect, PlaceOrder, RequestOrders
from trading_bot.core.events import (
    BarRecorded,
    CancelAnswered,
    MinuteRecorded,
    OrderPlaced,
    OrdersArrived,
)
from trading_bot.core.say import reading_of
from trading_bot.domain.bar import Bar
from trading_bot.domain.order import Leg
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_ORDERS, STREAM_RISK, STREAM_TRADES
from trading_bot.risk.breaker import check_breakers
from trading_bot.risk.limits import RiskLimits

MINUTE = timedelta(minutes=1)
ENTRY = after_open(2)


def bar(end: datetime, open_: float, low: float, close: float, symbol: str = SYMBOL) -> Bar:
    high = max(open_, close)
    return Bar(symbol, end - MINUTE, end, open_, high, low, close, 1000, "recorded")


class Backtest:
    """A core and a simulated broker that go through bars together."""

    def __init__(self, core: Core) -> None:
        self.core = core
        settings = SimulatedSettings(
            starting_cash=Decimal(100_000), slippage_bps=Decimal(0), charges_fees=False
        )
        self.desk = SimulatedDesk(settings=settings, calendar=CALENDAR)
        self.end = OPEN

    def play(self, close: float, *, open_: float | None = None, low: float | None = None) -> None:
        """The next minute; flat at `close` unless told otherwise."""
        self.end += MINUTE
        open_ = close if open_ is None else open_
        played = bar(self.end, open_, min(open_, close) if low is None else low, close)
        self.desk.open_bars([played])
        self.tell(played.start)
        self.desk.finish_bars([played])
        self.tell(played.end)
        self.core.account(self.end)
        self._perform(self.core.send(MinuteRecorded(at=self.end, bars=(played,))))

    def tell(self, at: datetime) -> None:
        changed = self.desk.changed()
        if changed:
            self._perform(self.core.send(OrdersArrived(at=at, orders=changed)))

    def _perform(self, effects: list[Effect]) -> None:
        at = self.core.now
        for effect in effects:
            if isinstance(effect, PlaceOrder):
                order = self.desk.take(effect.order.intent, at)
                placed = OrderPlaced(at=at, ref_id=order.ref_id, order=order)
                self._perform(self.core.send(placed))
            elif isinstance(effect, CancelOrder):
                self.desk.cancel(effect.order_id, at)
                answer = CancelAnswered(at=at, ref_id=effect.ref_id, accepted=True, reason="")
                self._perform(self.core.send(answer))
            elif isinstance(effect, RequestOrders):
                orders = self.desk.changed()
                self._perform(self.core.send(OrdersArrived(at=at, orders=orders)))

    @property
    def sold(self) -> list[tuple[str, str]]:
        """Price and reason of every sell."""
        records = self.core.records(STREAM_TRADES)
        return [(str(r.price), r.exit_reasoning) for r in records if r.action == "SELL"]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.core.records(STREAM_ORDERS)]


def backtest(script: Callable[[Bar], object] | None = None, **changes: Any) -> Backtest:
    return Backtest(started(core_settings(script or enter_at(ENTRY), **changes)))


def holding(**changes: Any) -> Backtest:
    """Bought at the open of the third minute, at 100.00; stop 99.00, target 102.00."""
    made = backtest(**changes)
    made.play(100.0)
    made.play(100.0)
    made.play(100.0)
    (trade,) = made.core.state.book.trades.values()
    assert (trade.held, trade.working_sells) == (trade.bought, trade.bought)
    return made


def test_a_signal_is_filled_at_the_next_open_and_protected_in_that_bar() -> None:
    """Decision, intent, fill and stop, each on record, the stop before the bar's end."""
    made = holding()

    (decision,) = made.core.records(STREAM_DECISIONS)
    assert decision.is_approved
    assert made.kinds[:2] == ["note", "intent"]
    (stop,) = [i for i in made.core.placed() if i.leg is Leg.STOP]
    assert stop.created_at == ENTRY
    assert made.core.state.resting == set(made.core.state.book.trades)


def test_the_stop_is_taken_where_the_bar_reaches_it() -> None:
    """Inside the bar at the stop, through a gap at the open."""
    inside, gap = holding(), holding()

    inside.play(99.5, low=98.0)
    gap.play(98.7, open_=98.5)

    assert inside.sold == [("99.00", "stop 99.00 reached")]
    assert gap.sold == [("98.50", "stop 99.00 reached")]


def test_a_target_needs_its_closes_in_a_row() -> None:
    """Two bars that close at it, then the stop makes way and the next open sells."""
    made = holding()
    made.play(102.0)
    made.play(101.0)
    made.play(102.5)
    assert not made.sold

    made.play(102.5)
    assert made.sold == []
    made.play(102.2, open_=102.4)

    assert made.sold == [("102.40", "target 102.00 reached, bid 102.50")]


def test_an_exit_out_of_reach_is_priced_anew_at_the_next_close() -> None:
    """A fall of more than the collar at the open leaves the limit unfilled for that bar."""
    made = holding()
    made.play(102.5)
    made.play(102.5)
    made.play(102.0)
    assert made.sold == []

    made.play(101.95)

    assert made.sold == [("101.95", "target 102.00 reached, bid 102.50")]


def test_an_exit_signal_sells_at_the_next_open() -> None:
    """The stop is cancelled on the bar's close; the bars' close is the bid of the exit."""
    leave_at = after_open(4)

    def script(seen: Bar) -> object:
        if seen.end == ENTRY:
            return make_signal(seen)
        return make_exit_signal(seen) if seen.end == leave_at else None

    made = backtest(script)
    for close in (100.0, 100.0, 100.0, 100.5):
        made.play(close)
    made.play(100.6, open_=100.55)

    assert made.sold == [("100.55", "had enough")]
    assert not made.core.state.book.trades
    assert not made.core.state.resting


def test_a_deadline_is_kept_without_a_target() -> None:
    """A trade at rest is still looked at when its time may be up."""

    def script(seen: Bar) -> object:
        return make_signal(seen, target=None) if seen.end == ENTRY else None

    made = backtest(
        script,
        execution=ExecutionSettings(max_hold_minutes=3),
        risk=RiskLimits(
            entry_start_delay_minutes=0,
            max_position_pct=Decimal(50),
            min_reward_to_risk=Decimal(0),
        ),
    )
    for _ in range(7):
        made.play(100.0)

    assert made.sold == [("100.00", "held for 3 minutes")]


def test_an_open_loss_of_the_day_trips_the_breaker() -> None:
    """Half the equity falls five percent: more than the day's two, on two closes in a row."""
    made = holding(risk=RiskLimits(entry_start_delay_minutes=0, max_position_pct=Decimal(50)))
    (trade,) = made.core.state.book.trades.values()
    # Nothing fills on the way: the market is shown to the core alone.
    for _ in range(2):
        made.end += MINUTE
        made.core.send(BarRecorded(at=made.end, bar=bar(made.end, 95.0, 95.0, 95.0)))
        assert trade.held

    trips = [e for e in made.core.records(STREAM_RISK) if e.event_type == "circuit_breaker_tripped"]
    assert made.core.state.breaker.names == ("daily_loss",), trips


def test_an_old_close_is_no_bid() -> None:
    """Without a bar of this minute nothing is priced: the stop stays."""
    made = holding()
    core = made.core
    (trade,) = core.state.book.trades.values()

    core.fire("flatten", CLOSE - timedelta(minutes=10))

    assert trade.exit_reason.startswith("end of day")
    assert [i.leg for i in core.placed()] == [Leg.ENTRY, Leg.STOP]
    assert trade.working_sells == trade.held


def test_a_bar_of_another_symbol_is_left_alone() -> None:
    """A source may hold more than the watchlist."""
    core = started()

    stray = bar(OPEN + MINUTE, 1.0, 1.0, 1.0, "ZZZ")
    assert core.send(MinuteRecorded(at=stray.end, bars=(stray,))) == []


@settings(max_examples=60)
@given(
    closes=st.lists(st.integers(min_value=9400, max_value=10300), min_size=1, max_size=6),
    cap=st.none() | st.decimals("1", "3000", places=2),
)
def test_the_quick_look_at_the_days_loss_hides_nothing(
    closes: list[int], cap: Decimal | None
) -> None:
    """Where it says that nothing can happen, the exact look finds and changes nothing."""
    made = holding(
        risk=RiskLimits(
            entry_start_delay_minutes=0, max_position_pct=Decimal(50), daily_loss_max_usd=cap
        )
    )
    state = made.core.state
    for cents in closes:
        made.end += MINUTE
        state.symbols[SYMBOL].recorded = bar(made.end, cents / 100, cents / 100, cents / 100)
        may_breach = recorded._may_breach(state)
        after, trips = check_breakers(
            state.breaker, reading_of(state, made.end), state.settings.risk
        )
        if not may_breach:
            assert (trips, after.pending) == ((), state.breaker.pending)
        state.breaker = after


class NeverResting(set[str]):
    """Every trade is moved on at every event, as if none were ever at rest."""

    def add(self, _trade_id: str) -> None:
        return


@pytest.mark.parametrize("seed", range(4))
def test_skipping_trades_at_rest_changes_no_line(seed: int) -> None:
    """A rough broker and a kind one: the same records with and without the short cut."""
    for is_kind in (True, False):
        quick, slow = World(seed, is_kind=is_kind), World(seed, is_kind=is_kind)
        for world in (quick, slow):
            world.run(OPEN - timedelta(minutes=1))
        slow.core.state.resting = NeverResting()
        for world in (quick, slow):
            world.run(OPEN + timedelta(minutes=90))

        assert quick.core.lines == slow.core.lines
        assert len(quick.core.records(STREAM_TRADES)) > 4
