"""DecisionRecord: one line of decisions.jsonl, a signal and the gate's verdict with its numbers."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Self

import msgspec

from trading_bot.domain.order import QUANTITY_MAX
from trading_bot.logging.checks import (
    check_choice,
    check_encodable,
    check_flag,
    check_money,
    check_optional_text,
    check_price,
    check_rule_code,
    check_symbol,
    check_text,
    check_timestamp,
    check_uuid,
    check_whole,
)
from trading_bot.logging.line import RecordError, decode, encode, refused, shape_of

VERDICTS: Final = frozenset({"approved", "refused"})


class RuleCheck(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """One rule that was asked: did it hold, for which value, against which limit (as texts).

    A struct, not a dataclass: a decision makes some thirty of them, at a quarter of the cost.
    `DecisionRecord` checks them.
    """

    rule: str
    ok: bool
    value: str
    limit: str


class QuoteSeen(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The quote the gate saw, as it came: perhaps crossed, zero or missing. `at` is its time."""

    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What a strategy wanted and what the gate answered.

    `seq` counts the file's decisions from the home's first. `rule` is the code of the rule that
    decided: always there for a refusal, for an approval only when one sized it. `reason` is a
    sentence with numbers. `bar_end` is the end of the bar the signal came from. Quantity and prices
    are None where the decision fell before they were known. `checks` are in the order asked.
    Raises RecordError.
    """

    seq: int
    timestamp: str
    session_id: str
    symbol: str
    strategy_name: str
    entry_type: str
    signal_id: str
    ref_id: str | None = None
    verdict: str
    rule: str | None = None
    reason: str
    signal_reasons: str = ""
    signal_price: Decimal | None = None
    quantity: int | None = None
    limit_price: Decimal | None = None
    stop_loss: Decimal | None = None
    target: Decimal | None = None
    bar_end: str
    checks: tuple[RuleCheck, ...] = ()
    quote: QuoteSeen | None = None

    def __post_init__(self) -> None:
        _check_identity(self)
        _check_verdict(self)
        _check_order(self)
        _check_rules(self)
        if self.quote is not None:
            object.__setattr__(self, "quote", _checked_quote(self.quote))

    @property
    def is_approved(self) -> bool:
        return self.verdict == "approved"

    def to_jsonl_line(self) -> str:
        """The record's line, without LF."""
        return encode(self)

    @classmethod
    def from_jsonl_line(cls, line: str | bytes) -> Self:
        """The record in `line`; RecordError says what is wrong."""
        return decode(cls, _SHAPE, line)


def _rule_checks(value: object) -> object:
    return _struct(value, tuple[RuleCheck, ...])


def _quote_seen(value: object) -> object:
    return _struct(value, QuoteSeen)


def _struct(value: object, kind: type[object]) -> object:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


_SHAPE: Final = shape_of(
    DecisionRecord,
    decimals=("signal_price", "limit_price", "stop_loss", "target"),
    converters={"checks": _rule_checks, "quote": _quote_seen},
)


def _check_identity(record: DecisionRecord) -> None:
    check_whole("seq", record.seq, 0)
    check_timestamp("timestamp", record.timestamp)
    check_uuid("session_id", record.session_id)
    check_symbol("symbol", record.symbol)
    check_text("strategy_name", record.strategy_name)
    check_text("entry_type", record.entry_type)
    check_text("signal_id", record.signal_id)
    if type(record.signal_reasons) is not str:
        raise refused("signal_reasons", "a text, empty when the signal gave none", None)
    check_encodable("signal_reasons", record.signal_reasons)
    check_optional_text("ref_id", record.ref_id)
    check_timestamp("bar_end", record.bar_end)


def _check_verdict(record: DecisionRecord) -> None:
    check_choice("verdict", record.verdict, VERDICTS)
    check_text("reason", record.reason)
    if record.rule is not None:
        check_rule_code("rule", record.rule)
    if not record.is_approved:
        if record.rule is None:
            raise refused("rule", "the code of the rule that refused", None)
        return
    for name in ("ref_id", "quantity", "limit_price"):
        if getattr(record, name) is None:
            raise refused(name, "a value, the verdict is approved", None)


def _check_order(record: DecisionRecord) -> None:
    if record.quantity is not None:
        # A refusal states what was asked, however many; only what was approved is bounded.
        low, high = (1, QUANTITY_MAX) if record.is_approved else (0, None)
        check_whole("quantity", record.quantity, low, high)
    for name in ("signal_price", "limit_price", "stop_loss", "target"):
        value = getattr(record, name)
        if value is not None:
            price = check_price(name, value)
            if price is not value:
                object.__setattr__(record, name, price)


def _check_rules(record: DecisionRecord) -> None:
    given: object = record.checks
    if isinstance(given, list):
        object.__setattr__(record, "checks", tuple(given))
    elif not isinstance(given, tuple):
        raise refused("checks", "a list of rule checks", given)
    checks: tuple[Any, ...] = record.checks
    is_approved = record.is_approved
    if _are_written_well(checks) and not (is_approved and any(not check.ok for check in checks)):
        return
    for check in checks:
        _name_fault(check)
        if is_approved and not check.ok:
            raise RecordError(f"checks: approved, yet {check.rule} did not hold")


def _are_written_well(checks: tuple[Any, ...]) -> bool:
    """True when `_name_fault` finds nothing: in one look each, for a decision holds thirty."""
    if not {RuleCheck}.issuperset(map(type, checks)):
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


def _name_fault(check: object) -> None:
    if type(check) is not RuleCheck:
        raise refused("checks", "rule checks", check)
    check_rule_code("checks.rule", check.rule)
    check_flag("checks.ok", check.ok)
    check_text("checks.value", check.value)
    check_text("checks.limit", check.limit)


def _checked_quote(quote: QuoteSeen) -> QuoteSeen:
    if type(quote) is not QuoteSeen:
        raise refused("quote", "a quote as seen, or null", quote)
    if quote.at is not None:
        check_timestamp("quote.at", quote.at)
    prices = (quote.bid, quote.ask, quote.last)
    kept = tuple(None if price is None else check_money("quote", price) for price in prices)
    if all(one is other for one, other in zip(kept, prices, strict=True)):
        return quote
    bid, ask, last = kept
    return QuoteSeen(bid=bid, ask=ask, last=last, at=quote.at)
