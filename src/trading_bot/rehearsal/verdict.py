"""The exchange's ledger against a home's records: what one knows, the other must.

The ledger is the judge. Executions are compared by their ids: each that is ours stands in the
records once, and nothing else does; each intent became one order at most.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.domain.money import ZERO, cents, text_of
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.trade_record import TradeRecord

_SHOWN_MAX = 20


class LedgerOrder(msgspec.Struct, kw_only=True):
    """An order the exchange took; `is_ours` when it came through the API."""

    order_id: str
    ref_id: str
    is_ours: bool
    symbol: str
    side: str
    replaces: str | None = None


class LedgerExecution(msgspec.Struct, kw_only=True):
    """An execution that stands; busted ones are not told."""

    execution_id: str
    order_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    fees: Decimal
    cash: Decimal


class _Bare(msgspec.Struct):
    longest_seconds: Decimal
    intervals: list[dict[str, str]] = []


class LedgerReport(msgspec.Struct, kw_only=True):
    """What of the ledger's report is judged by."""

    cash: Decimal
    positions: dict[str, Decimal]
    orders: list[LedgerOrder]
    executions: list[LedgerExecution]
    repeated_ref_ids: dict[str, int]
    uncovered: dict[str, _Bare]
    entries: list[dict[str, object]]

    @property
    def brought_in(self) -> Decimal:
        """Cash that no trade brought: the opening's, deposits, withdrawals."""
        kinds = ("opened", "deposited", "withdrawn")
        moved = (Decimal(str(e["cash"])) for e in self.entries if e.get("kind") in kinds)
        return sum(moved, ZERO)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was compared, a line each, and every disagreement."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.problems

    def text(self) -> str:
        """The verdict for people."""
        shown = [f"  DISAGREES: {problem}" for problem in self.problems[:_SHOWN_MAX]]
        if len(self.problems) > _SHOWN_MAX:
            shown.append(f"  and {len(self.problems) - _SHOWN_MAX} more")
        word = "agree" if self.agrees else "DISAGREE"
        head = f"the exchange's ledger and the records {word}"
        return "\n".join((head, *(f"  {line}" for line in self.lines), *shown))


def read_report(report: Mapping[str, object]) -> LedgerReport:
    """The report of the exchange or of its back door; DataError when it is none."""
    try:
        return msgspec.convert(report, LedgerReport)
    except msgspec.ValidationError as error:
        raise DataError(f"the exchange's ledger cannot be read: {error}") from error


def judge(
    ledger: LedgerReport,
    trades: Sequence[TradeRecord],
    events: Iterable[OrderEvent],
    *,
    bare_max_s: Decimal,
) -> Verdict:
    """Compare; `bare_max_s` is how long bought shares may stand without a sell, in seconds."""
    case = _Case(ledger, trades, list(events))
    case.compare_orders()
    case.compare_executions()
    case.compare_trades()
    case.compare_cash()
    case.compare_shares()
    case.compare_cover(bare_max_s)
    return Verdict(tuple(case.lines), tuple(case.problems))


