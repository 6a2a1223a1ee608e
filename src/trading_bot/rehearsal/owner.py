"""The account's owner, who has the app on the phone and uses it.

Scripted: each action happens at its time. In JSON, a list of them:

    [{"kind": "sell", "at": "2023-05-25T14:10:00Z", "symbol": "AAPL", "fraction": "0.5"}]

Also POST /rehearsal/owner/ with one action, at once when it names no time.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.rehearsal.order import Order, Side, State, Terms, TimeInForce, tick_at
from trading_bot.rehearsal.order_book import OrderBook
from trading_bot.rehearsal.order_shelf import cost_of

_ONE = Decimal(1)


class OwnerAction(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """What the owner does; without `at` at once."""

    at: datetime | None = None


class Buys(OwnerAction, frozen=True, kw_only=True, tag="buy"):
    """A market buy."""

    symbol: str
    quantity: Decimal


class Sells(OwnerAction, frozen=True, kw_only=True, tag="sell"):
    """A market sell of `quantity` shares, or of a `fraction` of what is held, cut to whole ones.

    Where sells stand for the shares, `cancels_first` ends the newest of them, as the app makes one
    do.
    """

    symbol: str
    quantity: Decimal | None = None
    fraction: Decimal = _ONE
    cancels_first: bool = True


class PlacesLimit(OwnerAction, frozen=True, kw_only=True, tag="limit"):
    """A limit order of the owner's own."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce = "gfd"


class PlacesStop(OwnerAction, frozen=True, kw_only=True, tag="stop"):
    """A stop sell of the owner's own."""

    symbol: str
    quantity: Decimal
    stop_price: Decimal


class Cancels(OwnerAction, frozen=True, kw_only=True, tag="cancel"):
    """Cancels the newest open order in the symbol that came through the API."""

    symbol: str
    only: Literal["any", "buy", "sell", "stop"] = "any"


class Edits(OwnerAction, frozen=True, kw_only=True, tag="edit"):
    """Gives the newest open order that came through the API another price, or stop price.

    Another order takes its place, with another ref_id; `replaces` names the old one. The price
    moves by `percent`, to the tick.
    """

    symbol: str
    percent: Decimal
    only: Literal["any", "buy", "sell", "stop"] = "any"


class Deposits(OwnerAction, frozen=True, kw_only=True, tag="deposit"):
    """Money comes, at once."""

    amount: Decimal


class Withdraws(OwnerAction, frozen=True, kw_only=True, tag="withdraw"):
    """Money goes, at once, if it may be spent."""

    amount: Decimal


AnyAction = Buys | Sells | PlacesLimit | PlacesStop | Cancels | Edits | Deposits | Withdraws


