"""The gate: the only place that makes an `ApprovedOrder`."""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from trading_bot.domain.order import ApprovedOrder, OrderIntent
from trading_bot.logging.rule_check import Answers, are_words
from trading_bot.risk import exit_rules
from trading_bot.risk.check import AN_ANSWER, UNKNOWN, Check, fill
from trading_bot.risk.context import EntryContext, ExitContext
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.rule_table import ENTRY_RULES, RULE_SET, Rule

RULE_ERROR: Final = "RULE_ERROR"
"""The code of a refusal because a rule raised: what cannot be judged is refused."""


class Approved(msgspec.Struct, frozen=True):
    """The order may go to the broker; every rule that was asked is in `checks`."""

    order: ApprovedOrder
    checks: tuple[Check, ...]

    @property
    def reason(self) -> str:
        """One sentence for people."""
        intent = self.order.intent
        price = intent.limit_price if intent.limit_price is not None else intent.stop_price
        at = "at the market" if price is None else f"at {price}"
        return (
            f"all {len(self.checks)} rules hold for {intent.side} {intent.quantity} "
            f"{intent.symbol} {at}"
        )


class Refused(msgspec.Struct, frozen=True):
    """Nothing may be sent. `rule` is the first that did not hold, `checks` are all that were asked.

    `reason` is one sentence with the rule's numbers.
    """

    intent: OrderIntent
    rule: str
    reason: str
    checks: tuple[Check, ...]


Verdict: TypeAlias = Approved | Refused


def judge_entry(
    intent: OrderIntent,
    context: EntryContext,
    limits: RiskLimits,
    rules: tuple[Rule, ...] = ENTRY_RULES,
) -> Verdict:
    """Ask every rule; approve only when all hold. Never raises."""
    checks = _ask_all(intent, context, limits, rules)
    for check in checks:
        if check.ok is not True:
            return _refused_entry(intent, context, limits, rules, checks)
    if not checks:
        return Refused(intent, RULE_ERROR, "no rule was asked", checks)
    return Approved(ApprovedOrder(intent=intent, rule_set=RULE_SET), checks)


def judge_exit(intent: OrderIntent, context: ExitContext) -> Verdict:
    """Let every sell pass that sells only what we hold and nothing else may sell. Never raises.

    No rule about losses, hours or quotes is asked: getting out must not depend on them.
    """
    checks = tuple(_ask_exit(code, ask, intent, context) for code, ask in exit_rules.EXIT_RULES)
    failed = next((check for check in checks if check.ok is not True), None)
    if failed is None:
        return Approved(ApprovedOrder(intent=intent, rule_set=exit_rules.RULE_SET), checks)
    code = RULE_ERROR if failed.limit is AN_ANSWER else failed.rule
    return Refused(intent, code, exit_rules.explain(intent, context, failed), checks)


def _failure(code: str, error: Exception) -> Check:
    return Check(code, False, f"{type(error).__name__}: {error}", AN_ANSWER)


def _ask_all(
    intent: OrderIntent, context: EntryContext, limits: RiskLimits, rules: tuple[Rule, ...]
) -> tuple[Check, ...]:
    try:
        asked = [rule.ask(intent, context, limits) for rule in rules]
        # What the table's rules answer is theirs, a number, or a text of the context.
        return Answers(asked) if rules is ENTRY_RULES and _has_words(context) else tuple(asked)
    except Exception:  # noqa: BLE001 - the gate rejects what a rule cannot judge
        # Rules are pure: asked again one by one, the others answer as they did.
        return tuple(_ask_entry(rule, intent, context, limits) for rule in rules)


def _has_words(context: EntryContext) -> bool:
    """True when every text that a rule may hand on is fit for a record as it is."""
    problem, only, stopped = context.quote_problem, context.protect_only, context.strategy_stopped
    return (
        (problem is None or are_words((problem,)))
        and (only is None or are_words((only,)))
        and (stopped is None or are_words((stopped,)))
        and are_words(context.trips)
    )


def _ask_entry(rule: Rule, intent: OrderIntent, context: EntryContext, limits: RiskLimits) -> Check:
    try:
        return rule.ask(intent, context, limits)
    except Exception as error:  # noqa: BLE001 - the gate rejects what a rule cannot judge
        return _failure(rule.code, error)


def _ask_exit(
    code: str,
    ask: Callable[[OrderIntent, ExitContext], Check],
    intent: OrderIntent,
    context: ExitContext,
) -> Check:
    try:
        return ask(intent, context)
    except Exception as error:  # noqa: BLE001 - the gate rejects what a rule cannot judge
        return _failure(code, error)


def _refused_entry(
    intent: OrderIntent,
    context: EntryContext,
    limits: RiskLimits,
    rules: tuple[Rule, ...],
    checks: tuple[Check, ...],
) -> Refused:
    rule, check = next(
        (rule, check) for rule, check in zip(rules, checks, strict=True) if check.ok is not True
    )
    if check.limit is AN_ANSWER:
        return Refused(intent, RULE_ERROR, f"rule {rule.code} raised {check.value}", checks)
    if check.value is UNKNOWN:
        return Refused(intent, rule.code, f"{rule.subject} is not known", checks)
    reason = fill(
        rule.sentence_of(check, limits),
        value=check.value,
        limit=check.limit,
        intent=intent,
        context=context,
        limits=limits,
    )
    return Refused(intent, rule.code, reason, checks)
