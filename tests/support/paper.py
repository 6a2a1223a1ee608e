"""A paper broker on a table: a clock that is set, a ledger in memory, quotes as short as a test."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeVar

from trading_bot.brokers.paper import PaperBroker
from trading_bot.brokers.paper_settings import PaperSettings
from trading_bot.domain.order import (
    ApprovedOrder,
    BrokerOrder,
    Leg,
    OrderIntent,
    OrderType,
    Side,
    TimeInForce,
)
from trading_bot.domain.quote import HistoricalBar, Quote
from trading_bot.market.calendar import NyseCalendar
from trading_bot.market.quote_check import QuoteLimits
from trading_bot.ports.clock import Waitable
from trading_bot.ports.records import STREAM_PAPER_BROKER

_Result = TypeVar("_Result")

CALENDAR = NyseCalendar()
# Monday, 10:00 in New York; no fee on shares sold in this quarter, the SEC's fee is 20.60.
TEN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CLOSE = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
PLAIN = PaperSettings(
    starting_cash=Decimal(100_000), slippage_bps=Decimal(0), depth_slippage_bps=Decimal(0)
)
EVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class SetClock:
    """A clock that stands until it is set."""

    at: datetime = TEN

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - EVER).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    async def sleep_until(self, at: datetime) -> None:
        self.at = max(self.at, at)

    def activity(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def wait(self, ready: Waitable, until: datetime | None = None) -> bool:
        await ready.wait()
        return True

    async def settle(self) -> None:
        return None


@dataclass
class MemorySink:
    """Keeps lines; `failure` is raised instead, when set."""

    lines: list[str] = field(default_factory=list)
    failure: Exception | None = None

    async def append(self, batch: Mapping[str, Sequence[str]]) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        assert list(batch) == [STREAM_PAPER_BROKER]
        self.lines.extend(batch[STREAM_PAPER_BROKER])


def run(call: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of one call."""
    return asyncio.run(call)


def make_quote(
    bid: str | None,
    ask: str | None,
    *,
    at: datetime,
    symbol: str = "AAPL",
    size: int = 1000,
    last: str | None = None,
    **changes: Any,
) -> Quote:
    """A quote of this moment; the last trade is at the bid and older unless given."""
    values: dict[str, Any] = {
        "symbol": symbol,
        "bid": None if bid is None else Decimal(bid),
        "ask": None if ask is None else Decimal(ask),
        "bid_size": size,
        "ask_size": size,
        "last": Decimal(last or bid or "1"),
        "last_at": EVER if last is None else at,
        "previous_close": Decimal("100.00"),
        "updated_at": at,
        "is_halted": False,
        "has_traded": True,
    }
    return Quote(**(values | changes))


def make_ref(name: str) -> str:
    """A ref_id in UUID shape, the same for the same name."""
    digits = sha256(name.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def make_order(
    side: Side,
    quantity: int,
    *,
    limit: str | None = None,
    stop: str | None = None,
    ref: str = "order",
    symbol: str = "AAPL",
    time_in_force: TimeInForce = TimeInForce.GFD,
) -> ApprovedOrder:
    """An approved order: a limit order with `limit`, a stop with `stop`, else a market order."""
    kind = OrderType.LIMIT if limit else OrderType.STOP if stop else OrderType.MARKET
    leg = Leg.ENTRY if side is Side.BUY else Leg.STOP if stop else Leg.EXIT
    intent = OrderIntent(
        ref_id=make_ref(ref),
        trade_id=make_ref("trade"),
        symbol=symbol,
        side=side,
        leg=leg,
        type=kind,
        quantity=quantity,
        time_in_force=time_in_force,
        limit_price=None if limit is None else Decimal(limit),
        stop_price=None if stop is None else Decimal(stop),
        created_at=TEN,
        valid_until=TEN + timedelta(days=30),
    )
    return ApprovedOrder(intent=intent, rule_set="test")


def make_bar(
    start: datetime, low: str, high: str, close: str, symbol: str = "AAPL", **changes: Any
) -> HistoricalBar:
    """A regular five-minute bar."""
    values: dict[str, Any] = {
        "symbol": symbol,
        "start": start,
        "open": Decimal(close),
        "high": Decimal(high),
        "low": Decimal(low),
        "close": Decimal(close),
        "volume": 1000,
    }
    return HistoricalBar(**(values | changes))


class Desk:
    """A broker, its clock and its ledger, with calls as short as the story they tell."""

    def __init__(self, settings: PaperSettings = PLAIN, lines: Sequence[str] = ()) -> None:
        self.clock = SetClock()
        self.sink = MemorySink(lines=list(lines))
        self.settings = settings
        self.broker = self.restored()

    def restored(self) -> PaperBroker:
        """Another broker from the ledger as it is."""
        return PaperBroker.restore(
            self.sink.lines,
            settings=self.settings,
            limits=QuoteLimits(),
            sink=self.sink,
            clock=self.clock,
            calendar=CALENDAR,
        )

    def after(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def at(self, moment: datetime) -> None:
        self.clock.at = moment

    def show(self, bid: str | None, ask: str | None, **changes: Any) -> None:
        """A new quote, a second later."""
        self.after(1)
        quote = make_quote(bid, ask, **({"at": self.clock.at} | changes))
        run(self.broker.on_quotes({quote.symbol: quote}, self.clock.at))

    def place(self, side: Side, quantity: int, **details: Any) -> BrokerOrder:
        return run(self.broker.place(make_order(side, quantity, **details)))

    def buy(self, quantity: int, limit: str | None = None, **details: Any) -> BrokerOrder:
        return self.place(Side.BUY, quantity, limit=limit, **details)

    def sell(self, quantity: int, limit: str | None = None, **details: Any) -> BrokerOrder:
        return self.place(Side.SELL, quantity, limit=limit, **details)

    def cancel(self, order: BrokerOrder) -> None:
        run(self.broker.cancel(order.order_id))

    def look(self, order: BrokerOrder) -> BrokerOrder:
        """The order as it is reported now."""
        found = [o for o in run(self.broker.orders(EVER)) if o.order_id == order.order_id]
        assert len(found) == 1
        return found[0]

    def holding(self, quantity: int, price: str = "100.00") -> "Desk":
        """The same desk, with shares bought at `price`."""
        self.show(price, price, size=quantity)
        self.buy(quantity, price, ref=f"holding-{quantity}-{price}")
        assert self.broker.book.positions["AAPL"].quantity >= quantity
        return self


def prices(order: BrokerOrder) -> list[tuple[int, str]]:
    """Its executions: shares and price."""
    return [(e.quantity, str(e.price)) for e in order.executions]
