"""The book against the broker's account: when it is read, and what a difference does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.core_builders import (
    CLOSE,
    ENTRY_AT,
    OPEN,
    SYMBOL,
    Core,
    after_open,
    broker_order,
    core_settings,
    enter_at,
    execution,
    with_position,
)
from trading_bot.core.effects import PlaceOrder, RequestReconcile
from trading_bot.core.events import CallFailed
from trading_bot.core.reconcile import known
from trading_bot.domain.order import BrokerOrder, Leg, OrderState
from trading_bot.domain.position import BrokerPosition
from trading_bot.execution.differences import Reading, compare
from trading_bot.execution.ref_ids import Identity, make_ref_id
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_RISK

LATER = ENTRY_AT + timedelta(minutes=1)
SECONDS = timedelta(seconds=10)


def asked(effects: list[Any]) -> list[RequestReconcile]:
    return [e for e in effects if isinstance(e, RequestReconcile)]


def held() -> tuple[Core, BrokerOrder, BrokerOrder, int]:
    """A position with its stop, as both sides see it: the core, entry, stop, shares."""
    core, entry, stop = with_position()
    at = ENTRY_AT + timedelta(seconds=1)
    bought = broker_order(
        entry, OrderState.FILLED, execution("fill-entry", entry.quantity, "100.02", at)
    )
    return core, bought, broker_order(stop, OrderState.OPEN), entry.quantity


def test_nothing_is_opened_before_the_first_good_reading() -> None:
    """A signal before the first reconcile is refused as protect-only; after it, it is not."""
    settings = core_settings(enter_at(after_open(2), after_open(3)))
    core = Core(settings=settings)
    effects = core.start(reconciles=True)
    core.open_day()
    for seconds in range(0, 135, 15):
        core.quote(after_open(seconds=seconds))
    refused = core.records(STREAM_DECISIONS)[-1]

    core.reconcile(after_open(2, 5))
    for seconds in range(135, 195, 15):
        core.quote(after_open(seconds=seconds))

    assert len(asked(effects)) == 1
    assert (refused.verdict, refused.rule) == ("refused", "PROTECT_ONLY")
    assert "not reconciled yet" in refused.reason
    assert core.records(STREAM_DECISIONS)[-1].verdict == "approved"


def test_a_core_without_an_account_never_asks() -> None:
    """Old tapes and backtests, whose start does not reconcile, trade as they did."""
    core, _, _, _ = held()

    assert not asked(core.effects)
    assert not core.state.protect_only


def test_it_is_read_again_every_few_minutes_until_the_close() -> None:
    """Each reading plans the next; after the close one more, then none."""
    core = Core()
    core.start(reconciles=True)
    core.reconcile(OPEN - timedelta(minutes=6))

    effects = core.fire("reconcile")

    assert len(asked(effects)) == 1
    assert core.timers["reconcile"] == core.now + timedelta(seconds=300)
    core.reconcile(core.now)
    core.timers.pop("reconcile")
    core.send_timer("day_end", CLOSE + timedelta(minutes=2))
    assert len(asked(core.effects)) == 3
    core.reconcile(core.now)
    core.timers.pop("reconcile", None)
    core.send_timer("reconcile", CLOSE + timedelta(minutes=30))
    assert "reconcile" not in core.timers


def test_one_reading_at_a_time() -> None:
    """While a reading is under way the timer asks for no second one, and is set again."""
    core = Core()
    core.start(reconciles=True)

    effects = core.send_timer("reconcile", core.now + timedelta(seconds=30))

    assert not asked(effects)
    assert "reconcile" in core.timers


def test_a_reading_that_never_ends_is_told() -> None:
    """A broker that hangs is an alarm of its own, once."""
    core = Core()
    core.start(reconciles=True)

    for minutes in (5, 10):
        core.send_timer("reconcile", core.now + timedelta(minutes=minutes))

    assert [a.subject for a in core.alerts()] == ["broker_hangs"]


def test_a_failed_reading_is_repeated_soon() -> None:
    """Orders that moved meanwhile are no news; a row of failures is, and the waits grow."""
    core = Core()
    core.start(reconciles=True)
    waits = []

    for _ in range(4):
        at = core.now
        core.send(
            CallFailed(at=at, what="reconcile", request=0, family="retryable", reason="moved")
        )
        waits.append((core.timers["reconcile"] - at).total_seconds())
        core.fire("reconcile")

    assert waits == [2, 4, 8, 16]
    assert [r.event_type for r in core.records(STREAM_RISK)] == ["reconcile_failed"]
    assert "not reconciled yet" in core.state.protect_only


def test_quotes_that_come_back_ask_for_a_reading() -> None:
    """After an outage everything is compared anew."""
    core = Core()
    core.start(reconciles=True)
    core.open_day()
    core.reconcile(OPEN - timedelta(minutes=5))
    request = core.ask(OPEN)
    assert request is not None
    core.send(
        CallFailed(at=OPEN, what="poll", request=request.request, family="retryable", reason="gone")
    )

    effects = core.quote(after_open(seconds=30))

    assert len(asked(effects)) == 1


def test_agreement_is_silent() -> None:
    """The same shares and orders on both sides: nothing is written, nothing stops."""
    core, bought, stop, shares = held()

    effects = core.reconcile(LATER, bought, stop, **{SYMBOL: shares})

    assert not core.records(STREAM_RISK, effects)
    assert not core.state.reconciled.pending
    assert not core.state.protect_only


def test_a_difference_counts_when_two_readings_agree() -> None:
    """One reading only asks for another soon; the second writes it, stops entries and alerts."""
    core, bought, stop, shares = held()

    core.reconcile(LATER, bought, stop, **{SYMBOL: shares - 5})
    first = core.state.protect_only, core.alerts()
    wait = core.timers["reconcile"] - LATER
    core.reconcile(LATER + wait, bought, stop, **{SYMBOL: shares - 5})

    assert first == ("", [])
    assert wait == SECONDS
    (noted,) = core.notes("difference")
    assert noted["key"] == f"shares:{SYMBOL}:{shares}:{shares - 5}"
    assert (noted["ours"], noted["broker"]) == (str(shares), str(shares - 5))
    event = core.records(STREAM_RISK)[-1]
    assert (event.event_type, event.severity) == ("reconcile_difference", "CRITICAL")
    assert f"the broker says {shares - 5}" in core.state.protect_only
    assert [a.subject for a in core.alerts()] == ["reconcile_difference"]


def test_two_readings_that_disagree_prove_nothing() -> None:
    """Another number the second time is looked at once more."""
    core, bought, stop, shares = held()

    core.reconcile(LATER, bought, stop, **{SYMBOL: shares - 5})
    core.reconcile(LATER + SECONDS, bought, stop, **{SYMBOL: shares - 6})
    core.reconcile(LATER + 2 * SECONDS, bought, stop, **{SYMBOL: shares})

    assert not core.notes("difference")
    assert not core.state.protect_only


def test_a_difference_stays_until_a_person_settles_it() -> None:
    """It went by itself: the record says so, entries stay off, also after a restart and a day."""
    core, bought, stop, shares = held()
    for n in range(2):
        core.reconcile(LATER + n * SECONDS, bought, stop, **{SYMBOL: shares - 5})

    core.reconcile(LATER + 2 * SECONDS, bought, stop, **{SYMBOL: shares})
    other = core.again(LATER + timedelta(minutes=1))
    next_day = core.again(CLOSE + timedelta(days=1, hours=-6))

    assert [n["key"] for n in core.notes("difference_vanished")] == list(core.state.reconciled.open)
    for one in (core, other, next_day):
        assert "the broker says" in one.state.protect_only
        (kept,) = one.state.reconciled.open.values()
        assert kept.is_gone


def test_new_numbers_take_the_place_of_the_old() -> None:
    """A second sale is one difference with other numbers, not two."""
    core, bought, stop, shares = held()
    for n, missing in enumerate((5, 5, 9, 9)):
        core.reconcile(LATER + n * SECONDS, bought, stop, **{SYMBOL: shares - missing})

    assert list(core.state.reconciled.open) == [f"shares:{SYMBOL}:{shares}:{shares - 9}"]
    assert [n["how"] for n in core.notes("difference_over")] == ["replaced"]


def test_shares_in_symbols_we_do_not_hold_are_a_note() -> None:
    """The owner's own shares are no difference; in a watched symbol they are noted once."""
    core = Core()
    core.start(reconciles=True)

    for n in range(3):
        core.reconcile(core.now + n * SECONDS, AAPL=7, TSLA=3)

    assert [n["subject"] for n in core.notes("foreign_shares")] == ["AAPL"]
    assert not core.state.protect_only


