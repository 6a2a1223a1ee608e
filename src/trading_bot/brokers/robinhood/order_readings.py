"""Reads the account's orders: all of them, or an error; of ours what can be had all the same.

Somebody else's order that cannot be read is left out and told, once: it must not hide ours. When
the list cannot be read, our working orders are asked for one by one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from trading_bot.brokers.robinhood.fields import Row, as_row, instrument_id, text
from trading_bot.brokers.robinhood.names import InstrumentNames
from trading_bot.brokers.robinhood.order_parsing import (
    optional_text,
    parse_order,
    replaced_id,
    updated_at,
)
from trading_bot.brokers.robinhood.parsing import check_account
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import DataError, RetryableError, TradingBotError
from trading_bot.domain.order import BrokerOrder
from trading_bot.ports.broker import PartOfOrdersError
from trading_bot.ports.clock import Clock
from trading_bot.runtime.retry import ONCE, RetryPolicy

ORDERS: Final = RetryPolicy(name="orders", attempts_max=2, deadline_s=8)
"""A page of the orders; the caller reads them anew soon enough."""

_ODD_S: Final = 600.0

_KEPT_MAX: Final = 4096
"""Ids of ours to remember; far more than a day has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Which orders are ours by the name they carry, and who hears of others that are odd."""

    is_ours: Callable[[str], bool]
    warned: Callable[[str], None]


def _may_be(_: str) -> bool:
    return True


def _unheard(_: str) -> None:
    return


UNKNOWN_OWNERSHIP: Final = Ownership(is_ours=_may_be, warned=_unheard)
"""Without a key every order may be ours, and one that cannot be read is an error."""


class OrderReadings:
    """The orders of the account `account_number`."""

    def __init__(
        self,
        reads: RobinhoodTransport,
        names: InstrumentNames,
        account_number: str,
        ownership: Ownership,
        clock: Clock,
    ) -> None:
        self._reads = reads
        self._names = names
        self._number = account_number
        self._ownership = ownership
        self._clock = clock
        self._redact = reads.library.redact
        # Ids of ours in the order in which they were seen, and the symbols of those that work.
        self._ours: dict[str, None] = {}
        self._working: dict[str, str] = {}
        # Others' that cannot be read, and until when that is not tried again.
        self._odd: dict[str, float] = {}

    def note_placed(self, order: BrokerOrder) -> None:
        """Remember an order of ours that the broker took."""
        self._remember(order)

    async def since(self, start: datetime, window: str) -> tuple[BrokerOrder, ...]:
        """Every order updated at or after `start` by the broker's clock, oldest first.

        `window` is the same as the query says it. PartOfOrdersError when the list cannot be read,
        but orders of ours could.
        """
        try:
            return await self._listed(start, window)
        except (RetryableError, DataError) as error:
            asked_s = error.retry_after_s if isinstance(error, RetryableError) else None
            # Who asks us to wait is not asked for more.
            found = await self._one_by_one() if asked_s is None else ()
            if not found:
                raise
            raise PartOfOrdersError(str(error), orders=found) from error

    def parsed(self, row: Row, symbol: str) -> BrokerOrder:
        """The order in `row`, its refusal redacted."""
        order = parse_order(row, self._number, symbol)
        return replace(order, reject_reason=self._redact(order.reject_reason))

    async def _listed(self, start: datetime, window: str) -> tuple[BrokerOrder, ...]:
        url = self._reads.urls.orders_url(account_number=self._number)
        told = await self._reads.get_pages(url, {"updated_at[gte]": window}, ORDERS, is_moving=True)
        rows = [as_row(value, "orders") for value in told]
        for row in rows:
            check_account(row, self._number, "orders")
            if self._ownership.is_ours(optional_text(row, "ref_id")):
                self._ours.setdefault(optional_text(row, "id"))
        newest: dict[str, tuple[datetime, BrokerOrder]] = {}
        for row in rows:
            if self._is_passed_over(row):
                continue
            try:
                at, order = await self._read(row)
            except DataError as error:
                self._leave_out(row, error)
                continue
            known = newest.get(order.order_id)
            # A list that moves shows an order on two pages: as it was last.
            if at >= start and (known is None or at > known[0]):
                newest[order.order_id] = at, order
        orders = [order for _, order in newest.values()]
        for order in orders:
            if order.order_id in self._ours:
                self._remember(order)
        return tuple(sorted(orders, key=lambda order: (order.created_at, order.order_id)))

    async def _read(self, row: Row) -> tuple[datetime, BrokerOrder]:
        symbol = await self._names.symbol_of(instrument_id(row))
        return updated_at(row), self.parsed(row, symbol)

    def _is_passed_over(self, row: Row) -> bool:
        """True of one that could not be read lately, and that may not be ours by now."""
        until_s = self._odd.get(optional_text(row, "id"), -math.inf)
        return until_s > self._clock.monotonic() and not self._may_be_ours(row)

    def _may_be_ours(self, row: Row) -> bool:
        """False of what is provably somebody else's: named, and neither ours nor in its place."""
        order_id = optional_text(row, "id")
        is_named = bool(order_id and optional_text(row, "ref_id"))
        return not is_named or not self._ours.keys().isdisjoint({order_id, replaced_id(row)})

    def _leave_out(self, row: Row, error: DataError) -> None:
        """Pass over an order that is somebody else's; of one that may be ours the error goes on."""
        if self._may_be_ours(row):
            raise error
        order_id = optional_text(row, "id")
        is_news = order_id not in self._odd
        # A look-up that fails with every reading would use up their turns.
        self._odd[order_id] = self._clock.monotonic() + _ODD_S
        if is_news:
            self._ownership.warned(
                "an order in the account that is not the bot's cannot be read and is passed over: "
                f"{error}"
            )

    async def _one_by_one(self) -> tuple[BrokerOrder, ...]:
        """Our working orders, as far as they can be read; the first refusal ends it."""
        found = []
        for order_id, symbol in list(self._working.items()):
            try:
                url = self._reads.urls.orders_url(order_id)
                row = as_row(await self._reads.get_json(url, policy=ONCE), "order")
                check_account(row, self._number, "order")
                if text(row, "id") != order_id:
                    raise DataError(f"order: expected {order_id}, got {text(row, 'id')[:40]!r}")
                order = self.parsed(row, symbol)
            except DataError:
                continue
            except TradingBotError:
                break
            self._remember(order)
            found.append(order)
        return tuple(found)

    def _remember(self, order: BrokerOrder) -> None:
        self._ours.setdefault(order.order_id)
        while len(self._ours) > _KEPT_MAX:
            oldest = next(iter(self._ours))
            del self._ours[oldest]
            self._working.pop(oldest, None)
        if order.state.is_final:
            self._working.pop(order.order_id, None)
        else:
            self._working[order.order_id] = order.symbol
