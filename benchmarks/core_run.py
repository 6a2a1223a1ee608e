"""The job done by the core: its settings, its broker, its records, joined without a loop."""

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from core_job import CASH, FAST, SHARES, SLOW, SYMBOLS, Day

from trading_bot.brokers.simulated import SimulatedDesk, SimulatedSettings
from trading_bot.core.effects import (
    CancelOrder,
    Effect,
    PlaceOrder,
    Record,
    RequestAccount,
    RequestHours,
    RequestOrders,
    SetTimer,
)
from trading_bot.core.events import (
    AccountArrived,
    CancelAnswered,
    Event,
    HoursArrived,
    OrderPlaced,
    OrdersArrived,
    SessionInfo,
    Started,
    StartState,
    TimerFired,
)
from trading_bot.core.settings import CoreSettings, PollSettings
from trading_bot.core.state import CoreState, new_state
from trading_bot.core.step import step
from trading_bot.domain.quote import MarketHours
from trading_bot.execution.ref_ids import Identity
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.logging.order_event import OrderEvent
from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.market.quote_check import QuoteLimits
from trading_bot.performance.settings import PerformanceSettings
from trading_bot.ports.records import STREAM_ORDERS, STREAM_TRADES
from trading_bot.risk.limits import RiskLimits
from trading_bot.strategies.ema_cross import NAME, EmaCross
from trading_bot.strategies.settings import EmaCrossSettings

LINES_AT_ONCE = 512
NEVER = datetime.max.replace(tzinfo=UTC)
WINDOW_LINES = 40
"""Trade records from which a day's performance window begins: twenty round trips."""


