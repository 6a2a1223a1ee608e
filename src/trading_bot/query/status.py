"""Is the daemon alive, is it ready to trade, and if not, why not? Never "healthy" by default."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.logging.session_record import SessionRecord
from trading_bot.ports.records import STREAM_SESSIONS
from trading_bot.query.records import HomeRecords
from trading_bot.query.running import holder_of
from trading_bot.query.words import counted, duration, new_york
from trading_bot.storage.home import Home

STATUS_NAME: Final = "status.json"
SILENT_AFTER_S: Final = 30.0
"""A daemon that is well replaces its status every few seconds."""
QUOTES_OLD_S: Final = 60.0
HANGS_S: Final = 15.0
"""Longer than a poll that is only slow."""
UNPROTECTED_LONG_S: Final = 30.0
"""Longer than an order's life, a poll and an order token together take."""

State = Literal["ready", "not ready", "starting", "not responding", "not running", "nothing yet"]


class SessionHours(msgspec.Struct):
    """The day's session, UTC."""

    open: datetime
    close: datetime


class BreakerShown(msgspec.Struct):
    """A tripped breaker."""

    name: str
    at: datetime
    reason: str


class ProtectionShown(msgspec.Struct):
    """Why nothing may be opened: the cause's code, the reason, since when, what ends it."""

    cause: str
    reason: str
    since: datetime
    ends: str


class DifferenceShown(msgspec.Struct):
    """A difference from the broker that a person must settle; `is_gone` when it went by itself."""

    key: str
    ours: str
    broker: str
    since: datetime
    is_gone: bool = False


class QuoteShown(msgspec.Struct):
    """A symbol's quote when the status was written; `age_s` is the age it had then."""

    bid: str | None = None
    ask: str | None = None
    last: str | None = None
    age_s: float | None = None
    problem: str | None = None


class QuotesShown(msgspec.Struct):
    """How polling goes: `failed_polls` in a row, `polls_skipped` today.

    `hanging_s` is how long the request under way has not come back.
    """

    failed_polls: int = 0
    hanging_s: float = 0.0
    polls_skipped: int = 0
    symbols: dict[str, QuoteShown] = {}


class BrokerSessionShown(msgspec.Struct):
    """The session with the broker, where the mode has one; `problem` wants a person."""

    ends_at: datetime | None = None
    problem: str | None = None


class AccountShown(msgspec.Struct):
    """The account's last reading, dollars as text."""

    at: datetime
    equity: str
    cash: str
    buying_power: str


class DayShown(msgspec.Struct):
    """The day so far, dollars as text; `profit_loss` is None while a mark is missing."""

    opening_equity: str | None = None
    realised: str | None = None
    profit_loss: str | None = None
    trades: int = 0
    unprotected_max_s: float = 0.0


class PositionShown(msgspec.Struct):
    """An open trade; `unprotected_s` since when shares have no working stop."""

    symbol: str
    held: int
    strategy: str = ""
    stop: str | None = None
    target: str | None = None
    leaving: str | None = None
    unprotected_s: float | None = None
    working_orders: int = 0


class Snapshot(msgspec.Struct):
    """The status file: what the daemon knew at `at`, on its own clock."""

    at: datetime
    pid: int
    mode: str
    trading_day: date
    session_id: str | None = None
    started_at: datetime | None = None
    session: SessionHours | None = None
    protect_only: str | None = None
    protections: list[ProtectionShown] = []
    differences: list[DifferenceShown] = []
    frozen: list[str] = []
    reconciled_at: datetime | None = None
    stopping: str | None = None
    broker_session: BrokerSessionShown = msgspec.field(default_factory=BrokerSessionShown)
    breakers: list[BreakerShown] = []
    quotes: QuotesShown = msgspec.field(default_factory=QuotesShown)
    account: AccountShown | None = None
    day: DayShown = msgspec.field(default_factory=DayShown)
    positions: list[PositionShown] = []
    measures: dict[str, dict[str, float]] = {}

    @property
    def is_market_open(self) -> bool:
        """True inside the regular session."""
        return self.session is not None and self.session.open <= self.at < self.session.close


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The answer. `reasons` say why it is not ready; `pid` is 0 when it cannot be read."""

    state: State
    reasons: tuple[str, ...]
    pid: int | None
    snapshot: Snapshot | None
    snapshot_age_s: float | None
    last_session: SessionRecord | None

    @property
    def is_alive(self) -> bool:
        """A process holds the home."""
        return self.pid is not None


def status_of(home: Home, now: datetime) -> Status:
    """Look at lock, status file and session records; `now` is real time."""
    pid = holder_of(home)
    snapshot, age_s, unreadable = _read_snapshot(home, now)
    last = _last_session(HomeRecords(home))
    state, reasons = _judge(pid, snapshot, age_s, unreadable, last)
    return Status(
        state=state,
        reasons=tuple(reasons),
        pid=pid,
        snapshot=snapshot,
        snapshot_age_s=age_s,
        last_session=last,
    )


def _read_snapshot(home: Home, now: datetime) -> tuple[Snapshot | None, float | None, str]:
    """The status, its age by the file's own time (the daemon's clock may be a rehearsal's)."""
    path = home.logs / STATUS_NAME
    try:
        age_s = max(0.0, now.timestamp() - path.stat().st_mtime)
        return msgspec.json.decode(path.read_bytes(), type=Snapshot), age_s, ""
    except FileNotFoundError:
        return None, None, ""
    except msgspec.MsgspecError as error:
        return None, None, f"{path} cannot be read: {error}"


