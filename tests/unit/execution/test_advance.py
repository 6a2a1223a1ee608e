"""The next step of a trade, case by case."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    ENTRY_AT,
    IDENTITY,
    execution,
    with_entry,
)
from trading_bot.domain.order import Leg, OrderState, OrderType, TimeInForce
from trading_bot.execution.advance import (
    CANCEL_REPEAT,
    Cancel,
    Sell,
    View,
    is_done,
    next_steps,
)
from trading_bot.execution.book import TradeBook, intent_data
from trading_bot.execution.intents import Maker
from trading_bot.execution.retries import REFUSED_PAUSE
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.order_event import OrderEvent

MAKER = Maker(identity=IDENTITY, settings=ExecutionSettings())
T0 = ENTRY_AT
BID = Decimal("100.50")
S = OrderState


@dataclass
class Table:
    """A trade of 467 shares, changed by order events alone, as the book would."""

    book: TradeBook = field(default_factory=TradeBook)
    seq: int = 0

    def __post_init__(self) -> None:
        core, entry = with_entry()
        trade, order = core.state.book.orders[entry.ref_id]
        self.seq = 100
        self.apply("intent", order, intent_data(order, trade.context))

    @property
    def trade(self) -> Trade:
        (trade,) = self.book.trades.values()
        return trade

    @property
    def entry(self) -> TrackedOrder:
        return self.trade.orders[self.trade.trade_id]

    def last(self, leg: Leg) -> TrackedOrder:
        return [o for o in self.trade.orders.values() if o.intent.leg is leg][-1]

    def apply(
        self, kind: str, order: TrackedOrder, data: dict[str, object], at: float = 0.0
    ) -> None:
        intent = order.intent
        self.seq += 1
        self.book.apply(
            OrderEvent(
                seq=self.seq,
                timestamp=format_timestamp(T0 + timedelta(seconds=at)),
                session_id="6f1c3f8e-94a1-5d0b-8b69-2f6c1d5f0a01",
                kind=kind,
                ref_id=intent.ref_id,
                broker_order_id="" if kind == "intent" else f"order-{intent.ref_id[:6]}",
                symbol=intent.symbol,
                side=intent.side.value,
                leg=intent.leg.value,
                correlation_id=intent.trade_id,
                data=data,
            )
            if kind != "intent"
            else OrderEvent(
                seq=self.seq,
                timestamp=format_timestamp(T0 + timedelta(seconds=at)),
                session_id="6f1c3f8e-94a1-5d0b-8b69-2f6c1d5f0a01",
                kind=kind,
                ref_id=intent.ref_id,
                symbol=intent.symbol,
                side=intent.side.value,
                leg=intent.leg.value,
                correlation_id=intent.trade_id,
                data=data,
            )
        )

    def state(self, order: TrackedOrder, state: OrderState, at: float = 0.0) -> None:
        kinds = {S.CANCELLED: "cancelled", S.REJECTED: "rejected", S.UNKNOWN: "unknown"}
        kind = kinds.get(state, "reply")
        self.apply(kind, order, {"state": state.value} if kind == "reply" else {"reason": ""}, at)

    def fill(self, order: TrackedOrder, name: str, quantity: int, at: float = 0.0) -> None:
        done = execution(name, quantity, "100.00", T0 + timedelta(seconds=at))
        data = {
            "execution_id": done.execution_id,
            "executed_at": done.at.isoformat(),
            "quantity": done.quantity,
            "price": str(done.price),
            "fees": str(done.fees),
        }
        self.apply("fill", order, data, at)

    def want_out(self, reason: str = "enough") -> None:
        self.apply("plan_change", self.entry, {"exit_reason": reason, "exit_expected": "101.00"})

    def send(self, step: object, at: float = 0.0) -> TrackedOrder:
        """Do what a step says: its intent is on record."""
        assert isinstance(step, Sell)
        order = TrackedOrder(
            intent=step.intent, purpose=step.purpose, expected_price=step.expected_price
        )
        self.apply("intent", order, intent_data(order, None), at)
        return self.last(step.intent.leg)

    def ask_cancel(self, step: object, at: float = 0.0) -> None:
        assert isinstance(step, Cancel)
        self.apply("cancel_requested", step.order, {"reason": step.reason}, at)

    def steps(self, at: float = 0.0, **changes: object) -> list[Sell | Cancel]:
        values: dict[str, object] = {
            "now": T0 + timedelta(seconds=at),
            "bid": BID,
            "is_open": True,
            "is_last_minute": False,
        }
        return next_steps(self.trade, View(**(values | changes)), MAKER)  # type: ignore[arg-type]


def open_table() -> Table:
    table = Table()
    table.state(table.entry, S.OPEN)
    return table


def held_table() -> Table:
    """A whole entry and its working stop."""
    table = open_table()
    table.fill(table.entry, "entry", 467)
    stop = table.send(table.steps(1)[0], 1)
    table.state(stop, S.OPEN, 1)
    return table


def test_entry_is_given_its_time() -> None:
    """A working entry is left alone until its deadline, then cancelled, once."""
    table = open_table()

    assert table.steps(9.9) == []
    (cancel,) = table.steps(10)
    assert isinstance(cancel, Cancel)
    assert cancel.order is table.entry
    table.ask_cancel(cancel, 10)
    assert table.steps(11) == []


def test_cancel_without_effect_is_asked_again() -> None:
    """An asked cancel that led to nothing is asked again after a while."""
    table = open_table()
    table.ask_cancel(table.steps(10)[0], 10)

    assert table.steps(10 + CANCEL_REPEAT.total_seconds() - 0.1) == []
    assert len(table.steps(10 + CANCEL_REPEAT.total_seconds())) == 1


@pytest.mark.parametrize("state", [S.NONE, S.UNKNOWN])
def test_entry_in_flight_or_unknown_is_not_cancelled(state: OrderState) -> None:
    """What the broker may not know cannot be cancelled; nothing new is sent either."""
    table = Table()
    if state is S.UNKNOWN:
        table.state(table.entry, S.UNKNOWN)

    assert table.steps(60) == []
    assert table.steps(60, no_entries="stopping") == []


def test_entry_is_cancelled_at_once_when_nothing_may_be_opened() -> None:
    """A stop of the daemon does not wait for the entry's deadline."""
    (cancel,) = open_table().steps(1, no_entries="stopping: told to")

    assert isinstance(cancel, Cancel)
    assert cancel.reason == "stopping: told to"


