"""The table of rules: what is asked, in order, and how each is explained."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from trading_bot.domain.order import OrderIntent
from trading_bot.risk import rules
from trading_bot.risk.check import Check, amount
from trading_bot.risk.context import EntryContext
from trading_bot.risk.limits import RiskLimits

EntryRule = Callable[[OrderIntent, EntryContext, RiskLimits], Check]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row. `subject` is what the rule looks at, in words ("the age of the quote").

    `sentence` explains a refusal: `{value}` and `{limit}` are the check's, `{intent.…}`,
    `{context.…}`, `{limits.…}` the inputs. `settings` names the limits that decide, for the
    record's snapshot and the documentation. `cap_sentence` explains it where
    the cap on a loss of the setting `cap_setting` was nearer than what `sentence` speaks of.
    """

    code: str
    ask: EntryRule
    subject: str
    sentence: str
    settings: tuple[str, ...] = ()
    cap_setting: str = ""
    cap_sentence: str = ""

    def sentence_of(self, check: Check, limits: RiskLimits) -> str:
        """The sentence that explains the refusal `check`."""
        cap = getattr(limits, self.cap_setting) if self.cap_setting else None
        is_capped = cap is not None and check.limit == amount(-cap)
        return self.cap_sentence if is_capped else self.sentence


