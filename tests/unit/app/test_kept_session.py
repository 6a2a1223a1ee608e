"""A session that ends under the quotes and the broker: renewed once, orders never sent again."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from support.paper import TEN, SetClock, run
from support.robinhood_orders import approved
from trading_bot.app.kept_session import KeptBroker, KeptSession
from trading_bot.app.renewals import Renewals
from trading_bot.brokers.robinhood.outcomes import SessionGoneError
from trading_bot.brokers.robinhood.refresh import SessionKeeper
from trading_bot.domain.errors import HumanNeededError, RetryableError, SessionExpiredError


@dataclass
class Keeper:
    """Counts renewals; each gives another session. `failure` is raised instead, when set."""

    session: int = 0
    renewals: int = 0
    failure: Exception | None = None

    async def renew(self) -> None:
        self.renewals += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        self.session += 1

    async def prove(self) -> None:
        return


@dataclass
class Broker:
    """Knows the sessions from `known` on; every call is noted."""

    keeper: Keeper
    known: int = 1
    calls: list[str] = field(default_factory=list)
    execution_mode: str = "PAPER"

    async def _answer(self, call: str, gone: type[Exception] = SessionExpiredError) -> Any:
        self.calls.append(call)
        await asyncio.sleep(0)
        if self.keeper.session < self.known:
            raise gone("401")
        return call

    async def place(self, order: Any) -> Any:
        return await self._answer("place", SessionGoneError)

    async def cancel(self, order_id: str) -> Any:
        return await self._answer("cancel")

    async def orders(self, since: Any) -> Any:
        return await self._answer("orders")

    async def positions(self) -> Any:
        return await self._answer("positions")

    async def account(self) -> Any:
        return await self._answer("account")

    async def quotes(self, symbols: Any) -> Any:
        return await self._answer("quotes")


@dataclass
class Desk:
    clock: SetClock = field(default_factory=SetClock)
    keeper: Keeper = field(default_factory=Keeper)

    def __post_init__(self) -> None:
        self.broker = Broker(self.keeper)
        renewals = Renewals(cast(SessionKeeper, self.keeper), self.clock)
        self.kept = KeptBroker(cast(Any, self.broker), renewals)
        self.quotes = KeptSession(cast(Any, self.broker), renewals)


@pytest.mark.parametrize("call", ["orders", "positions", "account", "cancel"])
def test_what_may_be_asked_twice_is_asked_again_with_a_new_session(call: str) -> None:
    """A reading and a cancel do no harm when they are made again."""
    desk = Desk()
    asked = {
        "orders": lambda: desk.kept.orders(TEN),
        "positions": desk.kept.positions,
        "account": desk.kept.account,
        "cancel": lambda: desk.kept.cancel("1"),
    }

    run(asked[call]())

    assert desk.broker.calls == [call, call]
    assert desk.keeper.renewals == 1


def test_an_order_is_never_sent_again_by_itself() -> None:
    """It counts as not sent; the session is renewed for whatever is decided next."""
    desk = Desk()

    with pytest.raises(RetryableError):
        run(desk.kept.place(approved()))

    assert desk.broker.calls == ["place"]
    assert desk.keeper.renewals == 1
    run(desk.kept.place(approved()))
    assert desk.broker.calls == ["place", "place"]


def test_an_order_whose_session_cannot_be_renewed_is_still_not_sent() -> None:
    """What became of the order is what the caller must hear."""
    desk = Desk(keeper=Keeper(failure=HumanNeededError("log in")))

    with pytest.raises(SessionGoneError):
        run(desk.kept.place(approved()))


def test_quotes_and_broker_renew_one_session_once() -> None:
    """Two that find it gone at once do not use up two refresh tokens."""
    desk = Desk()

    async def both() -> Any:
        return await asyncio.gather(desk.quotes.quotes(["AAPL"]), desk.kept.account())

    assert run(both()) == ["quotes", "account"]
    assert desk.keeper.renewals == 1


def test_a_session_that_ends_again_at_once_is_a_persons_matter() -> None:
    """It is not renewed in a circle; later it may be."""
    desk = Desk()
    run(desk.kept.account())
    desk.broker.known = 2

    with pytest.raises(SessionExpiredError):
        run(desk.kept.account())
    assert desk.keeper.renewals == 1

    desk.clock.at += timedelta(minutes=6)
    run(desk.kept.account())
    assert desk.keeper.renewals == 2
