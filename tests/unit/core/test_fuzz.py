"""Any event at any time: a step never raises, and the same events give the same effects."""

import random
from collections import Counter
from collections.abc import Sequence
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
from trading_bot.core.codec import decode_event
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
from trading_bot.domain.order import Leg, OrderIntent, OrderState, Side
from trading_bot.domain.position import BrokerPosition
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours
from trading_bot.ports.records import STREAM_ORDERS, STREAM_RISK

PRICES = ["99.00", "100.00", "100.02", "102.50", "0.00005", "120.00", "9999.99"]
ODD = [None, "0", "-1.00", "100.00", "99999999", "1E+3", "0.00000001"]
QUANTITIES = [1, 7, 100, 467, 0, -3, 10_001]
IDS = ["a", "b", "c", "d", "e"]
STATES = list(OrderState)
UNSURE = (OrderState.NONE, OrderState.UNKNOWN)
GAPS = [0.0, 0.001, 0.7, 1.0, 3.0, 15.0, 61.0, 700.0]


class Fuzz:
    """Makes up events that fit the run so far, or nearly; begins with an entry that has left."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.core = Core(settings=core_settings(make_signal, risk=FREE))
        self.core.start(OPEN - timedelta(minutes=6))
        self.at = OPEN + timedelta(minutes=1)
        self.core.open_day()
        self.core.account(OPEN)
        for seconds in (0, 15, 30, 45, 60):
            self.core.quote(OPEN + timedelta(seconds=seconds))
        self.intents: list[OrderIntent] = self.core.placed()
        self.asked = self.core.state.calls.next_request - 1

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.chance.choice(choices)

    def coin(self, sides: int) -> bool:
        """True once in `sides`."""
        return self.chance.randrange(sides) == 0

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
            self.at += timedelta(seconds=self.pick(GAPS))
            self.send(self.pick(makers)())

    def poll(self) -> Event:
        if self.at >= OPEN and self.coin(2):
            self.send(TimerFired(at=self.at, name="poll"))
        at, text = self.at, self.pick(PRICES)
        quote = make_quote(text, at=at)
        spoiled = self.pick(["", "", "", "bid", "ask", "last", "old", "no time"])
        if spoiled in ("bid", "ask", "last"):
            odd = self.pick(ODD)
            quote = replace(quote, **{spoiled: None if odd is None else Decimal(odd)})
        elif spoiled == "old":
            quote = replace(quote, updated_at=at - timedelta(hours=1))
        elif spoiled == "no time":
            quote = replace(quote, updated_at=None, last_at=None)
        is_there = self.coin(2) or spoiled == ""
        stale = self.pick([0, 0, 0, 1, 99])
        volume = self.pick([None, 0, -5, 10**12])
        return PollArrived(
            at=at,
            request=self.asked - stale,
            asked_at=at - timedelta(seconds=self.pick(GAPS)) if self.coin(2) else at,
            quotes=(quote,) if is_there else (),
            missing=() if is_there else (SYMBOL,),
            volumes=None if volume is None else (Fundamental(symbol=SYMBOL, volume=volume),),
        )

    def timer(self) -> Event:
        names = list(self.core.timers) or ["poll"]
        name = self.pick(names if self.coin(2) else sorted(_DUTIES))
        if name in ("rotate", "poll") and self.at < OPEN:
            name = "account"
        return TimerFired(at=self.at, name=name)

    def order(self) -> Any:
        if not self.intents or self.coin(10):
            intent = None
        else:
            intent = self.pick(self.intents[-6:])
        price = Decimal(self.pick(PRICES))
        done = [
            replace(execution(name, 1, "1", self.at), quantity=quantity, price=price)
            for name, quantity in [
                (self.pick(IDS), self.pick(QUANTITIES)) for _ in range(self.chance.randint(0, 2))
            ]
        ]
        if intent is None:
            intent = _foreign()
            return broker_order(intent, self.pick(STATES), *done, order_id="foreign")
        changes: dict[str, Any] = {}
        if self.coin(10):
            changes["side"] = Side.BUY
        if self.coin(10):
            changes["ref_id"] = ""
        if self.coin(10):
            changes["filled_quantity"] = 5
        # Ids of executions are one order's own, mostly.
        if not self.coin(10):
            done = [replace(e, execution_id=f"{intent.ref_id[:5]}-{e.execution_id}") for e in done]
        return broker_order(intent, self.pick(STATES), *done, **changes)

    def orders(self) -> Event:
        count = self.chance.randint(0, 3)
        return OrdersArrived(at=self.at, orders=tuple(self.order() for _ in range(count)))

    def ref_id(self) -> str:
        known = [i.ref_id for i in self.intents] or ["nobody"]
        return str(self.pick([*known, "nobody"]))

    def placed(self) -> Event:
        return OrderPlaced(at=self.at, ref_id=self.ref_id(), order=self.order())

    def order_failed(self) -> Event:
        outcome = self.pick(["rejected", "not_sent", "unknown"])
        return OrderFailed(at=self.at, ref_id=self.ref_id(), outcome=outcome, reason="")

    def cancelled(self) -> Event:
        accepted = self.coin(2)
        return CancelAnswered(at=self.at, ref_id=self.ref_id(), accepted=accepted, reason="no")

    def failed(self) -> Event:
        what = self.pick(["poll", "historicals", "hours", "account", "orders"])
        return CallFailed(
            at=self.at,
            what=what,
            request=self.asked,
            family=self.pick(["retryable", "session", "data"]),
            reason="down",
            retry_after_s=self.pick([None, 0.0, -1.0, 9.0, 1e18]),
        )

    def account(self) -> Event:
        money = self.pick(["100000.00", "0", "-5.00", "0.01", "1E+9"])
        held = BrokerPosition(
            symbol=SYMBOL,
            quantity=Decimal(self.pick(["0", "467", "0.5", "-3"])),
            held_for_sells=Decimal(0),
            average_price=None,
        )
        positions = (held,) if self.coin(2) else ()
        return AccountArrived(at=self.at, account=make_account(self.at, money), positions=positions)

    def hours(self) -> Event:
        session = self.core.state.session
        if session is None or self.coin(4):
            closed = MarketHours(
                day=self.core.state.trading_day, is_open=False, opens_at=None, closes_at=None
            )
            return HoursArrived(at=self.at, hours=closed)
        return HoursArrived(at=self.at, hours=hours_of(session))

    def history(self) -> Event:
        price = Decimal(self.pick(PRICES))
        starts = [self.chance.randint(-10, 400) for _ in range(self.chance.randint(0, 4))]
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
        price = float(self.pick(PRICES))
        end = self.at.replace(second=0, microsecond=0)
        bar = Bar(SYMBOL, end - timedelta(minutes=1), end, price, price, price, price, 5)
        return BarRecorded(at=self.at, bar=bar)

    def rare(self) -> Event:
        kind = self.chance.randint(0, 30)
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


@given(seed=st.integers(min_value=0, max_value=10**9))
@settings(max_examples=60)
def test_no_event_makes_a_step_raise(seed: int) -> None:
    """Stale, foreign, doubled, contradictory: whatever comes, the core goes on."""
    fuzz = Fuzz(seed)

    fuzz.run(120)

    for trade in fuzz.core.state.book.trades.values():
        assert trade.held >= 0
        sells = [o for o in trade.orders.values() if o.is_working and o.intent.leg is not Leg.ENTRY]
        # More in sells than held only where a fill came after its order's end: that is being ended.
        is_ending = any(o.cancel_asked_at or o.state in UNSURE for o in sells)
        assert trade.working_sells <= trade.held or is_ending
    # The tape says the same again, and a restart can read what came of it.
    again = Core(settings=fuzz.core.settings)
    for line in fuzz.core.tape:
        again.send(decode_event(line))
    assert again.lines == fuzz.core.lines
    fuzz.core.again(fuzz.at)


def test_control_the_made_up_events_reach_far() -> None:
    """Among fifty runs there are positions, closed trades, refused answers and dead orders."""
    kinds: Counter[str] = Counter()
    risks: Counter[str] = Counter()
    for seed in range(50):
        fuzz = Fuzz(seed)
        fuzz.run(120)
        kinds.update(e.kind for e in fuzz.core.records(STREAM_ORDERS))
        risks.update(e.event_type for e in fuzz.core.records(STREAM_RISK))

    assert kinds["intent"] > 100
    assert min(kinds[k] for k in ("fill", "closed", "unknown", "cancelled", "withdrawn")) > 10
    assert risks["broker_answer_impossible"] > 10
