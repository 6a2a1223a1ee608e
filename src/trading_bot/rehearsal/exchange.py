"""The exchange: one pure door for every request."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import unquote

import msgspec

from trading_bot.domain.errors import DataError
from trading_bot.market.calendar import NyseCalendar
from trading_bot.rehearsal.accounts import Accounts
from trading_bot.rehearsal.brokerage import NO_PLAN, AccountSettings, Brokerage, Plan
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.fault_base import StandIn
from trading_bot.rehearsal.faults import FAULT_HEADER, FaultRule, FaultScript, effects_of
from trading_bot.rehearsal.historicals import Historicals
from trading_bot.rehearsal.instruments import Instruments, Markets
from trading_bot.rehearsal.login import LOGIN_PATHS, LoginDesk, LoginMemory, LoginSettings
from trading_bot.rehearsal.market_data import MarketData
from trading_bot.rehearsal.order import Effects
from trading_bot.rehearsal.orders import Orders
from trading_bot.rehearsal.owner import AnyAction
from trading_bot.rehearsal.renames import Renames
from trading_bot.rehearsal.state_file import Met, StateFile
from trading_bot.rehearsal.tape_quotes import tapes_of, today_of
from trading_bot.rehearsal.tokens import ACCESS_LIFE, IssuedSession, TokenOffice
from trading_bot.rehearsal.wire import API, HTML_TYPE, Json, Reply, Request, detail, not_found, ok

LABEL_HEADER = "X-Rehearsal-Day"
"""On every reply: "recorded" or "made-up"."""
BACK_DOOR = "/rehearsal/"
"""Paths under it are the rehearsal's own, for those who judge it."""
_BEARER = "bearer "
_READS = ("GET", "HEAD")

