"""The order budget: protection is never short of a token because of an entry."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from support.paper import SetClock, make_ref, run
from support.robinhood_orders import make_intent
from trading_bot.brokers.robinhood.budget import OrderBudget, OrderBudgetSettings
from trading_bot.domain.errors import RetryableError
from trading_bot.domain.order import Leg, OrderIntent
from trading_bot.runtime.lockstep import LockstepClock


def entry(name: str) -> OrderIntent:
    return make_intent(Leg.ENTRY, name=name, trade_id=make_ref(name))


def stop(name: str) -> OrderIntent:
    return make_intent(Leg.STOP, name=f"stop {name}", trade_id=make_ref(name))


def enter_all(budget: OrderBudget) -> list[str]:
    """Entries as long as the budget gives them a token; their names."""
    entered = []
    for number in range(20):
        try:
            run(budget.take(entry(str(number))))
        except RetryableError:
            break
        entered.append(str(number))
    return entered


def test_every_entry_leaves_a_token_for_its_stop() -> None:
    """The stops of all entries that were let through go out without any wait."""
    clock = SetClock()
    budget = OrderBudget(clock, OrderBudgetSettings(burst=6))
    before = clock.now()

    entered = enter_all(budget)
    for name in entered:
        run(budget.take(stop(name)))

    assert len(entered) == 3
    assert clock.now() == before


def test_an_entry_without_a_token_is_not_sent_and_does_not_wait() -> None:
    """Its quote is old by the time there is one."""
    clock = SetClock()
    budget = OrderBudget(clock)
    enter_all(budget)
    before = clock.now()

    assert not budget.may_place_entry()
    with pytest.raises(RetryableError, match="not sent"):
        run(budget.take(entry("late")))
    assert clock.now() == before


def test_a_sell_waits_for_its_token_and_gets_it() -> None:
    """Seconds, with the budget empty."""
    clock = SetClock()
    budget = OrderBudget(clock, OrderBudgetSettings(burst=2, per_second=0.5))
    before = clock.now()

    for name in ("a", "b", "c"):
        run(budget.take(stop(name)))

    assert timedelta(seconds=2) <= clock.now() - before < timedelta(seconds=2.1)


def test_an_entry_that_came_to_nothing_keeps_no_token() -> None:
    """Rejected or never sent: no stop of it will come."""
    budget = OrderBudget(SetClock(), OrderBudgetSettings(burst=3))
    run(budget.take(entry("a")))
    assert not budget.may_place_entry()

    budget.release(make_ref("a"))

    assert budget.may_place_entry()


def test_a_stop_that_never_came_keeps_its_token_for_a_while_only() -> None:
    """An entry that did not fill needs none; nothing tells us so but time."""
    clock = SetClock()
    budget = OrderBudget(clock, OrderBudgetSettings(burst=3, per_second=0.000001))
    run(budget.take(entry("a")))
    assert not budget.may_place_entry()

    clock.at += timedelta(seconds=31)

    assert budget.may_place_entry()


def test_asked_for_quiet_nothing_is_sent_meanwhile() -> None:
    """Whoever goes on is blocked for hours."""
    clock = SetClock()
    budget = OrderBudget(clock)
    before = clock.now()

    budget.pause(14)

    assert not budget.may_place_entry()
    run(budget.take_urgent())
    assert clock.now() - before >= timedelta(seconds=14)


def test_of_a_long_quiet_a_sell_keeps_half_a_minute_and_an_entry_all() -> None:
    """A stop that waits for minutes leaves shares bare, an entry that waits costs nothing."""
    clock = SetClock()
    budget = OrderBudget(clock)
    before = clock.now()
    budget.pause(300)

    run(budget.take_urgent())

    assert timedelta(seconds=30) <= clock.now() - before < timedelta(seconds=35)
    clock.at = before + timedelta(seconds=299)
    assert not budget.may_place_entry()
    clock.at = before + timedelta(seconds=301)
    assert budget.may_place_entry()


def test_a_sell_whose_turn_comes_too_late_leaves_the_line() -> None:
    """It is told at once and uses up nothing: the next one, made anew, gets the token."""
    clock = SetClock()
    budget = OrderBudget(clock, OrderBudgetSettings(burst=1, per_second=0.4))
    budget.pause(14)
    asked = make_intent(Leg.STOP, name="late", trade_id=make_ref("late"))
    assert asked.valid_until - clock.now() < timedelta(seconds=14)
    before = clock.now()

    for _ in range(6):
        with pytest.raises(RetryableError, match="not sent") as error:
            run(budget.take(asked))
        assert error.value.retry_after_s is not None
        assert 14 <= error.value.retry_after_s < 17
    assert clock.now() == before

    clock.at += timedelta(seconds=16.6)
    fresh = replace(asked, valid_until=clock.now() + timedelta(seconds=5))
    before = clock.now()
    run(budget.take(fresh))
    assert clock.now() == before


def test_a_sell_already_in_line_leaves_it_when_quiet_is_asked_for() -> None:
    """Its turn was near; now it comes after its approval has ended."""
    clock = LockstepClock(SetClock().now())
    budget = OrderBudget(clock, OrderBudgetSettings(burst=1, per_second=0.4))

    async def wait_in_line() -> None:
        budget.pause(0)
        asked = make_intent(Leg.STOP, name="b", trade_id=make_ref("b"))
        waiting = asyncio.create_task(
            budget.take(replace(asked, valid_until=clock.now() + timedelta(seconds=5)))
        )
        await clock.sleep(1)
        budget.pause(14)
        with pytest.raises(RetryableError, match="not sent"):
            await waiting

    asyncio.run(wait_in_line())
