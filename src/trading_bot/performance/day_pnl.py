"""The day's profit and loss of our own trades: realised by FIFO, open by the last marks."""

from collections.abc import Mapping
from decimal import Decimal

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import Execution
from trading_bot.performance.round_trips import ExitMatch, Lots, Outcome

_NO_PRICES: Mapping[str, Decimal] = {}


class DayPnl:
    """Kept as executions and marks come: no reading costs more than the change it brings.

    Dollars, net of fees. Every result comes from our own executions, never from the account's
    equity: a deposit would hide a loss.
    """

    __slots__ = ("_lots", "_marks", "_open", "_unmarked", "realised")

    def __init__(self) -> None:
        self.realised = ZERO
        self._lots: dict[str, Lots] = {}
        self._marks: dict[str, Decimal] = {}
        self._open = ZERO
        self._unmarked: set[str] = set()

    @property
    def open(self) -> Decimal | None:
        """Open P&L at the last marks; None while something held was never marked."""
        return None if self._unmarked else self._open

    @property
    def total(self) -> Decimal | None:
        """Realised and open; None when the open part is not known."""
        return None if self._unmarked else self.realised + self._open

    def quantity(self, symbol: str) -> int:
        """Shares held in `symbol`."""
        lots = self._lots.get(symbol)
        return 0 if lots is None else lots.quantity

    def book_entry(self, symbol: str, execution: Execution) -> None:
        """A buy was executed."""
        self._open -= self._open_of(symbol)
        self._lots.setdefault(symbol, Lots()).buy(execution)
        self.realised -= execution.fees
        self._settle(symbol)

    def book_exit(self, symbol: str, execution: Execution) -> ExitMatch:
        """A sell was executed; ValueError when more than is held."""
        lots = self._lots.get(symbol, Lots())
        if execution.quantity > lots.quantity:
            raise ValueError(f"{symbol}: sold {execution.quantity} of {lots.quantity} held")
        self._open -= self._open_of(symbol)
        match = lots.sell(execution)
        self.realised += match.net_profit_loss
        self._settle(symbol)
        return match

    def mark(self, symbol: str, price: Decimal) -> None:
        """Count `symbol` at this price, a checked bid, from now on; ValueError if not finite."""
        lots = self._lots.get(symbol)
        if lots is None:
            return
        if not price.is_finite():
            raise ValueError(f"{symbol}: a mark must be a finite price, got {price}")
        old = self._marks.get(symbol)
        if old is None:
            self._open += price * lots.quantity - lots.cost
            self._unmarked.discard(symbol)
        else:
            self._open += (price - old) * lots.quantity
        self._marks[symbol] = price

    def start_day(self, prices: Mapping[str, Decimal] = _NO_PRICES) -> None:
        """A new trading day: nothing realised, what is held counts from its previous close.

        A symbol without a price keeps its cost: its result of the days before counts again.
        """
        self.realised = ZERO
        for symbol, lots in self._lots.items():
            price = prices.get(symbol)
            if price is not None:
                self._open -= self._open_of(symbol)
                lots.value_at(price)
                self._open += self._open_of(symbol)

    def _open_of(self, symbol: str) -> Decimal:
        lots, mark = self._lots.get(symbol), self._marks.get(symbol)
        return ZERO if lots is None or mark is None else mark * lots.quantity - lots.cost

    def _settle(self, symbol: str) -> None:
        """After a change of what is held: forget a symbol that is flat, else count it again."""
        if self._lots[symbol].quantity == 0:
            del self._lots[symbol]
            self._marks.pop(symbol, None)
            self._unmarked.discard(symbol)
        elif symbol in self._marks:
            self._open += self._open_of(symbol)
        else:
            self._unmarked.add(symbol)


class LossStreak:
    """Losing round trips in a row; a break-even is neither, so it leaves the streak as it is."""

    __slots__ = ("count",)

    def __init__(self, count: int = 0) -> None:
        self.count = count

    def take(self, outcome: Outcome) -> None:
        """A round trip closed."""
        if outcome is Outcome.LOSS:
            self.count += 1
        elif outcome is Outcome.WIN:
            self.count = 0

    def restart(self) -> None:
        """Count from here: the breaker that watches the streak was reset."""
        self.count = 0