Handler = Callable[..., Reply]
"""Takes the request, the time, and the names in its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """How an exchange behaves.

    `page_size` is the rows of one page of any paginated list; with `redirects_slashless` an
    account or portfolio asked for without its last slash is a 301 to the address with it.
    """

    seed: int = 0
    plan: Plan = NO_PLAN
    account: AccountSettings = field(default_factory=AccountSettings)
    login: LoginSettings = field(default_factory=LoginSettings)
    access_life: timedelta = ACCESS_LIFE
    page_size: int = 100
    redirects_slashless: bool = False


class Exchange:
    """Robinhood's API over the days played.

    `handle` asks no clock and does no I/O; its memory is the books, the sessions it issued, the
    log-ins under way and the fault script's counts. Not thread-safe: its doors call it under one
    lock.
    """

    def __init__(
        self,
        days: Sequence[PlayedDay],
        calendar: NyseCalendar,
        settings: ExchangeSettings | None = None,
        faults: FaultScript | None = None,
        state: StateFile | None = None,
    ) -> None:
        if not days:
            raise ValueError("an exchange needs at least one day to play")
        self.days = tuple(days)
        self._settings = settings or ExchangeSettings()
        self._faults = faults or FaultScript()
        self._tokens = TokenOffice(self._settings.seed, self._settings.access_life)
        self._login = LoginDesk(self._settings.login, self._tokens)
        plan, account = self._settings.plan, self._settings.account
        tapes = tapes_of(days, calendar, plan.splits)
        page_size = self._settings.page_size
        self._market = MarketData(tapes)
        self._historicals = Historicals(tapes)
        self._instruments = Instruments(tapes, page_size, plan.splits, account.ticks)
        self._markets = Markets(calendar, page_size)
        self.brokerage = Brokerage(account, tapes, calendar, seed=self._settings.seed, plan=plan)
        self._accounts = Accounts(self.brokerage, page_size)
        self._orders = Orders(self.brokerage, page_size)
        made_up = any(day.is_made_up for day in days)
        self._label = "made-up" if made_up else "recorded"
        self._fixed: dict[str, Handler] = self._fixed_routes()
        self._patterns = self._pattern_routes()
        self._renames = Renames(plan.renames)
        self._state = state
        if state is not None:
            self._go_on(state)

    @property
    def latest(self) -> datetime:
        """The latest time asked for, or the first open before any was."""
        return self.brokerage.book.timeline.now or self.days[0].session.open

    @property
    def faults(self) -> FaultScript:
        """What has gone wrong so far."""
        return self._faults

    def first_session(self, now: datetime) -> IssuedSession:
        """The session a client begins with; the same for every exchange of this seed."""
        return self._tokens.first_session(now)

    def summary(self) -> dict[str, str | list[str] | dict[str, int]]:
        """What is played, for people; `gaps` counts regular minutes without a bar, where any."""
        return {
            "bars": self._label,
            "days": [day.day.isoformat() for day in self.days],
            "symbols": sorted({symbol for day in self.days for symbol in day.symbols}),
            "gaps": {
                f"{one.symbol} {day.day}": len(one.missing)
                for day in self.days
                for one in day.symbols.values()
                if one.missing
            },
        }

    def report(self, now: datetime) -> dict[str, Json]:
        """What the ledger knows at `now`, and how often each kind of fault has fired."""
        return {**self.brokerage.report(now), "faults": self._faults.counts}

    def handle(self, request: Request, now: datetime) -> Reply:
        """The reply to `request` at the virtual time `now` (aware).

        The market goes on to `now` first. A request that comes with an earlier time than one
        before finds the orders as that one did: time never goes back for them.
        """
        traded_until = self.brokerage.advance(now)
        if request.path.startswith(BACK_DOOR):
            return self._back_door(request, traded_until)
        today = today_of(now)
        request = self._renames.inward(request, today)
        headers = {
            "Date": format_datetime(now.astimezone(UTC), usegmt=True),
            "Server": "envoy",
            LABEL_HEADER: self._label,
        }
        try:
            rules = self._firing(request, now)
        except DataError as error:
            return detail(400, f"{FAULT_HEADER}: {error}")
        if rules and isinstance(rules[0].fault, StandIn):
            reply = rules[0].fault.answer()
        else:
            reply = self._answer(request, now, traded_until, effects_of(rules))
        reply = self._renames.outward(reply, today)
        reply = replace(reply, headers={**headers, **reply.headers})
        for rule in rules:
            reply = rule.spoil(reply)
        return reply

    def _firing(self, request: Request, now: datetime) -> list[FaultRule]:
        rules = self._faults.firing(request, now)
        if rules and self._state is not None:
            fired, met, carried = self._faults.memory
            self._state.append(Met(fired=fired, met=met, carried=carried))
        return rules

    def _go_on(self, state: StateFile) -> None:
        """Become what the exchange was that wrote `state`, and write on."""
        for command in state.commands:
            match command:
                case Met():
                    self._faults.recall((command.fired, command.met, command.carried))
                case LoginMemory():
                    self._login.recall(command)
                case _:
                    self.brokerage.redo(command)
        self.brokerage.recorder = state.append

    def _back_door(self, request: Request, now: datetime) -> Reply:
        """What is no part of Robinhood's API; no fault touches it, no token opens it."""
        match request.method, request.path.removeprefix(BACK_DOOR):
            case "GET", "ledger/":
                return ok(self.report(now))
            case "POST", "owner/":
                try:
                    action = msgspec.json.decode(request.body, type=AnyAction)
                except msgspec.MsgspecError as error:
                    return detail(400, f"expected an owner's action, got: {error}")
                return ok({"said": self.brokerage.act(action, now)})
            case _:
                return not_found()

    def _answer(
        self, request: Request, now: datetime, traded_until: datetime, effects: Effects
    ) -> Reply:
        path = request.path
        if path.startswith(LOGIN_PATHS):
            return self._at_the_desk(request, now)
        refusal = self._refusal(request, now)
        if refusal is not None:
            return refusal
        if path.startswith("/orders/"):
            return self._orders.answer(request, traded_until, effects)
        handler, names = self._route(path)
        if handler is None:
            return not_found()
        if request.method not in _READS:
            return detail(405, f'Method "{request.method}" not allowed.')
        if effects.positions_lag_s and path == "/positions/":
            return self._accounts.positions(request, now, effects.positions_lag_s)
        return handler(request, now, *names)

    def _at_the_desk(self, request: Request, now: datetime) -> Reply:
        if self._state is None:
            return self._login.handle(request, now)
        before = self._login.memory
        reply = self._login.handle(request, now)
        if self._login.memory != before:
            self._state.append(self._login.memory)
        return reply

    def _route(self, path: str) -> tuple[Handler | None, tuple[str, ...]]:
        if path in self._fixed:
            return self._fixed[path], ()
        for pattern, handler in self._patterns:
            match = pattern.fullmatch(path)
            if match:
                return handler, tuple(unquote(name) for name in match.groups())
        return None, ()

    def _fixed_routes(self) -> dict[str, Handler]:
        market, accounts = self._market, self._accounts
        return {
            "/quotes/": market.quotes,
            "/marketdata/quotes/": market.quotes,
            "/fundamentals/": market.fundamentals,
            "/quotes/historicals/": self._historicals.answer,
            "/marketdata/historicals/": self._historicals.answer,
            "/instruments/": self._instruments.listing,
            "/markets/": self._markets.listing,
            "/accounts/": accounts.accounts,
            "/portfolios/": accounts.portfolios,
            "/positions/": accounts.positions,
        }

    def _pattern_routes(self) -> list[tuple[re.Pattern[str], Handler]]:
        routes: dict[str, Handler] = {
            r"/(?:marketdata/)?quotes/([^/]+)/": self._market.quote,
            r"/fundamentals/([^/]+)/": self._market.fundamental,
            r"/instruments/([^/]+)/": self._instruments.one,
            r"/instruments/([^/]+)/splits/": self._instruments.splits,
            r"/markets/([^/]+)/": self._markets.one,
            r"/markets/([^/]+)/hours/([^/]+)/": self._markets.hours,
            r"/accounts/([^/]+)/recent_day_trades/": self._accounts.day_trades,
            r"/accounts/([^/]+)(/?)": self._either_way(self._accounts.account),
            r"/portfolios/([^/]+)(/?)": self._either_way(self._accounts.portfolio),
        }
        return [(re.compile(pattern), handler) for pattern, handler in routes.items()]

    def _either_way(self, handler: Handler) -> Handler:
        """`handler` for an address with or without its last slash."""

        def answer(request: Request, now: datetime, number: str, slash: str) -> Reply:
            if slash or not self._settings.redirects_slashless:
                return handler(request, now, number)
            _, mark, query = request.target.partition("?")
            place = f"{API}{request.path}/{mark}{query}"
            return Reply(301, b"", HTML_TYPE, headers={"Location": place})

        return answer

    def _refusal(self, request: Request, now: datetime) -> Reply | None:
        sent = request.headers.get("authorization")
        if not sent:
            return detail(401, "Authentication credentials were not provided.")
        if not sent.lower().startswith(_BEARER):
            return detail(401, "Invalid token.")
        if not self._tokens.accepts(sent[len(_BEARER) :], now):
            return detail(401, "Invalid token.")
        return None
