"""Everything the gate looks at, gathered by the caller; None means not known, and refuses."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.market.calendar import Session


@dataclass(slots=True, kw_only=True)
class EntryContext:
    """What is known when an entry is judged. No field has a default: forgetting one is an error.

    None means unknown and refuses, save in `quote_problem`, `protect_only` and `strategy_stopped`,
    where it means that there is none. Slotted, not frozen: one is made for each decision.

    Market: `session` is the trading session of the day, None when there is none; `hours_agree` says
    that the broker's own hours equal it; `quote_problem` is the code of the market room's check.
    Account: dollars; `opening_equity` is the day's recorded one; `reserved_cash` is what approved,
    working and unknown buys hold at their limit price and `buying_power` does not reflect yet.
    Holdings: shares of ours and of others in the symbol; `working_orders` counts orders of the
    symbol that may still trade, unknown ones included; `open_positions` includes working entries;
    `exposure`, in dollars, is what our shares have cost and working entries may, at their limit.
    The day: `day_pnl` is realised plus open P&L of our own trades, in dollars;
    `consecutive_losses` counts losing round trips in a row since the breaker's last reset; `trips`
    names the breakers that hold.
    The plan: `stop`, `target` (None when the signal has none), `reference_price` of the signal.
    """

    now: datetime
    session: Session | None
    hours_agree: bool | None
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    quote_age_s: float | None
    quote_problem: str | None
    equity: Decimal | None
    opening_equity: Decimal | None
    buying_power: Decimal | None
    account_age_s: float | None
    reserved_cash: Decimal | None
    position_quantity: int | None
    foreign_quantity: Decimal | None
    working_orders: int | None
    open_positions: int | None
    exposure: Decimal | None
    trades_today: int | None
    is_duplicate: bool | None
    day_pnl: Decimal | None
    consecutive_losses: int | None
    trips: tuple[str, ...]
    protect_only: str | None
    strategy_stopped: str | None
    stop: Decimal | None
    target: Decimal | None
    reference_price: Decimal | None


@dataclass(slots=True, kw_only=True)
class ExitContext:
    """What is known when a sell is judged; shares of the trade's symbol.

    `held_quantity` is what our own executions prove we hold. `working_sells` is what sells that are
    open, in flight or unknown may still sell, of every trade in the symbol. `broker_sellable` is
    the broker's quantity less foreign holds; None when no reading is newer than our last fill: then
    our executions, which the broker itself reported, decide alone, so that a fresh fill can be
    protected before the position shows.
    """

    held_quantity: int | None
    working_sells: int | None
    broker_sellable: Decimal | None
    is_duplicate: bool | None
