"""A core on a table: a strategy that says what it is told, a day, events as short as a test."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from trading_bot.core.codec import decode_event, encode_event
from trading_bot.core.effects import (
    Alert,
    ClearTimer,
    Effect,
    PlaceOrder,
    Record,
    RequestPoll,
    RollDay,
    SetTimer,
)
from trading_bot.core.events import (
    AccountArrived,
    Event,
    HoursArrived,
    OrderPlaced,
    OrdersArrived,
    PollArrived,
    ReconcileArrived,
    SessionInfo,
    Started,
    StartState,
    StopRequested,
    TimerFired,
)
from trading_bot.core.settings import CoreSettings, PollSettings
from trading_bot.core.state import CoreState, new_state
from trading_bot.core.step import step
from trading_bot.domain.bar import Bar
from trading_bot.domain.money import price_from_float
from trading_bot.domain.order import BrokerOrder, Execution, OrderIntent, OrderState, Side
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.domain.quote import Fundamental, MarketHours, Quote
from trading_bot.domain.signal import ExitSignal, Signal
from trading_bot.execution.ref_ids import Identity
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.market.quote_check import QuoteLimits
from trading_bot.performance.settings import PerformanceSettings
from trading_bot.ports.records import STREAM_ORDERS
from trading_bot.query.start import read_start
from trading_bot.risk.limits import RiskLimits

CALENDAR = NyseCalendar()
DAY = date(2026, 11, 23)
OPEN = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
CLOSE = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
IDENTITY = Identity(mode="paper", account="paper", key=b"a test's key")
INFO = SessionInfo(
    session_id="6f1c3f8e-94a1-5d0b-8b69-2f6c1d5f0a01",
    bot_version="0.1.0",
    config_hash="0123456789abcdef0123456789abcdef",
    execution_mode="PAPER",
    account_id=None,
)
SYMBOL = "AAPL"

Script = Callable[[Bar], object]


def after_open(minutes: float = 0, seconds: float = 0) -> datetime:
    """A moment of DAY's session."""
    return OPEN + timedelta(minutes=minutes, seconds=seconds)


def make_signal(bar: Bar, *, name: str = "scripted", **changes: Any) -> Signal:
    """A signal on `bar`: stop 1% under its close, target 2% over it."""
    price = price_from_float(bar.close)
    values: dict[str, Any] = {
        "symbol": bar.symbol,
        "strategy_name": name,
        "entry_type": "test",
        "bar_end": bar.end,
        "price": price,
        "stop_loss": price_from_float(bar.close * 0.99),
        "target": price_from_float(bar.close * 1.02),
        "reasons": "told to",
        "indicators_used": ("close",),
    }
    return Signal(**(values | changes))


def make_exit_signal(bar: Bar, *, name: str = "scripted") -> ExitSignal:
    return ExitSignal(symbol=bar.symbol, strategy_name=name, bar_end=bar.end, reasons="had enough")


class Scripted:
    """A strategy that hands each bar to a function and says what that says."""

    def __init__(self, symbol: str, script: Script, name: str = "scripted") -> None:
        self.symbol = symbol
        self.name = name
        self.interval_minutes = 1
        self.warm_up_bars = 0
        self.needs_volume = False
        self.warmed: list[Bar] = []
        self.seen: list[Bar] = []
        self._script = script

    def warm_up(self, session_bars: Sequence[Bar]) -> None:
        self.warmed.extend(session_bars)

    def on_bar(self, bar: Bar) -> Any:
        self.seen.append(bar)
        return self._script(bar)

    def verdict(self) -> str:
        return "told nothing"


def say_nothing(_bar: Bar) -> None:
    """A script of a strategy that wants nothing."""


def enter_at(*ends: datetime, symbol: str = SYMBOL) -> Script:
    """A script that buys `symbol` on the bars that end then."""

    def script(bar: Bar) -> Signal | None:
        return make_signal(bar) if bar.end in ends and bar.symbol == symbol else None

    return script


