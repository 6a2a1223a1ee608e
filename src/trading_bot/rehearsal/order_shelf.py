"""Every order the exchange took: found by id and ref_id, with what the open ones hold."""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_UP, Decimal

from trading_bot.rehearsal.ledger import Ledger
from trading_bot.rehearsal.order import WORKING, Order, State, Terms

_CENT = Decimal("0.01")
_ZERO = Decimal(0)


class OrderShelf:
    """Keeps the orders and moves their states; each move is an entry of the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._orders: list[Order] = []
        self._by_id: dict[str, Order] = {}
        self._by_ref: dict[str, Order] = {}
        self._open: dict[str, list[Order]] = {}

    @property
    def orders(self) -> Sequence[Order]:
        """Every order taken, oldest first."""
        return self._orders

    @property
    def open_symbols(self) -> list[str]:
        """Symbols with open orders, in alphabetical order."""
        return sorted(symbol for symbol, orders in self._open.items() if orders)

    def by_id(self, order_id: str) -> Order | None:
        return self._by_id.get(order_id)

    def by_ref(self, ref_id: str) -> Order | None:
        return self._by_ref.get(ref_id)

    def open_orders(self, symbol: str | None = None) -> Sequence[Order]:
        """Orders not final, oldest first; of one symbol or of all."""
        if symbol is not None:
            return tuple(self._open.get(symbol, ()))
        found = (order for orders in self._open.values() for order in orders)
        return sorted(found, key=lambda order: order.number)

    def held_shares(self, symbol: str) -> Decimal:
        """Shares that open sells still ask for."""
        open_ = self._open.get(symbol, ())
        return sum((one.remaining for one in open_ if one.terms.side == "sell"), _ZERO)

    def held_cash(self) -> Decimal:
        """Dollars that open buys may still cost, to the cent above."""
        return sum(
            (
                cost_of(one.terms, one.remaining)
                for orders in self._open.values()
                for one in orders
                if one.terms.side == "buy"
            ),
            _ZERO,
        )

    def add(self, order: Order) -> None:
        """Keep a new order, accepted at its creation."""
        terms = order.terms
        self._orders.append(order)
        self._by_id[order.id] = order
        self._by_ref[terms.ref_id] = order
        self._open.setdefault(terms.symbol, []).append(order)
        self._ledger.add(
            "accepted",
            order.created_at,
            order_id=order.id,
            ref_id=terms.ref_id,
            source=order.source,
            is_ours=order.is_ours,
            replaces=None if order.replaces is None else order.replaces.id,
            symbol=terms.symbol,
            side=terms.side,
            type=terms.kind,
            trigger=terms.trigger,
            quantity=terms.quantity,
            price=terms.price,
            stop_price=terms.stop_price,
            time_in_force=terms.time_in_force,
        )

    def move(self, order: Order, state: State, now: datetime) -> None:
        """The order is in `state` from `now` on."""
        order.state = state
        order.updated_at = now
        order.updates += 1
        if not order.is_open and order in (open_ := self._open[order.terms.symbol]):
            open_.remove(order)
        self._ledger.add(
            "order",
            now,
            order_id=order.id,
            state=state.value,
            working=order.remaining if state in WORKING else _ZERO,
            reason=order.reject_reason,
        )


def cost_of(terms: Terms, quantity: Decimal) -> Decimal:
    """The most that buying `quantity` shares on these terms costs, to the cent above."""
    bound = terms.bound
    assert bound is not None
    return (bound * quantity).quantize(_CENT, rounding=ROUND_UP)
