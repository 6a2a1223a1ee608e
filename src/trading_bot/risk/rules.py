"""What an entry must satisfy: one small pure function a rule, all asked for every entry.

A rule gets the intent, the context and the limits and returns a Check. A new rule is a function
here and a row in `rule_table`.
"""

from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TypeGuard

from trading_bot.domain.money import ZERO
from trading_bot.domain.order import Leg, OrderIntent, OrderType, Side
from trading_bot.risk.check import UNKNOWN, Check, amount, moment, seconds, shown
from trading_bot.risk.context import EntryContext
from trading_bot.risk.limits import RiskLimits

CLOCK_TOLERANCE_S = 2.0
"""How far a source's clock may run before ours; a larger difference makes every age meaningless."""

# Looked up once: an enum's member costs more than the whole comparison.
_BUY, _ENTRY, _LIMIT = Side.BUY, Leg.ENTRY, OrderType.LIMIT

# Nearly every entry's answers.
_GOOD_SHAPE = Check("ENTRY_SHAPE", True, "BUY, limit", "BUY, limit")
_NO_BREAKER = Check("BREAKER_TRIPPED", True, "none", "none")
_NOT_ONLY_PROTECTING = Check("PROTECT_ONLY", True, "none", "none")
_RUNS = Check("STRATEGY_STOPPED", True, "none", "none")
_HOURS_AGREE = Check("HOURS_DISAGREE", True, "yes", "yes")
_NOTHING_HELD = Check("POSITION_OPEN", True, "0", "0")
_NOTHING_WORKING = Check("ORDER_WORKING", True, "0", "0")
_NOTHING_FOREIGN = Check("FOREIGN_HOLDING", True, "0", "0")
_NO_ORDER_CAP = Check("NOTIONAL_CAP", True, "not asked", "none")
_NO_EXPOSURE_CAP = Check("EXPOSURE_CAP", True, "not asked", "none")
_NO_REWARD_ASKED = Check("REWARD_RISK", True, "not asked", "0")

_PERCENT = Decimal("0.01")
_ONE = Decimal(1)
_HALF = Decimal("0.5")


def is_entry(intent: OrderIntent, _: EntryContext, __: RiskLimits) -> Check:
    """A limit order that buys; the one rule that proves the limit price finite."""
    ok = (
        intent.side is _BUY
        and intent.leg is _ENTRY
        and intent.type is _LIMIT
        and _known(intent.limit_price)
    )
    return (
        _GOOD_SHAPE
        if ok
        else Check("ENTRY_SHAPE", False, shown((intent.side, intent.type)), "BUY, limit")
    )


