"""The exchange's own ledger: everything that happened, in order, and what it adds up to.

No part of Robinhood's API: it is how a rehearsal is judged. It believes nobody's sums, the
exchange's own included: cash, shares and cover are worked out again from its entries alone, and an
entry after which they could not be true raises LedgerError.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from trading_bot.rehearsal.cover import Cover
from trading_bot.rehearsal.wire import Json, micros_text

NOTE = "The rehearsal exchange's own ledger. Robinhood has nothing like it."
_ZERO = Decimal(0)
_CENT = Decimal("0.01")
Fact: TypeAlias = "str | Decimal | bool | None"


class LedgerError(Exception):
    """The exchange's books cannot be right: a defect of the exchange, never of its client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened; `facts` are complete without their neighbours."""

    number: int
    at: datetime
    kind: str
    facts: Mapping[str, Fact]

    def text(self, name: str) -> str:
        """The fact `name` as text."""
        return str(self.facts[name])

    def amount(self, name: str) -> Decimal:
        """The fact `name` as a number."""
        return Decimal(str(self.facts[name]))

    def as_json(self) -> dict[str, Json]:
        """The entry as plain JSON, numbers as text."""
        facts: dict[str, Json] = {name: _plain(fact) for name, fact in self.facts.items()}
        return {"number": self.number, "at": micros_text(self.at), "kind": self.kind, **facts}


@dataclass(slots=True)
class _Standing:
    """What the ledger knows of one order."""

    facts: dict[str, Json]
    symbol: str
    side: str
    is_ours: bool
    quantity: Decimal
    executed: dict[str, Decimal] = field(default_factory=dict)


class Ledger:
    """Append-only; `cover` hears of every change of shares and of standing sells."""

    def __init__(self, cover: Cover) -> None:
        self._entries: list[Entry] = []
        self._cover = cover
        self._cash = _ZERO
        self._shares: dict[str, Decimal] = {}
        self._orders: dict[str, _Standing] = {}
        self._executions: dict[str, dict[str, Json]] = {}
        self._sends: Counter[str] = Counter()

    @property
    def entries(self) -> Sequence[Entry]:
        return self._entries

    @property
    def cash(self) -> Decimal:
        """What the entries' cash movements add up to."""
        return self._cash

    def shares(self, symbol: str) -> Decimal:
        """What the entries' share movements add up to."""
        return self._shares.get(symbol, _ZERO)

    def add(self, kind: str, at: datetime, **facts: Fact) -> None:
        """Append what happened. Raises LedgerError when the sums are wrong from here on."""
        entry = Entry(number=len(self._entries) + 1, at=at, kind=kind, facts=facts)
        if self._entries and at < self._entries[-1].at:
            raise LedgerError(f"expected a time of {self._entries[-1].at} or later: {entry}")
        self._entries.append(entry)
        match kind:
            case "opened" | "deposited" | "withdrawn":
                self._move(entry, entry.amount("cash"))
            case "held" | "split":
                self._hold(entry)
            case "received":
                self._sends[entry.text("ref_id")] += 1
            case "accepted":
                self._accept(entry)
            case "executed" | "busted":
                self._trade(entry)
            case "order":
                self._change(entry)
            case _:
                pass

    def report(self, now: datetime) -> dict[str, Json]:
        """Everything the ledger knows at `now`, as plain JSON."""
        return {
            "note": NOTE,
            "at": micros_text(now),
            "cash": f"{self._cash:.2f}",
            "positions": {
                symbol: f"{quantity.normalize():f}"
                for symbol, quantity in sorted(self._shares.items())
                if quantity
            },
            "orders": [one.facts for one in self._orders.values()],
            "executions": list(self._executions.values()),
            "repeated_ref_ids": {
                ref_id: count for ref_id, count in sorted(self._sends.items()) if count > 1
            },
            "uncovered": self._cover.report(now),
            "entries": [entry.as_json() for entry in self._entries],
        }

    def _move(self, entry: Entry, amount: Decimal) -> None:
        if amount != amount.quantize(_CENT):
            raise LedgerError(f"expected whole cents: {entry}")
        self._cash += amount

    def _hold(self, entry: Entry) -> None:
        symbol = entry.text("symbol")
        self._shares[symbol] = entry.amount("quantity")
        if entry.kind == "split":
            self._cover.split(
                symbol, entry.amount("multiplier") / entry.amount("divisor"), entry.at
            )

    def _accept(self, entry: Entry) -> None:
        order_id = entry.text("order_id")
        if order_id in self._orders:
            raise LedgerError(f"expected a new order: {entry}")
        facts: dict[str, Json] = {name: _plain(fact) for name, fact in entry.facts.items()}
        self._orders[order_id] = _Standing(
            facts={**facts, "accepted_at": micros_text(entry.at), "state": "unconfirmed"},
            symbol=entry.text("symbol"),
            side=entry.text("side"),
            is_ours=entry.facts["is_ours"] is True,
            quantity=entry.amount("quantity"),
        )

    def _trade(self, entry: Entry) -> None:
        order = self._orders[entry.text("order_id")]
        execution_id, quantity = entry.text("execution_id"), entry.amount("quantity")
        is_bust = entry.kind == "busted"
        if is_bust:
            if order.executed.pop(execution_id, None) != quantity:
                raise LedgerError(f"expected an execution of this order: {entry}")
            del self._executions[execution_id]
        else:
            if execution_id in self._executions:
                raise LedgerError(f"expected an execution not seen before: {entry}")
            order.executed[execution_id] = quantity
            facts: dict[str, Json] = {name: _plain(fact) for name, fact in entry.facts.items()}
            self._executions[execution_id] = {**facts, "at": micros_text(entry.at)}
        if sum(order.executed.values(), _ZERO) > order.quantity:
            raise LedgerError(f"expected no more than {order.quantity} shares: {entry}")
        is_gain = (order.side == "buy") is not is_bust
        moved = quantity if is_gain else -quantity
        self._shares[order.symbol] = self.shares(order.symbol) + moved
        if self._shares[order.symbol] < 0:
            raise LedgerError(f"expected no fewer than 0 shares: {entry}")
        self._move(entry, entry.amount("cash"))
        if self._cash < 0:
            raise LedgerError(f"expected no less than 0 dollars: {entry}")
        self._cover.trade(
            order.symbol, moved, self._shares[order.symbol], at=entry.at, is_ours=order.is_ours
        )

    def _change(self, entry: Entry) -> None:
        order_id = entry.text("order_id")
        order = self._orders[order_id]
        order.facts |= {"state": entry.text("state"), "state_at": micros_text(entry.at)}
        if order.side == "sell":
            working = entry.amount("working")
            self._cover.stand(order.symbol, order_id, working, entry.at)


def _plain(fact: Fact) -> Json:
    return f"{fact:f}" if isinstance(fact, Decimal) else fact
