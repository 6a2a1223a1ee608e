"""The core's state: changed by `step` alone, never shared."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from trading_bot.core.effects import Effect
from trading_bot.core.events import SessionInfo
from trading_bot.core.settings import CoreSettings
from trading_bot.domain.bar import Bar
from trading_bot.domain.money import ZERO, price_from_float
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.execution.book import TradeBook
from trading_bot.execution.differences import Difference
from trading_bot.execution.intents import Maker
from trading_bot.execution.trade import Traces
from trading_bot.execution.trade_records import Origin
from trading_bot.market.bars import BarAggregator, BarBuilder
from trading_bot.market.calendar import Session
from trading_bot.market.quote_check import CheckedQuote, QuoteTracker
from trading_bot.performance.metric import RollingWindow
from trading_bot.risk.breaker import BreakerState
from trading_bot.strategies.protocol import Strategy

Out = list[Effect]

READINGS_KEPT = 4
"""How many readings of the account are kept: one of them is from before any order under way."""


@dataclass(slots=True, kw_only=True)
class StrategySlot:
    """A strategy on a symbol; `stopped` says why it may not enter any more, empty while it may."""

    strategy: Strategy
    stopped: str = ""
    signals: int = 0
    failures: int = 0
    last_bar: Bar | None = None
    was_quiet: bool = True
    interval_minutes: int = field(init=False)
    needs_volume: bool = field(init=False)

    def __post_init__(self) -> None:
        # Read once: a strategy's properties are the same all day, and bars are many.
        self.interval_minutes = self.strategy.interval_minutes
        self.needs_volume = self.strategy.needs_volume


@dataclass(slots=True, kw_only=True)
class SymbolState:
    """What is known of one symbol today.

    `quote` is the latest that passed every check; `problem` the code of what was wrong with the
    latest one, empty when nothing was; `target_seen` counts checked quotes in a row at the target.
    `stop_wanted` is the stop that quotes in a row allow and `stop_seen` how many of them.
    `recorded` is the latest bar of a recorded source, whose close then stands for a quote.
    `minute_slots` are the strategies that take one-minute bars as they come.
    """

    symbol: str
    tracker: QuoteTracker
    builder: BarBuilder | None
    slots: list[StrategySlot]
    aggregators: dict[int, BarAggregator]
    quote: CheckedQuote | None = None
    problem: str = ""
    problem_text: str = ""
    mark: Decimal | None = None
    target_seen: int = 0
    stop_wanted: Decimal | None = None
    stop_seen: int = 0
    recorded: Bar | None = None
    minute_slots: tuple[StrategySlot, ...] = field(init=False)

    def __post_init__(self) -> None:
        # Sorted out once: most bars go to these alone, and bars are many.
        self.minute_slots = tuple(slot for slot in self.slots if slot.interval_minutes == 1)

    def latest(self) -> Decimal | None:
        """What a share is worth by the latest price; None before there was one."""
        return self.mark if self.recorded is None else price_from_float(self.recorded.close)


@dataclass(slots=True, kw_only=True)
class DayState:
    """The running day: what was recorded as equity at its opening, what was realised since."""

    opening_equity: Decimal | None = None
    realised: Decimal = ZERO
    trades: int = 0
    hours_agree: bool | None = None
    is_flattening: bool = False
    is_ended: bool = False
    peak_unprotected_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Calls:
    """Requests under way, so that none is sent twice and a late poll is dropped, not queued.

    `orders_since` is from when on the orders under way are read, `watched_at` when that last
    included those of closed trades; `look_from` widens the next reading to an order in doubt.
    """

    next_request: int = 1
    poll: int | None = None
    poll_asked_at: datetime | None = None
    orders: bool = False
    orders_since: datetime | None = None
    watched_at: datetime | None = None
    look_from: datetime | None = None
    account: bool = False
    reconcile: bool = False
    poll_failures: int = 0
    polls_skipped: int = 0
    volumes_for: datetime | None = None
    bars_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Why nothing may be opened, in a sentence, and since when."""

    text: str
    since: datetime


@dataclass(slots=True, kw_only=True)
class OpenDifference:
    """A difference from the broker that two readings agreed on; `is_gone` when a later one did not.

    It stays until a person settles it, also when it went by itself.
    """

    difference: Difference
    since: datetime
    is_gone: bool = False


