"""The paper broker's desk: decides what changes, at a time it is told. No waiting, no writing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypedDict

from trading_bot.brokers.paper_book import PaperBook, PaperOrder
from trading_bot.brokers.paper_events import (
    Cancelled,
    CancelRequested,
    Expired,
    Filled,
    Opened,
    PaperEvent,
    Placed,
    Rested,
    Triggered,
    Watched,
    encode,
)
from trading_bot.brokers.paper_gap import Gap, GapFill, GapReport, worst_fill
from trading_bot.brokers.paper_matching import Prices, is_out_of_reach, is_triggered_by, trades_of
from trading_bot.brokers.paper_orders import check_order, expiry, make_id, price_bound
from trading_bot.brokers.paper_settings import PaperSettings
from trading_bot.domain.errors import RejectedError
from trading_bot.domain.fees import sell_fees
from trading_bot.domain.money import ZERO
from trading_bot.domain.order import OrderIntent, OrderType, Side
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.domain.quote import HistoricalBar, Quote
from trading_bot.logging.line import format_timestamp
from trading_bot.market.calendar import NyseCalendar
from trading_bot.market.quote_check import QuoteLimits, check_quote

WATCH_EVERY: Final = timedelta(minutes=5)
"""How often the ledger says that quotes are seen: the length of the bars a gap is settled from."""

_HUNDRED: Final = Decimal(100)


class _Head(TypedDict):
    seq: int
    at: str


@dataclass(slots=True)
class _Shown:
    """The last good quote of a symbol, and what of its sizes we have not taken yet."""

    quote: Quote
    bid: Decimal
    ask: Decimal
    bid_left: int
    ask_left: int

    def prices_for(self, side: Side) -> Prices:
        return Prices(self.bid, self.ask, self.ask_left if side is Side.BUY else self.bid_left)

    def take(self, side: Side, quantity: int) -> None:
        if side is Side.BUY:
            self.ask_left = max(self.ask_left - quantity, 0)
        else:
            self.bid_left = max(self.bid_left - quantity, 0)


class PaperDesk:
    """Takes orders, shows them quotes, lets them end. Every change goes through the book.

    `unwritten` are the ledger's lines of the changes so far that nobody has taken away yet.
    """

    def __init__(
        self,
        *,
        book: PaperBook,
        settings: PaperSettings,
        limits: QuoteLimits,
        calendar: NyseCalendar,
    ) -> None:
        self.book = book
        self.unwritten: list[str] = []
        self._settings = settings
        self._limits = limits
        self._calendar = calendar
        self._shown: dict[str, _Shown] = {}

    def open(self, now: datetime) -> None:
        """Begin the account, once."""
        if not self.book.is_opened:
            self._do(Opened(**self._head(now), cash=self._settings.starting_cash))

    def take(self, intent: OrderIntent, now: datetime) -> PaperOrder:
        """The order as it was taken, before it was matched; RejectedError when it is refused."""
        bound = price_bound(intent, self._fresh_ask(intent.symbol, now), self._settings)
        self._refuse_unpayable(intent, bound, now)
        order_id = make_id("order", intent.ref_id)
        ends = expiry(intent, now, self._calendar)
        self._do(
            Placed(
                **self._head(now),
                order_id=order_id,
                ref_id=intent.ref_id,
                symbol=intent.symbol,
                side=intent.side,
                type=intent.type,
                time_in_force=intent.time_in_force,
                quantity=intent.quantity,
                limit_price=intent.limit_price,
                stop_price=intent.stop_price,
                price_bound=bound,
                expires_at=None if ends is None else format_timestamp(ends),
            )
        )
        taken = self.book.orders[order_id]
        self._match(intent.symbol, now)
        return taken

    def ask_cancel(self, order_id: str, now: datetime) -> None:
        """Mark the order; RejectedError when there is no such order or it is final."""
        order = self.book.orders.get(order_id)
        if order is None:
            raise RejectedError(f"there is no order {order_id}")
        if order.state.is_final:
            raise RejectedError(f"order {order_id} cannot be cancelled, it is {order.state}")
        if not order.is_cancel_requested:
            self._do(CancelRequested(**self._head(now), order_id=order_id))

    def finish_cancels(self, now: datetime) -> None:
        """Cancels asked for take effect."""
        for order in self.book.working():
            if order.is_cancel_requested:
                self._do(Cancelled(**self._head(now), order_id=order.order_id))

    def expire(self, now: datetime) -> None:
        """Orders of a session that closed end."""
        for order in self.book.working():
            if order.expires_at is not None and order.expires_at <= now:
                self._do(Expired(**self._head(now), order_id=order.order_id))

    def show(self, quotes: Mapping[str, Quote | None], now: datetime) -> None:
        """Match the working orders; a quote that cannot be believed changes nothing."""
        good = set()
        for symbol, quote in quotes.items():
            if quote is not None and self._is_good(quote, now):
                good.add(symbol)
                self._keep(symbol, quote)
                self._match(symbol, now)
        symbols = {order.symbol for order in self.book.working()}
        last = self.book.watched_until
        is_due = last is None or now - last >= WATCH_EVERY
        if is_due and symbols and symbols <= good:
            self._do(Watched(**self._head(now)))

    def settle(
        self, bars: Mapping[str, Sequence[HistoricalBar]], gap: Gap, now: datetime
    ) -> GapReport:
        """Fill, worst case, what the bars say would have filled while nobody watched."""
        watched = self.book.watched_until
        if watched is not None and (gap.start is None or gap.start < watched):
            gap = replace(gap, start=watched)
        working = [order for order in self.book.working() if order.created_at < gap.end]
        found = [worst_fill(order, self._regular(bars, order.symbol), gap) for order in working]
        fills = sorted((fill for fill in found if fill is not None), key=lambda fill: fill.at)
        for fill in fills:
            self._settle(fill, now)
        return GapReport(
            filled=tuple(fill.order.order_id for fill in fills),
            uncovered=tuple(sorted({o.symbol for o in working if not bars.get(o.symbol)})),
        )

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Every position, by symbol."""
        return tuple(
            BrokerPosition(
                symbol=symbol,
                quantity=Decimal(position.quantity),
                held_for_sells=Decimal(self.book.held_shares(symbol)),
                average_price=position.average_price,
            )
            for symbol, position in sorted(self.book.positions.items())
        )

    def account(self, now: datetime) -> AccountSnapshot:
        """Cash now; equity marks a position at its last good quote, else its last execution."""
        equity = self.book.cash
        for symbol, position in self.book.positions.items():
            shown = self._shown.get(symbol)
            last = shown.quote.last if shown is not None else None
            equity += position.quantity * (position.last_price if last is None else last)
        return AccountSnapshot(
            at=now,
            cash=self.book.cash,
            settled_cash=self._settled_cash(now),
            buying_power=self._buying_power(now),
            equity=equity,
        )

    def _regular(
        self, bars: Mapping[str, Sequence[HistoricalBar]], symbol: str
    ) -> list[HistoricalBar]:
        """Bars that began in regular hours, by the calendar and not only by their own word."""
        return [bar for bar in bars.get(symbol, ()) if self._is_open_at(bar.start)]

    def _is_open_at(self, at: datetime) -> bool:
        session = self._calendar.session(self._calendar.new_york_date(at))
        return session is not None and session.is_open_at(at)

    def _is_good(self, quote: Quote, now: datetime) -> bool:
        return check_quote(quote, now=now, limits=self._limits, previous_last=None) is None

    def _keep(self, symbol: str, quote: Quote) -> None:
        before = self._shown.get(symbol)
        if before is not None and before.quote.updated_at == quote.updated_at:
            # The same quote read again offers no shares we have not had.
            return
        assert quote.bid is not None
        assert quote.ask is not None
        share = self._settings.participation_pct / _HUNDRED
        self._shown[symbol] = _Shown(
            quote=quote,
            bid=quote.bid,
            ask=quote.ask,
            bid_left=int(quote.bid_size * share),
            ask_left=int(quote.ask_size * share),
        )

    def _fresh_ask(self, symbol: str, now: datetime) -> Decimal | None:
        shown = self._shown.get(symbol)
        return shown.ask if shown is not None and self._is_good(shown.quote, now) else None

    def _match(self, symbol: str, now: datetime) -> None:
        shown = self._shown.get(symbol)
        if shown is not None and self._is_open_at(now) and self._is_good(shown.quote, now):
            for order in self.book.working():
                if order.symbol == symbol:
                    self._match_order(order, shown, now)

    def _match_order(self, order: PaperOrder, shown: _Shown, now: datetime) -> None:
        if order.type is OrderType.STOP and not order.is_triggered:
            if not is_triggered_by(order, shown.quote):
                return
            self._do(Triggered(**self._head(now), order_id=order.order_id))
        prices = shown.prices_for(order.side)
        if order.type is OrderType.LIMIT and not order.rests and is_out_of_reach(order, prices):
            self._do(Rested(**self._head(now), order_id=order.order_id))
            return
        for trade in trades_of(order, prices, self._settings):
            shown.take(order.side, trade.quantity)
            self._fill(order, trade.quantity, trade.price, now)

    def _settle(self, fill: GapFill, now: datetime) -> None:
        order = fill.order
        if order.type is OrderType.STOP and not order.is_triggered:
            self._do(Triggered(**self._head(now), order_id=order.order_id))
        session = self._calendar.session(self._calendar.new_york_date(fill.at))
        at = fill.at if session is None else min(fill.at, session.close)
        self._fill(order, order.remaining, fill.price, now, executed_at=at, note=fill.note)

    def _fill(
        self,
        order: PaperOrder,
        quantity: int,
        price: Decimal,
        now: datetime,
        *,
        executed_at: datetime | None = None,
        note: str = "",
    ) -> None:
        at = now if executed_at is None else executed_at
        day = self._calendar.new_york_date(at)
        is_sell = order.side is Side.SELL
        fees = sell_fees(quantity=quantity, price=price, trade_day=day) if is_sell else ZERO
        self._do(
            Filled(
                **self._head(now),
                order_id=order.order_id,
                execution_id=make_id("execution", order.ref_id, str(self.book.execution_count)),
                executed_at=format_timestamp(at),
                quantity=quantity,
                price=price,
                fees=fees,
                settles_on=self._calendar.settlement_date(day).isoformat(),
                note=note,
            )
        )

    def _refuse_unpayable(self, intent: OrderIntent, bound: Decimal | None, now: datetime) -> None:
        check_order(intent)
        if intent.side is Side.SELL:
            free = self.book.free_shares(intent.symbol)
            if intent.quantity > free:
                raise RejectedError(
                    f"not enough shares to sell: {intent.quantity} {intent.symbol} asked,"
                    f" {free} are held and not offered already"
                )
            return
        if bound is None:
            raise RejectedError(f"no fresh quote of {intent.symbol} to price a market order by")
        cost, power = intent.quantity * bound, self._buying_power(now)
        if cost > power:
            raise RejectedError(f"not enough buying power: {cost} needed, {power} available")

    def _settled_cash(self, now: datetime) -> Decimal:
        return self.book.settled_cash(self._calendar.new_york_date(now))

    def _buying_power(self, now: datetime) -> Decimal:
        needs_settled = self._settings.requires_settled_cash
        cash = self._settled_cash(now) if needs_settled else self.book.cash
        return max(cash - self.book.held_cash(), ZERO)

    def _head(self, now: datetime) -> _Head:
        return {"seq": self.book.next_seq, "at": format_timestamp(now)}

    def _do(self, event: PaperEvent) -> None:
        self.book.apply(event)
        self.unwritten.append(encode(event))