def test_an_order_the_broker_does_not_have_is_a_difference() -> None:
    """Our stop is not among the broker's orders: two readings, then protect-only."""
    core, bought, _, shares = held()

    for n in range(2):
        core.reconcile(LATER + n * SECONDS, bought, **{SYMBOL: shares})

    (found,) = core.state.reconciled.open.values()
    assert found.difference.kind == "missing_order"
    assert "is not among the broker's orders" in core.state.protect_only


def test_an_order_just_taken_may_be_listed_late() -> None:
    """The broker answered that it has it: its list that does not, yet, proves nothing."""
    core, bought, stop, shares = held()
    core.read(LATER, replace(stop, state=OrderState.CANCELLED))
    again = core.placed()[-1]
    core.confirm(again, LATER, OrderState.UNCONFIRMED)

    for n in range(2):
        core.reconcile(LATER + n * SECONDS, bought, **{SYMBOL: shares})

    assert core.state.reconciled.open == {}
    assert not core.state.protect_only


def test_an_order_with_another_price_is_a_difference() -> None:
    """What stands at the broker is compared term by term; an edit in the app is booked before."""
    core, bought, stop, shares = held()
    assert stop.stop_price is not None
    moved = replace(stop, stop_price=stop.stop_price - 5)
    shown = BrokerPosition(
        symbol=SYMBOL,
        quantity=Decimal(shares),
        held_for_sells=Decimal(shares),
        average_price=None,
    )

    same, other = (
        compare(
            core.state.book,
            Reading(orders=(bought, order), positions=(shown,)),
            known(core.state, LATER),
        ).differences
        for order in (stop, moved)
    )

    assert same == ()
    assert [d.kind for d in other] == ["order_changed"]
    assert other[0].ours != other[0].broker


