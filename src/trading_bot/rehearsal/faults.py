"""When faults happen: a script of rules over the menu.

A script is a list of rules. A rule fires on a request when its window, method, path, symbol and
count all allow it, and counts only the requests it fires on. As JSON:

    [{"since": "2023-05-25T14:00:00Z", "until": "2023-05-25T14:05:00Z", "path": "/quotes/*",
      "symbol": "AAPL", "count": 3, "fault": {"kind": "throttled", "retry_after_s": 5}},
     {"method": "POST", "path": "/orders/", "skip": 1, "count": 1,
      "fault": {"kind": "accept_then_drop"}}]

`since` is inclusive, `until` exclusive; what is left out allows everything. Rules are tried in the
script's order. A fault that stands in for the answer keeps the exchange from seeing the request;
the first one wins. Faults that change what the exchange does, its answer or its transport then
apply one after the other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.rehearsal.fault_base import Meddler, Spoiler, StandIn, is_placing
from trading_bot.rehearsal.fault_menu import AnyFault, QuoteFault
from trading_bot.rehearsal.order import NO_EFFECTS, Effects
from trading_bot.rehearsal.wire import Reply, Request

FAULT_HEADER = "x-rehearsal-fault"
"""A request that carries a fault as JSON in this header meets it, once."""


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a fault happens. `path` is matched as a file name pattern, without the query.

    `symbol` picks a row of a quote answer, and for any other fault a request that names it. The
    first `skip` requests that all else allows go by.
    """

    fault: AnyFault
    since: datetime | None = None
    until: datetime | None = None
    path: str = "*"
    symbol: str | None = None
    count: int | None = None
    method: str | None = None
    skip: int = 0

    def matches(self, request: Request, now: datetime) -> bool:
        """True when all but the count allow it."""
        if (self.since and now < self.since) or (self.until and now >= self.until):
            return False
        if self.method is not None and request.method != self.method:
            return False
        if not fnmatchcase(request.path, self.path) or not self.fault.fits(request):
            return False
        return self.symbol is None or self.symbol in _symbols_named(request)

    def spoil(self, reply: Reply) -> Reply:
        """The reply gone wrong; unchanged by a fault that stood in for it."""
        match self.fault:
            case QuoteFault():
                return self.fault.spoil_quotes(reply, self.symbol)
            case Spoiler():
                return self.fault.spoil(reply)
            case _:
                return reply


class FaultScript:
    """The rules in force and how often each has fired; a fresh one for each run."""

    def __init__(self, rules: Sequence[FaultRule] = ()) -> None:
        self._rules = tuple(rules)
        self._fired = [0] * len(self._rules)
        self._met = [0] * len(self._rules)
        self._carried: Counter[str] = Counter()

    @property
    def fired(self) -> tuple[int, ...]:
        """How often each rule has fired, in the script's order."""
        return tuple(self._fired)

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind of fault has fired, those carried by requests included."""
        counts = Counter(self._carried)
        for rule, fired in zip(self._rules, self._fired, strict=True):
            if fired:
                counts[kind_of(rule.fault)] += fired
        return dict(sorted(counts.items()))

    @property
    def memory(self) -> tuple[list[int], list[int], dict[str, int]]:
        """What `recall` makes a fresh script go on from."""
        return list(self._fired), list(self._met), dict(self._carried)

    def recall(self, memory: tuple[list[int], list[int], dict[str, int]]) -> None:
        """Go on where a script of the same rules left off."""
        fired, met, carried = memory
        if len(fired) == len(self._rules):
            self._fired, self._met, self._carried = list(fired), list(met), Counter(carried)

    def firing(self, request: Request, now: datetime) -> list[FaultRule]:
        """The rules that fire on this request, each counted; at most one stands in, and alone.

        Raises DataError for a header that carries no fault.
        """
        carried = _carried_by(request)
        if carried is not None and isinstance(carried.fault, StandIn):
            self._carried[kind_of(carried.fault)] += 1
            return [carried]
        found: list[int] = []
        for index, rule in enumerate(self._rules):
            if rule.count is not None and self._fired[index] >= rule.count:
                continue
            if rule.matches(request, now):
                self._met[index] += 1
                if self._met[index] <= rule.skip:
                    continue
                if isinstance(rule.fault, StandIn):
                    found = [index]
                    break
                found.append(index)
        for index in found:
            self._fired[index] += 1
        firing = [self._rules[index] for index in found]
        if carried is not None:
            self._carried[kind_of(carried.fault)] += 1
            firing.append(carried)
        return firing


def effects_of(rules: Sequence[FaultRule]) -> Effects:
    """What the rules that fired do to an order, a cancel or a read."""
    effects = NO_EFFECTS
    for rule in rules:
        if isinstance(rule.fault, Meddler):
            effects = rule.fault.meddle(effects)
    return effects


def kind_of(fault: AnyFault) -> str:
    """The fault's name in a script."""
    return str(fault.__struct_config__.tag)


def load_rules(path: Path) -> tuple[FaultRule, ...]:
    """The rules of a JSON file. Raises DataError that names the place, OSError."""
    try:
        rules = msgspec.json.decode(path.read_bytes(), type=list[FaultRule])
    except msgspec.MsgspecError as error:
        raise DataError(f"{path}: expected a list of fault rules, got: {error}") from error
    for number, rule in enumerate(rules):
        for at in (rule.since, rule.until):
            if at is not None and at.tzinfo is None:
                raise DataError(f"{path}: rule {number}: expected a time with a zone, got {at}")
    return tuple(rules)


def _carried_by(request: Request) -> FaultRule | None:
    text = request.headers.get(FAULT_HEADER)
    if text is None:
        return None
    try:
        return FaultRule(fault=msgspec.json.decode(text, type=AnyFault))
    except msgspec.MsgspecError as error:
        raise DataError(f"expected a fault, got: {error}") from error


def _symbols_named(request: Request) -> Sequence[str]:
    query: Mapping[str, str] = request.query
    if is_placing(request):
        return (request.form.get("symbol", "").upper(),)
    named = query.get("symbols") or query.get("symbol")
    if named:
        return named.upper().split(",")
    return request.path.upper().strip("/").split("/")
