"""The codec of the line: times, strictness, other JSON that says the same."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.records import decision_record, exit_record, trade_record
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.line import RecordError, format_timestamp, iso_text, parse_timestamp
from trading_bot.logging.trade_record import TradeRecord


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_cut_to_milliseconds(at: datetime) -> None:
    """Formatting and parsing lose what is below a millisecond and nothing else."""
    text = format_timestamp(at)

    assert len(text) == 24
    assert parse_timestamp(text) == at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert format_timestamp(parse_timestamp(text)) == text


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    """09:30 in New York's winter is 14:30 in the record."""
    opening = datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=-5)))

    assert format_timestamp(opening) == "2026-03-02T14:30:00.000Z"


def test_a_naive_time_is_refused() -> None:
    """A time without a zone means another instant on another machine."""
    with pytest.raises(RecordError, match="aware"):
        format_timestamp(datetime(2026, 3, 2, 9, 30))


@pytest.mark.parametrize("fraction", ["", ".1", ".12", ".123", ".1234", ".123456"])
def test_older_forms_of_a_time_are_read(fraction: str) -> None:
    """Milliseconds are what we write; seconds or microseconds of other writers are read too."""
    text = f"2025-10-26T14:32:15{fraction}Z"

    assert parse_timestamp(text).second == 15
    assert trade_record(timestamp=text).timestamp == text


def _changed(**changes: Any) -> str:
    return json.dumps(json.loads(trade_record().to_jsonl_line()) | changes)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (_changed(symbl="AAPL"), "unknown key 'symbl', the nearest is 'symbol'"),
        (_changed(stoploss="1"), "unknown key 'stoploss', the nearest is 'stop_loss'"),
        (_changed(zzz=1), "unknown key 'zzz'"),
        (_changed(price=150.25), "TradeRecord.price: expected an amount as text"),
        (_changed(price="1e3"), "TradeRecord.price: expected an amount as text"),
        (_changed(price="1_000"), "TradeRecord.price: expected an amount as text"),
        (_changed(price=" 1"), "TradeRecord.price: expected an amount as text"),
        (_changed(price="NaN"), "TradeRecord.price: expected an amount as text"),
        (_changed(price="01.50"), "TradeRecord.price: expected an amount as text"),
        (_changed(price="1.50\n"), "TradeRecord.price: expected an amount as text"),
        (_changed(price="\u0661"), "TradeRecord.price: expected an amount as text"),
        (_changed(price=None), "TradeRecord.price: expected a Decimal"),
        (_changed(quantity="50"), "TradeRecord.quantity: expected a whole number"),
        (_changed(quantity=50.0), "TradeRecord.quantity: expected a whole number"),
        (_changed(quantity=True), "TradeRecord.quantity: expected a whole number"),
        (_changed(risk_reward_ratio="2.3"), "TradeRecord.risk_reward_ratio: expected a finite"),
        (_changed(indicators_used="VWAP"), "TradeRecord.indicators_used: expected a list"),
        ("", "one line of JSON"),
        ("{", "one line of JSON"),
        ("[]", "a JSON object"),
        ("null", "a JSON object"),
        ("{}", "missing timestamp, symbol"),
        (_changed() + _changed(), "one line of JSON"),
        ("\ufeff" + _changed(), "one line of JSON"),
        (_changed().replace("2.5", "NaN"), "one line of JSON"),
        ("[" * 5000, "one line of JSON"),
    ],
)
def test_a_line_that_is_not_the_record_is_refused(line: str, message: str) -> None:
    """The error names the record, the field or key, what was expected and what came."""
    with pytest.raises(RecordError, match="TradeRecord") as caught:
        TradeRecord.from_jsonl_line(line)

    assert message in str(caught.value)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    """A damaged byte inside a text is an error, not a replacement character."""
    raw = trade_record().to_jsonl_line().encode().replace(b"breakout", b"break\xffut")

    with pytest.raises(RecordError, match="JSON"):
        TradeRecord.from_jsonl_line(raw)


