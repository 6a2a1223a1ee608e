"""Names of orders: pure, in UUID shape, ours alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from support.core_builders import IDENTITY, OPEN
from trading_bot.domain.order import Leg
from trading_bot.execution.ref_ids import Identity, is_ours, make_ref_id

_TEXTS = st.text(min_size=1, max_size=8)
_WHAT = st.fixed_dictionaries(
    {
        "strategy_name": _TEXTS,
        "symbol": st.sampled_from(["AAPL", "MSFT", "F"]),
        "bar_end": st.datetimes(
            min_value=datetime(2020, 1, 1),
            max_value=datetime(2030, 1, 1),
            timezones=st.just(UTC),
        ),
        "leg": st.sampled_from(list(Leg)),
        "generation": st.integers(min_value=0, max_value=99),
    }
)
ENTRY = {
    "strategy_name": "scripted",
    "symbol": "AAPL",
    "bar_end": OPEN,
    "leg": Leg.ENTRY,
    "generation": 0,
}


@given(what=_WHAT)
def test_the_same_order_has_the_same_name(what: dict[str, object]) -> None:
    """A pure function with a readable UUID that we know again."""
    ref_id = make_ref_id(IDENTITY, **what)  # type: ignore[arg-type]

    assert ref_id == make_ref_id(IDENTITY, **what)  # type: ignore[arg-type]
    assert str(UUID(ref_id)) == ref_id
    assert is_ours(ref_id, IDENTITY)
    assert is_ours(ref_id.upper(), IDENTITY)


@given(one=_WHAT, other=_WHAT)
def test_different_orders_have_different_names(
    one: dict[str, object], other: dict[str, object]
) -> None:
    """Whatever differs, the name differs."""
    same = one == other

    names = [make_ref_id(IDENTITY, **what) for what in (one, other)]  # type: ignore[arg-type]
    assert (names[0] == names[1]) is same


def test_every_part_counts() -> None:
    """Mode, account, strategy, symbol, bar, leg and generation each change the name."""
    changes = [
        {"strategy_name": "other"},
        {"symbol": "MSFT"},
        {"bar_end": OPEN + timedelta(minutes=1)},
        {"leg": Leg.STOP},
        {"generation": 1},
    ]
    names = [make_ref_id(IDENTITY, **(ENTRY | change)) for change in changes]  # type: ignore[arg-type]
    names += [
        make_ref_id(identity, **ENTRY)  # type: ignore[arg-type]
        for identity in (
            IDENTITY,
            replace(IDENTITY, mode="live"),
            replace(IDENTITY, account="other"),
            replace(IDENTITY, key=b"another key"),
        )
    ]

    assert len(set(names)) == len(names)


def test_names_of_others_are_not_ours() -> None:
    """Another key's order, a changed digit, anything malformed: not ours, and no error."""
    ours = make_ref_id(IDENTITY, **ENTRY)  # type: ignore[arg-type]
    theirs = make_ref_id(Identity(mode="paper", account="paper", key=b"theirs"), **ENTRY)  # type: ignore[arg-type]
    changed = ("0" if ours[0] != "0" else "1") + ours[1:]

    for ref_id in (theirs, changed, "", "x", ours[:-1], ours + "0", "ü" * 32):
        assert not is_ours(ref_id, IDENTITY)


def test_the_key_is_not_in_the_name() -> None:
    """The key shows in no representation of a name."""
    assert IDENTITY.key.hex() not in make_ref_id(IDENTITY, **ENTRY).replace("-", "")  # type: ignore[arg-type]