def core_settings(
    script: Script = say_nothing,
    *,
    watchlist: tuple[str, ...] = (SYMBOL,),
    factories: dict[str, Any] | None = None,
    **changes: Any,
) -> CoreSettings:
    """Settings with one scripted strategy and limits that let its entries through."""
    if factories is None:
        factories = {"scripted": lambda symbol: Scripted(symbol, script)}
    values: dict[str, Any] = {
        "watchlist": watchlist,
        "poll": PollSettings(interval_s=15),
        "quotes": QuoteLimits(),
        "risk": RiskLimits(entry_start_delay_minutes=0, max_position_pct=Decimal(50)),
        "execution": ExecutionSettings(),
        "performance": PerformanceSettings(),
        "factories": factories,
        "calendar": CALENDAR,
        "identity": IDENTITY,
    }
    return CoreSettings(**(values | changes))


def make_quote(
    price: str = "100.00",
    *,
    at: datetime,
    symbol: str = SYMBOL,
    spread: str = "0.02",
    **changes: Any,
) -> Quote:
    """A good quote of this moment: the bid at `price`, the ask a spread above."""
    bid = Decimal(price)
    values: dict[str, Any] = {
        "symbol": symbol,
        "bid": bid,
        "ask": bid + Decimal(spread),
        "bid_size": 1000,
        "ask_size": 1000,
        "last": bid,
        "last_at": at,
        "previous_close": bid,
        "updated_at": at,
        "is_halted": False,
        "has_traded": True,
    }
    return Quote(**(values | changes))


def make_account(at: datetime, equity: str = "100000.00", **changes: Any) -> AccountSnapshot:
    money = Decimal(equity)
    values: dict[str, Any] = {
        "at": at,
        "cash": money,
        "settled_cash": money,
        "buying_power": money,
        "equity": money,
    }
    return AccountSnapshot(**(values | changes))


def hours_of(session: Session) -> MarketHours:
    opens_at, closes_at = session.open, session.close
    return MarketHours(day=session.day, is_open=True, opens_at=opens_at, closes_at=closes_at)


def execution(name: str, quantity: int, price: str, at: datetime, fees: str = "0") -> Execution:
    return Execution(
        execution_id=name, at=at, quantity=quantity, price=Decimal(price), fees=Decimal(fees)
    )


def broker_order(
    intent: OrderIntent,
    state: OrderState,
    *executions: Execution,
    at: datetime | None = None,
    **changes: Any,
) -> BrokerOrder:
    """The broker's reading of the order that `intent` became."""
    at = at or intent.created_at
    values: dict[str, Any] = {
        "order_id": f"order-{intent.ref_id[:8]}",
        "ref_id": intent.ref_id,
        "symbol": intent.symbol,
        "side": intent.side,
        "type": intent.type,
        "state": state,
        "quantity": intent.quantity,
        "filled_quantity": sum(e.quantity for e in executions),
        "limit_price": intent.limit_price,
        "stop_price": intent.stop_price,
        "created_at": at,
        "updated_at": at,
        "executions": executions,
    }
    return BrokerOrder(**(values | changes))


class MemoryRecords:
    """RecordSource over lines in memory."""

    def __init__(self, lines: dict[str, list[str]]) -> None:
        self._lines = lines

    def lines(self, stream: str) -> Iterator[str]:
        return iter(tuple(self._lines.get(stream, ())))

    def tail(self, stream: str, count: int) -> list[str]:
        return self._lines.get(stream, [])[-count:]