def test_a_doubled_key_is_refused() -> None:
    """Two prices in one line mean that nobody knows which one counts, equal or not."""
    line = trade_record().to_jsonl_line()

    for again in ('"price":"150.25",', '"price":"999.00",'):
        with pytest.raises(RecordError, match="'price' occurs more than once"):
            TradeRecord.from_jsonl_line(line.replace('"symbol"', again + '"symbol"'))


def test_a_doubled_key_deep_inside_is_refused() -> None:
    """Also in the objects a record holds."""
    line = decision_record().to_jsonl_line()

    with pytest.raises(RecordError, match="'bid' occurs more than once"):
        DecisionRecord.from_jsonl_line(line.replace('"bid"', '"bid":"1.00","bid"'))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"ok":false', '"ok":0'),
        ('"limit":"5.0%"', '"limit":5'),
        ('"limit":"5.0%"', '"limit":null'),
        ('"limit":"5.0%"', '"limit":""'),
        ('"limit":"5.0%"', '"limit":"\\ud800"'),
        ('"value":"7.5%"', '"value":" "'),
        ('"value":"7.5%"', '"value":7.5'),
        ('"rule":"TRADING_HOURS"', '"rule":"trading hours"'),
        ('"limit":"5.0%"', '"limit":"5.0%","unit":"pct"'),
        ('"bid":"150.24"', '"bid":"1E+2"'),
        ('"bid":"150.24",', ""),
    ],
)
def test_objects_inside_a_record_are_read_strictly(old: str, new: str) -> None:
    """Checks and quote take no other types, keys or spellings either."""
    line = decision_record().to_jsonl_line()
    assert old in line

    if new == '"bid":"1E+2"':
        # Read as the amount it is; the line is then written plainly.
        read = DecisionRecord.from_jsonl_line(line.replace(old, new))
        assert read.quote is not None
        assert str(read.quote.bid) == "100"
    else:
        with pytest.raises(RecordError, match="DecisionRecord"):
            DecisionRecord.from_jsonl_line(line.replace(old, new))


def test_other_spacing_order_and_escapes_are_read() -> None:
    """A line that another tool rewrote says the same and becomes our line again."""
    record = exit_record(exit_reasoning="Ziel erreicht — 155 €")
    line = record.to_jsonl_line()
    turned = dict(reversed(json.loads(line).items()))

    for other in (json.dumps(turned), json.dumps(turned, indent=2), line + "\n"):
        assert TradeRecord.from_jsonl_line(other).to_jsonl_line() == line


def test_amounts_are_written_without_exponents() -> None:
    """An exponent or a negative zero from a calculation is written as the plain number it is."""
    record = exit_record(
        slippage=Decimal("-0.00"), commission=Decimal("0E-8"), net_profit_loss=Decimal("2.375E+2")
    )
    line = record.to_jsonl_line()

    assert '"slippage":"0.00","commission":"0","net_profit_loss":"237.5"' in line
    assert TradeRecord.from_jsonl_line(line).to_jsonl_line() == line


@pytest.mark.parametrize(
    ("slippage", "written"),
    [("-0E-8", "0"), ("0E+3", "0"), ("1E+3", "1000"), ("1.500000000", "1.5"), ("-2E+1", "-20")],
)
def test_the_plain_form_of_an_amount(slippage: str, written: str) -> None:
    """The same number, in digits and one dot."""
    record = trade_record(slippage=Decimal(slippage))

    assert str(record.slippage) == written


def test_a_line_is_one_line_of_utf8() -> None:
    """Line feeds inside a text are escaped, other characters stay readable."""
    line = trade_record(decision_reasoning='erster\nzweiter "Satz" – ✓').to_jsonl_line()

    assert "\n" not in line
    assert 'erster\\nzweiter \\"Satz\\" – ✓' in line


def test_a_symbol_can_be_found_with_grep() -> None:
    """The pattern the requirements use finds the compact line."""
    assert '"symbol":"AAPL"' in trade_record().to_jsonl_line()


@given(
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), None])),
)
def test_full_times_are_as_python_writes_them(at: datetime) -> None:
    """The shorter way for UTC gives the very text of `isoformat`, which names of orders are of."""
    assert iso_text(at) == at.isoformat()
