"""The list of orders: what it honours, what an order holds. Nothing here sends one."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Final

from trading_bot.brokers.robinhood.fields import Row, as_row, instrument_id, moment, text
from trading_bot.brokers.robinhood.parsing import account_of
from trading_bot.brokers.robinhood.probe.points import Point, Reads, Seen, fields_seen
from trading_bot.domain.errors import DataError

_URL: Final = "https://api.robinhood.com/orders/"
_ORDER: Final = (
    "id", "ref_id", "account", "instrument", "instrument_id", "state", "side", "type", "trigger",
    "time_in_force", "quantity", "cumulative_quantity", "price", "stop_price", "executions",
    "reject_reason", "created_at", "updated_at", "cancel", "replaces",
)  # fmt: skip
_ORDER_FEES: Final = ("fees", "sec_fees", "taf_fees", "cat_fees", "sales_taxes")
_EXECUTION_FEES: Final = ("fees", "sec_fee", "taf_fee", "cat_fee", "sales_taxes")
_EXECUTION: Final = ("id", "price", "quantity", "timestamp", "settlement_date")
_STATES: Final = frozenset(
    {
        "unconfirmed", "queued", "confirmed", "partially_filled", "filled", "cancelled", "canceled",
        "rejected", "failed", "voided", "expired", "locate_failed",
    }
)  # fmt: skip
_OPEN_STATES: Final = frozenset({"unconfirmed", "queued", "confirmed", "partially_filled"})
_NOTHING: Final = Seen("too few orders on record to tell", None)


class OrderPoints:
    """The points of the orders of account `number`; its first page is read once."""

    def __init__(self, reads: Reads, number: str) -> None:
        self._reads = reads
        self._number = number
        self._page: Row | None = None

    def points(self) -> list[Point]:
        """In the order in which they are asked."""
        return [
            Point("orders: a page", "next, previous, results", self._shape),
            Point("orders: account_numbers", "only rows of the account asked for", self._account),
            Point("orders: newest first", "by created_at", self._order),
            Point(
                "orders: updated_at[gte]",
                "only rows from then on",
                partial(self._since, "updated_at"),
            ),
            Point(
                "orders: created_at[gte]",
                "only rows from then on",
                partial(self._since, "created_at"),
            ),
            Point("orders: is_closed=false", "only rows that may still trade", self._open),
            Point("orders: instrument", "only rows of that instrument", self._instrument),
            Point("orders: one by its id", "the same order", self._one),
            Point("orders: fields", "all that are read", self._fields),
            Point("orders: states", "only states that are known", self._states),
            Point("orders: fee fields", ", ".join(_ORDER_FEES), self._fees),
            Point("executions: fields", "all that are read", self._execution_fields),
            Point("executions: fee fields", ", ".join(_EXECUTION_FEES), self._execution_fees),
        ]

    async def _rows(self, **params: str) -> list[Row]:
        asked = {"account_numbers": self._number, **params}
        if params:
            return await self._reads.rows(_URL, asked)
        if self._page is None:
            self._page = as_row(await self._reads.json(_URL, asked), "orders")
        results = self._page.get("results")
        found = results if isinstance(results, list) else []
        return [as_row(row, "orders") for row in found]

    async def _shape(self) -> Seen:
        rows = await self._rows()
        keys = sorted(self._page or {})
        more = "more pages" if (self._page or {}).get("next") else "no more pages"
        return Seen(
            f"{', '.join(keys)}: {len(rows)} rows, {more}", {"next", "results"} <= set(keys)
        )

    async def _account(self) -> Seen:
        rows = await self._rows()
        if not rows:
            return _NOTHING
        foreign = sum(1 for row in rows if account_of(row) != self._number)
        return Seen(f"{foreign} of {len(rows)} rows of another account", not foreign)

    async def _order(self) -> Seen:
        times = [moment(row, "created_at") for row in await self._rows()]
        if len(times) < 2:
            return _NOTHING
        is_sorted = all(after <= before for before, after in pairwise(times))
        return Seen(f"{len(times)} rows {'in order' if is_sorted else 'out of order'}", is_sorted)

    async def _since(self, field: str) -> Seen:
        times = sorted({moment(row, field) for row in await self._rows()})
        later = await self._rows(**{f"{field}[gte]": _text(self._reads.now() + timedelta(days=1))})
        if later:
            return Seen(f"{len(later)} rows of after tomorrow", is_ok=False)
        if len(times) < 2:
            return Seen("no row of after tomorrow; too few orders to tell more", None)
        cut = times[len(times) // 2]
        rows = await self._rows(**{f"{field}[gte]": _text(cut)})
        early = sum(1 for row in rows if moment(row, field) < cut)
        has_cut = any(moment(row, field) == cut for row in rows)
        where = "with" if has_cut else "without"
        found = f"{early} of {len(rows)} rows too early, {where} the one of that moment"
        return Seen(found, bool(rows) and not early and has_cut)

    async def _open(self) -> Seen:
        if not await self._rows():
            return _NOTHING
        rows = await self._rows(is_closed="false")
        final = sum(1 for row in rows if row.get("state") not in _OPEN_STATES)
        return Seen(f"{final} of {len(rows)} rows are final", not final)

    async def _instrument(self) -> Seen:
        known = await self._rows()
        if not known:
            return _NOTHING
        wanted = instrument_id(known[0])
        rows = await self._rows(instrument=text(known[0], "instrument"))
        foreign = sum(1 for row in rows if instrument_id(row) != wanted)
        return Seen(f"{foreign} of {len(rows)} rows of another", bool(rows) and not foreign)

    async def _one(self) -> Seen:
        known = await self._rows()
        if not known:
            return _NOTHING
        wanted = text(known[0], "id")
        if not wanted.replace("-", "").isalnum():
            raise DataError("orders: expected an id of letters and digits")
        found = as_row(await self._reads.json(f"{_URL}{wanted}/"), "order")
        is_same = found.get("id") == wanted
        return Seen("the same" if is_same else "another", is_same)

    async def _fields(self) -> Seen:
        return fields_seen(await self._rows(), _ORDER)

    async def _states(self) -> Seen:
        states = {str(row.get("state")) for row in await self._rows()}
        if not states:
            return _NOTHING
        return Seen(", ".join(sorted(states))[:200], states <= _STATES)

    async def _fees(self) -> Seen:
        return fields_seen(await self._rows(), _ORDER_FEES)

    async def _executions(self) -> list[Row]:
        found = []
        for row in await self._rows():
            executions = row.get("executions")
            if not isinstance(executions, list):
                raise DataError("orders: expected a list in executions")
            found += [as_row(one, "executions") for one in executions]
        return found

    async def _execution_fields(self) -> Seen:
        return fields_seen(await self._executions(), _EXECUTION)

    async def _execution_fees(self) -> Seen:
        return fields_seen(await self._executions(), _EXECUTION_FEES)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
