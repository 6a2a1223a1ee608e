"""DecisionRecord: one line of decisions.jsonl, a signal and the gate's verdict with its numbers."""

from decimal import Decimal
from functools import lru_cache
from typing import Final, Self, TypeVar

import msgspec
from msgspec.structs import force_setattr

from trading_bot.domain.order import QUANTITY_MAX
from trading_bot.logging.checks import (
    check_choice,
    check_encodable,
    check_money,
    check_price,
    check_rule_code,
    check_symbol,
    check_text,
    check_timestamp,
    check_uuid,
    check_whole,
)
from trading_bot.logging.line import RecordError, decode, encode, refused, shape_of
from trading_bot.logging.rule_check import Answers, RuleCheck, validate

_Struct = TypeVar("_Struct")

_NAMES_KEPT: Final = 256
VERDICTS: Final = frozenset({"approved", "refused"})


class QuoteSeen(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The quote the gate saw, as it came: perhaps crossed, zero or missing. `at` is its time."""

    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    at: str | None


class DecisionRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
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
            force_setattr(self, "quote", _checked_quote(self.quote))

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


def _struct(value: object, kind: type[_Struct]) -> _Struct:
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
    _check_names(record.session_id, record.symbol, record.strategy_name, record.entry_type)
    check_text("signal_id", record.signal_id)
    if type(record.signal_reasons) is not str:
        raise refused("signal_reasons", "a text, empty when the signal gave none", None)
    if not record.signal_reasons.isascii():
        check_encodable("signal_reasons", record.signal_reasons)
    if record.ref_id is not None:
        check_text("ref_id", record.ref_id)
    check_timestamp("bar_end", record.bar_end)


def _check_names(*names: object) -> None:
    try:
        _check_known_names(*names)
    except TypeError:  # What cannot be remembered is no name either, and is told which.
        _check_known_names.__wrapped__(*names)


# By type, for equal is not enough. A run's decisions are about few symbols and strategies.
@lru_cache(maxsize=_NAMES_KEPT, typed=True)
def _check_known_names(
    session_id: object, symbol: object, strategy_name: object, entry_type: object
) -> None:
    check_uuid("session_id", session_id)
    check_symbol("symbol", symbol)
    check_text("strategy_name", strategy_name)
    check_text("entry_type", entry_type)


def _check_verdict(record: DecisionRecord) -> None:
    check_choice("verdict", record.verdict, VERDICTS)
    check_text("reason", record.reason)
    if record.rule is not None:
        check_rule_code("rule", record.rule)
    if record.verdict == "approved":
        for name in ("ref_id", "quantity", "limit_price"):
            if getattr(record, name) is None:
                raise refused(name, "a value, the verdict is approved", None)
    elif record.rule is None:
        raise refused("rule", "the code of the rule that refused", None)


def _check_order(record: DecisionRecord) -> None:
    if record.quantity is not None:
        # A refusal states what was asked, however many; only what was approved is bounded.
        low, high = (1, QUANTITY_MAX) if record.is_approved else (0, None)
        check_whole("quantity", record.quantity, low, high)
    _check_price(record, "signal_price", record.signal_price)
    _check_price(record, "limit_price", record.limit_price)
    _check_price(record, "stop_loss", record.stop_loss)
    _check_price(record, "target", record.target)


def _check_price(record: DecisionRecord, name: str, value: Decimal | None) -> None:
    if value is not None:
        price = check_price(name, value)
        if price is not value:
            force_setattr(record, name, price)


def _check_rules(record: DecisionRecord) -> None:
    checks: object = record.checks
    if type(checks) is not Answers:
        if not isinstance(checks, list | tuple):
            raise refused("checks", "a list of rule checks", checks)
        force_setattr(record, "checks", tuple(checks))
        validate(record.checks)
    if record.is_approved:
        for check in record.checks:
            if not check.ok:
                raise RecordError(f"checks: approved, yet {check.rule} did not hold")


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
