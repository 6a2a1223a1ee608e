"""When faults happen: a script of rules over the menu.

A script is a list of rules. A rule fires on a request when its window, path, symbol and count all
allow it, and counts only the requests it fires on. As JSON:

    [{"since": "2023-05-25T14:00:00Z", "until": "2023-05-25T14:05:00Z", "path": "/quotes/*",
      "symbol": "AAPL", "count": 3, "fault": {"kind": "throttled", "retry_after_s": 5}}]

`since` is inclusive, `until` exclusive; what is left out allows everything. Rules are tried in the
script's order. A fault that stands in for the answer keeps the exchange from seeing the request;
the first one wins. Faults that change an answer or its transport then apply one after the other.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.rehearsal.fault_menu import AnyFault, QuoteFault, Spoiler, StandIn
from trading_bot.rehearsal.wire import Reply, Request


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a fault happens. `path` is matched as a file name pattern, without the query.

    `symbol` picks a row of a quote answer, and for any other fault a request that names it.
    """

    fault: AnyFault
    since: datetime | None = None
    until: datetime | None = None
    path: str = "*"
    symbol: str | None = None
    count: int | None = None

    def matches(self, request: Request, now: datetime) -> bool:
        """True when all but the count allow it."""
        if (self.since and now < self.since) or (self.until and now >= self.until):
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

    @property
    def fired(self) -> tuple[int, ...]:
        """How often each rule has fired, in the script's order."""
        return tuple(self._fired)

    def firing(self, request: Request, now: datetime) -> list[FaultRule]:
        """The rules that fire on this request, each counted; at most one stands in, and alone."""
        found: list[int] = []
        for index, rule in enumerate(self._rules):
            if rule.count is not None and self._fired[index] >= rule.count:
                continue
            if rule.matches(request, now):
                if isinstance(rule.fault, StandIn):
                    found = [index]
                    break
                found.append(index)
        for index in found:
            self._fired[index] += 1
        return [self._rules[index] for index in found]


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


def _symbols_named(request: Request) -> Sequence[str]:
    query: Mapping[str, str] = request.query
    named = query.get("symbols") or query.get("symbol")
    if named:
        return named.upper().split(",")
    return request.path.upper().strip("/").split("/")
