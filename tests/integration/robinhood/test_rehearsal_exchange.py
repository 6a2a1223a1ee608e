"""The client against the rehearsal exchange, through the real robin_stocks, at both its doors."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.logins import issued
from support.rehearsal import CALENDAR, DAY, OPEN, flat_day, together
from trading_bot.brokers.robinhood.account import RobinhoodAccount
from trading_bot.brokers.robinhood.quotes import RobinhoodQuoteSource
from trading_bot.brokers.robinhood.refresh import LoginNeededError, SessionKeeper
from trading_bot.brokers.robinhood.session_file import NAME, SessionFile
from trading_bot.brokers.robinhood.transport import RobinhoodTransport, TransportSettings
from trading_bot.domain.errors import (
    DataError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
)
from trading_bot.rehearsal import fault_menu as faults
from trading_bot.rehearsal.accounts import AccountSettings, HeldShares
from trading_bot.rehearsal.adapter import InProcessAdapter
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.faults import FaultRule, FaultScript
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.runtime.lockstep import LockstepClock
from trading_bot.runtime.rate_limit import TokenBucket
from trading_bot.runtime.retry import Retrier

SYMBOLS = ("AAPL", "MSFT", "NVDA")
NUMBER = "REH000001"


@dataclass
class Desk:
    """A client at the exchange on virtual time."""

    exchange: Exchange
    clock: LockstepClock
    transport: RobinhoodTransport
    quotes: RobinhoodQuoteSource
    account: RobinhoodAccount
    keeper: SessionKeeper

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(60):
                return await work

        return asyncio.run(bounded())


MakeDesk = Callable[..., Desk]


@pytest.fixture(params=["HTTP", "in process", "inline"])
def make_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeDesk]:
    with ExitStack() as stack:

        def make(
            *rules: FaultRule,
            exchange: Exchange | None = None,
            start: datetime = OPEN + timedelta(minutes=5),
            **settings: Any,
        ) -> Desk:
            if exchange is None:
                days = together(*(flat_day(symbol) for symbol in SYMBOLS))
                exchange = Exchange(
                    days, CALENDAR, ExchangeSettings(**settings), FaultScript(rules)
                )
            clock = LockstepClock(start)
            base_url, adapter = None, None
            if request.param == "HTTP":
                port = stack.enter_context(ExchangeServer(exchange)).port
                base_url = f"http://127.0.0.1:{port}"
            else:
                adapter = InProcessAdapter(exchange)
            transport = RobinhoodTransport(
                clock,
                Retrier(clock, random.Random(1)),
                settings=TransportSettings(
                    base_url=base_url, is_lockstep=True, is_inline=request.param == "inline"
                ),
                adapter=adapter,
                limiter=TokenBucket(clock, per_second=2, burst=10),
            )
            stack.callback(transport.close, 1.0)
            file = SessionFile(tmp_path / NAME)
            file.save(issued(exchange, clock.now()))
            desk = Desk(
                exchange,
                clock,
                transport,
                RobinhoodQuoteSource(transport),
                RobinhoodAccount(transport, NUMBER, clock),
                SessionKeeper(transport, file, clock),
            )
            desk.run(desk.keeper.start())
            return desk

        yield make


def test_every_read_of_the_daemon_is_answered(make_desk: MakeDesk) -> None:
    """Quotes, volumes, history, hours, account and positions of one moment of the day."""
    desk = make_desk(
        account=AccountSettings(
            held=(HeldShares(symbol="AAPL", quantity=Decimal(3), average_price=Decimal("99.5")),),
            cash=Decimal(5000),
        )
    )

    quotes = desk.run(desk.quotes.quotes([*SYMBOLS, "NOPE"]))
    volumes = desk.run(desk.quotes.fundamentals([*SYMBOLS, "NOPE"]))
    history = desk.run(desk.quotes.historicals(list(SYMBOLS), "5minute"))
    hours = desk.run(desk.quotes.hours(DAY))
    account = desk.run(desk.account.account())
    positions = desk.run(desk.account.positions())

    assert quotes["NOPE"] is None
    assert volumes["NOPE"] is None
    assert all(quotes[symbol].bid < quotes[symbol].ask for symbol in SYMBOLS)
    assert all(volumes[symbol].volume > 0 for symbol in SYMBOLS)
    assert all(bar.start < desk.clock.now() for bar in history["AAPL"])
    assert (hours.is_open, hours.opens_at) == (True, OPEN)
    assert account.cash == Decimal(5000)
    assert account.equity > account.cash
    assert [(p.symbol, p.quantity) for p in positions] == [("AAPL", Decimal(3))]


def test_zero_average_price_of_the_broker_is_seen_through(make_desk: MakeDesk) -> None:
    """A settled position shown at 0.0000 has the clearing cost as its price."""
    desk = make_desk(
        account=AccountSettings(
            held=(HeldShares(symbol="AAPL", quantity=Decimal(3), average_price=Decimal("99.5")),),
            has_zero_average_price=True,
        )
    )

    (position,) = desk.run(desk.account.positions())

    assert position.average_price == Decimal("99.5")


def test_positions_of_many_pages_and_slashless_redirects(make_desk: MakeDesk) -> None:
    """Small pages are read to the last, and the token survives the redirect to the slash form."""
    held = tuple(
        HeldShares(symbol=symbol, quantity=Decimal(1), average_price=Decimal(100))
        for symbol in SYMBOLS
    )
    desk = make_desk(account=AccountSettings(held=held), page_size=1, redirects_slashless=True)

    assert [p.symbol for p in desk.run(desk.account.positions())] == sorted(SYMBOLS)
    assert desk.run(desk.account.account()).cash == Decimal(25_000)


FAILURES: list[tuple[Any, type[TradingBotError]]] = [
    (faults.Unauthorized(), SessionExpiredError),
    (faults.Throttled(retry_after_s=4), RetryableError),
    (faults.Throttled(), RetryableError),
    (faults.ServerError(status=500), RetryableError),
    (faults.ServerError(status=503, retry_after_s=2), RetryableError),
    (faults.HtmlPage(), RetryableError),
    (faults.Hangs(seconds=30), RetryableError),
    (faults.SlowBody(seconds=60), RetryableError),
    (faults.ResetConnection(), RetryableError),
    (faults.ResetConnection(after_bytes=10), RetryableError),
    (faults.BodyCutOff(), RetryableError),
    (faults.TruncatedJson(), RetryableError),
]


@pytest.mark.parametrize(
    ("fault", "expected"), FAILURES, ids=lambda value: getattr(value, "__name__", repr(value))
)
def test_every_fault_of_the_menu_is_its_error_and_passes(
    make_desk: MakeDesk, fault: Any, expected: type[TradingBotError]
) -> None:
    """A poll that fails says how, is not an empty answer, and the next one works."""
    desk = make_desk(FaultRule(fault=fault, path="/quotes/", count=1))

    with pytest.raises(expected):
        desk.run(desk.quotes.quotes(SYMBOLS))
    desk.run(desk.clock.sleep(5))
    quotes = desk.run(desk.quotes.quotes(SYMBOLS))

    assert all(quotes[symbol] is not None for symbol in SYMBOLS)


@pytest.mark.parametrize(
    "fault", [faults.ForeignNext(), faults.NextLoop(), faults.PageError(status=404)]
)
def test_pages_that_lead_astray_are_no_positions(make_desk: MakeDesk, fault: Any) -> None:
    """A foreign or circular next page, or a missing one, is an error and never fewer positions."""
    held = tuple(
        HeldShares(symbol=symbol, quantity=Decimal(1), average_price=Decimal(100))
        for symbol in SYMBOLS
    )
    desk = make_desk(
        FaultRule(fault=fault, path="/positions/"),
        account=AccountSettings(held=held),
        page_size=1,
    )

    with pytest.raises(DataError):
        desk.run(desk.account.positions())


def test_reordered_rows_change_nothing(make_desk: MakeDesk) -> None:
    """Rows in another order keep their symbols and volumes."""
    straight, turned = make_desk(), make_desk(FaultRule(fault=faults.Reordered()))

    def reads(desk: Desk) -> tuple[Any, Any]:
        return (
            desk.run(desk.quotes.quotes(SYMBOLS)),
            desk.run(desk.quotes.fundamentals(SYMBOLS)),
        )

    first = reads(straight)
    # One session of the library in a process: the second desk takes over only from here on.
    for prefix in ("https://", "http://"):
        turned.transport.library.session.mount(prefix, turned.transport._guard)

    assert reads(turned) == first


def test_null_quote_is_none(make_desk: MakeDesk) -> None:
    """A null row leaves the other symbols where they belong."""
    desk = make_desk(FaultRule(fault=faults.NullQuote(), symbol="AAPL"))

    quotes = desk.run(desk.quotes.quotes(SYMBOLS))

    assert quotes["AAPL"] is None
    assert quotes["MSFT"].symbol == "MSFT"


def test_read_rides_through_a_burst_of_faults(make_desk: MakeDesk) -> None:
    """A read somebody waits for is repeated on virtual time until the burst is over."""
    desk = make_desk(
        FaultRule(fault=faults.Throttled(retry_after_s=3), path="/markets/*", count=2),
        FaultRule(fault=faults.Hangs(seconds=9), path="/markets/*", count=1),
    )
    began = desk.clock.now()

    assert desk.run(desk.quotes.hours(DAY)).is_open
    assert timedelta(seconds=11) <= desk.clock.now() - began <= timedelta(seconds=20)


def test_session_is_renewed_and_the_old_one_is_dead(make_desk: MakeDesk) -> None:
    """Tokens rotate: after a renewal reads work, and with the old refresh token nothing does."""
    desk = make_desk()
    old = desk.keeper.session

    desk.run(desk.keeper.renew())

    assert desk.run(desk.quotes.quotes(SYMBOLS))["AAPL"] is not None
    assert desk.keeper.session != old
    assert old is not None
    desk.keeper._file.save(old)
    desk.keeper._session = old
    with pytest.raises(LoginNeededError):
        desk.run(desk.keeper.renew())


def test_person_is_asked_for_when_robinhood_wants_one(make_desk: MakeDesk) -> None:
    """A verification in place of a token is nothing the daemon can answer."""
    desk = make_desk(FaultRule(fault=faults.HumanNeeded()))

    with pytest.raises(LoginNeededError, match="verified by a person"):
        desk.run(desk.keeper.renew())
    assert desk.run(desk.quotes.quotes(SYMBOLS))["AAPL"] is not None


async def _watch(desk: Desk, symbols: tuple[str, ...], every_s: float) -> list[str]:
    """A trading day's polls, written down."""
    session = desk.exchange.days[-1].session
    seen: list[str] = []
    await desk.clock.sleep_until(session.open)
    while desk.clock.now() < session.close:
        quotes = await desk.quotes.quotes(symbols)
        seen.append(f"{desk.clock.now()} {[q and (q.bid, q.ask, q.last) for q in quotes.values()]}")
        await desk.clock.sleep(every_s)
    return seen


def test_made_up_day_is_the_same_at_each_look(make_desk: MakeDesk) -> None:
    """A whole day polled each second minute gives the same quotes twice."""
    days: list[list[str]] = []
    for _ in range(2):
        played = made_up_days(7, CALENDAR)
        symbols = tuple(played[0].symbols)
        start = played[0].session.open - timedelta(minutes=1)
        desk = make_desk(exchange=Exchange(played[:1], CALENDAR), start=start)
        days.append(desk.run(_watch(desk, symbols, 120)))

    assert days[0] == days[1]
    assert len(set(days[0])) > 100
