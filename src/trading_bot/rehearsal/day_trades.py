"""Day trades, counted as FINRA's old rule 4210(f)(8)(B) did: bought, then sold, within one day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from trading_bot.rehearsal.order import Execution, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTrade:
    """One buy and the sell that closed it the same day; several fills in a row count once."""

    symbol: str
    day: date
    opened_by: str
    closed_by: str
    at: datetime


def day_trades(orders: Iterable[Order], since: date) -> list[DayTrade]:
    """The day trades of `since` and later, oldest first."""
    fills: list[tuple[Execution, Order]] = sorted(
        ((one, order) for order in orders for one in order.executions),
        key=lambda fill: (fill[0].at, fill[1].number),
    )
    found: list[DayTrade] = []
    opened: dict[tuple[str, date], str] = {}
    for one, order in fills:
        key = (order.terms.symbol, one.trade_date)
        if order.terms.side == "buy":
            opened[key] = order.id
        elif key in opened and one.trade_date >= since:
            found.append(
                DayTrade(
                    symbol=order.terms.symbol,
                    day=one.trade_date,
                    opened_by=opened.pop(key),
                    closed_by=order.id,
                    at=one.at,
                )
            )
    return found