ENTRY_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        code="ENTRY_SHAPE",
        ask=rules.is_entry,
        subject="the kind of order",
        sentence="an entry must be {limit}, this is {value} for the {intent.leg}",
    ),
    Rule(
        code="BREAKER_TRIPPED",
        ask=rules.no_breaker_tripped,
        subject="the circuit breakers",
        sentence="circuit breaker tripped: {value}",
    ),
    Rule(
        code="PROTECT_ONLY",
        ask=rules.not_protect_only,
        subject="whether anything may be opened",
        sentence="only protecting what is held: {value}",
    ),
    Rule(
        code="STRATEGY_STOPPED",
        ask=rules.strategy_runs,
        subject="the strategy",
        sentence="the strategy is stopped: {value}",
    ),
    Rule(
        code="MARKET_CLOSED",
        ask=rules.market_open,
        subject="the regular session",
        sentence="the market is closed at {value} (session end: {limit})",
    ),
    Rule(
        code="HOURS_DISAGREE",
        ask=rules.hours_agree,
        subject="the broker's hours of today",
        sentence="the broker's hours of today are not the calendar's",
    ),
    Rule(
        code="ENTRY_WINDOW",
        ask=rules.inside_entry_window,
        subject="the entry window",
        sentence="{value} is within {limits.entry_start_delay_minutes} minutes of the open or the "
        "last {limits.entry_end_margin_minutes} minutes before the close ({limit})",
        settings=("entry_start_delay_minutes", "entry_end_margin_minutes"),
    ),
    Rule(
        code="QUOTE_BAD",
        ask=rules.quote_good,
        subject="bid, ask and last of the quote",
        sentence="the quote cannot be used: {value}",
    ),
    Rule(
        code="QUOTE_STALE",
        ask=rules.quote_fresh,
        subject="the age of the quote",
        sentence="the quote is {value} s old, allowed are {limit} s",
        settings=("quote_age_max_s",),
    ),
    Rule(
        code="SPREAD_WIDE",
        ask=rules.spread_narrow,
        subject="the spread",
        sentence="the spread of {value} ({context.bid} to {context.ask}) is over "
        "{limits.spread_max_pct}% = {limit}",
        settings=("spread_max_pct",),
    ),
    Rule(
        code="ACCOUNT_UNKNOWN",
        ask=rules.account_known,
        subject="equity, opening equity, buying power or reserved cash",
        sentence="the account was read {value} s ago, allowed are {limit} s",
        settings=("account_age_max_s",),
    ),
    Rule(
        code="DUPLICATE_ORDER",
        ask=rules.not_duplicate,
        subject="whether the order was placed before",
        sentence="an order with the id {value} was placed before",
    ),
    Rule(
        code="POSITION_OPEN",
        ask=rules.no_position,
        subject="our position in the symbol",
        sentence="{value} {intent.symbol} are held already, one position a symbol is the limit",
    ),
    Rule(
        code="ORDER_WORKING",
        ask=rules.no_working_order,
        subject="the working orders of the symbol",
        sentence="{value} orders in {intent.symbol} are working or unknown",
    ),
    Rule(
        code="FOREIGN_HOLDING",
        ask=rules.no_foreign_holding,
        subject="what others hold in the symbol",
        sentence="the account holds {value} {intent.symbol} that are not ours",
    ),
    Rule(
        code="DAILY_LOSS",
        ask=rules.day_loss_small,
        subject="the day's profit and loss, or the day's opening equity",
        sentence="the day's result of {value} has reached -{limits.max_daily_loss_pct}% of the "
        "opening equity {context.opening_equity} = {limit}",
        settings=("max_daily_loss_pct", "daily_loss_max_usd"),
        cap_setting="daily_loss_max_usd",
        cap_sentence="the day's result of {value} has reached the cap of {limit}",
    ),
    Rule(
        code="CONSECUTIVE_LOSSES",
        ask=rules.losses_few,
        subject="the losses in a row",
        sentence="{value} losses in a row, the limit is {limit}",
        settings=("max_consecutive_losses",),
    ),
    Rule(
        code="TRADES_PER_DAY",
        ask=rules.trades_left,
        subject="the entries of the day",
        sentence="{value} entries today, the limit is {limit}",
        settings=("max_trades_per_day",),
    ),
    Rule(
        code="OPEN_POSITIONS",
        ask=rules.positions_left,
        subject="the open positions",
        sentence="{value} positions are open, the limit is {limit}",
        settings=("max_open_positions",),
    ),
    Rule(
        code="STOP_SIDE",
        ask=rules.stop_below,
        subject="the stop",
        sentence="the stop {value} is not below the limit price {limit}",
    ),
    Rule(
        code="REWARD_RISK",
        ask=rules.reward_worth_it,
        subject="stop or target",
        sentence="the planned reward of {value} a share is under {limits.min_reward_to_risk} times "
        "the risk from {intent.limit_price} to the stop {context.stop} = {limit}",
        settings=("min_reward_to_risk",),
    ),
    Rule(
        code="PRICE_COLLAR",
        ask=rules.inside_collar,
        subject="the ask",
        sentence="the limit price {value} is over {limits.entry_collar_pct}% above the ask "
        "{context.ask} = {limit}",
        settings=("entry_collar_pct",),
    ),
    Rule(
        code="PRICE_CHASE",
        ask=rules.not_chasing,
        subject="the price of the signal",
        sentence="the limit price {value} is over {limits.entry_chase_pct}% above the signal's "
        "{context.reference_price} = {limit}",
        settings=("entry_chase_pct",),
    ),
    Rule(
        code="QUANTITY_LIMIT",
        ask=rules.quantity_small,
        subject="the quantity",
        sentence="{value} {intent.symbol} are over the limit of {limit} shares an order",
        settings=("quantity_max",),
    ),
    Rule(
        code="POSITION_SIZE",
        ask=rules.position_small,
        subject="equity",
        sentence="position of {intent.quantity} {intent.symbol} at {intent.limit_price} = {value} "
        "is over {limits.max_position_pct}% of equity {context.equity} = {limit}",
        settings=("max_position_pct",),
    ),
    Rule(
        code="RISK_PER_TRADE",
        ask=rules.risk_small,
        subject="equity or stop",
        sentence="{intent.quantity} {intent.symbol} from {intent.limit_price} to the stop "
        "{context.stop} risk {value}, over {limits.risk_per_trade_pct}% of equity "
        "{context.equity} = {limit}",
        settings=("risk_per_trade_pct",),
    ),
    Rule(
        code="BUYING_POWER",
        ask=rules.cash_covers,
        subject="buying power or reserved cash",
        sentence="{intent.quantity} {intent.symbol} at {intent.limit_price} cost {value}, over the "
        "buying power {context.buying_power} less {context.reserved_cash} reserved = {limit}",
    ),
    Rule(
        code="NOTIONAL_CAP",
        ask=rules.order_under_cap,
        subject="the limit price",
        sentence="{intent.quantity} {intent.symbol} at {intent.limit_price} cost {value}, over the "
        "cap of {limit} an entry",
        settings=("order_notional_max_usd",),
    ),
    Rule(
        code="EXPOSURE_CAP",
        ask=rules.exposure_under_cap,
        subject="what is held and working already",
        sentence="{intent.quantity} {intent.symbol} at {intent.limit_price} would make {value} "
        "held and working, {context.exposure} are already, over the cap of {limit}",
        settings=("exposure_max_usd",),
    ),
)

RULE_SET: Final = f"entry-{crc32(' '.join(rule.code for rule in ENTRY_RULES).encode()):08x}"
"""Names exactly these rules in this order."""
