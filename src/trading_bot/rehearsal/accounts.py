"""The one account of the exchange, its portfolio and its positions, as the API writes them.

Nothing is traded here yet: cash and shares are what the settings say, all day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from trading_bot.rehearsal.market_data import instrument_id, instrument_link
from trading_bot.rehearsal.tape_quotes import QuoteState, SymbolTape, today_of
from trading_bot.rehearsal.wire import (
    Json,
    Reply,
    Request,
    invalid,
    link,
    made_id,
    micros_text,
    money,
    not_found,
    ok,
    page,
    price,
    quantity,
)

_OPENED = "2020-01-02T15:00:00.000000Z"
_ZERO = Decimal(0)
_ZERO_MONEY = "0.0000"
_ZERO_QUANTITY = "0.00000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShares:
    """Shares the account begins with; `average_price` is what one cost, in dollars."""

    symbol: str
    quantity: Decimal
    average_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The account: cash in dollars, all of it settled."""

    number: str = "REH000001"
    kind: Literal["cash", "margin"] = "cash"
    cash: Decimal = Decimal(25_000)
    held: Sequence[HeldShares] = ()
    # Robinhood has been seen to send 0.0000 for settled positions; clearing costs were right.
    has_zero_average_price: bool = False


class Accounts:
    """Answers the account, portfolio and position requests."""

    def __init__(
        self, settings: AccountSettings, tapes: Mapping[str, SymbolTape], page_size: int
    ) -> None:
        for held in settings.held:
            if held.symbol not in tapes:
                raise ValueError(f"expected shares of a symbol played, got {held.symbol}")
        self._settings = settings
        self._tapes = tapes
        self._page_size = page_size

    def accounts(self, request: Request, now: datetime) -> Reply:
        """GET /accounts/: paginated."""
        return page(request, [self._account(now)], self._page_size)

    def account(self, _request: Request, now: datetime, number: str) -> Reply:
        """GET /accounts/{n} with or without the last slash."""
        return ok(self._account(now)) if number == self._settings.number else not_found()

    def portfolios(self, request: Request, now: datetime) -> Reply:
        """GET /portfolios/: paginated."""
        return page(request, [self._portfolio(now)], self._page_size)

    def portfolio(self, _request: Request, now: datetime, number: str) -> Reply:
        """GET /portfolios/{n} with or without the last slash."""
        return ok(self._portfolio(now)) if number == self._settings.number else not_found()

    def positions(self, request: Request, now: datetime) -> Reply:
        """GET /positions/?nonzero=true[&account_number=n]: paginated."""
        query = request.query
        if query.get("account_number", self._settings.number) != self._settings.number:
            return invalid(account_number="Account not found.")
        wants_all = query.get("nonzero", "false").lower() != "true"
        rows = [
            self._position(one, now) for one in self._settings.held if wants_all or one.quantity
        ]
        return page(request, rows, self._page_size)

    def day_trades(self, _request: Request, _now: datetime, number: str) -> Reply:
        """GET /accounts/{n}/recent_day_trades/: none yet."""
        if number != self._settings.number:
            return not_found()
        return ok({"equity_day_trades": [], "option_day_trades": []})

    def _own_link(self, kind: str) -> str:
        return link(f"/{kind}/{self._settings.number}/")

    def _account(self, now: datetime) -> Json:
        settings, cash = self._settings, money(self._settings.cash)
        return {
            "url": self._own_link("accounts"),
            "account_number": settings.number,
            "type": settings.kind,
            "brokerage_account_type": "individual",
            "state": "active",
            "deactivated": False,
            "permanently_deactivated": False,
            "is_default": True,
            "is_original": True,
            "buying_power": cash,
            "cash": cash,
            "portfolio_cash": cash,
            "cash_available_for_withdrawal": cash,
            "cash_held_for_orders": _ZERO_MONEY,
            "uncleared_deposits": _ZERO_MONEY,
            "unsettled_funds": _ZERO_MONEY,
            "unsettled_debit": _ZERO_MONEY,
            "sma": _ZERO_MONEY,
            "only_position_closing_trades": False,
            "deposit_halted": False,
            "withdrawal_halted": False,
            "max_ach_early_access_amount": _ZERO_MONEY,
            "option_level": "",
            "instant_eligibility": {
                "state": "ok",
                "reason": "",
                "reinstatement_date": None,
                "reversal": None,
                "updated_at": None,
            },
            "cash_balances": self._cash_balances() if settings.kind == "cash" else None,
            "margin_balances": self._margin_balances() if settings.kind == "margin" else None,
            "portfolio": self._own_link("portfolios"),
            "positions": link(f"/positions/?account_number={settings.number}"),
            "user": link("/user/"),
            "user_id": made_id("user", "rehearsal"),
            "drip_enabled": False,
            "created_at": _OPENED,
            "updated_at": micros_text(now),
        }

    def _cash_balances(self) -> Json:
        cash = money(self._settings.cash)
        return {
            "cash": cash,
            "buying_power": cash,
            "cash_available_for_withdrawal": cash,
            "cash_held_for_orders": _ZERO_MONEY,
            "uncleared_deposits": _ZERO_MONEY,
            "unsettled_funds": _ZERO_MONEY,
            "created_at": _OPENED,
        }

    def _margin_balances(self) -> Json:
        cash = money(self._settings.cash)
        return {
            "cash": cash,
            "margin_limit": _ZERO_MONEY,
            "day_trade_buying_power": cash,
            "overnight_buying_power": cash,
            "start_of_day_dtbp": cash,
            "day_trade_ratio": "0.25",
            "overnight_ratio": "0.50",
            "unallocated_margin_cash": cash,
            "unsettled_funds": _ZERO_MONEY,
            "marked_pattern_day_trader_date": None,
            "day_trades_protection": False,
            "is_pdt_forever": False,
            "leverage_enabled": False,
        }

    def _portfolio(self, now: datetime) -> Json:
        cash = self._settings.cash
        quotes = [(one, self._quote(one.symbol, now)) for one in self._settings.held]
        regular = sum((one.quantity * quote.last for one, quote in quotes), _ZERO)
        extended = sum(
            (one.quantity * (quote.extended or quote.last) for one, quote in quotes), _ZERO
        )
        before = sum((one.quantity * quote.previous_close for one, quote in quotes), _ZERO) + cash
        is_extended = any(quote.extended is not None for _, quote in quotes)
        return {
            "url": self._own_link("portfolios"),
            "account": self._own_link("accounts"),
            "start_date": _OPENED[:10],
            "market_value": money(regular),
            "equity": money(regular + cash),
            "extended_hours_market_value": money(extended) if is_extended else None,
            "extended_hours_equity": money(extended + cash) if is_extended else None,
            "last_core_equity": money(regular + cash),
            "last_core_market_value": money(regular),
            "last_core_portfolio_equity": money(regular + cash),
            "excess_margin": money(cash),
            "excess_maintenance": money(cash),
            "equity_previous_close": money(before),
            "adjusted_equity_previous_close": money(before),
            "portfolio_equity_previous_close": money(before),
            "withdrawable_amount": money(cash),
            "unwithdrawable_deposits": _ZERO_MONEY,
            "unwithdrawable_grants": _ZERO_MONEY,
        }

    def _position(self, held: HeldShares, now: datetime) -> Json:
        number = self._settings.number
        average = _ZERO if self._settings.has_zero_average_price else held.average_price
        return {
            "url": link(f"/positions/{number}/{instrument_id(held.symbol)}/"),
            "instrument": instrument_link(held.symbol),
            "instrument_id": instrument_id(held.symbol),
            "account": self._own_link("accounts"),
            "account_number": number,
            "symbol": held.symbol,
            "quantity": quantity(held.quantity),
            "average_buy_price": money(average),
            "pending_average_buy_price": money(average),
            "intraday_quantity": _ZERO_QUANTITY,
            "intraday_average_buy_price": _ZERO_MONEY,
            "shares_held_for_buys": _ZERO_QUANTITY,
            "shares_held_for_sells": _ZERO_QUANTITY,
            "shares_available_for_exercise": quantity(held.quantity),
            "shares_held_for_stock_grants": _ZERO_QUANTITY,
            "shares_held_for_options_collateral": _ZERO_QUANTITY,
            "shares_held_for_options_events": _ZERO_QUANTITY,
            "shares_pending_from_options_events": _ZERO_QUANTITY,
            "clearing_average_cost": price(held.average_price),
            "clearing_cost_basis": price(held.average_price * held.quantity),
            "avg_cost_affected": False,
            "created_at": _OPENED,
            "updated_at": micros_text(now),
        }

    def _quote(self, symbol: str, now: datetime) -> QuoteState:
        return self._tapes[symbol].at(now, today_of(now))
