"""Everything that can change a decision. All of it comes through one inbox and is on the tape.

Every event says when it entered the inbox (`at`, aware UTC), on the shell's clock.
"""

from dataclasses import dataclass
from datetime import date, datetime

from trading_bot.domain.bar import Bar
from trading_bot.domain.order import BrokerOrder
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.domain.quote import Fundamental, HistoricalBar, MarketHours, Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """What every record of this run carries."""

    session_id: str
    bot_version: str
    config_hash: str
    execution_mode: str
    account_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartState:
    """What the records say at a start or a day's switch; raw lines of the record, oldest first.

    `order_lines` are the events of trades that are not closed, that are closed but watched, or that
    the last step on record closed, and the day's notes, `trade_lines` the latest trade records
    (enough for the performance window and the day), `risk_lines` every trip and reset of a breaker,
    `order_seq` and `decision_seq` the next free numbers, `closed_ref_ids` the orders of trades
    closed lately.
    """

    trading_day: date
    order_lines: tuple[str, ...] = ()
    trade_lines: tuple[str, ...] = ()
    risk_lines: tuple[str, ...] = ()
    order_seq: int = 0
    decision_seq: int = 0
    protect_only: str = ""
    closed_ref_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The first event of each day's tape: who runs, from what; a day's switch is no new session.

    `reconciles` when there is a broker's account to compare the records with: nothing is opened
    before that was done. `is_desk_only` when no day is run: a person looks and decides.
    """

    at: datetime
    session: SessionInfo
    start: StartState
    is_new_session: bool
    reconciles: bool = False
    is_desk_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """A timer that the core set has come due."""

    at: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PollArrived:
    """A poll's quotes.

    `volumes` only when asked for and got, `volumes_error` when asked and not got.
    """

    at: datetime
    request: int
    asked_at: datetime
    quotes: tuple[Quote, ...]
    missing: tuple[str, ...]
    volumes: tuple[Fundamental, ...] | None = None
    volumes_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed:
    """A request that the core made failed.

    `what` is "poll", "historicals", "hours", "account", "orders", "reconcile"; `family` is
    "retryable", "session", "journal" or "data"; `retry_after_s` the wait the other side asked for.
    """

    at: datetime
    what: str
    request: int
    family: str
    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricalsArrived:
    """Five-minute bars of today, for warm-up; sorted by symbol, then time."""

    at: datetime
    bars: tuple[HistoricalBar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursArrived:
    """The broker's own hours of one day."""

    at: datetime
    hours: MarketHours


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountArrived:
    """The account and every position, read together."""

    at: datetime
    account: AccountSnapshot
    positions: tuple[BrokerPosition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersArrived:
    """Every order of the broker that changed since the core asked.

    With a `problem` it is not every order: the list could not be read, these were one by one.
    """

    at: datetime
    orders: tuple[BrokerOrder, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileArrived:
    """Orders changed since `since`, positions and account, while the orders stood still."""

    at: datetime
    since: datetime
    orders: tuple[BrokerOrder, ...]
    positions: tuple[BrokerPosition, ...]
    account: AccountSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJumped:
    """The wall clock moved `jump_s` seconds against the time that passed; back is negative."""

    at: datetime
    jump_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClockSeen:
    """The broker's clock is `skew_s` seconds ahead of ours; reported when that changes for us."""

    at: datetime
    skew_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDecided:
    """A person settled a difference or ended a cause of protect-only.

    `subject` is the difference's key or the cause's code. `decision` is "adopt" (a missing trade
    from the broker's history), "book_sale" (the owner's own sale of our shares), "not_ours",
    "accept" or "end". `orders` are the broker's orders that a booking is made from, `ratio` a
    corporate action's new shares for an old one.
    """

    at: datetime
    decision: str
    subject: str
    by: str
    why: str
    orders: tuple[BrokerOrder, ...] = ()
    ratio: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced:
    """The broker answered a place with an order."""

    at: datetime
    ref_id: str
    order: BrokerOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFailed:
    """A place came to nothing readable.

    `outcome` is "rejected" (the broker refused it), "not_sent" (it never left) or "unknown" (it may
    be working).
    """

    at: datetime
    ref_id: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswered:
    """The broker answered a cancel, or nobody did; `accepted` means asked, not done.

    Of one that is not accepted, `outcome` is "refused", or "lost": it may have been taken or not.
    """

    at: datetime
    ref_id: str
    accepted: bool
    reason: str
    outcome: str = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyLoadFailed:
    """A trader's strategy could not be made for a symbol."""

    at: datetime
    strategy_name: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFailed:
    """The record could not be written; nothing may be opened any more.

    `is_dead` is false when it was given room again, so that exits can be recorded.
    """

    at: datetime
    reason: str
    is_dead: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKnown:
    """How the session with the broker stands: told at each start and whenever it changes.

    `ends_at` is when its token ends, None when that is not known; `needs_person` says why nobody
    but a person can get another one, empty while the daemon can.
    """

    at: datetime
    ends_at: datetime | None = None
    needs_person: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    """Somebody wants the daemon to stop."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRecorded:
    """A closed bar from a recorded source, instead of bars built from quotes."""

    at: datetime
    bar: Bar


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRecorded:
    """The closed bars of one minute from a recorded source, sorted by symbol; all end at `at`.

    The same as a `BarRecorded` of each, but that every price is known before any strategy speaks.
    """

    at: datetime
    bars: tuple[Bar, ...]


Event = (
    Started
    | TimerFired
    | PollArrived
    | CallFailed
    | HistoricalsArrived
    | HoursArrived
    | AccountArrived
    | OrdersArrived
    | ReconcileArrived
    | ClockJumped
    | ServerClockSeen
    | PersonDecided
    | OrderPlaced
    | OrderFailed
    | CancelAnswered
    | StrategyLoadFailed
    | JournalFailed
    | SessionKnown
    | StopRequested
    | BarRecorded
    | MinuteRecorded
)
