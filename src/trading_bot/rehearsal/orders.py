"""The order requests: POST, list, one, cancel, fees."""

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote, urlencode

from trading_bot.rehearsal.brokerage import Brokerage
from trading_bot.rehearsal.market_data import instrument_id, instrument_link
from trading_bot.rehearsal.order import Effects, Order
from trading_bot.rehearsal.order_checks import repeated_ref_id
from trading_bot.rehearsal.order_json import order_json
from trading_bot.rehearsal.sell_fees import sec_fee, sec_rate, taf_fee, taf_rate
from trading_bot.rehearsal.wire import (
    API,
    Json,
    Reply,
    Request,
    detail,
    dump,
    invalid,
    not_found,
    ok,
)

_ONE = re.compile(r"/orders/([^/]+)/")
_CANCEL = re.compile(r"/orders/([^/]+)/cancel/")
_NOT_NOW = "Order cannot be cancelled at this time."
_CURSOR = re.compile(r"p=(\d+)")


class Orders:
    """Answers what begins with /orders/."""

    def __init__(self, brokerage: Brokerage, page_size: int) -> None:
        self._brokerage = brokerage
        self._page_size = page_size

    def answer(self, request: Request, now: datetime, effects: Effects) -> Reply:
        """The reply to `request`; `effects` are what faults do to what it asks for."""
        path, method = request.path, request.method
        if path == "/orders/":
            if method == "POST":
                return self._place(request, now, effects)
            return self._listing(request, now) if method == "GET" else _no_method(method)
        if path == "/orders/fees/":
            return self._fees(request, now) if method == "POST" else _no_method(method)
        if match := _CANCEL.fullmatch(path):
            if method != "POST":
                return _no_method(method)
            return self._cancel(unquote(match.group(1)), now, effects)
        if match := _ONE.fullmatch(path):
            if method != "GET":
                return _no_method(method)
            return self._one(unquote(match.group(1)), now)
        return not_found()

    def _place(self, request: Request, now: datetime, effects: Effects) -> Reply:
        if not self._is_own(request):
            return _no_account()
        result = self._brokerage.submit(request.form, now, effects)
        if isinstance(result, Reply):
            return result
        if effects.is_taken_as_repeated:
            return repeated_ref_id()
        return Reply(201, dump(self._json(result)))

    def _listing(self, request: Request, now: datetime) -> Reply:
        if not self._is_own(request):
            return _no_account()
        query = request.query
        times: dict[str, datetime] = {}
        for name in ("updated_at", "created_at"):
            text = query.get(f"{name}[gte]")
            if text:
                try:
                    times[name] = _time(text)
                except ValueError:
                    return invalid(**{f"{name}[gte]": "Enter a valid date/time."})
        is_closed = query.get("is_closed", "").lower()
        rows = [
            order
            for order in reversed(self._brokerage.book.shelf.orders)
            if _is_visible(order, now, counts="cursor" not in query)
            and ("updated_at" not in times or order.updated_at >= times["updated_at"])
            and ("created_at" not in times or order.created_at >= times["created_at"])
            and (is_closed not in ("true", "false") or order.is_open is (is_closed == "false"))
            and _is_of(order, query.get("instrument"))
        ]
        return self._page(request, rows)

    def _one(self, order_id: str, now: datetime) -> Reply:
        order = self._brokerage.book.shelf.by_id(order_id)
        if order is None or not _is_visible(order, now, counts=True):
            return not_found()
        return ok(self._json(order))

    def _cancel(self, order_id: str, now: datetime, effects: Effects) -> Reply:
        order = self._brokerage.book.shelf.by_id(order_id)
        if order is None:
            return not_found()
        if not order.is_open:
            return detail(400, _NOT_NOW)
        self._brokerage.cancel(order, now, effects)
        return ok({})

    def _fees(self, request: Request, now: datetime) -> Reply:
        form, today = request.form, self._brokerage.today(now)
        try:
            shares, price = Decimal(form["quantity"]), Decimal(form["price"])
        except (KeyError, InvalidOperation):
            return invalid(quantity="A valid number is required.")
        if form.get("side") != "sell":
            return ok({"fees": [], "total_fee": "0.00"})
        sec, taf = sec_fee(shares * price, today), taf_fee(shares, today)
        rows = (("sec_fee", sec_rate(today), sec), ("taf_fee", taf_rate(today), taf))
        return ok(
            {
                "fees": [
                    {"name": name, "rate": f"{rate:f}", "amount": f"{amount:.2f}"}
                    for name, rate, amount in rows
                ],
                "total_fee": f"{sec + taf:.2f}",
            }
        )

    def _page(self, request: Request, rows: Sequence[Order]) -> Reply:
        """A page that stays put: its cursor names the order before it, not a count of rows."""
        query = dict(request.query)
        start = 0
        if cursor := query.get("cursor"):
            below = _cursor_number(cursor)
            if below is None:
                return not_found()
            start = sum(1 for order in rows if order.number >= below)
        end = start + self._page_size
        following, previous = None, None
        if end < len(rows):
            following = self._link(request, query, rows[end - 1].number)
        if start:
            first = rows[max(0, start - self._page_size)]
            previous = self._link(request, query, first.number + 1)
        return ok(
            {
                "next": following,
                "previous": previous,
                "results": [self._json(order) for order in rows[start:end]],
            }
        )

    def _link(self, request: Request, query: dict[str, str], below: int) -> str:
        cursor = base64.urlsafe_b64encode(f"p={below}".encode()).decode()
        return f"{API}{request.path}?{urlencode({**query, 'cursor': cursor})}"

    def _json(self, order: Order) -> Json:
        return order_json(order, self._brokerage.settings.number)

    def _is_own(self, request: Request) -> bool:
        asked = request.query.get("account_numbers")
        return asked is None or set(asked.split(",")) == {self._brokerage.settings.number}


def _cursor_number(cursor: str) -> int | None:
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode("ascii")
    except ValueError:
        return None
    match = _CURSOR.fullmatch(text)
    return int(match.group(1)) if match else None


def _is_visible(order: Order, now: datetime, *, counts: bool) -> bool:
    """False while a fault hides the order from readers; `counts` a read of those it has left."""
    if order.reads_left:
        order.reads_left -= counts
        return False
    return (now - order.created_at).total_seconds() >= order.effects.unseen_s


def _is_of(order: Order, instrument: str | None) -> bool:
    symbol = order.terms.symbol
    return instrument in (None, instrument_link(symbol), instrument_id(symbol))


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text.replace(" ", "+"))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _no_account() -> Reply:
    return invalid(account_numbers="Account not found.")


def _no_method(method: str) -> Reply:
    return detail(405, f'Method "{method}" not allowed.')