def test_partial_fills_add_stops() -> None:
    """Each increment gets a stop of its own; the one that works is never touched."""
    table = open_table()
    table.fill(table.entry, "one", 100)
    (first,) = table.steps(1)
    assert isinstance(first, Sell)
    stop = table.send(first, 1)
    assert table.steps(1) == []
    table.state(stop, S.OPEN, 1)

    table.fill(table.entry, "two", 50)
    steps = table.steps(2)

    (second,) = steps
    assert isinstance(second, Sell)
    assert (first.intent.quantity, second.intent.quantity) == (100, 50)
    assert first.intent.ref_id != second.intent.ref_id
    for sell in (first, second):
        assert sell.intent.type is OrderType.STOP
        assert sell.intent.time_in_force is TimeInForce.GTC
        assert sell.intent.stop_price == table.trade.stop_price


def test_target_over_a_resting_stop_goes_step_by_step() -> None:
    """Cancel the stop, wait until that is confirmed, then sell: never both."""
    table = held_table()
    table.want_out()

    (cancel,) = table.steps(5)
    assert isinstance(cancel, Cancel)
    assert cancel.order is table.last(Leg.STOP)
    table.ask_cancel(cancel, 5)
    assert table.steps(6) == []
    table.state(table.last(Leg.STOP), S.CANCELLED, 6)
    (sell,) = table.steps(6)

    assert isinstance(sell, Sell)
    assert sell.intent.leg is Leg.EXIT
    assert sell.intent.quantity == 467
    assert sell.intent.type is OrderType.LIMIT
    assert sell.intent.limit_price is not None
    assert Decimal("0.99") * BID < sell.intent.limit_price < BID
    assert sell.expected_price == Decimal("101.00")


def test_stop_that_filled_before_its_cancel_is_counted() -> None:
    """What the stop sold on its way out is not sold again."""
    table = held_table()
    table.want_out()
    table.ask_cancel(table.steps(5)[0], 5)
    table.fill(table.last(Leg.STOP), "stop", 400, 5)
    table.state(table.last(Leg.STOP), S.CANCELLED, 6)

    (sell,) = table.steps(6)

    assert isinstance(sell, Sell)
    assert sell.intent.quantity == 67


def leaving_table() -> Table:
    """A trade that wants out, its stop gone, its first exit working since second 6."""
    table = held_table()
    table.want_out()
    table.ask_cancel(table.steps(5)[0], 5)
    table.state(table.last(Leg.STOP), S.CANCELLED, 6)
    exit_ = table.send(table.steps(6)[0], 6)
    table.state(exit_, S.OPEN, 6)
    return table


def test_exit_not_filled_is_priced_anew() -> None:
    """After its time the exit is cancelled, and once that is confirmed sold at the new bid."""
    table = leaving_table()
    first = table.last(Leg.EXIT)

    assert table.steps(15.9) == []
    (cancel,) = table.steps(16)
    table.ask_cancel(cancel, 16)
    assert table.steps(17) == []
    table.fill(first, "part", 200, 17)
    table.state(first, S.CANCELLED, 17)
    (again,) = table.steps(17, bid=Decimal("99.00"))

    assert isinstance(again, Sell)
    assert again.intent.quantity == 267
    assert again.intent.ref_id != first.intent.ref_id
    assert again.intent.limit_price is not None
    assert again.intent.limit_price < Decimal("99.00")


