"""What comes back of requests and orders."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    CLOSE,
    ENTRY_AT,
    OPEN,
    Core,
    after_open,
    broker_order,
    execution,
    hours_of,
    make_account,
    started,
    with_entry,
    with_position,
)
from trading_bot.core.effects import CancelOrder, RequestAccount, RequestOrders
from trading_bot.core.events import (
    AccountArrived,
    CallFailed,
    CancelAnswered,
    HoursArrived,
    JournalFailed,
    OrderFailed,
    OrderPlaced,
)
from trading_bot.domain.order import Leg, OrderIntent, OrderState, Side
from trading_bot.domain.position import BrokerPosition
from trading_bot.domain.quote import MarketHours
from trading_bot.ports.records import STREAM_ORDERS, STREAM_RISK, STREAM_TRADES

S = OrderState
SOON = ENTRY_AT + timedelta(seconds=1)


def call_failed(what: str, at: object = SOON, **changes: object) -> CallFailed:
    values: dict[str, object] = {
        "at": at,
        "what": what,
        "request": 0,
        "family": "retryable",
        "reason": "down",
    }
    return CallFailed(**(values | changes))  # type: ignore[arg-type]


def risk_types(core: Core) -> list[str]:
    return [record.event_type for record in core.records(STREAM_RISK)]


def alone() -> Core:
    core = Core()
    core.start()
    return core


def test_hours_that_agree_say_nothing() -> None:
    """The broker's hours are the calendar's: entries may go on, nothing is recorded."""
    core = started()

    assert core.state.day.hours_agree is True
    assert not core.records(STREAM_RISK)


@pytest.mark.parametrize(
    "changes",
    [
        {"is_open": False, "opens_at": None, "closes_at": None},
        {"closes_at": CLOSE - timedelta(hours=3)},
        {"opens_at": OPEN + timedelta(minutes=1)},
    ],
)
def test_hours_that_differ_stop_entries(changes: dict[str, object]) -> None:
    """An early close only the broker knows of: recorded, told, and nothing is opened."""
    core = alone()
    assert core.state.session is not None
    hours = replace(hours_of(core.state.session), **changes)

    core.send(HoursArrived(at=core.now, hours=hours))

    assert core.state.day.hours_agree is False
    assert risk_types(core) == ["hours_disagree"]
    assert len(core.alerts()) == 1


def test_hours_of_another_day_are_no_answer() -> None:
    """An answer about yesterday does not make today's hours known."""
    core = alone()
    yesterday = OPEN.date() - timedelta(days=1)

    core.send(
        HoursArrived(
            at=core.now,
            hours=MarketHours(day=yesterday, is_open=False, opens_at=None, closes_at=None),
        )
    )

    assert core.state.day.hours_agree is None


def test_opening_equity_is_recorded_once_and_restored() -> None:
    """The first account of the day opens it; later ones, also after a restart, do not."""
    core = started()
    core.account(after_open(5), "90000.00")
    again = core.again(after_open(10))
    again.account(after_open(11), "80000.00")

    notes = [e for e in again.records(STREAM_ORDERS) if e.kind == "note"]
    assert notes == []
    assert core.state.day.opening_equity == Decimal("100000.00")
    assert again.state.day.opening_equity == Decimal("100000.00")
    assert again.state.account is not None
    assert again.state.account.equity == Decimal("80000.00")


def test_account_on_the_evening_before_does_not_open_the_day() -> None:
    """A reading after the switch of the day is not the next day's opening equity."""
    core = Core()
    core.start(OPEN - timedelta(hours=10))
    core.account(OPEN - timedelta(hours=9))
    assert core.state.day.opening_equity is None

    core.account(OPEN - timedelta(minutes=5), "99000.00")

    assert core.state.day.opening_equity == Decimal("99000.00")


@pytest.mark.parametrize(
    ("what", "timer"), [("hours", "hours"), ("historicals", "historicals"), ("orders", "orders")]
)
def test_failed_reading_is_asked_again_and_said_once(what: str, timer: str) -> None:
    """Hours, history and orders are asked for again, after the wait that was asked for."""
    core = started()
    core.timers.clear()

    core.send(call_failed(what, retry_after_s=40.0))
    assert core.timers[timer] == SOON + timedelta(seconds=40)
    core.send(call_failed(what))

    assert core.timers[timer] == SOON + timedelta(seconds=15)
    assert risk_types(core) == [f"{what}_failed"]


def test_second_outage_of_hours_is_news_again() -> None:
    """An answer ends the streak."""
    core = started()
    core.send(call_failed("hours"))
    assert core.state.session is not None
    core.send(HoursArrived(at=SOON, hours=hours_of(core.state.session)))

    core.send(call_failed("hours"))

    assert risk_types(core) == ["hours_failed", "hours_failed"]


def test_failed_account_keeps_the_last_and_may_be_asked_again() -> None:
    """An outage is not an empty account."""
    core = started()
    before = core.state.account

    core.fire("account", SOON)
    core.send(call_failed("account"))
    effects = core.fire("account", SOON + timedelta(seconds=60))

    assert core.state.account is before
    assert RequestAccount() in effects