def was_cut_off(records: HomeRecords) -> bool:
    """The last session did not come to its end: it runs, or it was killed."""
    last = _last_session(records)
    return last is not None and last.kind != "end"


def _last_session(records: HomeRecords) -> SessionRecord | None:
    lines = records.tail(STREAM_SESSIONS, 1)
    try:
        return SessionRecord.from_jsonl_line(lines[-1]) if lines else None
    except DataError:
        # `verify` names the damage; a status is wanted most when something is broken.
        return None


def _judge(
    pid: int | None,
    snapshot: Snapshot | None,
    age_s: float | None,
    unreadable: str,
    last: SessionRecord | None,
) -> tuple[State, list[str]]:
    if pid is None:
        return ("not running", [_ending(last)]) if last or snapshot else ("nothing yet", [])
    if unreadable:
        return "not responding", [unreadable]
    if snapshot is None or (pid and snapshot.pid != pid):
        return "starting", ["it has not written its status yet"]
    if age_s is None or age_s > SILENT_AFTER_S:
        return "not responding", [f"its last status is {duration(age_s or 0)} old"]
    reasons = reasons_against(snapshot)
    return ("not ready", reasons) if reasons else ("ready", [])


def _ending(last: SessionRecord | None) -> str:
    if last is None:
        return "no session is on record"
    if last.kind == "end":
        return f"the last session ended: {last.reason}"
    return "the last session did not say that it ended: it was killed, or the power went"


def reasons_against(snapshot: Snapshot) -> list[str]:
    """Why no entry would be opened, by what the daemon said; empty when nothing is against it.

    A closed market is no reason: the daemon waits for it.
    """
    reasons = []
    if snapshot.stopping:
        reasons.append(f"stopping: {snapshot.stopping}")
    if snapshot.protections:
        reasons += [f"protecting only: {why.reason}" for why in snapshot.protections]
    elif snapshot.protect_only:
        reasons.append(f"protecting only: {snapshot.protect_only}")
    if snapshot.broker_session.problem:
        reasons.append(
            f"a person must log in: trading-bot login ({snapshot.broker_session.problem})"
        )
    reasons += [f"breaker {trip.name} tripped: {trip.reason}" for trip in snapshot.breakers]
    reasons += [
        f"{position.symbol} without a working sell for {duration(position.unprotected_s)}"
        for position in snapshot.positions
        if position.unprotected_s is not None and position.unprotected_s > UNPROTECTED_LONG_S
    ]
    if snapshot.is_market_open:
        reasons += _market_reasons(snapshot)
    return reasons


def _market_reasons(snapshot: Snapshot) -> list[str]:
    """What an entry needs while the market is open."""
    reasons = []
    quotes = snapshot.quotes
    if snapshot.account is None or snapshot.day.opening_equity is None:
        reasons.append("the account has not been read yet")
    if quotes.hanging_s > HANGS_S:
        reasons.append(f"the quote source has not answered for {duration(quotes.hanging_s)}")
    if quotes.failed_polls:
        reasons.append(f"no quotes: {counted(quotes.failed_polls, 'poll')} failed in a row")
    usable = [quote for quote in quotes.symbols.values() if not quote.problem]
    if not usable:
        problems = sorted({quote.problem or "" for quote in quotes.symbols.values()} - {""})
        reasons.append(f"no quote can be used: {', '.join(problems) or 'no symbols'}")
    else:
        youngest = min((q.age_s for q in usable if q.age_s is not None), default=None)
        if youngest is None or youngest > QUOTES_OLD_S:
            age = "of unknown age" if youngest is None else f"{duration(youngest)} old"
            reasons.append(f"the quotes are {age}")
    return reasons


def market_words(snapshot: Snapshot) -> str:
    """Is the market open, and until or from when, by the daemon's clock."""
    session = snapshot.session
    if session is None:
        return f"closed: no session on {snapshot.trading_day}"
    opens, closes = new_york(session.open), new_york(session.close)
    hours = f"{opens:%Y-%m-%d %H:%M}-{closes:%H:%M} New York"
    if snapshot.is_market_open:
        return f"open ({hours})"
    return f"closed, {'opens' if snapshot.at < session.open else 'was open'} {hours}"
