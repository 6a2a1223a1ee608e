"""Book, observations and next steps against a model of a broker, in any order of events."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from msgspec import structs

from support.core_builders import ENTRY_AT, IDENTITY, INFO, broker_order, execution, with_entry
from support.core_world import Held, book_view
from trading_bot.domain.order import BrokerOrder, Leg, OrderState, OrderType, Side
from trading_bot.execution.advance import Cancel, Leave, Sell, View, is_done, next_steps
from trading_bot.execution.book import TradeBook, intent_data
from trading_bot.execution.intents import Maker
from trading_bot.execution.observe import edit_of, impossible, new_facts, taken_back
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.execution.trade import TrackedOrder, Trade
from trading_bot.logging.line import format_timestamp
from trading_bot.logging.order_event import OrderEvent

MAKER = Maker(identity=IDENTITY, settings=ExecutionSettings())
S = OrderState
FATES = ["taken", "taken", "taken", "lost_taken", "lost_absent", "rejected", "not_sent"]
BIDS = [None, Decimal("101.00"), Decimal("100.50"), Decimal("98.50")]


class OrderMachine(RuleBasedStateMachine):
    """One trade from its entry's intent on; rules are whatever broker, owner and clock may do."""

    def __init__(self) -> None:
        super().__init__()
        core, entry = with_entry()
        trade, order = core.state.book.orders[entry.ref_id]
        self.now = ENTRY_AT
        self.book = TradeBook()
        self.events: list[OrderEvent] = []
        self.held: dict[str, Held] = {}
        self.updated: dict[str, datetime] = {}
        self.count = 0
        self.bid: Decimal | None = BIDS[1]
        self.snapshot: list[BrokerOrder] = []
        self.gone: set[str] = set()
        self.said("intent", order, intent_data(order, trade.context))
        self.take(entry.ref_id, "taken")

    @initialize(bought=st.sampled_from([0, 100, 467, 467]), stopped=st.booleans())
    def how_it_begins(self, bought: int, stopped: bool) -> None:
        """Most of what can go wrong needs shares: begin with some, protected or about to be."""
        if bought:
            self.fill(self.trade.trade_id, bought)
            self.the_orders_are_read()
        if stopped:
            self.next_step(["taken"] * 4)

    # What is known.

    @property
    def trade(self) -> Trade:
        (trade,) = self.book.trades.values()
        return trade

    def said(
        self, kind: str, order: TrackedOrder | None, data: dict[str, object], order_id: str = ""
    ) -> None:
        intent = (
            order.intent if order is not None else self.trade.orders[self.trade.trade_id].intent
        )
        is_orders = order is not None
        event = OrderEvent(
            seq=len(self.events),
            timestamp=format_timestamp(self.now),
            session_id=INFO.session_id,
            kind=kind,
            ref_id=intent.ref_id if is_orders else None,
            broker_order_id=order_id or None,
            symbol=intent.symbol,
            side=intent.side.value if is_orders else None,
            leg=intent.leg.value if is_orders else None,
            correlation_id=intent.trade_id,
            data=data,  # type: ignore[arg-type]
        )
        self.book.apply(event)
        self.events.append(event)

    # What the broker does.

    @property
    def position(self) -> int:
        return sum((1 if o.intent.side is Side.BUY else -1) * o.filled for o in self.held.values())

    def offered(self) -> int:
        return sum(o.rest for o in self.held.values() if o.intent.side is Side.SELL)

    def take(self, ref_id: str, fate: str) -> None:
        order = self.trade.orders[ref_id]
        if fate in ("taken", "lost_taken"):
            if order.intent.side is Side.SELL:
                assert order.intent.quantity + self.offered() <= self.position, "oversold"
            self.held[ref_id] = Held(order.intent, f"order-{ref_id}", S.OPEN)
            self.updated[ref_id] = self.now
        if fate == "taken":
            self.said("reply", order, {"state": "unconfirmed"}, f"order-{ref_id}")
        elif fate.startswith("lost"):
            self.said("unknown", order, {"reason": "timeout"})
            if fate == "lost_absent":
                self.gone.add(ref_id)
        else:
            kind = "rejected" if fate == "rejected" else "withdrawn"
            self.said(kind, order, {"reason": fate})

    def reading(self) -> list[BrokerOrder]:
        return [
            broker_order(
                o.intent,
                o.state,
                *o.executions,
                order_id=o.order_id,
                updated_at=self.updated[ref_id],
            )
            for ref_id, o in self.held.items()
        ]

    def book_reading(self, seen: list[BrokerOrder]) -> None:
        for one in seen:
            found = self.book.find(one.ref_id, one.order_id)
            assert found is not None
            trade, order = found
            edit = edit_of(order, one)
            if edit is not None:
                self.said("replaced", order, dict(edit.data), one.order_id)
            doubted, order.doubted = order.doubted, taken_back(order, one)
            if order.doubted and order.doubted != doubted:
                continue
            assert impossible(trade, order, one) == ""
            for fact in new_facts(order, one):
                self.said(fact.kind, order, dict(fact.data), one.order_id)

    def fill(self, ref_id: str, quantity: int) -> None:
        order = self.held[ref_id]
        self.count += 1
        order.executions.append(execution(f"e{self.count}", quantity, "100.00", self.now))
        order.state = S.PART_FILLED if order.rest else S.FILLED
        self.updated[ref_id] = self.now

    # Rules.

    @rule(seconds=st.sampled_from([1, 2, 5, 11, 31, 61]), bid=st.sampled_from(BIDS))
    def time_passes(self, seconds: int, bid: Decimal | None) -> None:
        self.now += timedelta(seconds=seconds)
        self.bid = bid

    @rule(fates=st.lists(st.sampled_from(FATES), min_size=4, max_size=4), halted=st.booleans())
    def next_step(self, fates: list[str], halted: bool = False) -> None:
        is_halted = halted and self.bid is None
        view = View(
            now=self.now,
            bid=self.bid,
            is_open=True,
            is_last_minute=False,
            is_halted=is_halted,
        )
        for step in next_steps(self.trade, view, MAKER):
            match step:
                case Leave():
                    data: dict[str, object] = {
                        "exit_reason": step.reason,
                        "exit_expected": str(step.expected),
                    }
                    self.said("plan_change", None, data)
                case Cancel():
                    self.said("cancel_requested", step.order, {"reason": step.reason})
                    held = self.held[step.order.intent.ref_id]
                    held.is_cancel_asked = fates[-1] != "not_sent"
                    if fates[-1].startswith("lost"):
                        lost = {"state": step.order.state.value, "cancel_lost": "timeout"}
                        self.said("reply", step.order, lost)
                case Sell():
                    free = self.trade.held - self.trade.working_sells
                    assert step.intent.quantity <= free, "more in sells than is held"
                    order = TrackedOrder(
                        intent=step.intent,
                        purpose=step.purpose,
                        expected_price=step.expected_price,
                    )
                    self.said("intent", order, intent_data(order, None))
                    self.take(step.intent.ref_id, fates.pop(0))

    @rule(which=st.integers(0, 9), part=st.integers(1, 467))
    def the_broker_fills(self, which: int, part: int) -> None:
        working = [ref_id for ref_id, o in self.held.items() if o.rest]
        if working:
            ref_id = working[which % len(working)]
            self.fill(ref_id, min(part, self.held[ref_id].rest))

    @rule()
    def cancels_take_effect(self) -> None:
        for ref_id, order in self.held.items():
            if order.is_cancel_asked and not order.state.is_final:
                order.state = S.CANCELLED
                self.updated[ref_id] = self.now

    @rule(which=st.integers(0, 9), end=st.sampled_from([S.CANCELLED, S.REJECTED, S.EXPIRED]))
    def the_broker_or_the_owner_ends_one(self, which: int, end: OrderState) -> None:
        working = [ref_id for ref_id, o in self.held.items() if o.rest]
        if working:
            ref_id = working[which % len(working)]
            self.held[ref_id].state = end
            self.updated[ref_id] = self.now

    @rule(price=st.sampled_from(["98.00", "98.75", "99.25"]))
    def the_owner_edits_a_stop(self, price: str) -> None:
        for ref_id, order in self.held.items():
            if order.rest and order.intent.type is OrderType.STOP:
                self.now += timedelta(milliseconds=1)
                order.intent = structs.replace(order.intent, stop_price=Decimal(price))
                self.updated[ref_id] = self.now
                return

    @rule(which=st.integers(0, 9))
    def the_broker_takes_a_sale_back(self, which: int) -> None:
        sales = [
            ref_id
            for ref_id, o in self.held.items()
            if o.intent.side is Side.SELL
            and o.state.is_final
            and o.executions
            and o.executions[-1].execution_id in self.trade.orders[ref_id].executions
        ]
        if sales:
            ref_id = sales[which % len(sales)]
            self.now += timedelta(milliseconds=1)
            self.held[ref_id].executions.pop()
            self.updated[ref_id] = self.now

    @rule()
    def the_orders_are_read(self) -> None:
        self.book_reading(self.reading())

    @rule()
    def the_orders_are_read_without_their_latest_executions(self) -> None:
        """The broker counts an execution before it lists it."""
        self.book_reading([replace(o, executions=o.executions[:-1]) for o in self.reading()])

    @rule()
    def a_reading_is_under_way(self) -> None:
        self.snapshot = self.reading()

    @rule()
    def a_reading_comes_late(self) -> None:
        self.book_reading(self.snapshot)

    @precondition(lambda self: self.gone)
    @rule()
    def an_absent_one_is_given_up(self) -> None:
        for ref_id in sorted(self.gone):
            data: dict[str, object] = {"reason": "absent", "presumed": True}
            self.said("withdrawn", self.trade.orders[ref_id], data)
        self.gone.clear()

    @rule()
    def somebody_wants_out(self) -> None:
        if not self.trade.exit_reason:
            data: dict[str, object] = {"exit_reason": "enough", "exit_expected": "101.00"}
            self.said("plan_change", None, data)

    @rule()
    def a_restart(self) -> None:
        rebuilt = TradeBook()
        assert rebuilt.restore(self.events) == []
        assert book_view(rebuilt) == book_view(self.book, is_live=True)

    # What always holds.

    @invariant()
    def executions_are_booked_once(self) -> None:
        trade = self.trade
        for order in trade.orders.values():
            assert order.filled == sum(e.quantity for e in order.executions.values())
            assert 0 <= order.filled <= order.intent.quantity
        assert trade.held == trade.lots.quantity >= 0
        assert len(trade.booked) == len(set(trade.booked))

    @invariant()
    def sells_never_exceed_what_is_held(self) -> None:
        assert self.trade.working_sells <= self.trade.held

    def teardown(self) -> None:
        """Every path ends: with a broker that does its work all is sold, and known to be."""
        if self.gone:
            self.an_absent_one_is_given_up()
        self.somebody_wants_out()
        for _ in range(60):
            self.now += timedelta(seconds=20)
            self.bid = BIDS[1]
            self.next_step(["taken"] * 4)
            self.cancels_take_effect()
            for ref_id, order in self.held.items():
                if order.rest and order.intent.leg is Leg.EXIT:
                    self.fill(ref_id, order.rest)
            self.the_orders_are_read()
            self.the_orders_are_read()
            if is_done(self.trade):
                break
        assert is_done(self.trade)
        booked = {name for o in self.trade.orders.values() for name in o.executions}
        assert booked == {e.execution_id for o in self.held.values() for e in o.executions}
        assert self.position == self.trade.held == 0


TestOrderMachine = OrderMachine.TestCase
TestOrderMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
