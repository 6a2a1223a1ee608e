"""Software exits and stops that rise: confirmed, in the session's own market, back when needed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from support.core_builders import (
    CLOSE,
    ENTRY_AT,
    OPEN,
    SYMBOL,
    Core,
    after_open,
    broker_order,
    execution,
    make_account,
    started,
    with_entry,
    with_position,
)
from trading_bot.core.effects import CancelOrder, RequestAccount
from trading_bot.core.entries import spendable
from trading_bot.core.events import AccountArrived, CancelAnswered, OrderFailed
from trading_bot.domain.order import Leg, OrderIntent, OrderState, OrderType
from trading_bot.domain.position import BrokerPosition
from trading_bot.execution.settings import ExecutionSettings
from trading_bot.ports.records import STREAM_ORDERS, STREAM_RISK

S = OrderState
START = after_open(3)


def cancelled(effects: list[object]) -> list[str]:
    return [e.ref_id for e in effects if isinstance(e, CancelOrder)]


def leaving() -> tuple[Core, OrderIntent]:
    """The target was seen twice, the stop is gone, the first exit has left."""
    core, _, stop = with_position()
    core.quote(START, "103.00")
    core.quote(START + timedelta(seconds=1), "103.00")
    (exit_,) = core.placed(
        core.read(START + timedelta(seconds=2), broker_order(stop, S.CANCELLED, at=START))
    )
    assert exit_.leg is Leg.EXIT
    core.confirm(exit_, START + timedelta(seconds=2))
    return core, exit_


def covers(core: Core) -> list[object]:
    """What ended each time without a working sell, oldest first."""
    return [e.data["by"] for e in core.records(STREAM_ORDERS) if e.kind == "protected"]


def test_an_exit_that_works_is_no_stop() -> None:
    """It covers the shares as a stop does, and the record says which of them it is."""
    core, exit_ = leaving()

    assert covers(core) == ["stop", "exit"]
    at = START + timedelta(seconds=12)
    for _ in range(3):
        core.quote(at, "103.00")
        (exit_,) = core.placed(core.read(at, broker_order(exit_, S.CANCELLED, at=at)))
        core.confirm(exit_, at)
        at += timedelta(seconds=10)
    assert covers(core) == ["stop", "exit", "exit", "exit", "stop"]


def test_shares_sold_before_the_sell_was_seen_working_are_sold_and_not_protected() -> None:
    """The stop is gone, and the exit's first answer is that it has filled: nothing is left."""
    core, _, stop = with_position()
    core.quote(START, "103.00")
    core.quote(START + timedelta(seconds=1), "103.00")
    at = START + timedelta(seconds=2)
    (exit_,) = core.placed(core.read(at, broker_order(stop, S.CANCELLED, at=at)))

    core.read(at, broker_order(exit_, S.FILLED, execution("out", exit_.quantity, "103.00", at)))

    assert core.state.book.trades == {}
    assert covers(core) == ["stop", "sold"]


def test_target_before_the_days_first_trade_is_no_exit() -> None:
    """A bid beside yesterday's last trade is no market: the stop stays."""
    core, _, stop = with_position()
    before = OPEN - timedelta(minutes=1)

    effects = [
        *core.quote(START, "103.00", last_at=before),
        *core.quote(START + timedelta(seconds=1), "103.00", last_at=before),
    ]

    assert cancelled(effects) == []
    core.quote(START + timedelta(seconds=2), "103.00")
    assert cancelled(core.quote(START + timedelta(seconds=3), "103.00")) == [stop.ref_id]


def test_exits_that_do_not_fill_give_the_stop_back_for_a_while() -> None:
    """Three in a row unfilled: a stop stands for the pause, then the exit is tried again."""
    core, exit_ = leaving()
    at = START + timedelta(seconds=2)
    for number in range(3):
        at += timedelta(seconds=10)
        assert cancelled(core.quote(at, "103.00")) == [exit_.ref_id]
        (exit_,) = core.placed(core.read(at, broker_order(exit_, S.CANCELLED, at=at)))
        core.confirm(exit_, at)
        assert exit_.leg is (Leg.EXIT if number < 2 else Leg.STOP)

    assert cancelled(core.quote(at + timedelta(seconds=29), "103.00")) == []
    assert cancelled(core.quote(at + timedelta(seconds=30), "103.00")) == [exit_.ref_id]