def no_breaker_tripped(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    trips = context.trips
    return _NO_BREAKER if trips == () else Check("BREAKER_TRIPPED", False, shown(trips), "none")


def not_protect_only(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    reason = context.protect_only
    return (
        _NOT_ONLY_PROTECTING
        if reason is None
        else Check("PROTECT_ONLY", False, shown(reason), "none")
    )


def strategy_runs(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    reason = context.strategy_stopped
    return _RUNS if reason is None else Check("STRATEGY_STOPPED", False, shown(reason), "none")


def market_open(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    session = context.session
    if session is None:
        return Check("MARKET_CLOSED", False, moment(context.now), "no session")
    now = context.now
    return Check(
        "MARKET_CLOSED", session.open <= now < session.close, moment(now), moment(session.close)
    )


def hours_agree(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    agree = context.hours_agree
    return _HOURS_AGREE if agree is True else Check("HOURS_DISAGREE", False, shown(agree), "yes")


def inside_entry_window(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    session = context.session
    if session is None:
        return Check("ENTRY_WINDOW", False, UNKNOWN, "no session")
    now, opens, closes = context.now, session.open, session.close
    late = closes - now <= _minutes(limits.entry_end_margin_minutes)
    early = now - opens < _minutes(limits.entry_start_delay_minutes)
    limit = closes if late else opens
    return Check("ENTRY_WINDOW", not (late or early), moment(now), moment(limit))


def quote_good(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    problem = context.quote_problem
    if problem is not None:
        return Check("QUOTE_BAD", False, shown(problem), "none")
    bid, ask, last = context.bid, context.ask, context.last
    if bid is None or ask is None or last is None:
        return Check("QUOTE_BAD", False, UNKNOWN, "bid, ask and last")
    finite = bid.is_finite() and ask.is_finite() and last.is_finite()
    ok = finite and ZERO < bid <= ask and last > ZERO
    value = f"{amount(bid)}, {amount(ask)}, {amount(last)}"
    return Check("QUOTE_BAD", ok, value, "0 < bid <= ask, last > 0")


def quote_fresh(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    age = context.quote_age_s
    limit = limits.quote_age_max_s
    if age is None:
        return Check("QUOTE_STALE", False, UNKNOWN, str(limit))
    return Check("QUOTE_STALE", _is_fresh(age, limit), seconds(age), str(limit))


def spread_narrow(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    bid, ask = context.bid, context.ask
    if bid is None or ask is None or not (bid.is_finite() and ask.is_finite()):
        return Check("SPREAD_WIDE", False, UNKNOWN, amount(limits.spread_max_pct))
    widest = (bid + ask) * _HALF * limits.spread_max_pct * _PERCENT
    spread = ask - bid
    return Check("SPREAD_WIDE", spread <= widest, amount(spread), amount(widest))


def account_known(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    age = context.account_age_s
    limit = limits.account_age_max_s
    equity, opening = context.equity, context.opening_equity
    power, reserved = context.buying_power, context.reserved_cash
    if equity is None or opening is None or power is None or reserved is None:
        return Check("ACCOUNT_UNKNOWN", False, UNKNOWN, shown(limit))
    ok = (
        equity.is_finite()
        and equity > ZERO
        and opening.is_finite()
        and opening > ZERO
        and power.is_finite()
        and reserved.is_finite()
        and reserved >= ZERO
    )
    if not ok or age is None:
        return Check("ACCOUNT_UNKNOWN", False, UNKNOWN, shown(limit))
    return Check("ACCOUNT_UNKNOWN", _is_fresh(age, limit), seconds(age), str(limit))


def not_duplicate(intent: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    duplicate = context.is_duplicate
    value = UNKNOWN if duplicate is None else intent.ref_id
    return Check("DUPLICATE_ORDER", duplicate is False, value, "first use")


def no_position(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    held = context.position_quantity
    return _NOTHING_HELD if held == 0 else Check("POSITION_OPEN", False, shown(held), "0")


def no_working_order(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    working = context.working_orders
    return _NOTHING_WORKING if working == 0 else Check("ORDER_WORKING", False, shown(working), "0")


def no_foreign_holding(_: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    foreign = context.foreign_quantity
    if _known(foreign) and foreign == ZERO:
        return _NOTHING_FOREIGN
    return Check("FOREIGN_HOLDING", False, shown(foreign), "0")


def day_loss_small(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    pnl, opening = context.day_pnl, context.opening_equity
    if not _known(pnl) or not _known(opening):
        return Check("DAILY_LOSS", False, UNKNOWN, amount(limits.max_daily_loss_pct))
    floor = limits.loss_floor(opening)
    return Check("DAILY_LOSS", pnl > floor, amount(pnl), amount(floor))


def losses_few(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    return _under("CONSECUTIVE_LOSSES", context.consecutive_losses, limits.max_consecutive_losses)


def trades_left(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    return _under("TRADES_PER_DAY", context.trades_today, limits.max_trades_per_day)


def positions_left(_: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    return _under("OPEN_POSITIONS", context.open_positions, limits.max_open_positions)


def stop_below(intent: OrderIntent, context: EntryContext, __: RiskLimits) -> Check:
    stop, price = context.stop, intent.limit_price
    if price is None or not _known(stop):
        return Check("STOP_SIDE", False, shown(stop), shown(price))
    return Check("STOP_SIDE", ZERO < stop < price, amount(stop), amount(price))


def reward_worth_it(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    ratio = limits.min_reward_to_risk
    stop, target, price = context.stop, context.target, intent.limit_price
    if ratio == ZERO:
        return _NO_REWARD_ASKED
    if price is None or not (_known(stop) and _known(target)):
        return Check("REWARD_RISK", False, UNKNOWN, amount(ratio))
    reward, least = target - price, (price - stop) * ratio
    return Check("REWARD_RISK", reward >= least, amount(reward), amount(least))


def inside_collar(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    ask, price = context.ask, intent.limit_price
    if price is None or not _known(ask):
        return Check("PRICE_COLLAR", False, UNKNOWN, amount(limits.entry_collar_pct))
    highest = ask * (_ONE + limits.entry_collar_pct * _PERCENT)
    return Check("PRICE_COLLAR", price <= highest, amount(price), amount(highest))


def not_chasing(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    reference, price = context.reference_price, intent.limit_price
    if price is None or not _known(reference):
        return Check("PRICE_CHASE", False, UNKNOWN, amount(limits.entry_chase_pct))
    highest = reference * (_ONE + limits.entry_chase_pct * _PERCENT)
    return Check("PRICE_CHASE", price <= highest, amount(price), amount(highest))


def quantity_small(intent: OrderIntent, _: EntryContext, limits: RiskLimits) -> Check:
    quantity, limit = intent.quantity, limits.quantity_max
    return Check("QUANTITY_LIMIT", 0 < quantity <= limit, str(quantity), str(limit))


def position_small(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    equity, price = context.equity, intent.limit_price
    if price is None or not _known(equity):
        return Check("POSITION_SIZE", False, UNKNOWN, amount(limits.max_position_pct))
    value = price * intent.quantity
    largest = equity * limits.max_position_pct * _PERCENT
    return Check("POSITION_SIZE", value <= largest, amount(value), amount(largest))


def risk_small(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    equity, stop, price = context.equity, context.stop, intent.limit_price
    if price is None or not (_known(equity) and _known(stop)):
        return Check("RISK_PER_TRADE", False, UNKNOWN, amount(limits.risk_per_trade_pct))
    risk = (price - stop) * intent.quantity
    largest = equity * limits.risk_per_trade_pct * _PERCENT
    return Check("RISK_PER_TRADE", risk <= largest, amount(risk), amount(largest))


def cash_covers(intent: OrderIntent, context: EntryContext, _: RiskLimits) -> Check:
    power, reserved, price = context.buying_power, context.reserved_cash, intent.limit_price
    if price is None or not (_known(power) and _known(reserved)):
        return Check("BUYING_POWER", False, UNKNOWN, shown(power))
    cost, available = price * intent.quantity, power - reserved
    return Check("BUYING_POWER", cost <= available, amount(cost), amount(available))


def order_under_cap(intent: OrderIntent, _: EntryContext, limits: RiskLimits) -> Check:
    cap, price = limits.order_notional_max_usd, intent.limit_price
    if cap is None:
        return _NO_ORDER_CAP
    if not _known(price):
        return Check("NOTIONAL_CAP", False, UNKNOWN, amount(cap))
    cost = price * intent.quantity
    return Check("NOTIONAL_CAP", cost <= cap, amount(cost), amount(cap))


def exposure_under_cap(intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    cap, price, open_ = limits.exposure_max_usd, intent.limit_price, context.exposure
    if cap is None:
        return _NO_EXPOSURE_CAP
    if not _known(price) or not _known(open_) or open_ < ZERO:
        return Check("EXPOSURE_CAP", False, UNKNOWN, amount(cap))
    total = open_ + price * intent.quantity
    return Check("EXPOSURE_CAP", total <= cap, amount(total), amount(cap))


def _under(rule: str, count: int | None, limit: int) -> Check:
    if count is None:
        return Check(rule, False, UNKNOWN, shown(limit))
    return Check(rule, 0 <= count < limit, str(count), str(limit))


def _known(value: Decimal | None) -> TypeGuard[Decimal]:
    return value is not None and value.is_finite()


def _is_fresh(age_s: float, age_max_s: int) -> bool:
    """False for NaN too: no comparison with it holds."""
    return -CLOCK_TOLERANCE_S <= age_s <= age_max_s


# The settings' two, again and again.
@lru_cache(maxsize=16)
def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)