@dataclass
class Core:
    """A core that keeps what it said; every event goes over the tape's encoding first."""

    settings: CoreSettings = field(default_factory=core_settings)
    lines: dict[str, list[str]] = field(default_factory=dict)
    state: CoreState = field(init=False)
    effects: list[Effect] = field(default_factory=list)
    timers: dict[str, datetime] = field(default_factory=dict)
    tape: list[str] = field(default_factory=list)
    now: datetime = OPEN - timedelta(minutes=6)

    def __post_init__(self) -> None:
        self.state = new_state(self.settings)

    def send(self, event: Event) -> list[Effect]:
        """Step one event, as it comes back from the tape."""
        line = encode_event(event)
        self.tape.append(line)
        self.now = event.at
        effects = step(self.state, decode_event(line))
        for effect in effects:
            if isinstance(effect, Record):
                self.lines.setdefault(effect.stream, []).append(effect.record.to_jsonl_line())
            elif isinstance(effect, SetTimer):
                self.timers[effect.name] = effect.at
            elif isinstance(effect, ClearTimer):
                self.timers.pop(effect.name, None)
            elif isinstance(effect, RollDay):
                self.timers.clear()
        self.effects.extend(effects)
        return effects

    def start(
        self,
        at: datetime | None = None,
        *,
        is_new: bool = True,
        reconciles: bool = False,
        is_desk_only: bool = False,
        **changes: Any,
    ) -> list[Effect]:
        """Begin the trading day of `at` from what is on record."""
        at = at or self.now
        day = CALENDAR.trading_day(at)
        start = read_start(MemoryRecords(self.lines), day)
        values = {name: getattr(start, name) for name in StartState.__dataclass_fields__}
        start = StartState(**(values | changes))
        return self.send(
            Started(
                at=at,
                session=INFO,
                start=start,
                is_new_session=is_new,
                reconciles=reconciles,
                is_desk_only=is_desk_only,
            )
        )

    def again(self, at: datetime, **how: Any) -> "Core":
        """Another process in the same home, started at `at`."""
        other = Core(settings=self.settings, lines={k: list(v) for k, v in self.lines.items()})
        other.start(at, **how)
        return other

    def reconcile(
        self, at: datetime, *orders: BrokerOrder, cash: str = "100000.00", **shares: int
    ) -> list[Effect]:
        """A reading of everything: orders, shares by symbol, cash."""
        positions = tuple(
            BrokerPosition(
                symbol=symbol,
                quantity=Decimal(quantity),
                held_for_sells=Decimal(
                    sum(
                        o.quantity - o.filled_quantity
                        for o in orders
                        if o.symbol == symbol and o.side is Side.SELL and not o.state.is_final
                    )
                ),
                average_price=None,
            )
            for symbol, quantity in shares.items()
        )
        return self.send(
            ReconcileArrived(
                at=at,
                since=at - timedelta(days=4),
                orders=orders,
                positions=positions,
                account=make_account(at, cash),
            )
        )

    def notes(self, what: str, effects: Sequence[Effect] | None = None) -> list[Any]:
        """The data of the orders' notes of that name, in `effects` or ever."""
        records = self.records(STREAM_ORDERS, effects)
        notes = [r.data for r in records if r.kind == "note"]
        return [data for data in notes if data.get("what") == what]

    def open_day(self, at: datetime | None = None, equity: str = "100000.00") -> None:
        """Hours and account as they come before the open."""
        at = at or OPEN - timedelta(minutes=5)
        session = self.state.session
        assert session is not None
        self.send(HoursArrived(at=at, hours=hours_of(session)))
        self.account(at, equity)

    def account(
        self, at: datetime, equity: str = "100000.00", *positions: BrokerPosition
    ) -> list[Effect]:
        """The account; without `positions` the broker holds what the core believes it holds."""
        return self.send(
            AccountArrived(
                at=at, account=make_account(at, equity), positions=positions or self.positions()
            )
        )

    def positions(self) -> tuple[BrokerPosition, ...]:
        """What the broker holds if all that the core knows is true."""
        trades = [t for t in self.state.book.trades.values() if t.held]
        return tuple(
            BrokerPosition(
                symbol=trade.symbol,
                quantity=Decimal(trade.held),
                held_for_sells=Decimal(trade.working_sells),
                average_price=None,
            )
            for trade in trades
        )

    def fire(self, name: str, at: datetime | None = None) -> list[Effect]:
        """A timer comes due."""
        due = self.timers.pop(name, None)
        moment = at or due
        assert moment is not None, f"timer {name} was not set"
        return self.send(TimerFired(at=moment, name=name))

    def send_timer(self, name: str, at: datetime) -> list[Effect]:
        """A timer comes due at `at`, set or not."""
        self.timers.pop(name, None)
        return self.send(TimerFired(at=at, name=name))

    def ask(self, at: datetime) -> RequestPoll | None:
        """The poll timer comes due; what it asks for."""
        effects = self.fire("poll", at)
        return next((e for e in effects if isinstance(e, RequestPoll)), None)

    def poll(self, at: datetime, *quotes: Quote | None, volume: int | None = None) -> list[Effect]:
        """Ask for a poll and answer it at once."""
        request = self.ask(at)
        assert request is not None, "the last poll has not come back"
        given = {q.symbol: q for q in quotes if q is not None}
        volumes = tuple(Fundamental(symbol=s, volume=volume) for s in request.symbols)
        return self.send(
            PollArrived(
                at=at,
                request=request.request,
                asked_at=at,
                quotes=tuple(given[s] for s in request.symbols if s in given),
                missing=tuple(s for s in request.symbols if s not in given),
                volumes=volumes if volume is not None else None,
            )
        )

    def quote(self, at: datetime, price: str = "100.00", **changes: Any) -> list[Effect]:
        return self.poll(at, make_quote(price, at=at, **changes))

    def placed(self, effects: Sequence[Effect] | None = None) -> list[OrderIntent]:
        """The orders that left in `effects`, or ever."""
        given = self.effects if effects is None else effects
        return [e.order.intent for e in given if isinstance(e, PlaceOrder)]

    def records(self, stream: str, effects: Sequence[Effect] | None = None) -> list[Any]:
        """The records of `stream` in `effects`, or ever."""
        looked_at = self.effects if effects is None else effects
        return [e.record for e in looked_at if isinstance(e, Record) and e.stream == stream]

    def alerts(self) -> list[Alert]:
        return [e for e in self.effects if isinstance(e, Alert)]

    def confirm(
        self, intent: OrderIntent, at: datetime, state: OrderState = OrderState.OPEN
    ) -> list[Effect]:
        """The broker answers a place."""
        order = broker_order(intent, state, at=at)
        return self.send(OrderPlaced(at=at, ref_id=intent.ref_id, order=order))

    def read(self, at: datetime, *orders: BrokerOrder) -> list[Effect]:
        return self.send(OrdersArrived(at=at, orders=orders))

    def stop(self, at: datetime) -> list[Effect]:
        return self.send(StopRequested(at=at, reason="told to"))


