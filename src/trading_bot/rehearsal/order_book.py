"""The exchange's orders: their states, their timers, and the market walked along them.

An order is confirmed 0.2 s after it came, or queued when the market is closed for it, and trades
from 0.4 s on; a cancel takes effect 0.3 s after it was asked for unless a fill comes first. At one
moment a timer goes before a quote. A good-for-day order ends with its hours; Robinhood shows it as
cancelled (the setting `expired_state` makes it expired). A gtc order ends likewise with the first
session `GTC_LIFE` after it came.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.rehearsal import matching
from trading_bot.rehearsal.holdings import Holdings
from trading_bot.rehearsal.ledger import Ledger
from trading_bot.rehearsal.order import (
    NO_EFFECTS,
    WORKING,
    Effects,
    Execution,
    Order,
    Source,
    State,
    Terms,
)
from trading_bot.rehearsal.order_shelf import OrderShelf
from trading_bot.rehearsal.sell_fees import sec_fee, taf_fee
from trading_bot.rehearsal.tape_quotes import QuoteState, SymbolTape
from trading_bot.rehearsal.timeline import Rank, Timeline
from trading_bot.rehearsal.wire import made_id

CONFIRMED_AFTER = timedelta(seconds=0.2)
LIVE_AFTER = timedelta(seconds=0.4)
CANCELLED_AFTER = timedelta(seconds=0.3)
FRACTION_LASTS = timedelta(minutes=5)
"""How long an order for a part of a share is tried in an open market."""
GTC_LIFE = timedelta(days=90)
"""How long Robinhood keeps an order that is good until cancelled."""
_FORCED_AFTER = timedelta(seconds=0.15)
_ZERO = Decimal(0)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSettings:
    """`seed` makes the orders' ids; `expired_state` is what a day order ends as."""

    seed: int = 0
    expired_state: State = State.CANCELLED