def test_cash_that_moved_by_itself_is_only_noted() -> None:
    """A deposit is written with its amount and stops nothing; our own executions explain theirs."""
    core, bought, stop, shares = held()
    core.reconcile(LATER, bought, stop, cash="50000.00", **{SYMBOL: shares})

    core.reconcile(LATER + SECONDS, bought, stop, cash="51000.00", **{SYMBOL: shares})
    done = replace(
        stop,
        state=OrderState.FILLED,
        filled_quantity=shares,
        executions=(execution("out", shares, "99.00", LATER + 2 * SECONDS),),
    )
    cash = f"{51000 + shares * 99}.00"
    core.reconcile(LATER + 2 * SECONDS, bought, done, cash=cash)

    assert [n["unexplained"] for n in core.notes("cash_moved")] == ["1000.00"]
    assert not core.state.protect_only


@pytest.mark.parametrize(
    ("name", "is_bot"),
    [
        ("", True),  # What our own strategy would have made of that bar, under another key.
        ("01234567-89ab-0def-0123-456789abcdef", True),  # No UUID of any version in use.
        ("7c1d2a86-5a0e-4c9b-9b6e-0f5c4f0f8a11", False),  # What an app makes: random.
    ],
)
def test_another_bot_on_the_account_stops_entries_at_once(name: str, is_bot: bool) -> None:
    """Buys of a watched symbol under a name a bot of another home made: one reading is enough."""
    core = Core()
    core.start(reconciles=True)
    _, bought, _, _ = held()
    ref_id = name or make_ref_id(
        Identity(mode="paper", account="paper", key=b"another home"),
        strategy_name="scripted",
        symbol=SYMBOL,
        bar_end=ENTRY_AT,
        leg=Leg.ENTRY,
        generation=0,
    )
    theirs = replace(bought, order_id="theirs", ref_id=ref_id, created_at=ENTRY_AT)

    core.reconcile(LATER, theirs, AAPL=5)

    assert bool(core.state.protect_only) is is_bot
    assert [a.subject for a in core.alerts()] == ["reconcile_difference"] * is_bot


def test_a_reading_books_fills_like_any_other() -> None:
    """Our stop was filled meanwhile: the reading itself closes the trade, nothing differs."""
    core, bought, stop, shares = held()
    done = replace(
        stop,
        state=OrderState.FILLED,
        filled_quantity=shares,
        executions=(execution("out", shares, "99.00", LATER),),
    )

    effects = core.reconcile(LATER, bought, done)
    core.reconcile(LATER + SECONDS, bought, done)

    assert not core.state.book.trades
    assert not [e for e in effects if isinstance(e, PlaceOrder)]
    assert not core.notes("difference"), "orders of a closed trade are known by name"


def test_orders_of_trades_closed_before_a_restart_are_known() -> None:
    """A restart's deep look back finds yesterday's orders and knows them."""
    core, bought, stop, shares = held()
    done = replace(
        stop,
        state=OrderState.FILLED,
        filled_quantity=shares,
        executions=(execution("out", shares, "99.00", LATER),),
    )
    core.reconcile(LATER, bought, done)

    other = core.again(LATER + timedelta(minutes=5), reconciles=True)
    for n in range(2):
        other.reconcile(LATER + timedelta(minutes=5) + n * SECONDS, bought, done)

    assert not other.state.protect_only
