"""Any event at any time: a step never raises, and the same events give the same effects."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.core_builders import (
    CLOSE,
    OPEN,
    SYMBOL,
    Core,
    broker_order,
    core_settings,
    execution,
    hours_of,
    make_account,
    make_quote,
    make_signal,
)
from support.core_world import FREE
from trading_bot.core.effects import RequestPoll
from trading_bot.core.events import (
    AccountArrived,
    BarRecorded,
    CallFailed,
    CancelAnswered,
    Event,
    HistoricalsArrived,
    HoursArrived,
    JournalFailed,
    OrderFailed,
    OrderPlaced,
    OrdersArrived,
    PollArrived,
    StopRequested,
    StrategyLoadFailed,
    TimerFired,
)
from trading_bot.core.timers import _DUTIES
from trading_bot.domain.bar import Bar
from trading_bot.domain.order import OrderIntent, OrderState, Side
from trading_bot.domain.position import BrokerPosition
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours

PRICES = st.sampled_from(["99.00", "100.00", "100.02", "102.50", "0.00005", "120.00", "9999.99"])
ODD = st.sampled_from([None, "0", "-1.00", "100.00", "99999999", "1E+3", "0.00000001"])
QUANTITIES = st.sampled_from([1, 7, 100, 467, 0, -3, 10_001])
IDS = st.sampled_from(["a", "b", "c", "d", "e"])
STATES = st.sampled_from(list(OrderState))
GAPS = st.sampled_from([0.0, 0.001, 0.7, 1.0, 3.0, 15.0, 61.0, 700.0])


class Fuzz:
    """Draws events that fit the run so far, or nearly."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.core = Core(settings=core_settings(make_signal, risk=FREE))
        self.core.start(OPEN - timedelta(minutes=6))
        self.at = OPEN - timedelta(minutes=6)
        self.intents: list[OrderIntent] = []
        self.asked = 0

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy)

    def send(self, event: Event) -> None:
        effects = self.core.send(event)
        self.intents.extend(self.core.placed(effects))
        for effect in effects:
            if isinstance(effect, RequestPoll):
                self.asked = effect.request

    def run(self, steps: int) -> None:
        makers = [
            self.poll,
            self.poll,
            self.poll,
            self.timer,
            self.timer,
            self.orders,
            self.orders,
            self.placed,
            self.order_failed,
            self.cancelled,
            self.failed,
            self.account,
            self.hours,
            self.history,
            self.bar,
            self.rare,
        ]
        for _ in range(steps):
            self.at += timedelta(seconds=self.draw(GAPS))
            self.send(self.draw(st.sampled_from(makers))())

    def poll(self) -> Event:
        if self.at >= OPEN and self.draw(st.booleans()):
            self.send(TimerFired(at=self.at, name="poll"))
        at, text = self.at, self.draw(PRICES)
        quote = make_quote(text, at=at)
        spoiled = self.draw(st.sampled_from(["", "", "", "bid", "ask", "last", "old", "no time"]))
        if spoiled in ("bid", "ask", "last"):
            odd = self.draw(ODD)
            quote = replace(quote, **{spoiled: None if odd is None else Decimal(odd)})
        elif spoiled == "old":
            quote = replace(quote, updated_at=at - timedelta(hours=1))
        elif spoiled == "no time":
            quote = replace(quote, updated_at=None, last_at=None)
        is_there = self.draw(st.booleans()) or spoiled == ""
        stale = self.draw(st.sampled_from([0, 0, 0, 1, 99]))
        volume = self.draw(st.sampled_from([None, 0, -5, 10**12]))
        return PollArrived(
            at=at,
            request=self.asked - stale,
            asked_at=at - timedelta(seconds=self.draw(GAPS)) if self.draw(st.booleans()) else at,
            quotes=(quote,) if is_there else (),
            missing=() if is_there else (SYMBOL,),
            volumes=None if volume is None else (Fundamental(symbol=SYMBOL, volume=volume),),
        )

    def timer(self) -> Event:
        names = list(self.core.timers) or ["poll"]
        name = self.draw(st.sampled_from(names) | st.sampled_from(sorted(_DUTIES)))
        if name in ("rotate", "poll") and self.at < OPEN:
            name = "account"
        return TimerFired(at=self.at, name=name)

    def order(self) -> Any:
        if not self.intents or self.draw(st.integers(0, 9)) == 0:
            intent = None
        else:
            intent = self.draw(st.sampled_from(self.intents[-6:]))
        price = Decimal(self.draw(PRICES))
        done = [
            replace(execution(name, 1, "1", self.at), quantity=quantity, price=price)
            for name, quantity in self.draw(
                st.lists(st.tuples(IDS, QUANTITIES), max_size=3, unique_by=lambda t: t)
            )
        ]
        if intent is None:
            intent = _foreign()
            return broker_order(intent, self.draw(STATES), *done, order_id="foreign")
        changes: dict[str, Any] = {}
        if self.draw(st.integers(0, 9)) == 0:
            changes["side"] = Side.BUY
        if self.draw(st.integers(0, 9)) == 0:
            changes["ref_id"] = ""
        if self.draw(st.integers(0, 9)) == 0:
            changes["filled_quantity"] = 5
        # Ids of executions are one order's own, mostly.
        if self.draw(st.integers(0, 9)):
            done = [replace(e, execution_id=f"{intent.ref_id[:5]}-{e.execution_id}") for e in done]
        return broker_order(intent, self.draw(STATES), *done, **changes)

    def orders(self) -> Event:
        count = self.draw(st.integers(0, 3))
        return OrdersArrived(at=self.at, orders=tuple(self.order() for _ in range(count)))

    def ref_id(self) -> str:
        known = [i.ref_id for i in self.intents] or ["nobody"]
        return str(self.draw(st.sampled_from([*known, "nobody"])))

    def placed(self) -> Event:
        return OrderPlaced(at=self.at, ref_id=self.ref_id(), order=self.order())

    def order_failed(self) -> Event:
        outcome = self.draw(st.sampled_from(["rejected", "not_sent", "unknown"]))
        return OrderFailed(at=self.at, ref_id=self.ref_id(), outcome=outcome, reason="")

    def cancelled(self) -> Event:
        accepted = self.draw(st.booleans())
        return CancelAnswered(at=self.at, ref_id=self.ref_id(), accepted=accepted, reason="no")

    def failed(self) -> Event:
        what = self.draw(st.sampled_from(["poll", "historicals", "hours", "account", "orders"]))
        return CallFailed(
            at=self.at,
            what=what,
            request=self.asked,
            family=self.draw(st.sampled_from(["retryable", "session", "data"])),
            reason="down",
            retry_after_s=self.draw(st.sampled_from([None, 0.0, -1.0, 9.0, 1e18])),
        )

    def account(self) -> Event:
        money = self.draw(st.sampled_from(["100000.00", "0", "-5.00", "0.01", "1E+9"]))
        held = BrokerPosition(
            symbol=SYMBOL,
            quantity=Decimal(self.draw(st.sampled_from(["0", "467", "0.5", "-3"]))),
            held_for_sells=Decimal(0),
            average_price=None,
        )
        positions = (held,) if self.draw(st.booleans()) else ()
        return AccountArrived(at=self.at, account=make_account(self.at, money), positions=positions)

    def hours(self) -> Event:
        session = self.core.state.session
        if session is None or self.draw(st.integers(0, 3)) == 0:
            closed = MarketHours(
                day=self.core.state.trading_day, is_open=False, opens_at=None, closes_at=None
            )
            return HoursArrived(at=self.at, hours=closed)
        return HoursArrived(at=self.at, hours=hours_of(session))

    def history(self) -> Event:
        price = Decimal(self.draw(PRICES))
        starts = self.draw(st.lists(st.integers(-10, 400), max_size=4))
        bars = tuple(
            HistoricalBar(
                symbol=SYMBOL,
                start=OPEN + timedelta(minutes=5 * n),
                open=price,
                high=price,
                low=price,
                close=price,
                volume=0,
            )
            for n in starts
        )
        return HistoricalsArrived(at=self.at, bars=bars)

    def bar(self) -> Event:
        price = float(self.draw(PRICES))
        end = self.at.replace(second=0, microsecond=0)
        bar = Bar(SYMBOL, end - timedelta(minutes=1), end, price, price, price, price, 5)
        return BarRecorded(at=self.at, bar=bar)

    def rare(self) -> Event:
        kind = self.draw(st.integers(0, 9))
        if kind == 0:
            return JournalFailed(at=self.at, reason="full")
        if kind == 1:
            return StopRequested(at=self.at, reason="told to")
        if kind == 2:
            return StrategyLoadFailed(
                at=self.at, strategy_name="x", symbol=SYMBOL, reason="SyntaxError"
            )
        return TimerFired(at=self.at, name="flatten" if self.at > CLOSE else "orders")


def _foreign() -> OrderIntent:
    from support.risk_builders import entry_intent

    return entry_intent(ref_id="99999999-9999-4999-8999-999999999999", symbol=SYMBOL)


@given(data=st.data())
@settings(max_examples=150)
def test_no_event_makes_a_step_raise(data: st.DataObject) -> None:
    """Stale, foreign, doubled, contradictory: whatever comes, the core goes on."""
    fuzz = Fuzz(data)

    fuzz.run(40)

    for trade in fuzz.core.state.book.trades.values():
        assert 0 <= trade.working_sells <= trade.held
    # What came of it can be restored, and says the same again.
    again = Core(settings=fuzz.core.settings)
    for line in fuzz.core.tape:
        again.send(_decoded(line))
    assert again.lines == fuzz.core.lines
    fuzz.core.again(fuzz.at)


def _decoded(line: str) -> Event:
    from trading_bot.core.codec import decode_event

    return decode_event(line)