class OrderBook:
    """Every order of the account. Commands take the time they happen at, after `advance` to it."""

    def __init__(
        self,
        settings: BookSettings,
        tapes: Mapping[str, SymbolTape],
        calendar: NyseCalendar,
        holdings: Holdings,
        ledger: Ledger,
    ) -> None:
        self._settings = settings
        self._tapes = tapes
        self._calendar = calendar
        self.holdings = holdings
        self._ledger = ledger
        self.shelf = OrderShelf(ledger)
        self.timeline = Timeline()
        self._taken: dict[str, tuple[datetime, Decimal]] = {}
        self._executions = 0

    # Time.

    def advance(self, now: datetime, begins: datetime) -> datetime:
        """Let everything happen up to `now`; time begins at `begins`, or at the first `now`."""
        if self.timeline.now is None:
            self.timeline.begin(min(now, begins))
            self._plan_hours(min(now, begins))
        return self.timeline.advance(now, self)

    def next_told(self, after: datetime, until: datetime) -> datetime | None:
        """The first quote in (after, until] of a symbol with open orders."""
        found: datetime | None = None
        for symbol in self.shelf.open_symbols:
            told = self._tapes[symbol].next_told(after)
            if told is not None and told <= until and (found is None or told < found):
                found = told
        return found

    def told(self, at: datetime) -> None:
        """Orders meet the quotes told at `at`, symbol by symbol, the oldest order first."""
        for symbol in self.shelf.open_symbols:
            self._meet(symbol, at)

    def session(self, now: datetime) -> Session | None:
        """The session of the New York day at `now`."""
        return self._calendar.session(self._calendar.new_york_date(now))

    def quote(self, symbol: str, now: datetime) -> QuoteState:
        """What stands at `now`."""
        return self._tapes[symbol].at(now, self._calendar.new_york_date(now))

    # Commands.

    def place(
        self,
        terms: Terms,
        now: datetime,
        *,
        source: Source = "api",
        effects: Effects = NO_EFFECTS,
        replaces: Order | None = None,
    ) -> Order:
        """Take an order that passed every check."""
        number = len(self.shelf.orders) + 1
        order = Order(
            id=made_id("order", f"{self._settings.seed}/{number}"),
            number=number,
            terms=terms,
            source=source,
            created_at=now,
            updated_at=now,
            expires_at=self._ends_at(terms, now),
            effects=effects,
            replaces=replaces,
            price=terms.price,
            reads_left=effects.unseen_reads,
        )
        self.shelf.add(order)
        late = timedelta(seconds=effects.confirmed_after_s)
        self._at(now + CONFIRMED_AFTER + late, partial(self._confirm, order))
        self._at(now + LIVE_AFTER + late, partial(self._enliven, order))
        if terms.quantity % 1 and self._is_open_for(order, now):
            self._at(now + FRACTION_LASTS, partial(self.finish, order, State.CANCELLED))
        return order

    def cancel(self, order: Order, now: datetime, effects: Effects = NO_EFFECTS) -> None:
        """Take a cancel of an open order; a fill may still come first."""
        self._ledger.add("cancel_requested", now, order_id=order.id)
        if order.cancel_requested_at is None:
            order.cancel_requested_at = now
        if effects.cancel_ignored:
            return
        at = now + CANCELLED_AFTER
        if effects.fill_wins:
            forced_at = max(now + _FORCED_AFTER, order.created_at + LIVE_AFTER)
            at = max(at, forced_at + _FORCED_AFTER)
            self._at(forced_at, partial(self._force, order))
        self._at(at, partial(self.finish, order, State.CANCELLED))

    def replace(self, order: Order, terms: Terms, now: datetime) -> Order:
        """The owner edits an open order in the app: another takes its place at once."""
        self.finish(order, State.CANCELLED, now)
        return self.place(terms, now, source="owner", replaces=order)

    def finish(self, order: Order, state: State, now: datetime, reason: str | None = None) -> None:
        """End an open order; nothing happens to one that has ended."""
        if order.is_open:
            order.reject_reason = reason
            self.shelf.move(order, state, now)

    def move_cash(self, kind: str, amount: Decimal, now: datetime) -> None:
        """Money comes from outside, or goes when negative."""
        self.holdings.move_cash(amount)
        self._ledger.add(kind, now, cash=amount)

    def split(self, symbol: str, multiplier: int, divisor: int, now: datetime) -> None:
        """Shares are split overnight; orders that stand in the symbol are ended."""
        for order in self.shelf.open_orders(symbol):
            self.finish(order, State.CANCELLED, now)
        self.holdings.split(symbol, multiplier, divisor, now)
        self._ledger.add(
            "split",
            now,
            symbol=symbol,
            multiplier=Decimal(multiplier),
            divisor=Decimal(divisor),
            quantity=self.holdings.quantity(symbol),
        )

    # What happens by itself.

    def _at(self, at: datetime, action: Callable[[datetime], None]) -> None:
        self.timeline.later(at, Rank.TIMER, action)

    def _plan_hours(self, after: datetime) -> None:
        day = self._calendar.new_york_date(after)
        while True:
            session = self._calendar.session(day)
            if session is not None:
                for at in (session.pre_open, session.open, session.close, session.post_close):
                    if at > after:
                        self.timeline.later(at, Rank.HOURS, self._pass_hours)
                        return
            day += _ONE_DAY

    def _pass_hours(self, now: datetime) -> None:
        """A session's hours begin or end: day orders end, queued ones enter the market."""
        for order in self.shelf.open_orders():
            if now >= order.expires_at:
                self.finish(order, self._settings.expired_state, now)
            elif order.state is State.QUEUED and self._is_open_for(order, now):
                self.shelf.move(order, State.CONFIRMED, now)
        for symbol in self.shelf.open_symbols:
            self._meet(symbol, now)
        self._plan_hours(now)

    def _confirm(self, order: Order, now: datetime) -> None:
        if order.state is not State.UNCONFIRMED:
            return
        if order.effects.reject_reason is not None:
            self.finish(order, State.REJECTED, now, order.effects.reject_reason)
        elif self._is_open_for(order, now):
            self.shelf.move(order, State.CONFIRMED, now)
        else:
            self.shelf.move(order, State.QUEUED, now)

    def _enliven(self, order: Order, now: datetime) -> None:
        order.is_live = True
        self._meet(order.terms.symbol, now)

    def _meet(self, symbol: str, now: datetime) -> None:
        orders = self.shelf.open_orders(symbol)
        if orders:
            quote = self.quote(symbol, now)
            for order in orders:
                self._try(order, quote, now)

    def _try(self, order: Order, quote: QuoteState, now: datetime) -> None:
        terms = order.terms
        if not order.is_live or order.state not in WORKING:
            return
        if not self._is_open_for(order, now) or not matching.is_tradable(quote):
            return
        if terms.trigger == "stop" and order.stop_triggered_at is None:
            if not matching.is_triggered(terms, quote):
                return
            self._trigger(order, quote, now)
        price = matching.fill_price(terms, quote)
        if price is None:
            return
        self._fill(order, price, quote, now)

    def _fill(self, order: Order, price: Decimal, quote: QuoteState, now: datetime) -> None:
        quantity = matching.piece(order, self._left(quote))
        if quantity <= 0:
            return
        self._use(quote, quantity)
        self._execute(order, price, quantity, now)
        if order.is_open and order.effects.pieces > 1:
            if order.effects.pieces_every_s:
                again = now + timedelta(seconds=order.effects.pieces_every_s)
                self._at(again, partial(self._retry, order))
            else:
                self._fill(order, price, quote, now)

    def _retry(self, order: Order, now: datetime) -> None:
        self._try(order, self.quote(order.terms.symbol, now), now)

    def _left(self, quote: QuoteState) -> Decimal:
        """Shares of the standing quote nobody has taken yet."""
        told_at, taken = self._taken.get(quote.symbol, (None, _ZERO))
        return Decimal(quote.size) - (taken if told_at == _told_at(quote) else _ZERO)

    def _use(self, quote: QuoteState, quantity: Decimal) -> None:
        taken = Decimal(quote.size) - self._left(quote) + quantity
        self._taken[quote.symbol] = (_told_at(quote), taken)

    def _trigger(self, order: Order, quote: QuoteState, now: datetime) -> None:
        order.stop_triggered_at = now
        if order.price is None:
            order.price = quote.bid if order.terms.side == "sell" else quote.ask
        self._ledger.add("triggered", now, order_id=order.id, last=quote.last)
        order.updated_at = now

    def _force(self, order: Order, now: datetime) -> None:
        """A fill beats a cancel under way, as far as the market lets anything fill."""
        quote = self.quote(order.terms.symbol, now)
        is_possible = (
            order.state in WORKING and self._is_open_for(order, now) and matching.is_tradable(quote)
        )
        if not is_possible:
            return
        if order.terms.trigger == "stop" and order.stop_triggered_at is None:
            self._trigger(order, quote, now)
        price = matching.fill_price(order.terms, quote) or order.terms.bound
        assert price is not None
        self._execute(order, price, order.remaining, now)

    def _execute(self, order: Order, price: Decimal, quantity: Decimal, now: datetime) -> None:
        terms, day = order.terms, self._calendar.new_york_date(now)
        self._executions += 1
        one = Execution(
            id=made_id("execution", f"{self._settings.seed}/{self._executions}"),
            price=price,
            quantity=quantity,
            at=now,
            trade_date=day,
            settlement_date=self._calendar.settlement_date(day),
        )
        if terms.side == "sell":
            fees = sec_fee(one.notional, day), taf_fee(quantity, day)
            one = replace(one, sec_fee=fees[0], taf_fee=fees[1])
        order.executions.append(one)
        order.last_transaction_at = now
        self.holdings.execute(terms.symbol, terms.side, one)
        self._ledger.add(
            "executed",
            now,
            order_id=order.id,
            execution_id=one.id,
            ref_id=terms.ref_id,
            symbol=terms.symbol,
            side=terms.side,
            quantity=quantity,
            price=price,
            fees=one.fees,
            cash=-one.notional if terms.side == "buy" else one.notional - one.fees,
        )
        self.shelf.move(order, _state_after_fill(order), now)
        is_first = len(order.executions) == 1 and not order.busted
        if order.effects.bust_after_s is not None and is_first:
            again = now + timedelta(seconds=order.effects.bust_after_s)
            self._at(again, partial(self._bust, order, one))

    def _bust(self, order: Order, one: Execution, now: datetime) -> None:
        """The market takes an execution back, unless what it brought is gone already."""
        terms = order.terms
        is_buy = terms.side == "buy"
        proceeds = one.notional - one.fees
        if is_buy and self.holdings.quantity(terms.symbol) < one.quantity:
            return
        if not is_buy and self.holdings.cash - self.shelf.held_cash() < proceeds:
            return
        order.executions.remove(one)
        order.busted += one.quantity
        self.holdings.take_back(terms.symbol, terms.side, one, now)
        self._ledger.add(
            "busted",
            now,
            order_id=order.id,
            execution_id=one.id,
            symbol=terms.symbol,
            quantity=one.quantity,
            cash=one.notional if is_buy else -proceeds,
        )
        if order.remaining <= 0 or not order.is_open:
            self.shelf.move(order, State.CANCELLED if order.executions else State.VOIDED, now)
        else:
            is_part = bool(order.executions)
            self.shelf.move(order, State.PARTIALLY_FILLED if is_part else State.CONFIRMED, now)
        self._release(terms.symbol, now)

    def _release(self, symbol: str, now: datetime) -> None:
        """End the newest sells that ask for more shares than are held."""
        for order in reversed(self.shelf.open_orders(symbol)):
            if self.shelf.held_shares(symbol) <= self.holdings.quantity(symbol):
                return
            if order.terms.side == "sell":
                self.finish(order, State.CANCELLED, now)

    def _is_open_for(self, order: Order, now: datetime) -> bool:
        return matching.is_open_for(order.terms, self.session(now), now)

    def _ends_at(self, terms: Terms, now: datetime) -> datetime:
        day = self._calendar.new_york_date(now)
        if terms.time_in_force == "gtc":
            day += GTC_LIFE
        session = self._calendar.session(day)
        while session is None or matching.ends_at(terms, session) <= now:
            day = self._calendar.next_session(day)
            session = self._calendar.session(day)
        return matching.ends_at(terms, session)


def _state_after_fill(order: Order) -> State:
    if order.remaining > 0:
        return State.PARTIALLY_FILLED
    # Busted shares are not filled again, so such an order never is whole.
    return State.CANCELLED if order.busted else State.FILLED


def _told_at(quote: QuoteState) -> datetime:
    return max(quote.last_at, quote.extended_at or quote.last_at)