class Owner:
    """Does what the actions say, as far as the broker lets anyone."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    def act(self, action: AnyAction, now: datetime, ref_id: str, buying_power: Decimal) -> str:
        """What came of it, for the ledger. `ref_id` is for an order the action places."""
        match action:
            case Buys():
                return self._buy(action, now, ref_id, buying_power)
            case Sells():
                return self._sell(action, now, ref_id)
            case PlacesLimit() | PlacesStop():
                return self._place(_terms_of(action, ref_id), now, buying_power)
            case Cancels():
                order = self._ours(action)
                if order is None:
                    return "refused: no such order"
                self._book.cancel(order, now)
                return f"cancelled {order.id}"
            case Edits():
                return self._edit(action, now, ref_id, buying_power)
            case Deposits() | Withdraws():
                return self._move_cash(action, now, buying_power)

    def _buy(self, action: Buys, now: datetime, ref_id: str, buying_power: Decimal) -> str:
        last = self._book.quote(action.symbol, now)
        terms = Terms(
            symbol=action.symbol,
            side="buy",
            kind="market",
            trigger="immediate",
            quantity=action.quantity,
            price=last.ask or last.last,
            time_in_force="gfd",
            ref_id=ref_id,
        )
        return self._place(terms, now, buying_power)

    def _sell(self, action: Sells, now: datetime, ref_id: str) -> str:
        held = self._book.holdings.quantity(action.symbol)
        quantity = action.quantity
        if quantity is None:
            quantity = held * action.fraction // 1
        if not 0 < quantity <= held:
            return "refused: not enough shares"
        shelf = self._book.shelf
        while held - shelf.held_shares(action.symbol) < quantity:
            if not action.cancels_first:
                return "refused: shares are held for other orders"
            sells = [one for one in shelf.open_orders(action.symbol) if one.terms.side == "sell"]
            self._book.finish(sells[-1], State.CANCELLED, now)
        terms = Terms(
            symbol=action.symbol,
            side="sell",
            kind="market",
            trigger="immediate",
            quantity=quantity,
            time_in_force="gfd",
            ref_id=ref_id,
        )
        return self._place(terms, now, Decimal(0))

    def _place(self, terms: Terms, now: datetime, buying_power: Decimal) -> str:
        if terms.side == "sell":
            free = self._book.holdings.quantity(terms.symbol)
            free -= self._book.shelf.held_shares(terms.symbol)
            if terms.quantity > free:
                return "refused: not enough shares"
        elif cost_of(terms, terms.quantity) > buying_power:
            return "refused: not enough buying power"
        return f"placed {self._book.place(terms, now, source='owner').id}"

    def _edit(self, action: Edits, now: datetime, ref_id: str, buying_power: Decimal) -> str:
        order = self._ours(action)
        if order is None or order.filled:
            return "refused: no such order"
        before = order.terms
        factor = 1 + action.percent / 100
        edited = _edited(before, factor, ref_id)
        dearer = Decimal(0)
        if before.side == "buy":
            dearer = cost_of(edited, edited.quantity) - cost_of(before, order.remaining)
        if dearer > buying_power:
            return "refused: not enough buying power"
        return f"placed {self._book.replace(order, edited, now).id}"

    def _move_cash(self, action: Deposits | Withdraws, now: datetime, buying_power: Decimal) -> str:
        if isinstance(action, Deposits):
            self._book.move_cash("deposited", action.amount, now)
            return f"deposited {action.amount}"
        if action.amount > buying_power:
            return "refused: not enough cash"
        self._book.move_cash("withdrawn", -action.amount, now)
        return f"withdrew {action.amount}"

    def _ours(self, action: Cancels | Edits) -> Order | None:
        for order in reversed(self._book.shelf.open_orders(action.symbol)):
            if order.is_ours and _is_like(order.terms, action.only):
                return order
        return None


def load_actions(path: Path) -> tuple[AnyAction, ...]:
    """The actions of a JSON file. Raises DataError that names the place, OSError."""
    try:
        actions = msgspec.json.decode(path.read_bytes(), type=list[AnyAction])
    except msgspec.MsgspecError as error:
        raise DataError(f"{path}: expected a list of owner's actions, got: {error}") from error
    for number, action in enumerate(actions):
        if action.at is None or action.at.tzinfo is None:
            raise DataError(f"{path}: action {number}: expected a time with a zone")
    return tuple(actions)


def _terms_of(action: PlacesLimit | PlacesStop, ref_id: str) -> Terms:
    if isinstance(action, PlacesLimit):
        return Terms(
            symbol=action.symbol,
            side=action.side,
            kind="limit",
            trigger="immediate",
            quantity=action.quantity,
            price=action.price,
            time_in_force=action.time_in_force,
            ref_id=ref_id,
        )
    return Terms(
        symbol=action.symbol,
        side="sell",
        kind="market",
        trigger="stop",
        quantity=action.quantity,
        stop_price=action.stop_price,
        time_in_force="gtc",
        ref_id=ref_id,
    )


def _edited(before: Terms, factor: Decimal, ref_id: str) -> Terms:
    def moved(price: Decimal | None) -> Decimal | None:
        return None if price is None else (price * factor).quantize(tick_at(price))

    return replace(
        before, price=moved(before.price), stop_price=moved(before.stop_price), ref_id=ref_id
    )


def _is_like(terms: Terms, only: str) -> bool:
    if only == "stop":
        return terms.trigger == "stop"
    return only in ("any", terms.side)
