"""What an entry must satisfy: one small pure function a rule, all asked for every entry.

A rule gets the intent, the context and the limits and returns a Check. A new rule is a function
here and a row in `rule_table`.
"""

from decimal import Decimal
from typing import TypeGuard

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import Leg, OrderIntent, OrderType, Side
from trading_bot.risk.check import Check
from trading_bot.risk.context import EntryContext
from trading_bot.risk.limits import RiskLimits

CLOCK_TOLERANCE_S = 2.0
"""How far a source's clock may run before ours; a larger difference makes every age meaningless."""

# Looked up once: an enum's member costs more than the whole comparison.
_BUY, _ENTRY, _LIMIT = Side.BUY, Leg.ENTRY, OrderType.LIMIT

# Nearly every entry's answer.
_GOOD_SHAPE = Check("ENTRY_SHAPE", True, "BUY, limit", "BUY, limit")

_PERCENT = Decimal("0.01")
_ONE = Decimal(1)
_HALF = Decimal("0.5")
_SECONDS = 60


def is_entry(intent: OrderIntent, _: EntryContext, __: RiskLimits) -> Check:
    """A limit order that buys; the one rule that proves the limit price finite."""
    ok = (
        intent.side is _BUY
        and intent.leg is _ENTRY
        and intent.type is _LIMIT
        and _known(intent.limit_price)
    )
    return _GOOD_SHAPE if ok else Check("ENTRY_SHAPE", ok, (intent.side, intent.type), "BUY, limit")