class Lines:
    """Encodes records and writes them, many at a time, a file a stream; or drops them."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}
        self._waiting: list[Record] = []
        self.latest_trades: deque[str] = deque(maxlen=WINDOW_LINES)
        self.count = 0

    def take(self, record: Record) -> None:
        if record.stream == STREAM_TRADES:
            self.latest_trades.append(record.record.to_jsonl_line())
        if self._folder is not None:
            self._waiting.append(record)
            if len(self._waiting) >= LINES_AT_ONCE:
                self.flush()

    def flush(self) -> None:
        streams: dict[str, list[bytes]] = {}
        for record in self._waiting:
            line = f"{record.record.to_jsonl_line()}\n".encode()
            streams.setdefault(record.stream, []).append(line)
        self.count += len(self._waiting)
        self._waiting.clear()
        for stream, lines in streams.items():
            os.writev(self._file(stream), lines)

    def close(self) -> None:
        self.flush()
        for file in self._files.values():
            os.close(file)

    def _file(self, stream: str) -> int:
        assert self._folder is not None
        if stream not in self._files:
            path = self._folder / f"{stream}.jsonl"
            self._files[stream] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        return self._files[stream]


def settings_of(calendar: NyseCalendar) -> CoreSettings:
    """Ten shares, and no limit that the bare loop does not have; the stop too far to be met."""
    wanted = EmaCrossSettings(fast=FAST, slow=SLOW, stop_pct=Decimal(20))
    # One strategy a symbol for all days: the bare loop's averages run on over night, too.
    made = {symbol: EmaCross(symbol, wanted) for symbol in SYMBOLS}
    risk = RiskLimits(
        quantity_max=SHARES,
        min_reward_to_risk=Decimal(0),
        max_trades_per_day=1000,
        max_consecutive_losses=100,
        entry_start_delay_minutes=0,
        entry_end_margin_minutes=0,
        account_age_max_s=3600,
    )
    return CoreSettings(
        watchlist=SYMBOLS,
        poll=PollSettings(account_interval_s=600),
        quotes=QuoteLimits(),
        risk=risk,
        execution=ExecutionSettings(),
        performance=PerformanceSettings(),
        factories={NAME: made.__getitem__},
        calendar=calendar,
        identity=Identity(mode="backtest", account="simulated", key=b"benchmark"),
    )


INFO = SessionInfo(
    session_id="0d3f6a52-6d5e-5b4e-9c1e-000000000001",
    bot_version="0.1.0",
    config_hash="0" * 32,
    execution_mode="PAPER",
    account_id=None,
)


@dataclass(slots=True)
class Run:
    """The core with its broker and its records; every answer comes at once."""

    state: CoreState
    desk: SimulatedDesk
    lines: Lines
    protect_only: str = ""
    fills: int = 0
    account_due: datetime = NEVER
    open_events: dict[str, list[OrderEvent]] = field(default_factory=dict)
    inbox: deque[Event] = field(default_factory=deque)

    def play(self, days: list[Day]) -> None:
        desk, state = self.desk, self.state
        for number, day in enumerate(days):
            self._begin(day.session, is_first=number == 0)
            for minute in day.minutes:
                event = minute.event
                if desk.has_working:
                    desk.open_bars(event.bars)
                    self._tell(minute.start)
                    desk.finish_bars(event.bars)
                    self._tell(minute.end)
                if minute.end >= self.account_due:
                    self.feed(TimerFired(at=minute.end, name="account"))
                effects = step(state, event)
                if effects:
                    self._perform(effects, minute.end)
                    while self.inbox:
                        self.feed(self.inbox.popleft())
            desk.end_session(day.session.close)
            self._tell(day.session.close)
        self.lines.close()

    def feed(self, event: Event) -> None:
        """Step `event`, then every answer to what it asked for, in the order they were asked."""
        inbox = self.inbox
        inbox.append(event)
        while inbox:
            event = inbox.popleft()
            self._perform(step(self.state, event), event.at)

    def _begin(self, session: Session, *, is_first: bool) -> None:
        at = session.open - timedelta(minutes=5)
        events = [e for t in self.state.book.trades for e in self.open_events[t]]
        start = StartState(
            trading_day=session.day,
            order_lines=tuple([event.to_jsonl_line() for event in events]),
            trade_lines=tuple(self.lines.latest_trades),
            order_seq=self.state.order_seq,
            decision_seq=self.state.decision_seq,
            protect_only=self.protect_only,
        )
        self.feed(Started(at=at, session=INFO, start=start, is_new_session=is_first))

    def _tell(self, at: datetime) -> None:
        for order in self.desk.changed():
            self.feed(OrderPlaced(at=at, ref_id=order.ref_id, order=order))

    def _perform(self, effects: list[Effect], at: datetime) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is Record:
                self._record(effect)
            elif kind is not SetTimer:
                answer = _ANSWERS.get(kind)
                if answer is not None:
                    answer(self, effect, at)
            elif effect.name == "account":
                self.account_due = effect.at

    def _record(self, effect: Record) -> None:
        self.lines.take(effect)
        if effect.stream == STREAM_TRADES:
            self.fills += 1
        elif effect.stream == STREAM_ORDERS:
            event = effect.record
            if event.kind == "closed":
                del self.open_events[event.correlation_id]
            else:
                self.open_events.setdefault(event.correlation_id, []).append(event)

    def place(self, effect: PlaceOrder, at: datetime) -> None:
        order = self.desk.take(effect.order.intent, at)
        self.inbox.append(OrderPlaced(at=at, ref_id=order.ref_id, order=order))

    def cancel(self, effect: CancelOrder, at: datetime) -> None:
        self.desk.cancel(effect.order_id, at)
        self.inbox.append(CancelAnswered(at=at, ref_id=effect.ref_id, accepted=True, reason=""))

    def orders(self, effect: RequestOrders, at: datetime) -> None:
        # Whole, as every reading of orders: what one lacks is looked for.
        self.inbox.append(OrdersArrived(at=at, orders=self.desk.orders(effect.since)))

    def account(self, _effect: RequestAccount, at: datetime) -> None:
        desk = self.desk
        self.inbox.append(
            AccountArrived(at=at, account=desk.account(at), positions=desk.positions())
        )

    def hours(self, _effect: RequestHours, at: datetime) -> None:
        session = self.state.session
        assert session is not None
        hours = MarketHours(
            day=session.day, is_open=True, opens_at=session.open, closes_at=session.close
        )
        self.inbox.append(HoursArrived(at=at, hours=hours))
        self.inbox.append(TimerFired(at=at, name="account"))


_ANSWERS: dict[type, Callable[[Run, object, datetime], None]] = {
    PlaceOrder: Run.place,
    CancelOrder: Run.cancel,
    RequestOrders: Run.orders,
    RequestAccount: Run.account,
    RequestHours: Run.hours,
}


def our_run(
    days: list[Day], calendar: NyseCalendar, folder: Path | None, *, protect_only: str = ""
) -> Run:
    """Play the days; lines are written into `folder`, or dropped. `protect_only` opens nothing."""
    desk = SimulatedDesk(
        settings=SimulatedSettings(
            starting_cash=Decimal(CASH), slippage_bps=Decimal(0), charges_fees=False
        ),
        calendar=calendar,
    )
    run = Run(
        state=new_state(settings_of(calendar)),
        desk=desk,
        lines=Lines(folder),
        protect_only=protect_only,
    )
    run.play(days)
    return run