def started(settings: CoreSettings | None = None) -> Core:
    """A core before the open, with hours and account read."""
    core = Core(settings=settings or core_settings())
    core.start()
    core.open_day()
    return core


ENTRY_BAR = ENTRY_AT = after_open(2)


def with_entry(
    price: str = "100.00", *, script_ends: tuple[datetime, ...] = (ENTRY_BAR,), **changes: Any
) -> tuple[Core, OrderIntent]:
    """A core whose strategy has just bought: the entry left, nobody has answered."""
    core = started(core_settings(enter_at(*script_ends), **changes))
    for seconds in range(0, 120, 15):
        core.quote(after_open(seconds=seconds), price)
    core.account(after_open(seconds=119))
    effects = core.quote(ENTRY_AT, price)
    (entry,) = core.placed(effects)
    return core, entry


def with_position(**changes: Any) -> tuple[Core, OrderIntent, OrderIntent]:
    """A core that holds a whole entry with its stop working; entry and stop."""
    core, entry = with_entry(**changes)
    at = ENTRY_AT + timedelta(seconds=1)
    core.confirm(entry, at)
    filled = broker_order(
        entry, OrderState.FILLED, execution("fill-entry", entry.quantity, "100.02", at)
    )
    effects = core.read(at + timedelta(seconds=1), filled)
    (stop,) = core.placed(effects)
    core.confirm(stop, at + timedelta(seconds=2))
    return core, entry, stop