def no_breaker_tripped(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    return Check("BREAKER_TRIPPED", context.trips == (), context.trips, "none")


def not_protect_only(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    reason = context.protect_only
    return Check("PROTECT_ONLY", reason is None, "none" if reason is None else reason, "none")


def strategy_runs(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    reason = context.strategy_stopped
    return Check("STRATEGY_STOPPED", reason is None, "none" if reason is None else reason, "none")


def market_open(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    session = context.session
    if session is None:
        return Check("MARKET_CLOSED", False, context.now, "no session")
    now = context.now
    return Check("MARKET_CLOSED", session.open <= now < session.close, now, session.close)


def hours_agree(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    agree = context.hours_agree
    return Check("HOURS_DISAGREE", agree is True, agree, "yes")


def inside_entry_window(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    session = context.session
    if session is None:
        return Check("ENTRY_WINDOW", False, None, "no session")
    since_open = (context.now - session.open).total_seconds()
    to_close = (session.close - context.now).total_seconds()
    late = to_close <= limits.entry_end_margin_minutes * _SECONDS
    early = since_open < limits.entry_start_delay_minutes * _SECONDS
    limit = session.close if late else session.open
    return Check("ENTRY_WINDOW", not (late or early), context.now, limit)


def quote_good(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    problem = context.quote_problem
    if problem is not None:
        return Check("QUOTE_BAD", False, problem, "none")
    bid, ask, last = context.bid, context.ask, context.last
    if bid is None or ask is None or last is None:
        return Check("QUOTE_BAD", False, None, "bid, ask and last")
    finite = bid.is_finite() and ask.is_finite() and last.is_finite()
    ok = finite and ZERO < bid <= ask and last > ZERO
    return Check("QUOTE_BAD", ok, (bid, ask, last), "0 < bid <= ask, last > 0")


def quote_fresh(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    age = context.quote_age_s
    limit = limits.quote_age_max_s
    return Check("QUOTE_STALE", _is_fresh(age, limit), age, limit)


def spread_narrow(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    bid, ask = context.bid, context.ask
    if bid is None or ask is None or not (bid.is_finite() and ask.is_finite()):
        return Check("SPREAD_WIDE", False, None, limits.spread_max_pct)
    widest = (bid + ask) * _HALF * limits.spread_max_pct * _PERCENT
    spread = ask - bid
    return Check("SPREAD_WIDE", spread <= widest, spread, widest)


def account_known(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    age = context.account_age_s
    limit = limits.account_age_max_s
    equity, opening = context.equity, context.opening_equity
    ok = (
        _known(equity)
        and equity > ZERO
        and _known(opening)
        and opening > ZERO
        and _known(context.buying_power)
        and _known(context.reserved_cash)
        and context.reserved_cash >= ZERO
    )
    return Check("ACCOUNT_UNKNOWN", ok and _is_fresh(age, limit), age if ok else None, limit)


def not_duplicate(intent: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    duplicate = context.is_duplicate
    value = None if duplicate is None else intent.ref_id
    return Check("DUPLICATE_ORDER", duplicate is False, value, "first use")


def no_position(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    held = context.position_quantity
    return Check("POSITION_OPEN", held is not None and held == 0, held, 0)


def no_working_order(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    working = context.working_orders
    return Check("ORDER_WORKING", working is not None and working == 0, working, 0)


def no_foreign_holding(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    foreign = context.foreign_quantity
    return Check("FOREIGN_HOLDING", _known(foreign) and foreign == ZERO, foreign, 0)


def day_loss_small(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    pnl, opening = context.day_pnl, context.opening_equity
    if not _known(pnl) or not _known(opening):
        return Check("DAILY_LOSS", False, None, limits.max_daily_loss_pct)
    floor = -opening * limits.max_daily_loss_pct * _PERCENT
    return Check("DAILY_LOSS", pnl > floor, pnl, floor)


def losses_few(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    losses, limit = context.consecutive_losses, limits.max_consecutive_losses
    return Check("CONSECUTIVE_LOSSES", losses is not None and 0 <= losses < limit, losses, limit)


def trades_left(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    trades, limit = context.trades_today, limits.max_trades_per_day
    return Check("TRADES_PER_DAY", trades is not None and 0 <= trades < limit, trades, limit)


def positions_left(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    count, limit = context.open_positions, limits.max_open_positions
    return Check("OPEN_POSITIONS", count is not None and 0 <= count < limit, count, limit)


def stop_below(intent: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    stop, price = context.stop, intent.limit_price
    ok = price is not None and _known(stop) and ZERO < stop < price
    return Check("STOP_SIDE", ok, stop, price)


def reward_worth_it(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    ratio = limits.min_reward_to_risk
    stop, target, price = context.stop, context.target, intent.limit_price
    if ratio == ZERO:
        return Check("REWARD_RISK", True, "not asked", ratio)
    if price is None or not (_known(stop) and _known(target)):
        return Check("REWARD_RISK", False, None, ratio)
    reward, least = target - price, (price - stop) * ratio
    return Check("REWARD_RISK", reward >= least, reward, least)


def inside_collar(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    ask, price = context.ask, intent.limit_price
    if price is None or not _known(ask):
        return Check("PRICE_COLLAR", False, None, limits.entry_collar_pct)
    highest = ask * (_ONE + limits.entry_collar_pct * _PERCENT)
    return Check("PRICE_COLLAR", price <= highest, price, highest)


def not_chasing(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    reference, price = context.reference_price, intent.limit_price
    if price is None or not _known(reference):
        return Check("PRICE_CHASE", False, None, limits.entry_chase_pct)
    highest = reference * (_ONE + limits.entry_chase_pct * _PERCENT)
    return Check("PRICE_CHASE", price <= highest, price, highest)


def quantity_small(intent: OrderIntent, _: EntryContext, limits: RiskLimits) -> Check:
    quantity, limit = intent.quantity, limits.quantity_max
    return Check("QUANTITY_LIMIT", 0 < quantity <= limit, quantity, limit)


def position_small(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    equity, price = context.equity, intent.limit_price
    if price is None or not _known(equity):
        return Check("POSITION_SIZE", False, None, limits.max_position_pct)
    value = price * intent.quantity
    largest = equity * limits.max_position_pct * _PERCENT
    return Check("POSITION_SIZE", value <= largest, value, largest)


def risk_small(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    equity, stop, price = context.equity, context.stop, intent.limit_price
    if price is None or not (_known(equity) and _known(stop)):
        return Check("RISK_PER_TRADE", False, None, limits.risk_per_trade_pct)
    risk = (price - stop) * intent.quantity
    largest = equity * limits.risk_per_trade_pct * _PERCENT
    return Check("RISK_PER_TRADE", risk <= largest, risk, largest)


def cash_covers(intent: OrderIntent, context: EntryContext, _: RiskLimits) -> Check:
    power, reserved, price = context.buying_power, context.reserved_cash, intent.limit_price
    if price is None or not (_known(power) and _known(reserved)):
        return Check("BUYING_POWER", False, None, power)
    cost, available = price * intent.quantity, power - reserved
    return Check("BUYING_POWER", cost <= available, cost, available)


def _known(value: Decimal | None) -> TypeGuard[Decimal]:
    return value is not None and value.is_finite()


def _is_fresh(age_s: float | None, age_max_s: int) -> bool:
    """False for NaN too: no comparison with it holds."""
    return age_s is not None and -CLOCK_TOLERANCE_S <= age_s <= age_max_s
