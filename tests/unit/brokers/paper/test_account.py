"""The paper account: cash, settlement, holds, shares, refusals."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from support.paper import CLOSE, EVER, PLAIN, TEN, Desk, make_order, make_ref, run
from trading_bot.domain.errors import DataError, HaltError, RejectedError, UnknownOutcomeError
from trading_bot.domain.order import OrderState, Side, TimeInForce


def test_a_new_account_holds_its_starting_cash() -> None:
    """All of it settled and free."""
    desk = Desk()

    account = run(desk.broker.account())

    assert account.cash == account.settled_cash == account.buying_power == Decimal(100_000)
    assert account.equity == Decimal(100_000)
    assert account.at == TEN
    assert run(desk.broker.positions()) == ()
    assert desk.broker.execution_mode == "PAPER"


def test_a_buy_turns_cash_into_shares() -> None:
    """Equity marks them at the last trade of the last good quote."""
    desk = Desk().holding(50, "100.00")
    desk.show("101.00", "101.02", last="101.01")

    account = run(desk.broker.account())

    assert account.cash == Decimal(95_000)
    assert account.equity == Decimal(95_000) + 50 * Decimal("101.01")
    (position,) = run(desk.broker.positions())
    assert (position.symbol, position.quantity) == ("AAPL", Decimal(50))
    assert position.average_price == Decimal(100)
    assert position.held_for_sells == 0


def test_the_average_price_is_that_of_all_buys() -> None:
    """Two buys, one pooled position; a sell does not move it."""
    desk = Desk().holding(50, "100.00").holding(25, "103.00")
    desk.show("105.00", "105.02")
    desk.sell(30, "104.00", ref="sell")

    (position,) = run(desk.broker.positions())

    assert position.quantity == 45
    assert position.average_price == Decimal(101)


def test_a_sell_pays_its_fees() -> None:
    """The fees of the day, from the proceeds; they stand in the execution."""
    desk = Desk().holding(100)
    desk.show("100.00", "100.02", size=100)

    order = desk.sell(100, "99.00", ref="sell")

    (execution,) = desk.look(order).executions
    assert execution.fees == Decimal("0.21")
    assert run(desk.broker.account()).cash == Decimal("99999.79")


def test_proceeds_settle_on_the_next_business_day() -> None:
    """Sold on Monday they are cash at once and may be spent on Tuesday."""
    desk = Desk().holding(100)
    desk.show("100.00", "100.02", size=100)
    desk.sell(100, "99.00", ref="sell")

    today = run(desk.broker.account())
    desk.after(24 * 3600)
    tomorrow = run(desk.broker.account())

    assert today.settled_cash == today.buying_power == Decimal(90_000)
    assert tomorrow.settled_cash == tomorrow.buying_power == tomorrow.cash == today.cash


def test_over_thanksgiving_settlement_takes_longer() -> None:
    """Sold on Wednesday, settled on Friday: the holiday between does not count."""
    desk = Desk()
    desk.at(TEN + timedelta(days=2))
    desk.holding(100)
    desk.show("100.00", "100.02", size=100)
    desk.sell(100, "99.00", ref="sell")

    for days, settled in ((1, False), (2, True)):
        desk.at(TEN + timedelta(days=2 + days))
        account = run(desk.broker.account())
        assert (account.settled_cash == account.cash) is settled


def test_without_the_cash_rule_proceeds_buy_at_once() -> None:
    """A margin account is the owner's choice."""
    desk = Desk(PLAIN.model_copy(update={"requires_settled_cash": False})).holding(100)
    desk.show("100.00", "100.02", size=100)
    desk.sell(100, "99.00", ref="sell")

    assert run(desk.broker.account()).buying_power == Decimal("99999.79")


def test_a_working_buy_holds_its_cash_at_its_limit() -> None:
    """Freed by its end, and by nothing else."""
    desk = Desk()
    desk.show("100.00", "100.02")
    order = desk.buy(100, "99.00")
    assert run(desk.broker.account()).buying_power == Decimal(90_100)

    desk.cancel(order)
    assert run(desk.broker.account()).buying_power == Decimal(90_100)
    desk.look(order)

    assert run(desk.broker.account()).buying_power == Decimal(100_000)