@dataclass(slots=True, kw_only=True)
class Reconciled:
    """What came of comparing the book with the broker.

    `pending` are differences that one reading showed, `open` those that hold, by key. `accepted`
    are keys, `not_ours` order ids and `foreign` shares by symbol that a person settled. `frozen`
    says, by symbol, why nothing is done in it; `unchecked` are held overnight and not compared yet.
    `sent` is when a stop for a trade that no record knows left, by ref_id; `lost` counts those
    trades' shares by symbol. `counted` are the executions that the last reading of cash held.
    """

    pending: dict[str, Difference] = field(default_factory=dict)
    open: dict[str, OpenDifference] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    not_ours: set[str] = field(default_factory=set)
    foreign: dict[str, Decimal] = field(default_factory=dict)
    frozen: dict[str, str] = field(default_factory=dict)
    unchecked: set[str] = field(default_factory=set)
    sent: dict[str, datetime] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    cash: Decimal | None = None
    cash_at: datetime | None = None
    counted: set[str] = field(default_factory=set)
    is_deep_done: bool = False
    failures: int = 0
    asked_at: datetime | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What account and positions showed at `at`, by symbol, beside what we know of."""

    at: datetime
    traces: Mapping[str, Traces]


@dataclass(slots=True)
class CoreState:
    """Everything the core knows. Made by `new_state`, filled by the `Started` event.

    `resting` names the trades whose orders leave nothing to do until one of them changes,
    `readings` the latest readings of the account, `fills_booked` when the latest fill of a symbol
    became known, `results` the closed round trips by their entry's order id. `protection` holds why
    nothing may be opened, by the code of the cause; `closed_ref_ids` are orders of trades that are
    closed. `session_ends_at` and `session_problem` are what was last told of the session with the
    broker: None and empty until then, and where a mode has none.
    """

    settings: CoreSettings
    maker: Maker
    book: TradeBook
    breaker: BreakerState
    window: RollingWindow
    trading_day: date = date.min
    session: Session | None = None
    info: SessionInfo | None = None
    origin: Origin | None = None
    symbols: dict[str, SymbolState] = field(default_factory=dict)
    account: AccountSnapshot | None = None
    positions: tuple[BrokerPosition, ...] | None = None
    day: DayState = field(default_factory=DayState)
    calls: Calls = field(default_factory=Calls)
    order_seq: int = 0
    decision_seq: int = 0
    started_at: datetime | None = None
    protection: dict[str, Protection] = field(default_factory=dict)
    reconciled: Reconciled = field(default_factory=Reconciled)
    reconciles: bool = False
    is_desk_only: bool = False
    closed_ref_ids: set[str] = field(default_factory=set)
    stops_refused: int = 0
    is_journal_dead: bool = False
    session_ends_at: datetime | None = None
    session_problem: str = ""
    stopping: str = ""
    is_finished: bool = False
    losses: list[datetime] = field(default_factory=list)
    results: dict[str, tuple[Decimal, datetime]] = field(default_factory=dict)
    readings: deque[Reading] = field(default_factory=lambda: deque(maxlen=READINGS_KEPT))
    fills_booked: dict[str, datetime] = field(default_factory=dict)
    seen_ref_ids: set[str] = field(default_factory=set)
    resting: set[str] = field(default_factory=set)
    said: set[tuple[str, ...]] = field(default_factory=set)

    def stands_still(self, symbol: str) -> bool:
        """True while nothing may be sent in `symbol`, not even to protect it."""
        reconciled = self.reconciled
        is_frozen = symbol in reconciled.frozen or symbol in reconciled.unchecked
        return self.is_desk_only or is_frozen

    @property
    def protect_only(self) -> str:
        """Why nothing may be opened, in words; empty while entries are allowed."""
        return "; ".join([held.text for held in self.protection.values()])


def new_state(settings: CoreSettings) -> CoreState:
    """An empty state; the first event must be `Started`."""
    return CoreState(
        settings=settings,
        maker=Maker(identity=settings.identity, settings=settings.execution),
        book=TradeBook(),
        breaker=BreakerState(),
        window=RollingWindow(settings.performance),
    )
