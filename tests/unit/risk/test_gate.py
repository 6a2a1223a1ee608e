"""The gate: reasons, rules that raise, and exits."""

import re
from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.risk_builders import (
    LIMITS,
    entry_context,
    entry_intent,
    exit_context,
    exit_intent,
)
from trading_bot.domain.order import Leg, OrderIntent, OrderType
from trading_bot.logging.line import RecordError
from trading_bot.logging.rule_check import Answers, validate
from trading_bot.risk import exit_rules
from trading_bot.risk.check import Check, fill
from trading_bot.risk.context import EntryContext, ExitContext
from trading_bot.risk.gate import RULE_ERROR, Approved, Refused, judge_entry, judge_exit
from trading_bot.risk.limits import RiskLimits
from trading_bot.risk.rule_table import ENTRY_RULES, RULE_SET, Rule

D = Decimal


def _raising(_: OrderIntent, __: EntryContext, ___: RiskLimits) -> Check:
    raise KeyError("no such thing")


def _truthy(_: OrderIntent, __: EntryContext, ___: RiskLimits) -> Check:
    return Check("TRUTHY", 1, "1", "True")  # type: ignore[arg-type]


def test_refusal_names_the_rule_and_its_numbers() -> None:
    """A refused position reads as one sentence with the order, its value, the limit."""
    intent = entry_intent(quantity=12, limit_price=D("187.20"))
    context = entry_context(
        equity=D("20000.00"),
        ask=D("187.20"),
        bid=D("187.15"),
        last=D("187.18"),
        stop=D("186.00"),
        target=D("190.00"),
        reference_price=D("187.00"),
    )

    refused = judge_entry(intent, context, LIMITS)

    assert isinstance(refused, Refused)
    assert refused.reason == (
        "position of 12 AAPL at 187.20 = 2246.40 is over 10% of equity 20000.00 = 2000.00"
    )


def test_approval_carries_the_intent_and_names_the_rules() -> None:
    """What goes to the broker is the intent that was judged, with the rule set's name."""
    intent = entry_intent()

    verdict = judge_entry(intent, entry_context(), LIMITS)

    assert isinstance(verdict, Approved)
    assert verdict.order.intent is intent
    assert verdict.order.rule_set == RULE_SET
    assert verdict.reason == f"all {len(ENTRY_RULES)} rules hold for BUY 10 AAPL at 100.00"


def test_every_check_is_recorded_on_refusal() -> None:
    """A refusal keeps the answers of the rules behind the first that failed, too."""
    context = entry_context(trips=("daily_loss",), position_quantity=5)

    refused = judge_entry(entry_intent(), context, LIMITS)

    assert isinstance(refused, Refused)
    assert refused.rule == "BREAKER_TRIPPED"
    assert [c.rule for c in refused.checks] == [r.code for r in ENTRY_RULES]
    assert [c.rule for c in refused.checks if not c.ok] == ["BREAKER_TRIPPED", "POSITION_OPEN"]


@pytest.mark.parametrize("place", range(len(ENTRY_RULES)))
def test_a_rule_that_raises_refuses(place: int) -> None:
    """Wherever in the table a rule raises, the entry is refused and the others still answer."""
    broken = replace(ENTRY_RULES[place], ask=_raising)
    rules = (*ENTRY_RULES[:place], broken, *ENTRY_RULES[place + 1 :])

    refused = judge_entry(entry_intent(), entry_context(), LIMITS, rules)

    assert isinstance(refused, Refused)
    assert refused.rule == RULE_ERROR
    assert refused.reason == f"rule {broken.code} raised KeyError: 'no such thing'"
    assert len(refused.checks) == len(ENTRY_RULES)
    assert [c.rule for c in refused.checks if not c.ok] == [broken.code]


def test_an_empty_table_refuses() -> None:
    """No rule asked is no approval."""
    assert isinstance(judge_entry(entry_intent(), entry_context(), LIMITS, ()), Refused)


def test_only_true_approves() -> None:
    """An answer that merely counts as true is not an approval."""
    rule = Rule(code="TRUTHY", ask=_truthy, subject="it", sentence="{value}")

    assert isinstance(judge_entry(entry_intent(), entry_context(), LIMITS, (rule,)), Refused)


def test_rules_have_one_code_each_and_known_settings() -> None:
    """Codes are unique and well formed, settings exist, sentences name only what there is."""
    codes = [rule.code for rule in ENTRY_RULES]

    assert len(set(codes)) == len(codes)
    for rule in ENTRY_RULES:
        assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", rule.code)
        assert set(rule.settings) <= set(RiskLimits.model_fields)
        assert rule.ask(entry_intent(), entry_context(), LIMITS).rule == rule.code
        seen = {"intent": entry_intent(), "context": entry_context(), "limits": LIMITS}
        assert fill(rule.sentence, value="1", limit="2", **seen)


def test_texts_of_checks_are_never_empty() -> None:
    """Decisions refuse an empty text; unknown values are written as words."""
    nothing = {
        field.name: None for field in fields(EntryContext) if field.name not in ("now", "trips")
    }
    for context in (entry_context(), entry_context(**nothing)):
        checks = judge_entry(entry_intent(), context, LIMITS).checks
        assert isinstance(checks, Answers)
        for check in checks:
            assert check.value.strip()
            assert check.limit.strip()
            assert check.value.isascii()
        validate(tuple(checks))