def test_a_buy_beyond_the_buying_power_is_refused() -> None:
    """What other orders hold is not there to be spent twice."""
    desk = Desk()
    desk.buy(600, "100.00", ref="first")

    with pytest.raises(RejectedError, match="40000"):
        desk.buy(401, "100.00", ref="second")

    desk.buy(400, "100.00", ref="third")
    assert run(desk.broker.account()).buying_power == 0


def test_a_sell_beyond_the_shares_is_refused() -> None:
    """Short selling is not supported, by a share or by all."""
    desk = Desk().holding(50)

    with pytest.raises(RejectedError, match="50 are held"):
        desk.sell(51, "100.00", ref="sell")
    with pytest.raises(RejectedError, match="0 are held"):
        desk.place(Side.SELL, 1, limit="100.00", symbol="MSFT", ref="other")


def test_shares_of_a_resting_sell_back_no_other() -> None:
    """A stop holds its shares until it is final."""
    desk = Desk().holding(50)
    stop = desk.sell(50, stop="90.00", ref="stop", time_in_force=TimeInForce.GTC)
    assert run(desk.broker.positions())[0].held_for_sells == 50

    with pytest.raises(RejectedError, match="0 are held and not offered"):
        desk.sell(1, "100.00", ref="exit")
    desk.cancel(stop)
    with pytest.raises(RejectedError):
        desk.sell(1, "100.00", ref="exit")
    desk.look(stop)

    desk.sell(50, "100.50", ref="exit")


@pytest.mark.parametrize(
    "details", [{"limit": "100.005"}, {"stop": "100.001"}, {"limit": "0.99999"}]
)
def test_prices_off_the_tick_are_refused(details: dict[str, str]) -> None:
    """As Robinhood refuses subpenny increments."""
    with pytest.raises(RejectedError, match="multiple"):
        Desk().place(Side.BUY, 1, **details)  # type: ignore[arg-type]


def test_a_market_order_cannot_wait_for_ever() -> None:
    """As Robinhood refuses it."""
    with pytest.raises(RejectedError, match="until cancelled"):
        Desk().holding(1).place(Side.SELL, 1, time_in_force=TimeInForce.GTC)


def test_a_market_buy_needs_a_quote_to_be_priced_by() -> None:
    """Without one its hold would be a guess."""
    with pytest.raises(RejectedError, match="no fresh quote"):
        Desk().buy(1)


def test_a_refused_order_leaves_nothing_behind() -> None:
    """The same ref_id may come again, the ledger knows nothing of it."""
    desk = Desk()
    with pytest.raises(RejectedError):
        desk.sell(1, "100.00", ref="x")

    assert run(desk.broker.orders(EVER)) == ()
    desk.buy(1, "100.00", ref="x")


def test_a_second_order_of_the_same_ref_id_is_not_taken() -> None:
    """The first may be working, so the answer is to look it up, never that it is dead."""
    desk = Desk()
    order = desk.buy(10, "100.00")

    for _ in range(2):
        with pytest.raises(UnknownOutcomeError, match=order.order_id):
            run(desk.broker.place(make_order(Side.BUY, 10, limit="100.00")))

    assert len(run(desk.broker.orders(EVER))) == 1
    assert desk.look(order).ref_id == make_ref("order")


def test_cancelling_what_is_final_or_unknown_is_refused() -> None:
    """There is nothing left to cancel."""
    desk = Desk()
    desk.show("100.00", "100.02")
    order = desk.buy(10, "100.20")

    with pytest.raises(RejectedError, match="filled"):
        desk.cancel(order)
    with pytest.raises(RejectedError, match="no order"):
        run(desk.broker.cancel("nothing"))


