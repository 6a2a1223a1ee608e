"""Events over the tape: lossless, and refused when they are not events."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.core_builders import INFO, Core, with_position
from support.core_world import World
from trading_bot.core.codec import (
    decode_event,
    encode_event,
    encode_start,
    has_hidden_account,
    show_account,
)
from trading_bot.core.events import Event, Started, StartState
from trading_bot.domain.errors import DataError

_TIMES = st.datetimes(
    min_value=datetime(2000, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.just(UTC),
)
_MONEY = st.decimals(allow_nan=False, allow_infinity=False)
_EVENTS = st.sampled_from(get_args(Event)).flatmap(st.from_type)


@pytest.fixture(autouse=True, scope="module")
def _types() -> None:
    """Aware times, finite money and finite floats, as the edges make them."""
    from decimal import Decimal

    st.register_type_strategy(datetime, _TIMES)
    st.register_type_strategy(Decimal, _MONEY)
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
    st.register_type_strategy(int, st.integers(min_value=-(2**63), max_value=2**63 - 1))
    text = st.text(st.characters(exclude_categories=["Cs"]))
    st.register_type_strategy(str, text)


@given(event=_EVENTS)
def test_every_event_comes_back_equal(event: Event) -> None:
    """Every kind of event, whatever it holds, is on the tape as it was; the account is put back."""
    line = encode_event(event)

    back = decode_event(line)
    assert "\n" not in line
    assert encode_event(back) == line
    if isinstance(event, Started) and event.session.account_id is not None:
        assert isinstance(back, Started)
        assert has_hidden_account(back)
        back = show_account(back, event.session.account_id)
    assert back == event


def test_the_account_is_not_on_the_tape() -> None:
    """Neither of the session nor of the trade records that a start begins with."""
    session = replace(INFO, account_id="5QR12345")
    record = '{"symbol":"AAPL","account_id":"5QR12345","strategy_name":"5QR"}'
    start = StartState(trading_day=date(2024, 7, 2), trade_lines=(record,))
    at = datetime(2024, 7, 2, 13, tzinfo=UTC)
    event = Started(at=at, session=session, start=start, is_new_session=True)

    line = encode_event(event)

    assert "5QR12345" not in line
    back = decode_event(line)
    assert isinstance(back, Started)
    assert show_account(back, "5QR12345") == event


def test_decimals_keep_their_digits() -> None:
    """Zeros at the end of a price are part of it."""
    core, _, _ = with_position()

    for line in core.tape:
        assert encode_event(decode_event(line)) == line
    assert any('"100.02"' in line for line in core.tape)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "null",
        '["Nothing",{}]',
        '["TimerFired",{}]',
        '["TimerFired",{"at":"2026-11-23T14:30:00Z","name":7}]',
        '["TimerFired",{"at":"yesterday","name":"poll"}]',
        '["TimerFired",{"at":"2026-11-23T14:30:00Z","name":"poll"}',
        '["TimerFired"]',
        "\x00\x00",
    ],
)
def test_what_is_no_event_is_refused(line: str) -> None:
    """Damage on the tape is a DataError, never another event."""
    with pytest.raises(DataError):
        decode_event(line)


def test_start_has_one_encoding() -> None:
    """The start state's bytes are the same for equal states and differ for others."""
    one, same = (StartState(trading_day=date(2026, 11, 23), order_seq=4) for _ in range(2))
    other = StartState(trading_day=date(2026, 11, 23), order_seq=5)

    assert encode_start(one) == encode_start(same) != encode_start(other)


@given(seed=st.integers(min_value=0, max_value=1000))
def test_tape_of_a_day_gives_the_same_records(seed: int) -> None:
    """Fed with the tape alone, another core says what the first one said."""
    world = World(seed)
    world.run(world.core.now.replace(hour=14, minute=36))

    replayed = Core(settings=world.core.settings)
    for line in world.core.tape:
        replayed.send(decode_event(line))

    assert replayed.lines == world.core.lines