def test_an_exit_without_a_bid_makes_way_for_the_stop() -> None:
    """The bid vanishes (not in a halt): the unfilled exit goes, a stop comes back."""
    core, exit_ = leaving()
    at = START + timedelta(seconds=13)

    assert cancelled(core.poll(at, None)) == [exit_.ref_id]
    (back,) = core.placed(core.read(at, broker_order(exit_, S.CANCELLED, at=at)))

    assert back.leg is Leg.STOP


def test_in_a_halt_nothing_is_cancelled() -> None:
    """Halted: an exit that works goes on working, nothing new is started."""
    core, _ = leaving()

    effects = core.quote(START + timedelta(seconds=13), "103.00", is_halted=True)

    assert cancelled(effects) == []
    assert core.placed(effects) == []
    assert core.alerts() == [], "no stop was even asked for: the exit's shares back none"


def test_the_last_minute_does_not_wait_for_an_exit_to_time_out() -> None:
    """A limit exit of the last but one minute makes way for a market order at once."""
    core, _, stop = with_position()
    at = CLOSE - timedelta(seconds=65)
    core.fire("flatten", at)
    core.quote(at, "100.00")
    (exit_,) = core.placed(core.read(at, broker_order(stop, S.CANCELLED, at=at)))
    core.confirm(exit_, at)
    at = CLOSE - timedelta(seconds=58)

    assert cancelled(core.quote(at, "100.00")) == [exit_.ref_id]
    (market,) = core.placed(core.read(at, broker_order(exit_, S.CANCELLED, at=at)))

    assert (market.leg, market.type) == (Leg.EXIT, OrderType.MARKET)


def test_what_is_left_at_the_close_is_protected_told_and_trips_a_breaker() -> None:
    """A stop until cancelled, an alarm, and no entry through the next session."""
    core, _, stop = with_position()
    at = CLOSE - timedelta(minutes=5)
    core.fire("flatten", at)
    core.quote(at, "100.00")
    (exit_,) = core.placed(core.read(at, broker_order(stop, S.CANCELLED, at=at)))
    core.confirm(exit_, at)
    core.read(CLOSE + timedelta(seconds=30), broker_order(exit_, S.EXPIRED, at=CLOSE))

    core.fire("day_end", CLOSE + timedelta(minutes=2))

    back = core.placed()[-1]
    assert (back.leg, back.time_in_force.value) == (Leg.STOP, "gtc")
    assert "held_past_the_close" in [a.subject for a in core.alerts()]
    assert core.state.breaker.names == ("held_overnight",)
    day = timedelta(days=1)
    assert core.again(OPEN + day).state.breaker.names == ("held_overnight",)
    assert core.again(OPEN + 2 * day).state.breaker.names == ()


def test_nothing_left_at_the_close_trips_nothing() -> None:
    """Control: a flat evening is quiet."""
    core = started()

    core.fire("day_end", CLOSE + timedelta(minutes=2))

    assert core.state.breaker.names == ()


def rising(**changes: object) -> tuple[Core, OrderIntent]:
    settings = ExecutionSettings(**changes)  # type: ignore[arg-type]
    core, _, stop = with_position(execution=settings)
    return core, stop


def test_a_trailing_stop_moves_up_after_two_quotes() -> None:
    """Cancelled first, placed at the new price once that is confirmed; never down again."""
    core, stop = rising(trail_pct=Decimal("0.5"))
    assert cancelled(core.quote(START, "101.00")) == []

    assert cancelled(core.quote(START + timedelta(seconds=1), "101.20")) == [stop.ref_id]
    at = START + timedelta(seconds=2)
    (raised,) = core.placed(core.read(at, broker_order(stop, S.CANCELLED, at=at)))

    assert (raised.leg, raised.stop_price) == (Leg.STOP, Decimal("100.49"))
    core.confirm(raised, at)
    core.quote(START + timedelta(seconds=3), "100.60")
    core.quote(START + timedelta(seconds=4), "100.60")
    (trade,) = core.state.book.trades.values()
    assert trade.stop_price == Decimal("100.49")
    assert core.again(at).state.book.trades[trade.trade_id].stop_price == Decimal("100.49")


def test_a_stop_goes_to_break_even() -> None:
    """One planned risk above the entry: the stop rises to what was paid, on the tick."""
    core, stop = rising(break_even_at_r=Decimal(1))
    core.quote(START, "101.05")

    assert cancelled(core.quote(START + timedelta(seconds=1), "101.05")) == [stop.ref_id]
    (trade,) = core.state.book.trades.values()
    assert trade.stop_price == Decimal("100.02")