def test_one_reading_of_a_kind_at_a_time() -> None:
    """A reading under way is not asked for twice."""
    core, _ = with_entry()
    asked = [e for e in core.effects if isinstance(e, RequestOrders)]

    effects = core.fire("orders", SOON)
    more = core.fire("account", SOON) + core.fire("account", SOON + timedelta(seconds=60))

    assert len(asked) + len([e for e in effects if isinstance(e, RequestOrders)]) == 1
    assert len([e for e in more if isinstance(e, RequestAccount)]) == 1


def test_orders_are_read_from_a_day_before_the_oldest() -> None:
    """The broker's clock may differ from ours: a day more is asked for."""
    core, entry = with_entry()

    (request,) = [e for e in core.effects if isinstance(e, RequestOrders)]

    assert request.since == entry.created_at - timedelta(hours=24)


def test_order_without_a_ref_id_is_known_by_its_place() -> None:
    """A broker that does not echo our name: the answer to the place ties id and order."""
    core, entry = with_entry()
    bare = broker_order(entry, S.OPEN, ref_id="")
    core.send(OrderPlaced(at=SOON, ref_id=entry.ref_id, order=bare))

    filled = execution("a", entry.quantity, "100.02", SOON)
    core.read(SOON, broker_order(entry, S.FILLED, filled, ref_id=""))

    assert len(core.records(STREAM_TRADES)) == 1


def test_orders_of_others_are_left_alone() -> None:
    """Orders that are not in the book, by whatever name, cause nothing."""
    core, _, stop = with_position()
    before = len(core.lines[STREAM_ORDERS])
    theirs = replace(stop, ref_id="11111111-2222-3333-4444-555555555555")

    effects = core.read(
        SOON,
        broker_order(theirs, S.OPEN),
        broker_order(theirs, S.FILLED, execution("z", 5, "100", SOON), ref_id="", order_id="x"),
    )

    assert len(core.lines[STREAM_ORDERS]) == before
    assert not [e for e in effects if isinstance(e, CancelOrder)]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("rejected", S.REJECTED), ("not_sent", S.WITHDRAWN), ("unknown", S.UNKNOWN)],
)
def test_failed_entry(outcome: str, state: OrderState) -> None:
    """A refused or never sent entry is over; an unknown one holds its symbol."""
    core, entry = with_entry()
    _, order = core.state.book.orders[entry.ref_id]

    core.send(OrderFailed(at=SOON, ref_id=entry.ref_id, outcome=outcome, reason="no"))

    assert order.state is state
    assert bool(core.state.book.trades) is (outcome == "unknown")
    assert len(core.placed()) == 1, "never sent again"


def test_three_unknowns_are_one_buy() -> None:
    """A place without an answer is looked up; however long it takes it is not sent again."""
    core, entry = with_entry()
    core.send(OrderFailed(at=SOON, ref_id=entry.ref_id, outcome="unknown", reason="timeout"))

    for seconds in range(2, 50):
        core.read(ENTRY_AT + timedelta(seconds=seconds))

    assert core.placed() == [entry]
    (alert,) = core.alerts()
    assert alert.subject == "order_unknown"


def test_unknown_entry_that_shows_up_filled_is_protected() -> None:
    """The look-up finds what the lost answer would have said."""
    core, entry = with_entry()
    core.send(OrderFailed(at=SOON, ref_id=entry.ref_id, outcome="unknown", reason="timeout"))

    filled = broker_order(entry, S.FILLED, execution("a", entry.quantity, "100.02", SOON))
    effects = core.read(SOON + timedelta(seconds=20), filled)

    assert [i.leg for i in core.placed(effects)] == [Leg.STOP]


def test_unknown_order_is_presumed_absent_only_after_a_while() -> None:
    """Three whole readings over a minute, and a later account: withdrawn, never sent again."""
    core, entry = with_entry()
    core.send(OrderFailed(at=SOON, ref_id=entry.ref_id, outcome="unknown", reason="timeout"))
    core.read(SOON)
    core.account(SOON + timedelta(seconds=30))
    core.read(SOON + timedelta(seconds=61))
    assert core.state.book.trades, "two readings are not enough"

    core.read(SOON + timedelta(seconds=62))

    assert not core.state.book.trades
    kinds = [e.kind for e in core.records(STREAM_ORDERS)]
    assert kinds[-2:] == ["withdrawn", "closed"]
    assert core.placed() == [entry]


