"""The broker behind the API: its account, its orders, its ledger, and who may do what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Literal

from trading_bot.market.calendar import NyseCalendar
from trading_bot.rehearsal import order_checks
from trading_bot.rehearsal.corporate import Rename, Split
from trading_bot.rehearsal.cover import Cover
from trading_bot.rehearsal.day_trades import DayTrade, day_trades
from trading_bot.rehearsal.holdings import HeldShares, Holdings
from trading_bot.rehearsal.ledger import Ledger
from trading_bot.rehearsal.market_data import instrument_link
from trading_bot.rehearsal.order import NO_EFFECTS, Effects, Order, State, Terms
from trading_bot.rehearsal.order_book import BookSettings, OrderBook
from trading_bot.rehearsal.owner import AnyAction, Owner
from trading_bot.rehearsal.state_file import Acted, CancelSent, Command, Sent
from trading_bot.rehearsal.tape_quotes import SymbolTape
from trading_bot.rehearsal.timeline import Rank
from trading_bot.rehearsal.wire import Json, Reply, link, made_id

_ZERO = Decimal(0)
_PRE_OPEN_AFTER = timedelta(hours=7)
_PDT_EQUITY = Decimal(25_000)
_PDT_TRADES = 3
_PDT_SESSIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The account: cash in dollars, all of it settled.

    `others` are further accounts of the same owner, empty ones, listed before this one;
    `ticks` are instruments' own price steps. With `has_pdt_rule` a margin account under 25,000
    dollars is kept from a fourth day trade in five sessions, as until 2026-06-04.
    """

    number: str = "REH000001"
    kind: Literal["cash", "margin"] = "cash"
    cash: Decimal = Decimal(25_000)
    held: Sequence[HeldShares] = ()
    # Robinhood has been seen to send 0.0000 for settled positions; clearing costs were right.
    has_zero_average_price: bool = False
    others: Sequence[str] = ()
    ticks: Mapping[str, Decimal] = field(default_factory=dict)
    has_pdt_rule: bool = False
    expired_state: State = State.CANCELLED

    @property
    def link(self) -> str:
        """The account's address."""
        return link(f"/accounts/{self.number}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens by itself on the days played, beside the market."""

    owner: Sequence[AnyAction] = ()
    splits: Sequence[Split] = ()
    renames: Sequence[Rename] = ()


NO_PLAN = Plan()


def _forget(_command: Command) -> None:
    """Record nothing."""


class Brokerage:
    """One account's whole business. Every call comes after `advance` to its time."""

    def __init__(
        self,
        settings: AccountSettings,
        tapes: Mapping[str, SymbolTape],
        calendar: NyseCalendar,
        *,
        seed: int = 0,
        plan: Plan = NO_PLAN,
    ) -> None:
        for held in settings.held:
            if held.symbol not in tapes:
                raise ValueError(f"expected shares of a symbol played, got {held.symbol}")
        self.settings = settings
        self._tapes = tapes
        self._calendar = calendar
        self.ledger = Ledger(Cover(calendar))
        self.holdings = Holdings(settings.cash, settings.held)
        self.book = OrderBook(
            BookSettings(seed=seed, expired_state=settings.expired_state),
            tapes,
            calendar,
            self.holdings,
            self.ledger,
        )
        self._by_link = {instrument_link(symbol): symbol for symbol in tapes}
        self._seed = seed
        self._plan = plan
        self._owner = Owner(self.book)
        self._acts = 0
        self.recorder: Callable[[Command], None] = _forget
        self._begins = min(tape.days[0].session.pre_open for tape in tapes.values())

    def advance(self, now: datetime) -> datetime:
        """Let everything happen up to `now`; the time it is then, never earlier than before."""
        if self.book.timeline.now is None:
            self._open(min(now, self._begins))
        return self.book.advance(now, self._begins)

    def submit(
        self, form: Mapping[str, str], now: datetime, effects: Effects = NO_EFFECTS
    ) -> Order | Reply:
        """Take the order of a form, or refuse it; both are in the ledger."""
        self.recorder(Sent(at=now, form=dict(form), effects=effects))
        shelf = self.book.shelf
        number = len(shelf.orders) + 1
        new_ref_id = made_id("ref_id", f"{self._seed}/{number}")
        result = order_checks.check(form, self._standing(now), new_ref_id)
        ref_id = form.get("ref_id") or None
        is_repeated = ref_id is not None and shelf.by_ref(ref_id) is not None
        if isinstance(result, Reply):
            outcome = "repeated" if is_repeated else "refused"
            said = result.body.decode()
            self.ledger.add("received", now, ref_id=ref_id, outcome=outcome, said=said)
            return result
        self.ledger.add("received", now, ref_id=result.ref_id, outcome="accepted")
        return self.book.place(result, now, effects=effects)

    def cancel(self, order: Order, now: datetime, effects: Effects = NO_EFFECTS) -> None:
        """Take a cancel of an open order."""
        self.recorder(CancelSent(at=now, order_id=order.id, effects=effects))
        self.book.cancel(order, now, effects)

    def act(self, action: AnyAction, now: datetime) -> str:
        """The owner does something at once; what came of it."""
        self.recorder(Acted(at=now, action=action))
        return self._act(action, now)

    def redo(self, command: Sent | CancelSent | Acted) -> None:
        """Carry out a command of an exchange that was killed."""
        now = self.advance(command.at)
        match command:
            case Sent():
                self.submit(command.form, now, command.effects)
            case CancelSent():
                order = self.book.shelf.by_id(command.order_id)
                assert order is not None
                self.cancel(order, now, command.effects)
            case Acted():
                self._act(command.action, now)

    def buying_power(self, now: datetime) -> Decimal:
        """Dollars that may be spent: a cash account spends settled money only; no one borrows."""
        free = self.holdings.cash - self.book.shelf.held_cash()
        return free - self.unsettled(now) if self.settings.kind == "cash" else free

    def unsettled(self, now: datetime) -> Decimal:
        """Dollars of sales not settled yet; a margin account's count at once."""
        if self.settings.kind == "margin":
            return _ZERO
        return self.holdings.unsettled(self.today(now))

    def equity(self, now: datetime) -> Decimal:
        """Cash and shares at their last regular price."""
        values = (
            one.quantity * self.book.quote(symbol, now).last
            for symbol, one in self.holdings.positions.items()
            if one.quantity
        )
        return sum(values, self.holdings.cash)

    def free_shares(self, symbol: str) -> Decimal:
        """Shares no open sell asks for."""
        return self.holdings.quantity(symbol) - self.book.shelf.held_shares(symbol)

    def recent_day_trades(self, now: datetime) -> list[DayTrade]:
        """Day trades of the last five sessions, today's included."""
        today = self.today(now)
        before = _PDT_SESSIONS - 1 if self._calendar.is_session(today) else _PDT_SESSIONS
        since = self._calendar.previous_session(today, before)
        return day_trades(self.book.shelf.orders, since)

    def today(self, now: datetime) -> date:
        """The New York date."""
        return self._calendar.new_york_date(now)

    def report(self, now: datetime) -> dict[str, Json]:
        """The ledger's report, and beside its sums what the account itself says."""
        account: dict[str, Json] = {
            "cash": f"{self.holdings.cash:.2f}",
            "positions": {
                symbol: f"{one.quantity.normalize():f}"
                for symbol, one in sorted(self.holdings.positions.items())
                if one.quantity
            },
        }
        return {**self.ledger.report(now), "account": account}

    def _open(self, at: datetime) -> None:
        self.ledger.add("opened", at, cash=self.settings.cash)
        for held in self.settings.held:
            self.ledger.add("held", at, symbol=held.symbol, quantity=held.quantity)
        later = self.book.timeline.later
        for action in self._plan.owner:
            assert action.at is not None
            later(action.at, Rank.PERSON, partial(self._act_by_plan, action))
        for split in self._plan.splits:
            later(self._midnight(split.day), Rank.HOURS, partial(self._split, split))
        for rename in self._plan.renames:
            later(self._midnight(rename.day), Rank.HOURS, partial(self._rename, rename))

    def _act_by_plan(self, action: AnyAction, now: datetime) -> None:
        self._act(action, now)

    def _act(self, action: AnyAction, now: datetime) -> str:
        self._acts += 1
        ref_id = made_id("owner's ref_id", f"{self._seed}/{self._acts}")
        said = self._owner.act(action, now, ref_id, self.buying_power(now))
        kind = str(action.__struct_config__.tag)
        self.ledger.add("owner", now, action=kind, said=said)
        return said

    def _split(self, split: Split, now: datetime) -> None:
        self.book.split(split.symbol, split.multiplier, split.divisor, now)

    def _rename(self, rename: Rename, now: datetime) -> None:
        standing = () if rename.keeps_orders else self.book.shelf.open_orders(rename.old)
        for order in standing:
            self.book.finish(order, State.CANCELLED, now)
        self.ledger.add("renamed", now, symbol=rename.old, new=rename.new)

    def _midnight(self, day: date) -> datetime:
        """When the New York day of a session begins."""
        session = self._calendar.session(day)
        if session is None:
            raise ValueError(f"expected a session, got {day}")
        return session.pre_open - _PRE_OPEN_AFTER

    def _standing(self, now: datetime) -> order_checks.Standing:
        return order_checks.Standing(
            symbols_by_link=self._by_link,
            account_link=self.settings.link,
            buying_power=self.buying_power(now),
            free_shares=self.free_shares,
            tick=self.settings.ticks.get,
            is_ref_id_taken=lambda ref_id: self.book.shelf.by_ref(ref_id) is not None,
            is_pattern_day_trade=lambda terms: self._is_pattern_day_trade(terms, now),
        )

    def _is_pattern_day_trade(self, terms: Terms, now: datetime) -> bool:
        if not self.settings.has_pdt_rule or self.settings.kind != "margin":
            return False
        held = self.holdings.positions.get(terms.symbol)
        if held is None or not held.intraday(self.today(now)):
            return False
        return len(self.recent_day_trades(now)) >= _PDT_TRADES and self.equity(now) < _PDT_EQUITY