def test_a_fixed_stop_stays() -> None:
    """Control: without the settings a rising price moves nothing."""
    core, _ = rising()

    effects = [*core.quote(START, "101.50"), *core.quote(START + timedelta(seconds=1), "101.50")]

    assert cancelled(effects) == []


def sold_on_the_phone(left: int) -> tuple[Core, OrderIntent]:
    """A position of whose shares a later reading shows `left`; its stop was cancelled with them."""
    core, _, stop = with_position()
    held = BrokerPosition(
        symbol=SYMBOL, quantity=Decimal(left), held_for_sells=Decimal(0), average_price=None
    )
    core.send(AccountArrived(at=START, account=make_account(START), positions=(held,)))
    return core, stop


def test_what_is_left_of_a_position_is_protected() -> None:
    """Half was sold on the phone: a stop for the shares that are there, and for no more."""
    core, stop = sold_on_the_phone(200)
    assert stop.quantity > 200

    effects = core.read(START, broker_order(stop, S.CANCELLED, at=START))

    (new,) = core.placed(effects)
    assert (new.leg, new.quantity, new.stop_price) == (Leg.STOP, 200, stop.stop_price)
    core.confirm(new, START)
    assert core.placed(core.read(START + timedelta(seconds=1), broker_order(new, S.OPEN))) == []


def test_nothing_is_sold_where_nothing_is_left() -> None:
    """All was sold on the phone: no sell, an alarm, and the account is not read at each look."""
    core, stop = sold_on_the_phone(0)

    effects = core.read(START, broker_order(stop, S.CANCELLED, at=START))
    again = [core.read(START + timedelta(seconds=second)) for second in range(1, 20)]

    assert core.placed(effects) == [] == core.placed([e for more in again for e in more])
    assert "exit_refused" in [a.subject for a in core.alerts()]
    asked = [second for second, more in enumerate(again, 1) if RequestAccount() in more]
    assert asked == [15]


def test_account_is_read_when_a_stop_is_refused() -> None:
    """Shares that somebody sold show there, and the next stop is made for what is left."""
    core, _, stop = with_position()
    cancelled_stop = broker_order(stop, S.CANCELLED, at=START)
    (new,) = core.placed(core.read(START, cancelled_stop))

    effects = core.send(
        OrderFailed(at=START, ref_id=new.ref_id, outcome="rejected", reason="Not enough shares.")
    )

    assert RequestAccount() in effects


def test_a_reading_from_before_the_fill_bounds_nothing() -> None:
    """A fresh fill is protected before the position shows."""
    core, entry = with_entry()
    core.confirm(entry, ENTRY_AT)
    at = ENTRY_AT + timedelta(seconds=2)
    fill = execution("a", entry.quantity, "100.02", at)

    effects = core.read(at, broker_order(entry, S.FILLED, fill))

    assert core.state.positions == ()
    assert [i.quantity for i in core.placed(effects)] == [entry.quantity]


@pytest.mark.parametrize(("uses_margin", "spends"), [(False, "60000"), (True, "90000")])
def test_entries_spend_settled_cash(uses_margin: bool, spends: str) -> None:
    """The whole buying power only where margin is used."""
    core, _ = with_entry(execution=ExecutionSettings(use_margin=uses_margin))
    read = make_account(START, settled_cash=Decimal(60000), buying_power=Decimal(90000))

    core.send(AccountArrived(at=START, account=read, positions=()))

    assert spendable(core.state) == Decimal(spends)


def test_a_cancel_without_an_answer_is_asked_again_after_a_look() -> None:
    """Lost, not refused: the orders are read, and soon it is asked once more."""
    core, entry = with_entry()
    core.confirm(entry, ENTRY_AT)
    at = ENTRY_AT + timedelta(seconds=10)
    assert cancelled(core.read(at, broker_order(entry, S.OPEN))) == [entry.ref_id]
    lost = CancelAnswered(
        at=at, ref_id=entry.ref_id, accepted=False, reason="timeout", outcome="lost"
    )
    core.send(lost)

    assert cancelled(core.read(at + timedelta(seconds=1), broker_order(entry, S.OPEN))) == []
    again = core.read(at + timedelta(seconds=2), broker_order(entry, S.OPEN))

    assert cancelled(again) == [entry.ref_id]
    assert core.records(STREAM_ORDERS)[-2].data.get("cancel_lost") == "timeout"
    assert "order_rejected" not in [r.event_type for r in core.records(STREAM_RISK)]
