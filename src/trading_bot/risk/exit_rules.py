"""What a sell must satisfy: it is ours, it is new, and it sells only what we hold."""

from collections.abc import Callable
from typing import Final

from trading_bot.domain.order import Leg, OrderIntent, Side
from trading_bot.risk.check import AN_ANSWER, UNKNOWN, Check, shown
from trading_bot.risk.context import ExitContext

RULE_SET: Final = "exit-1"

OVERSELL: Final = "OVERSELL"


def is_sell(intent: OrderIntent, _: ExitContext) -> Check:
    ok = intent.side is Side.SELL and intent.leg is not Leg.ENTRY
    return Check("EXIT_SHAPE", ok, f"{intent.side} {intent.leg}", "SELL stop or exit")


def not_duplicate(intent: OrderIntent, context: ExitContext) -> Check:
    value = UNKNOWN if context.is_duplicate is None else intent.ref_id
    return Check("DUPLICATE_ORDER", context.is_duplicate is False, value, "first use")


def sells_only_what_is_held(intent: OrderIntent, context: ExitContext) -> Check:
    """The smaller of ours and the broker's, less everything that may still sell."""
    free = free_quantity(context)
    if free is None:
        return Check(OVERSELL, False, UNKNOWN, UNKNOWN)
    return Check(OVERSELL, 0 < intent.quantity <= free, shown(intent.quantity), shown(free))


def free_quantity(context: ExitContext) -> int | None:
    """Shares that a sell may still offer; None when that is not known."""
    held, working = context.held_quantity, context.working_sells
    if held is None or working is None or working < 0:
        return None
    free = held - working
    if context.broker_sellable is not None:
        if not context.broker_sellable.is_finite():
            return None
        # Whole shares only: a fraction at the broker is never ours.
        free = min(free, int(context.broker_sellable // 1) - working)
    return free


EXIT_RULES: Final[tuple[tuple[str, Callable[[OrderIntent, ExitContext], Check]], ...]] = (
    ("EXIT_SHAPE", is_sell),
    ("DUPLICATE_ORDER", not_duplicate),
    (OVERSELL, sells_only_what_is_held),
)


def explain(intent: OrderIntent, context: ExitContext, failed: Check) -> str:
    """One sentence with the numbers of the rule that did not hold."""
    if failed.value is UNKNOWN:
        return f"{failed.rule}: what it needs is not known"
    if failed.rule == OVERSELL and failed.limit is not AN_ANSWER:
        return (
            f"selling {intent.quantity} {intent.symbol}: {failed.limit} are free "
            f"({shown(context.held_quantity)} held, {shown(context.broker_sellable)} at the "
            f"broker, {shown(context.working_sells)} in working or unknown sells)"
        )
    return f"{failed.rule}: {failed.value}, needed {failed.limit}"