class _Case:
    def __init__(
        self, ledger: LedgerReport, trades: Sequence[TradeRecord], events: list[OrderEvent]
    ) -> None:
        self.lines: list[str] = []
        self.problems: list[str] = []
        self._ledger = ledger
        self._trades = trades
        self._events = events
        self._orders = {order.order_id: order for order in ledger.orders}
        self._executions = {one.execution_id: one for one in ledger.executions}
        self._fills = {str(e.data["execution_id"]): e for e in events if e.kind == "fill"}
        self._booked = self._count_fills()

    def compare_orders(self) -> None:
        """One order for an intent, and an intent for each order."""
        intents = Counter(event.ref_id for event in self._events if event.kind == "intent")
        # The owner's edit of one of ours is another order, and no send of ours.
        ours = [o for o in self._ledger.orders if o.is_ours and o.replaces is None]
        taken = Counter(order.ref_id for order in ours)
        for ref_id, count in taken.items():
            if count > 1:
                self.problems.append(f"{count} orders for the intent {ref_id}")
            if ref_id not in intents:
                self.problems.append(f"an order without an intent on record: {ref_id}")
        self.problems += [
            f"{n} intents of one name: {name}" for name, n in intents.items() if n > 1
        ]
        for ref_id, count in self._ledger.repeated_ref_ids.items():
            self.problems.append(f"the order {ref_id} was sent {count} times")
        self.lines.append(f"orders        {len(ours)} taken for {len(intents)} intents")

    def compare_executions(self) -> None:
        """Each execution of ours is booked once, and as it was."""
        for execution_id, one in self._executions.items():
            count = self._booked.get(execution_id, 0)
            if count != 1 and (count or self._is_ours(one.order_id)):
                what = f"{one.side} {one.quantity} {one.symbol} at {text_of(one.price)}"
                self.problems.append(f"the execution {execution_id}, {what}, is booked {count}x")
            elif count:
                self._compare_fill(one, self._fills[execution_id])
        for execution_id, count in self._booked.items():
            if count and execution_id not in self._executions:
                self.problems.append(f"booked, but no execution: {execution_id}")
        ours = sum(self._is_ours(one.order_id) for one in self._executions.values())
        self.lines.append(f"executions    {ours} of ours, {sum(self._booked.values())} booked")

    def compare_trades(self) -> None:
        """A trade record for each booked fill, of the same words, under its entry's order."""
        entry_ids = {o.ref_id: o.order_id for o in self._ledger.orders if o.is_ours}
        expected: Counter[tuple[object, ...]] = Counter(
            (*_booked(event), entry_ids.get(event.correlation_id or ""))
            for event in self._events
            if event.kind == "fill"
        )
        found: Counter[tuple[object, ...]] = Counter(
            (t.symbol, t.action, Decimal(t.quantity), t.price, t.commission or ZERO, t.order_id)
            for t in self._trades
        )
        for what, count in (expected - found).items():
            self.problems.append(f"{count} trade records are missing: {_words(what)}")
        for what, count in (found - expected).items():
            self.problems.append(f"{count} trade records too many: {_words(what)}")
        fills = sum(expected.values())
        same = "one for each fill" if found == expected else f"for {fills} booked fills"
        self.lines.append(f"trade records {len(self._trades)}, {same}")

    def compare_cash(self) -> None:
        """Cash by the records, to the cent; what others traded is taken from the ledger."""
        cash = self._ledger.brought_in
        for execution_id, one in self._executions.items():
            if self._booked.get(execution_id):
                cash += _cash_of(self._fills[execution_id])
            else:
                cash += one.cash
        if cash != self._ledger.cash:
            text = f"{text_of(self._ledger.cash)} in the ledger, {text_of(cash)} by the records"
            self.problems.append(f"cash: {text}")
        self.lines.append(f"cash          {text_of(self._ledger.cash)} dollars")

    def compare_shares(self) -> None:
        """Shares left of ours, and that we never sold more than we had bought."""
        left: Counter[str] = Counter()
        for event in self._events:
            if event.kind in ("fill", "bust") and event.symbol is not None:
                sign = 1 if (event.side == "BUY") is (event.kind == "fill") else -1
                left[event.symbol] += sign * int(str(event.data["quantity"]))
                if left[event.symbol] < 0:
                    self.problems.append(f"oversold: {-left[event.symbol]} {event.symbol}")
        others = self._others_shares()
        split = {str(e["symbol"]) for e in self._ledger.entries if e.get("kind") == "split"}
        if split:
            self.lines.append(
                f"not compared  shares of {', '.join(sorted(split))}: they were split"
            )
        for symbol in sorted({*left, *self._ledger.positions} - split):
            told = self._ledger.positions.get(symbol, ZERO)
            booked = left[symbol] + others.get(symbol, ZERO)
            if told != booked:
                self.problems.append(f"{symbol}: {told} shares are held, {booked} by the records")
        held = sum(1 for quantity in left.values() if quantity)
        in_ledger = sum(1 for quantity in self._ledger.positions.values() if quantity)
        others_too = "" if in_ledger == held else f", {in_ledger} in the ledger"
        self.lines.append(f"positions     {held} left open by the records{others_too}")

    def compare_cover(self, bare_max_s: Decimal) -> None:
        """The longest time bought shares stood in regular hours with no sell to cover them."""
        longest = ZERO
        for symbol, bare in self._ledger.uncovered.items():
            longest = max(longest, bare.longest_seconds)
            if bare.longest_seconds > bare_max_s:
                seconds = f"{bare.longest_seconds.normalize():f} s"
                self.problems.append(
                    f"{symbol}: unprotected for {seconds}, the bound is {bare_max_s:f} s"
                )
        self.lines.append(
            f"unprotected   {longest.normalize():f} s at the longest, the bound is {bare_max_s:f} s"
        )

    def _count_fills(self) -> dict[str, int]:
        """How often each execution is booked; a bust takes it back."""
        counts: Counter[str] = Counter()
        for event in self._events:
            if event.kind in ("fill", "bust"):
                counts[str(event.data["execution_id"])] += 1 if event.kind == "fill" else -1
        return dict(counts)

    def _is_ours(self, order_id: str) -> bool:
        """True for our orders, and for the owner's edits of them."""
        order = self._orders.get(order_id)
        while order is not None and not order.is_ours:
            order = self._orders.get(order.replaces) if order.replaces else None
        return order is not None

    def _compare_fill(self, one: LedgerExecution, fill: OrderEvent) -> None:
        told = (one.symbol, one.side.upper(), one.quantity, one.price, one.fees)
        booked = _booked(fill)
        if told != booked:
            self.problems.append(
                f"the execution {one.execution_id} was {_words(told)}, booked as {_words(booked)}"
            )

    def _others_shares(self) -> dict[str, Decimal]:
        """Shares by the ledger that no fill of ours explains: given, split or traded by others."""
        shares: dict[str, Decimal] = {}
        for entry in self._ledger.entries:
            if entry.get("kind") == "held":
                shares[str(entry["symbol"])] = Decimal(str(entry["quantity"]))
        for execution_id, one in self._executions.items():
            if not self._booked.get(execution_id):
                moved = one.quantity if one.side == "buy" else -one.quantity
                shares[one.symbol] = shares.get(one.symbol, ZERO) + moved
        return shares


def _booked(fill: OrderEvent) -> tuple[object, ...]:
    """Symbol, side, quantity, price and fees of a fill on record."""
    numbers = (Decimal(str(fill.data[name])) for name in ("quantity", "price", "fees"))
    return (fill.symbol, fill.side, *numbers)


def _cash_of(fill: OrderEvent) -> Decimal:
    notional = cents(Decimal(str(fill.data["price"])) * int(str(fill.data["quantity"])))
    fees = Decimal(str(fill.data["fees"]))
    return -notional - fees if fill.side == "BUY" else notional - fees


def _words(parts: Iterable[object]) -> str:
    return " ".join(f"{part:f}" if isinstance(part, Decimal) else str(part) for part in parts)