def test_without_a_bid_the_stop_stays() -> None:
    """A halt or a bad quote cancels nothing."""
    table = held_table()
    table.want_out()

    assert table.steps(5, bid=None) == []
    assert table.steps(5, is_open=False) == []
    assert len(table.steps(5)) == 1, "control: with a bid it would go on"


def test_without_a_bid_the_stop_comes_back() -> None:
    """Halted between the stop's cancel and the exit: protected again."""
    table = held_table()
    table.want_out()
    table.ask_cancel(table.steps(5)[0], 5)
    table.state(table.last(Leg.STOP), S.CANCELLED, 6)

    (stop,) = table.steps(6, bid=None)

    assert isinstance(stop, Sell)
    assert (stop.intent.leg, stop.intent.quantity) == (Leg.STOP, 467)


@pytest.mark.parametrize("at", [6, 20, 600])
def test_unknown_exit_blocks_everything(at: float) -> None:
    """While an exit may be working nothing else is sold, however long it takes."""
    table = leaving_table()
    table.state(table.last(Leg.EXIT), S.UNKNOWN, 6)

    assert table.steps(at) == []
    assert table.steps(at, bid=None) == []


@pytest.mark.parametrize("at", [6, 20, 600])
def test_unknown_stop_blocks_everything(at: float) -> None:
    """A stop that may be working is neither repeated nor sold over."""
    table = held_table()
    table.state(table.last(Leg.STOP), S.UNKNOWN, 2)

    assert table.steps(at) == []
    table.want_out()
    assert table.steps(at) == []


@pytest.mark.parametrize("leg", [Leg.STOP, Leg.EXIT])
def test_refused_sell_is_paused_then_tried_again(leg: Leg) -> None:
    """A refusal is not hammered: the next try comes after a pause and has a name of its own."""
    table = leaving_table() if leg is Leg.EXIT else held_table()
    refused = table.last(leg)
    table.state(refused, S.REJECTED, 8)

    assert table.steps(8) == []
    assert table.steps(8 + REFUSED_PAUSE.total_seconds() - 0.1) == []
    (again,) = table.steps(8 + REFUSED_PAUSE.total_seconds())

    assert isinstance(again, Sell)
    assert again.intent.leg is leg
    assert again.intent.ref_id != refused.intent.ref_id


def test_last_minute_sells_at_market() -> None:
    """Just before the close the price no longer matters."""
    table = held_table()
    table.want_out()
    table.ask_cancel(table.steps(5)[0], 5)
    table.state(table.last(Leg.STOP), S.CANCELLED, 6)

    (sell,) = table.steps(6, is_last_minute=True)

    assert isinstance(sell, Sell)
    assert sell.intent.type is OrderType.MARKET
    assert sell.intent.limit_price is None


def test_leaving_cancels_a_working_entry_first() -> None:
    """Who wants out buys no more."""
    table = open_table()
    table.fill(table.entry, "one", 100)
    table.want_out("flatten")

    steps = table.steps(1)

    cancels = [s for s in steps if isinstance(s, Cancel)]
    assert [c.order.intent.leg for c in cancels] == [Leg.ENTRY]


@pytest.mark.parametrize("at", [1, 5, 12, 30])
def test_asking_twice_gives_the_same_answer(at: float) -> None:
    """The next step is worked out, never remembered."""
    for table in (open_table(), held_table(), leaving_table()):
        assert table.steps(at) == table.steps(at)


def test_done_is_nothing_held_and_nothing_working() -> None:
    """A trade is done only when no share is held and no order may still trade."""
    table = leaving_table()
    assert not is_done(table.trade)

    table.fill(table.last(Leg.EXIT), "out", 467, 7)

    assert is_done(table.trade)
    assert not is_done(open_table().trade)


def test_late_fill_of_an_ended_stop_ends_what_is_too_much() -> None:
    """The old stop sold after all: the new one would sell short, so it goes and is made anew."""
    table = held_table()
    old = table.last(Leg.STOP)
    table.state(old, S.CANCELLED, 2)
    (again,) = table.steps(2)
    new = table.send(again, 2)
    table.state(new, S.OPEN, 2)
    assert table.steps(3) == [], "control: one stop for all is right"

    table.fill(old, "late", 400, 3)
    (cancel,) = table.steps(3)

    assert isinstance(cancel, Cancel)
    assert cancel.order is new
    table.ask_cancel(cancel, 3)
    assert table.steps(4) == []
    table.state(new, S.CANCELLED, 4)
    (fitting,) = table.steps(4)
    assert isinstance(fitting, Sell)
    assert fitting.intent.quantity == 67
