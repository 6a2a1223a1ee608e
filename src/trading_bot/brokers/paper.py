"""The paper broker: one invented account whose orders fill against the live quotes it is shown."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from trading_bot.brokers.paper_book import PaperBook
from trading_bot.brokers.paper_desk import PaperDesk
from trading_bot.brokers.paper_events import decode
from trading_bot.brokers.paper_gap import Gap, GapReport
from trading_bot.brokers.paper_orders import as_just_taken
from trading_bot.brokers.paper_settings import PaperSettings
from trading_bot.domain.errors import DataError, UnknownOutcomeError
from trading_bot.domain.order import ApprovedOrder, BrokerOrder
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.domain.quote import HistoricalBar, Quote
from trading_bot.market.calendar import NyseCalendar
from trading_bot.market.quote_check import QuoteLimits
from trading_bot.ports.clock import Clock
from trading_bot.ports.records import STREAM_PAPER_BROKER, RecordSink

GAP_BAR: Final = timedelta(minutes=5)
"""Length of the historical bars a gap is settled from."""


class PaperBroker:
    """The Broker port over a desk and its ledger.

    Every change is a line of the broker's own ledger, durable before anything is told that depends
    on it; `restore` makes the same broker from the lines. Times are cut to the millisecond, as in
    the ledger. An order is matched when it comes, against the last quote if that is still fresh,
    and again with each quote shown; the answer to `place` never tells a fill, the next reading
    does. A cancel takes effect at the next reading of the orders, or with the next quotes after
    their fills.
    """

    def __init__(self, *, desk: PaperDesk, sink: RecordSink, clock: Clock) -> None:
        self._desk = desk
        self._sink = sink
        self._clock = clock
        self._writing = asyncio.Lock()
        desk.open(clock.now())

    @classmethod
    def restore(
        cls,
        lines: Iterable[str],
        *,
        settings: PaperSettings,
        limits: QuoteLimits,
        sink: RecordSink,
        clock: Clock,
        calendar: NyseCalendar,
    ) -> Self:
        """The broker its ledger's `lines` describe; a new account when there are none.

        DataError when the lines are not a whole ledger. Call `settle_gap` next: until then nothing
        that happened meanwhile is known.
        """
        desk = PaperDesk(book=_read(lines), settings=settings, limits=limits, calendar=calendar)
        return cls(desk=desk, sink=sink, clock=clock)

    @property
    def execution_mode(self) -> Literal["PAPER"]:
        """Never LIVE: no money moves."""
        return "PAPER"

    @property
    def book(self) -> PaperBook:
        """The state, to look at."""
        return self._desk.book

    async def place(self, order: ApprovedOrder) -> BrokerOrder:
        """Take the order, or refuse it as Robinhood would.

        UnknownOutcomeError when an order with this ref_id exists: it may be working, so it must be
        looked up and never be counted as dead.
        """
        now = self._clock.now()
        ref_id = order.intent.ref_id
        known = self.book.order_ids.get(ref_id)
        if known is not None:
            raise UnknownOutcomeError(
                f"an order with the ref_id {ref_id} exists, it is {known}: look it up"
            )
        self._desk.expire(now)
        try:
            taken = self._desk.take(order.intent, now)
        finally:
            await self._write()
        return as_just_taken(taken.as_reported())

    async def cancel(self, order_id: str) -> None:
        """Ask for the cancel; RejectedError when there is no such order or it is final."""
        now = self._clock.now()
        self._desk.expire(now)
        try:
            self._desk.ask_cancel(order_id, now)
        finally:
            await self._write()

    async def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Orders that changed at or after `since` (cut to the millisecond), oldest first."""
        now = self._clock.now()
        self._desk.expire(now)
        self._desk.finish_cancels(now)
        first = since.replace(microsecond=since.microsecond // 1000 * 1000)
        reported = tuple(
            order.as_reported() for order in self.book.orders.values() if order.updated_at >= first
        )
        await self._write()
        return reported

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """Every position, by symbol."""
        self._desk.expire(self._clock.now())
        held = self._desk.positions()
        await self._write()
        return held

    async def account(self) -> AccountSnapshot:
        """Cash now; equity marks a position at its last good quote, else its last execution."""
        now = self._clock.now()
        self._desk.expire(now)
        snapshot = self._desk.account(now)
        await self._write()
        return snapshot

    async def on_quotes(self, quotes: Mapping[str, Quote | None], now: datetime) -> None:
        """Match the working orders against what the quote source just said."""
        self._desk.expire(now)
        self._desk.show(quotes, now)
        self._desk.finish_cancels(now)
        await self._write()

    async def settle_gap(
        self,
        bars: Mapping[str, Sequence[HistoricalBar]],
        now: datetime,
        *,
        seen_until: datetime | None = None,
        bar_length: timedelta = GAP_BAR,
    ) -> GapReport:
        """After a restart: fill, worst case, what the bars say would have filled, then expire.

        `bars` are oldest first. Bars that ended while quotes were still shown do not count again:
        the ledger says every few minutes that they are; `seen_until` may say it more exactly.
        Cancels asked for before the gap take effect first.
        """
        self._desk.finish_cancels(now)
        report = self._desk.settle(bars, Gap(start=seen_until, end=now, bar_length=bar_length), now)
        self._desk.expire(now)
        await self._write()
        return report

    async def _write(self) -> None:
        """Return when every change so far is durable, also one that another call is writing.

        What could not be written stays first in line: a ledger never has a hole.
        """
        async with self._writing:
            unwritten = self._desk.unwritten
            if unwritten:
                lines = tuple(unwritten)
                await self._sink.append({STREAM_PAPER_BROKER: lines})
                del unwritten[: len(lines)]


def _read(lines: Iterable[str]) -> PaperBook:
    """The book the lines add up to.

    A write that was cut short after its lines were durable is made again by the same process, so a
    line may stand there twice: the same bytes count once, anything else is damage.
    """
    book = PaperBook()
    taken: list[str] = []
    for line in lines:
        event = decode(line)
        if event.seq < len(taken):
            if taken[event.seq] != line:
                raise DataError(f"paper broker's ledger: two different lines {event.seq}")
            continue
        book.apply(event)
        taken.append(line)
    return book
