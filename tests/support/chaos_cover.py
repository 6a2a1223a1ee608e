"""How long bought shares may stand without a sell on a day of faults, and how long they did.

The rule. Without trouble the bound is `app.verdict.bare_max_s`. Each hindrance that the exchange
made, the owner made or a death made, in the symbol's bare time or shortly before it, adds what it
takes to get over it, once:

- an outage, the time between a death and the next start: as long as it overlaps; a start also its
  calls, and the time an intent without an answer is looked for
- a sell, or an entry, whose answer was lost or cannot be believed: as long as it is looked for
- a sell that was refused or rejected: the longest pause before the next try
- an order confirmed late: as long as that took
- any other answer to a reading of the account or the orders, or to a cancel, that went wrong: the
  wait for the next reading and a call; quotes protect nothing and add nothing
- something the owner did, a busted execution: a reading of the account and one more try

Only a person gets a new session: what follows a refused renewal is excused until the next start,
what follows one whose answer was lost, with the new session in it, until the owner has logged in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from support.chaos_deaths import Asked
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.ledger import Entry
from trading_bot.rehearsal.order_faults import ConfirmedLate, Outage
from trading_bot.rehearsal.verdict import LedgerReport

Down = tuple[datetime, datetime]
"""When a process died, and when the next one began."""

_LOOKED_FOR_S: Final = 75.0
_REFUSED_S: Final = 60.0
_READ_AGAIN_S: Final = 25.0
_START_S: Final = 20.0
_OWNER_S: Final = 40.0
_SHORTLY: Final = timedelta(seconds=60)
_SAME_CALL: Final = timedelta(seconds=5)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_RENEWAL: Final = "/oauth2/token/"
_REFUSALS: Final = (400, 401, 403)
_QUOTES: Final = ("/quotes/", "/marketdata/", "/fundamentals/", "/markets/")
_LOST: Final = frozenset(
    {
        "accept_then_drop",
        "accept_then_hang",
        "accept_then_error",
        "hang_before_accepting",
        "drop_before_accepting",
        "repeated_not_taken",
        "repeated_and_taken",
        "unseen_order",
        "hang",
        "slow",
        "reset",
        "cut_off",
        "truncated_json",
        "server_error",
        "html_page",
        "outage",
    }
)
_REFUSED: Final = frozenset({"order_refused", "rejected_later"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """Something in the way of protection, and the seconds that getting over it may take."""

    what: str
    since: datetime
    until: datetime
    costs_s: float
    counts_overlap: bool = False

    def allows_s(self, start: datetime, end: datetime) -> float:
        """What it adds for shares that were bare from `start` to `end`."""
        if self.until < start - _SHORTLY or self.since > end:
            return 0.0
        overlap = min(self.until, end) - max(self.since, start)
        overlap_s = max(overlap.total_seconds(), 0.0) if self.counts_overlap else 0.0
        return overlap_s + self.costs_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """A stretch of bare time and what it might have been, in seconds."""

    symbol: str
    start: datetime
    seconds: float
    allowed_s: float
    why: tuple[str, ...]


def hindrances(
    asked: Sequence[Asked],
    entries: Iterable[Entry],
    rules: Sequence[FaultRule],
    downs: Sequence[Down],
    logins: Sequence[datetime],
) -> list[Hindrance]:
    """Everything that was in the way, from what the exchange saw and how the processes died."""
    late_s = max((r.fault.seconds for r in rules if isinstance(r.fault, ConfirmedLate)), default=0)
    of_owner = [e for e in entries if e.kind in ("owner", "busted")]
    return [
        *(_lasting("down", *down, _START_S + _LOOKED_FOR_S) for down in downs),
        *(
            _lasting("outage", rule.since, rule.until, _READ_AGAIN_S)
            for rule in rules
            if isinstance(rule.fault, Outage) and rule.since and rule.until
        ),
        *_of_requests(asked, float(late_s), downs, logins),
        *(_momentary(e.kind, e.at, _OWNER_S) for e in of_owner),
    ]


def _of_requests(
    asked: Iterable[Asked], late_s: float, downs: Sequence[Down], logins: Sequence[datetime]
) -> Iterator[Hindrance]:
    """Of readings that fail one after the other, as tries of one call do, the first counts."""
    last: datetime | None = None
    for one in asked:
        is_lost = one.is_last and one.path == _RENEWAL
        if one.path.startswith(_QUOTES) or not (one.kinds or is_lost):
            continue
        what = f"{','.join(one.kinds)} on {one.method} {one.path[:12]}"
        if one.path == _RENEWAL:
            ends = [up for _, up in downs] if one.status in _REFUSALS else logins
            until = min((end for end in ends if end > one.at), default=_NEVER)
            yield _lasting(what, one.at, until, _READ_AGAIN_S)
        elif one.is_order:
            yield _momentary(what, one.at, _cost(one, late_s))
        elif "outage" not in one.kinds and (last is None or one.at - last > _SAME_CALL):
            last = one.at
            yield _momentary(what, one.at, _READ_AGAIN_S)


def _momentary(what: str, at: datetime, costs_s: float) -> Hindrance:
    return Hindrance(what=what, since=at, until=at, costs_s=costs_s)


def _lasting(what: str, since: datetime, until: datetime, costs_s: float) -> Hindrance:
    return Hindrance(what=what, since=since, until=until, costs_s=costs_s, counts_overlap=True)


def _cost(one: Asked, late_s: float) -> float:
    cost = _READ_AGAIN_S
    if _LOST.intersection(one.kinds):
        cost = _LOOKED_FOR_S
    if _REFUSED.intersection(one.kinds):
        cost = max(cost, _REFUSED_S)
    if "confirmed_late" in one.kinds:
        cost = max(cost, late_s + 1)
    return cost


def bare_times(report: LedgerReport, known: Sequence[Hindrance], bound_s: float) -> list[Bare]:
    """Every bare stretch of the ledger's report, longest first."""
    found = []
    for symbol, told in report.uncovered.items():
        for part in told.intervals:
            start, end = datetime.fromisoformat(part["from"]), datetime.fromisoformat(part["to"])
            near = [(h, h.allows_s(start, end)) for h in known]
            found.append(
                Bare(
                    symbol=symbol,
                    start=start,
                    seconds=float(part["seconds"]),
                    allowed_s=bound_s + sum(s for _, s in near),
                    why=tuple(f"{h.what} at {h.since:%H:%M:%S}" for h, s in near if s),
                )
            )
    return sorted(found, key=lambda bare: -bare.seconds)


def too_long(bare: Bare) -> str:
    """The problem in words; empty when the bound was kept."""
    if Decimal(str(bare.seconds)) <= Decimal(str(bare.allowed_s)):
        return ""
    return (
        f"{bare.symbol}: unprotected for {bare.seconds:g} s from {bare.start:%H:%M:%S}, "
        f"{bare.allowed_s:g} s are allowed: {'; '.join(bare.why) or 'no fault'}"
    )
