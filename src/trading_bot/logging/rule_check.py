"""RuleCheck: the answer of one rule, as decisions record it."""

from functools import lru_cache
from typing import Any, Final

import msgspec

from trading_bot.logging.checks import check_flag, check_rule_code, check_text
from trading_bot.logging.line import refused


class RuleCheck(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One rule that was asked: did it hold, for which value, against which limit (as texts).

    A struct, not a dataclass: a decision makes some thirty of them, at a quarter of the cost.
    `DecisionRecord` checks them.
    """

    rule: str
    ok: bool
    value: str
    limit: str


class Answers(tuple[RuleCheck, ...]):
    """Checks that `validate` would find nothing wrong with: made by the gate alone.

    Their texts are numbers, words of the rules themselves, and words that `are_words` was asked
    about.
    """

    __slots__ = ()


def are_words(texts: tuple[str, ...]) -> bool:
    """True for texts that a check may hold as they are: plain ASCII that says something."""
    return all(type(t) is str and t and t.isascii() and not t.isspace() for t in texts)


def validate(checks: tuple[Any, ...]) -> None:
    """RecordError when one of the checks is not what a decision may hold."""
    if _are_written_well(checks):
        return
    for check in checks:
        if type(check) is not RuleCheck:
            raise refused("checks", "rule checks", check)
        check_rule_code("checks.rule", check.rule)
        check_flag("checks.ok", check.ok)
        check_text("checks.value", check.value)
        check_text("checks.limit", check.limit)


def _are_written_well(checks: tuple[Any, ...]) -> bool:
    """True when nothing has to be named: in one look each, for a decision holds thirty."""
    if not _ONLY_CHECKS.issuperset(map(type, checks)):
        return False
    for check in checks:
        value, limit = check.value, check.limit
        if not (
            type(check.rule) is str
            and type(check.ok) is bool
            and type(value) is str
            and type(limit) is str
            and value.isascii()
            and limit.isascii()
            and value.strip()
            and limit.strip()
        ):
            return False
    return _look_like_codes(tuple([check.rule for check in checks]))


@lru_cache(maxsize=16)
def _look_like_codes(rules: tuple[str, ...]) -> bool:
    """The rules are always the same."""
    return all(rule.isidentifier() and rule.isupper() and rule.isascii() for rule in rules)


_ONLY_CHECKS: Final = frozenset({RuleCheck})