@pytest.mark.parametrize("name", ["quote_problem", "protect_only", "strategy_stopped", "trips"])
@pytest.mark.parametrize("text", [" ", "\ud800", "caf\u00e9"])
def test_odd_words_of_the_context_are_left_to_the_record(name: str, text: str) -> None:
    """A text from outside that is not plain takes the trust off all answers: the record looks."""
    context = entry_context(**{name: (text,) if name == "trips" else text})

    checks = judge_entry(entry_intent(), context, LIMITS).checks

    assert type(checks) is tuple
    if text != "caf\u00e9":
        with pytest.raises(RecordError, match=r"checks\.value"):
            validate(checks)


def test_answers_of_other_rules_are_left_to_the_record() -> None:
    """Only the table's own rules are known to answer what a record may hold."""
    other = judge_entry(entry_intent(), entry_context(), LIMITS, ENTRY_RULES[:3]).checks
    raised = (replace(ENTRY_RULES[0], ask=_raising), *ENTRY_RULES[1:])

    assert type(other) is tuple
    assert type(judge_entry(entry_intent(), entry_context(), LIMITS, raised).checks) is tuple


# Exits


@pytest.mark.parametrize(
    ("quantity", "held", "working", "broker", "passes"),
    [
        (10, 10, 0, D(10), True),
        (11, 12, 0, D(10), False),
        (10, 9, 0, D(10), False),
        (6, 10, 4, D(10), True),
        (7, 10, 4, D(10), False),
        (6, 20, 4, D(10), True),
        (7, 20, 4, D(10), False),
        (10, 10, 0, D("10.9"), True),
        (10, 10, 0, D("9.9"), False),
        (10, 10, 0, None, True),
        (10, None, 0, D(10), False),
        (10, 10, None, D(10), False),
        (10, 10, -5, D(10), False),
        (10, 10, 0, D("NaN"), False),
        (10, 10, 0, D("Infinity"), False),
    ],
)
def test_a_sell_never_exceeds_what_is_free(
    quantity: int, held: int | None, working: int | None, broker: Decimal | None, passes: bool
) -> None:
    """A sell is at most the smaller of ours and the broker's, less what working sells may take."""
    context = exit_context(held_quantity=held, working_sells=working, broker_sellable=broker)

    verdict = judge_exit(exit_intent(quantity=quantity), context)

    assert isinstance(verdict, Approved) is passes
    if isinstance(verdict, Refused):
        assert verdict.rule == "OVERSELL"
        assert verdict.reason


def test_a_duplicate_sell_is_refused() -> None:
    """The same exit is never sent twice, nor when it is not known whether it was."""
    for duplicate in (True, None):
        refused = judge_exit(exit_intent(), exit_context(is_duplicate=duplicate))
        assert isinstance(refused, Refused)
        assert refused.rule == "DUPLICATE_ORDER"
        assert ("not known" in refused.reason) is (duplicate is None)


def test_a_buy_is_no_exit() -> None:
    """An entry never passes the gate for exits, which asks no rule about losses."""
    refused = judge_exit(entry_intent(), exit_context())

    assert isinstance(refused, Refused)
    assert refused.rule == "EXIT_SHAPE"


def test_an_exit_rule_that_raises_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be judged is refused, for exits as for entries."""

    def broken(_: OrderIntent, __: ExitContext) -> Check:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(exit_rules, "EXIT_RULES", (("OVERSELL", broken),))

    refused = judge_exit(exit_intent(), exit_context())

    assert isinstance(refused, Refused)
    assert refused.rule == RULE_ERROR
    assert "ZeroDivisionError" in refused.reason


def test_oversell_says_its_numbers() -> None:
    """A refused sell says what is held, what the broker has and what works already."""
    refused = judge_exit(exit_intent(quantity=8), exit_context(working_sells=4))

    assert isinstance(refused, Refused)
    assert refused.reason == (
        "selling 8 AAPL: 6 are free (10 held, 10 at the broker, 4 in working or unknown sells)"
    )


@given(
    quantity=st.integers(1, 30),
    held=st.none() | st.integers(-3, 30),
    working=st.none() | st.integers(-3, 30),
    broker=st.none() | st.decimals(-5, 30, places=2),
    duplicate=st.sampled_from([True, False, None]),
    market=st.booleans(),
)
def test_no_generated_sell_oversells(
    quantity: int,
    held: int | None,
    working: int | None,
    broker: Decimal | None,
    duplicate: bool | None,
    market: bool,
) -> None:
    """A sell is approved exactly when it is new and everything that may sell fits what is held."""
    changes = {"leg": Leg.EXIT, "type": OrderType.MARKET, "stop_price": None} if market else {}
    context = exit_context(
        held_quantity=held,
        working_sells=working,
        broker_sellable=broker,
        is_duplicate=duplicate,
    )

    verdict = judge_exit(exit_intent(quantity=quantity, **changes), context)

    known = held is not None and working is not None and working >= 0
    fits = known and quantity + working <= held and (broker is None or quantity + working <= broker)
    assert isinstance(verdict, Approved) is (fits and duplicate is False)
