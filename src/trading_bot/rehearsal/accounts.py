"""The account, its portfolio and its positions, as the API writes them.

`cash` is all money, settled or not, held for orders or not; what may be spent is `buying_power`.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.rehearsal.brokerage import AccountSettings, Brokerage
from trading_bot.rehearsal.day_trades import DayTrade
from trading_bot.rehearsal.holdings import HeldShares, Position
from trading_bot.rehearsal.market_data import instrument_id, instrument_link
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

__all__ = ["AccountSettings", "Accounts", "HeldShares"]

_OPENED = "2020-01-02T15:00:00.000000Z"
_ZERO = Decimal(0)
_ZERO_MONEY = "0.0000"
_ZERO_QUANTITY = "0.00000000"


class Accounts:
    """Answers the account, portfolio and position requests."""

    def __init__(self, brokerage: Brokerage, page_size: int) -> None:
        self._brokerage = brokerage
        self._settings = brokerage.settings
        self._page_size = page_size

    def accounts(self, request: Request, now: datetime) -> Reply:
        """GET /accounts/: paginated."""
        others = [self._other(number, now) for number in self._settings.others]
        return page(request, [*others, self._account(now)], self._page_size)

    def account(self, _request: Request, now: datetime, number: str) -> Reply:
        """GET /accounts/{n} with or without the last slash."""
        return ok(self._account(now)) if number == self._settings.number else not_found()

    def portfolios(self, request: Request, now: datetime) -> Reply:
        """GET /portfolios/: paginated."""
        return page(request, [self._portfolio(now)], self._page_size)

    def portfolio(self, _request: Request, now: datetime, number: str) -> Reply:
        """GET /portfolios/{n} with or without the last slash."""
        return ok(self._portfolio(now)) if number == self._settings.number else not_found()

    def positions(self, request: Request, now: datetime, lag_s: float = 0) -> Reply:
        """GET /positions/?nonzero=true[&account_number=n]: paginated; `lag_s` behind the fills."""
        query = request.query
        if query.get("account_number", self._settings.number) != self._settings.number:
            return invalid(account_number="Account not found.")
        wants_all = query.get("nonzero", "false").lower() != "true"
        positions = self._brokerage.holdings.positions
        if lag_s:
            positions = self._brokerage.holdings.as_of(now - timedelta(seconds=lag_s))
        rows = [self._position(one, now) for one in positions.values() if wants_all or one.quantity]
        return page(request, rows, self._page_size)

    def day_trades(self, _request: Request, now: datetime, number: str) -> Reply:
        """GET /accounts/{n}/recent_day_trades/: those of the last five sessions."""
        if number != self._settings.number:
            return not_found()
        trades = self._brokerage.recent_day_trades(now)
        return ok(
            {
                "equity_day_trades": [self._day_trade(one) for one in trades],
                "option_day_trades": [],
                "day_trade_count": len(trades),
                "flagged_as_pattern_day_trader": False,
            }
        )

    def _own_link(self, kind: str) -> str:
        return link(f"/{kind}/{self._settings.number}/")

    def _account(self, now: datetime) -> Json:
        settings, cash = self._settings, money(self._brokerage.holdings.cash)
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
            "cash": cash,
            "portfolio_cash": cash,
            **self._spendable(now),
            "uncleared_deposits": _ZERO_MONEY,
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
            "cash_balances": self._cash_balances(now) if settings.kind == "cash" else None,
            "margin_balances": self._margin_balances(now) if settings.kind == "margin" else None,
            "portfolio": self._own_link("portfolios"),
            "positions": link(f"/positions/?account_number={settings.number}"),
            "user": link("/user/"),
            "user_id": made_id("user", "rehearsal"),
            "drip_enabled": False,
            "created_at": _OPENED,
            "updated_at": micros_text(now),
        }

    def _other(self, number: str, now: datetime) -> Json:
        """Another account of the same owner, with nothing in it."""
        own = self._account(now)
        assert isinstance(own, dict)
        amounts = ("cash", "portfolio_cash", *self._spendable(now))
        nothing: dict[str, Json] = dict.fromkeys(amounts, _ZERO_MONEY)
        return {
            **own,
            **nothing,
            "url": link(f"/accounts/{number}/"),
            "account_number": number,
            "brokerage_account_type": "ira_roth",
            "is_default": False,
            "is_original": False,
            "cash_balances": None,
            "margin_balances": None,
            "portfolio": link(f"/portfolios/{number}/"),
            "positions": link(f"/positions/?account_number={number}"),
        }

    def _spendable(self, now: datetime) -> dict[str, Json]:
        brokerage = self._brokerage
        free = brokerage.buying_power(now)
        settled = free - brokerage.holdings.unsettled(brokerage.today(now))
        if self._settings.kind == "cash":
            settled = free
        return {
            "buying_power": money(free),
            "cash_available_for_withdrawal": money(max(_ZERO, settled)),
            "cash_held_for_orders": money(brokerage.book.shelf.held_cash()),
            "unsettled_funds": money(brokerage.unsettled(now)),
        }

    def _cash_balances(self, now: datetime) -> Json:
        return {
            "cash": money(self._brokerage.holdings.cash),
            **self._spendable(now),
            "uncleared_deposits": _ZERO_MONEY,
            "created_at": _OPENED,
        }

    def _margin_balances(self, now: datetime) -> Json:
        free = money(self._brokerage.buying_power(now))
        return {
            "cash": money(self._brokerage.holdings.cash),
            "margin_limit": _ZERO_MONEY,
            "day_trade_buying_power": free,
            "overnight_buying_power": free,
            "start_of_day_dtbp": free,
            "day_trade_ratio": "0.25",
            "overnight_ratio": "0.50",
            "unallocated_margin_cash": free,
            "unsettled_funds": _ZERO_MONEY,
            "marked_pattern_day_trader_date": None,
            "day_trades_protection": False,
            "is_pdt_forever": False,
            "leverage_enabled": False,
        }

    def _portfolio(self, now: datetime) -> Json:
        cash = self._brokerage.holdings.cash
        held = [one for one in self._brokerage.holdings.positions.values() if one.quantity]
        quotes = [(one, self._brokerage.book.quote(one.symbol, now)) for one in held]
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
            "withdrawable_amount": self._spendable(now)["cash_available_for_withdrawal"],
            "unwithdrawable_deposits": _ZERO_MONEY,
            "unwithdrawable_grants": _ZERO_MONEY,
        }

    def _position(self, held: Position, now: datetime) -> Json:
        number = self._settings.number
        today = self._brokerage.today(now)
        average = _ZERO if self._settings.has_zero_average_price else held.average
        for_sells = self._brokerage.book.shelf.held_shares(held.symbol)
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
            "intraday_quantity": quantity(held.intraday(today)),
            "intraday_average_buy_price": money(held.intraday_average(today)),
            "shares_held_for_buys": _ZERO_QUANTITY,
            "shares_held_for_sells": quantity(for_sells),
            "shares_available_for_exercise": quantity(held.quantity - for_sells),
            "shares_held_for_stock_grants": _ZERO_QUANTITY,
            "shares_held_for_options_collateral": _ZERO_QUANTITY,
            "shares_held_for_options_events": _ZERO_QUANTITY,
            "shares_pending_from_options_events": _ZERO_QUANTITY,
            "clearing_average_cost": price(held.average),
            "clearing_cost_basis": price(held.cost),
            "avg_cost_affected": False,
            "created_at": _OPENED,
            "updated_at": micros_text(held.changed_at or now),
        }

    def _day_trade(self, one: DayTrade) -> Json:
        return {
            "account": self._own_link("accounts"),
            "instrument": instrument_link(one.symbol),
            "date": one.day.isoformat(),
            "open_order": link(f"/orders/{one.opened_by}/"),
            "close_order": link(f"/orders/{one.closed_by}/"),
            "created_at": micros_text(one.at),
        }