def test_unknown_stop_is_placed_anew_once_it_is_known_to_be_absent() -> None:
    """Until then nothing is sold; then the shares get another stop."""
    core, _, _ = with_position()
    core, entry = with_entry()
    core.confirm(entry, SOON)
    filled = broker_order(entry, S.FILLED, execution("a", entry.quantity, "100.02", SOON))
    (stop,) = core.placed(core.read(SOON, filled))
    core.send(OrderFailed(at=SOON, ref_id=stop.ref_id, outcome="unknown", reason="timeout"))
    for seconds in (2, 30, 59):
        core.read(ENTRY_AT + timedelta(seconds=seconds), filled)
        core.account(ENTRY_AT + timedelta(seconds=seconds), "100000.00", held_shares(entry, 0))
    assert len(core.placed()) == 2

    core.read(ENTRY_AT + timedelta(seconds=63), filled)
    core.read(ENTRY_AT + timedelta(seconds=70), filled)

    third = core.placed()[2]
    assert (third.leg, third.quantity) == (Leg.STOP, entry.quantity)
    assert third.ref_id != stop.ref_id


def held_shares(entry: OrderIntent, in_sells: int) -> BrokerPosition:
    """The entry's shares at the broker, so many of them offered."""
    return BrokerPosition(
        symbol=entry.symbol,
        quantity=Decimal(entry.quantity),
        held_for_sells=Decimal(in_sells),
        average_price=None,
    )


@pytest.mark.parametrize("outcome", ["unknown", "rejected", "not_sent"])
def test_late_failure_of_a_known_order_changes_nothing(outcome: str) -> None:
    """A reading was faster than the place's own answer: the order stays what the broker said."""
    core, entry = with_entry()
    filled = broker_order(entry, S.FILLED, execution("a", entry.quantity, "100.02", SOON))
    core.read(SOON, filled)

    core.send(OrderFailed(at=SOON, ref_id=entry.ref_id, outcome=outcome, reason="timeout"))

    trade, order = core.state.book.orders[entry.ref_id]
    assert order.state is S.FILLED
    assert trade.held == entry.quantity


def test_closed_trade_after_a_late_unknown_control() -> None:
    """With such a late answer in between the trade still closes once it is sold."""
    core, entry, stop = with_position()
    core.send(OrderFailed(at=SOON, ref_id=entry.ref_id, outcome="unknown", reason="timeout"))

    out = execution("out", stop.quantity, "98.90", after_open(9))
    core.read(after_open(9), broker_order(stop, S.FILLED, out))

    assert not core.state.book.trades


def test_refused_cancel_is_written_and_looked_up() -> None:
    """A cancel the broker refuses: the order is read, its state untouched."""
    core, entry = with_entry()
    core.confirm(entry, SOON)

    core.read(ENTRY_AT + timedelta(seconds=12), broker_order(entry, S.OPEN))
    cancels = [e for e in core.effects if isinstance(e, CancelOrder)]
    effects = core.send(
        CancelAnswered(at=after_open(3), ref_id=entry.ref_id, accepted=False, reason="too late")
    )

    assert len(cancels) == 1
    last = core.records(STREAM_ORDERS)[-1]
    assert last.data["cancel_refused"] == "too late"
    assert any(isinstance(e, RequestOrders) for e in effects)


def test_sale_of_more_than_is_held_stops_entries_and_is_not_booked() -> None:
    """What cannot be is not made into a position: alert, protect-only, no record of a trade."""
    core, _, stop = with_position()
    too_many = execution("x", stop.quantity + 1, "99.00", after_open(3))

    core.read(after_open(3), broker_order(stop, S.FILLED, too_many))
    core.read(after_open(4), broker_order(stop, S.FILLED, too_many))

    assert "broker_answer_impossible" in risk_types(core)
    assert risk_types(core).count("broker_answer_impossible") == 1
    assert "filled 468 of an order of 467" in core.state.protect_only
    assert len(core.records(STREAM_TRADES)) == 1


def test_reading_of_the_wrong_side_is_not_booked() -> None:
    """An order that came back as something else is an alarm."""
    core, entry = with_entry()

    core.read(SOON, broker_order(entry, S.OPEN, side=Side.SELL))

    assert core.state.book.orders[entry.ref_id][1].state is S.NONE
    assert "broker_answer_impossible" in risk_types(core)


def test_dead_journal_opens_nothing_and_keeps_stops() -> None:
    """Entries that work are cancelled, new ones refused, a fill still gets its stop."""
    core, entry = with_entry()
    core.confirm(entry, SOON)

    core.send(JournalFailed(at=SOON, reason="no space"))
    effects = core.read(SOON, broker_order(entry, S.OPEN))
    assert [e.ref_id for e in effects if isinstance(e, CancelOrder)] == [entry.ref_id]
    part = execution("a", 10, "100.02", SOON)
    effects = core.read(SOON, broker_order(entry, S.CANCELLED, part))

    assert [(i.leg, i.quantity) for i in core.placed(effects)] == [(Leg.STOP, 10)]
    assert core.state.protect_only.startswith("the record cannot be written")
    assert [a.subject for a in core.alerts()] == ["journal_failed"]


def test_stale_account_reading_is_kept_with_its_own_time() -> None:
    """The age of the account is the broker's time, not the answer's."""
    core = started()
    old = make_account(OPEN - timedelta(minutes=30))

    core.send(AccountArrived(at=OPEN, account=old, positions=()))

    assert core.state.account is not None
    assert core.state.account.at == OPEN - timedelta(minutes=30)