def test_orders_are_those_that_changed_since() -> None:
    """Inclusive of the moment, to the millisecond."""
    desk = Desk()
    first = desk.buy(1, "99.00", ref="first")
    desk.at(TEN + timedelta(seconds=5, microseconds=700))
    second = desk.buy(1, "99.00", ref="second")

    def ids(since: float) -> list[str]:
        moment = TEN + timedelta(seconds=since)
        return [o.order_id for o in run(desk.broker.orders(moment))]

    assert ids(0) == [first.order_id, second.order_id]
    assert ids(0.001) == [second.order_id]
    assert ids(5.0007) == [second.order_id]
    assert ids(5.001) == []


def test_nothing_is_told_that_is_not_durable() -> None:
    """When the ledger cannot be written, no call answers, and nothing is lost from the line."""
    desk = Desk()
    desk.show("100.00", "100.02")
    desk.sink.failure = HaltError("the disk is full")
    with pytest.raises(HaltError):
        desk.buy(10, "100.20")

    for call in (desk.broker.account, desk.broker.positions):
        with pytest.raises(HaltError):
            run(call())
    with pytest.raises(HaltError):
        run(desk.broker.orders(EVER))

    desk.sink.failure = None
    run(desk.broker.account())
    assert desk.restored().book == desk.broker.book


def test_calls_at_the_same_time_lose_no_line() -> None:
    """What one call changes while another writes is written next, once, before either answers."""
    desk = Desk()
    desk.show("100.00", "100.02")
    written: list[int] = []

    async def buy(name: str) -> None:
        await desk.broker.place(make_order(Side.BUY, 10, limit="100.50", ref=name))
        written.append(sum('"placed"' in line for line in desk.sink.lines))

    async def buy_at_once() -> None:
        await asyncio.gather(*(buy(f"{number}") for number in range(5)))

    run(buy_at_once())

    assert desk.restored().book == desk.broker.book
    assert len(desk.sink.lines) == 1 + 5 * 2
    assert written == [1, 5, 5, 5, 5]


def test_ids_are_the_same_in_every_run() -> None:
    """A day played twice writes the same bytes."""

    def play() -> list[str]:
        desk = Desk().holding(50)
        desk.sell(50, stop="99.00", ref="stop")
        desk.show("98.00", "98.02")
        desk.at(CLOSE)
        run(desk.broker.account())
        return desk.sink.lines

    assert play() == play()


def test_a_ledger_with_a_hole_is_refused() -> None:
    """A missing, changed, doubled or foreign line is damage, and named."""
    desk = Desk().holding(50)
    desk.sell(50, stop="99.00", ref="stop")
    lines = desk.sink.lines
    assert len(lines) == 4

    for damaged in (
        lines[1:],
        lines[:1] + lines[2:],
        [*lines, lines[2].replace('"quantity":50', '"quantity":49')],
        [*lines, "{}"],
        [*lines, '{"kind":"opened"'],
        [lines[0], lines[0].replace('"seq":0', '"seq":1')],
        [*lines[:3], lines[3].replace('"quantity":50', '"quantity":"50"')],
    ):
        with pytest.raises(DataError, match="ledger"):
            Desk(lines=damaged)


def test_a_line_written_twice_counts_once() -> None:
    """A write that was interrupted after it was durable is made again."""
    desk = Desk().holding(50)
    lines = desk.sink.lines

    assert Desk(lines=[*lines, *lines[-2:]]).broker.book == desk.broker.book


def test_a_restart_keeps_everything() -> None:
    """Orders, fills, cash and settlement; only marks wait for the next quote."""
    desk = Desk().holding(50, "100.00")
    stop = desk.sell(30, stop="99.00", ref="stop", time_in_force=TimeInForce.GTC)
    before = run(desk.broker.account())

    desk.broker = desk.restored()

    assert run(desk.broker.account()) == before
    assert desk.look(stop).state is OrderState.OPEN
    with pytest.raises(UnknownOutcomeError):
        desk.sell(30, stop="99.00", ref="stop")
    desk.show("98.00", "98.02")
    assert desk.look(stop).state is OrderState.FILLED
