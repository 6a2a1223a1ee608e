"""The live broker at the rehearsal exchange, on a market that quotes what a test shows it."""

import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from support.paper import CALENDAR, SetClock
from support.rehearsal import flat_day
from trading_bot.brokers.robinhood.broker import RobinhoodBroker
from trading_bot.brokers.robinhood.budget import OrderBudget
from trading_bot.brokers.robinhood.order_lines import LineMaker, OrderLines
from trading_bot.brokers.robinhood.transport import RobinhoodTransport, TransportSettings
from trading_bot.rehearsal.adapter import InProcessAdapter
from trading_bot.rehearsal.brokerage import AccountSettings
from trading_bot.rehearsal.day import PlayedDay
from trading_bot.rehearsal.exchange import Exchange, ExchangeSettings
from trading_bot.rehearsal.server import ExchangeServer
from trading_bot.rehearsal.tape_quotes import QuoteState, SymbolTape
from trading_bot.runtime.retry import Retrier

Door = Literal["HTTP", "in process"]

NUMBER = "REH000001"
DAY = date(2026, 11, 23)


class ShownTape(SymbolTape):
    """A tape that tells nothing but what it was shown."""

    def __init__(self, day: PlayedDay) -> None:
        super().__init__("AAPL", (day,), CALENDAR)
        self._shown: list[tuple[datetime, Decimal, Decimal]] = []

    def show(self, at: datetime, bid: str, ask: str) -> None:
        self._shown.append((at, Decimal(bid), Decimal(ask)))

    def at(self, now: datetime, today: date) -> QuoteState:
        state = super().at(now, today)
        past = [shown for shown in self._shown if shown[0] <= now]
        if not past:
            return state
        at, bid, ask = past[-1]
        return replace(state, bid=bid, ask=ask, last=bid, last_at=at, updated_at=at, size=100_000)

    def next_told(self, after: datetime) -> datetime | None:
        return next((at for at, _, _ in self._shown if at > after), None)


class RobinhoodBench:
    """`broker` is the code that trades live; the market is the exchange's, through `door`."""

    def __init__(self, stack: ExitStack, door: Door) -> None:
        self.clock = SetClock()
        day = flat_day("AAPL", DAY)
        account = AccountSettings(number=NUMBER, cash=Decimal(100_000))
        self.exchange = Exchange((day,), CALENDAR, ExchangeSettings(account=account))
        self._tape = ShownTape(day)
        # The tapes are one mapping that every part of the exchange looks into.
        self.exchange.brokerage._tapes["AAPL"] = self._tape  # type: ignore[index]
        base_url, adapter = None, None
        if door == "HTTP":
            port = stack.enter_context(ExchangeServer(self.exchange)).port
            base_url = f"http://127.0.0.1:{port}"
        else:
            adapter = InProcessAdapter(self.exchange)
        maker = _maker(self.clock, base_url, adapter)
        stack.callback(maker.first.close, 1.0)
        reads, lines = maker.make("robinhood-account"), OrderLines(maker)
        stack.callback(reads.close, 1.0)
        stack.callback(lines.close, 1.0)
        issued = self.exchange.first_session(self.clock.now())
        maker.first.library.log_in(issued.token_type, issued.access_token)
        self.broker = RobinhoodBroker(
            reads=reads,
            lines=lines,
            budget=OrderBudget(self.clock),
            account_number=NUMBER,
            clock=self.clock,
        )

    def show(self, bid: str, ask: str) -> None:
        self._tape.show(self.clock.at, bid, ask)

    def after(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)


def at_exchange(door: Door) -> Callable[[ExitStack], RobinhoodBench]:
    return lambda stack: RobinhoodBench(stack, door)


def _maker(clock: SetClock, base_url: str | None, adapter: InProcessAdapter | None) -> LineMaker:
    settings = TransportSettings(base_url=base_url, is_lockstep=True, is_inline=adapter is not None)
    retrier = Retrier(clock, random.Random(1))
    return LineMaker(
        first=RobinhoodTransport(clock, retrier, settings=settings, adapter=adapter),
        clock=clock,
        retrier=retrier,
        settings=settings,
        adapter=adapter,
    )
