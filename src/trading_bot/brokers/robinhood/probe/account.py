"""Accounts, portfolio and positions."""

from collections.abc import Sequence

from trading_bot.brokers.robinhood.accounts import AccountRow, ending
from trading_bot.brokers.robinhood.fields import as_row
from trading_bot.brokers.robinhood.parsing import parse_account, parse_position
from trading_bot.brokers.robinhood.probe.points import Point, Reads, Seen, fields_seen

_ACCOUNT = (
    "account_number", "type", "state", "buying_power", "cash", "unsettled_funds",
    "cash_held_for_orders", "deactivated", "only_position_closing_trades",
)  # fmt: skip
_POSITION = (
    "instrument", "instrument_id", "account_number", "symbol", "quantity", "average_buy_price",
    "clearing_average_cost", "shares_held_for_sells", "intraday_quantity",
)  # fmt: skip
_PORTFOLIO = ("account", "equity", "market_value", "extended_hours_equity")


def account_points(
    reads: Reads, accounts: Sequence[AccountRow], number: str, *, is_configured: bool
) -> list[Point]:
    """What `account_number` and its neighbours look like."""

    async def listed() -> Seen:
        words = [f"{ending(a.number)} {a.kind or 'no type'} {a.state}".strip() for a in accounts]
        are_known = all(a.kind in ("cash", "margin") for a in accounts)
        return Seen(", ".join(words) or "none", bool(accounts) and are_known)

    async def ours() -> Seen:
        if not is_configured:
            return Seen("no account is configured", None)
        is_there = number in {account.number for account in accounts}
        return Seen(f"{ending(number)}, {'there' if is_there else 'not there'}", is_there)

    async def account() -> Seen:
        row = as_row(await reads.json(reads.urls.account_profile_url(number)), "account")
        return fields_seen([row], _ACCOUNT)

    async def portfolio() -> Seen:
        row = as_row(await reads.json(reads.urls.portfolio_profile_url(number)), "portfolio")
        return fields_seen([row], _PORTFOLIO)

    async def parsed() -> Seen:
        first = as_row(await reads.json(reads.urls.account_profile_url(number)), "account")
        second = as_row(await reads.json(reads.urls.portfolio_profile_url(number)), "portfolio")
        snapshot = parse_account(first, second, number, reads.now())
        is_sound = snapshot.settled_cash <= snapshot.cash
        return Seen("read" if is_sound else "read, but settled cash above cash", is_sound)

    async def positions() -> Seen:
        rows = await reads.rows(reads.urls.positions_url(number), {"nonzero": "true"})
        seen = fields_seen(rows, _POSITION)
        for row in rows:
            parse_position(row, number)
        return seen

    async def day_trades() -> Seen:
        url = f"https://api.robinhood.com/accounts/{number}/recent_day_trades/"
        status = (await reads.answer(url)).status
        return Seen(str(status), status == 200)

    return [
        Point("accounts: types", "cash or margin", listed),
        Point("accounts: ours", "the configured one among them", ours),
        Point("account: fields", "all that are read", account),
        Point("portfolio: fields", "all that are read", portfolio),
        Point("account: as a snapshot", "readable, settled cash within cash", parsed),
        Point("positions: fields", "all that are read", positions),
        Point("recent_day_trades", "200, it still exists", day_trades),
    ]
