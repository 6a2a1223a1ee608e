"""The core's requests, made in tasks of their own; each ends in exactly one event."""

import asyncio
from collections.abc import Awaitable, Callable

from trading_bot.core.effects import (
    CancelOrder,
    PlaceOrder,
    RequestAccount,
    RequestHistoricals,
    RequestHours,
    RequestOrders,
    RequestPoll,
    RequestReconcile,
)
from trading_bot.core.events import (
    AccountArrived,
    CallFailed,
    CancelAnswered,
    Event,
    HistoricalsArrived,
    HoursArrived,
    OrderFailed,
    OrderPlaced,
    OrdersArrived,
    PollArrived,
    ReconcileArrived,
)
from trading_bot.domain.errors import (
    DataError,
    HaltError,
    HumanNeededError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
    UnknownOutcomeError,
)
from trading_bot.domain.quote import Fundamental
from trading_bot.execution.differences import is_same_reading
from trading_bot.ports.broker import Broker, PartOfOrdersError
from trading_bot.ports.clock import Clock
from trading_bot.ports.quote_source import QuoteSource
from trading_bot.shell.inbox import Inbox

Call = (
    RequestPoll
    | RequestHistoricals
    | RequestHours
    | RequestAccount
    | RequestOrders
    | RequestReconcile
    | PlaceOrder
    | CancelOrder
)


class Calls:
    """Makes requests and puts what comes of them into the inbox."""

    def __init__(self, *, clock: Clock, quotes: QuoteSource, broker: Broker, inbox: Inbox) -> None:
        self._clock = clock
        self._quotes = quotes
        self._broker = broker
        self._inbox = inbox
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._made: dict[type[Call], Callable[[Call], Awaitable[Event]]] = {
            RequestPoll: self._poll,
            RequestHistoricals: self._historicals,
            RequestHours: self._hours,
            RequestAccount: self._account,
            RequestOrders: self._orders,
            RequestReconcile: self._reconcile,
            PlaceOrder: self._place,
            CancelOrder: self._cancel,
        }

    def start(self, call: Call) -> None:
        """Make the request; its event comes through the inbox."""
        self._count += 1
        task = asyncio.create_task(
            self._run(self._count, call), name=f"{type(call).__name__}-{self._count}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    @property
    def under_way(self) -> list[str]:
        """Names of the requests that have not come back."""
        return sorted(task.get_name() for task in self._tasks)

    async def close(self) -> None:
        """Give up what is still under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A bug in a call takes the run down; in silence the core would wait for it for ever."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._inbox.fail(error)

    async def _run(self, number: int, call: Call) -> None:
        self._inbox.put_result(number, await self._made[type(call)](call))

    async def _poll(self, call: Call) -> Event:
        assert isinstance(call, RequestPoll)
        asked_at = self._clock.now()
        try:
            quotes = await self._quotes.quotes(call.symbols)
        except TradingBotError as error:
            return self._failed("poll", call.request, error)
        volumes, problem = await self._volumes(call) if call.with_volumes else (None, "")
        return PollArrived(
            at=self._clock.now(),
            request=call.request,
            asked_at=asked_at,
            quotes=tuple(q for s in call.symbols if (q := quotes[s]) is not None),
            missing=tuple(s for s in call.symbols if quotes[s] is None),
            volumes=volumes,
            volumes_error=problem,
        )

    async def _volumes(self, call: RequestPoll) -> tuple[tuple[Fundamental, ...] | None, str]:
        try:
            found = await self._quotes.fundamentals(call.symbols)
        except TradingBotError as error:
            return None, str(error) or type(error).__name__
        return tuple(f for s in call.symbols if (f := found[s]) is not None), ""

    async def _historicals(self, call: Call) -> Event:
        assert isinstance(call, RequestHistoricals)
        try:
            bars = await self._quotes.historicals(call.symbols, "5minute")
        except TradingBotError as error:
            return self._failed("historicals", 0, error)
        ordered = tuple(bar for symbol in sorted(bars) for bar in bars[symbol])
        return HistoricalsArrived(at=self._clock.now(), bars=ordered)

    async def _hours(self, call: Call) -> Event:
        assert isinstance(call, RequestHours)
        try:
            return HoursArrived(hours=await self._quotes.hours(call.day), at=self._clock.now())
        except TradingBotError as error:
            return self._failed("hours", 0, error)

    async def _account(self, call: Call) -> Event:
        assert isinstance(call, RequestAccount)
        try:
            account = await self._broker.account()
            positions = await self._broker.positions()
        except TradingBotError as error:
            return self._failed("account", 0, error)
        return AccountArrived(at=self._clock.now(), account=account, positions=positions)

    async def _orders(self, call: Call) -> Event:
        assert isinstance(call, RequestOrders)
        try:
            orders = await self._broker.orders(call.since)
        except PartOfOrdersError as error:
            return OrdersArrived(at=self._clock.now(), orders=error.orders, problem=str(error))
        except TradingBotError as error:
            return self._failed("orders", 0, error)
        return OrdersArrived(at=self._clock.now(), orders=orders)

    async def _reconcile(self, call: Call) -> Event:
        """Positions and cash between two readings of the orders, thrown away if those differ."""
        assert isinstance(call, RequestReconcile)
        try:
            before = await self._broker.orders(call.since)
            positions = await self._broker.positions()
            account = await self._broker.account()
            orders = await self._broker.orders(call.since)
            if not is_same_reading(before, orders):
                raise RetryableError("the broker's orders changed while its account was read")
        except TradingBotError as error:
            return self._failed("reconcile", 0, error)
        return ReconcileArrived(
            at=self._clock.now(),
            since=call.since,
            orders=orders,
            positions=positions,
            account=account,
        )

    async def _place(self, call: Call) -> Event:
        assert isinstance(call, PlaceOrder)
        intent = call.order.intent
        if self._clock.now() > intent.valid_until:
            reason = f"the approval was valid until {intent.valid_until.isoformat()}"
            return self._order_failed(intent.ref_id, "not_sent", reason)
        try:
            order = await self._broker.place(call.order)
        except RejectedError as error:
            return self._order_failed(intent.ref_id, "rejected", str(error))
        except RetryableError as error:
            return self._order_failed(intent.ref_id, "not_sent", str(error))
        except (UnknownOutcomeError, TradingBotError) as error:
            # Anything that is not provably nothing may be a working order.
            return self._order_failed(intent.ref_id, "unknown", str(error))
        return OrderPlaced(at=self._clock.now(), ref_id=intent.ref_id, order=order)

    def _order_failed(self, ref_id: str, outcome: str, reason: str) -> OrderFailed:
        return OrderFailed(at=self._clock.now(), ref_id=ref_id, outcome=outcome, reason=reason)

    async def _cancel(self, call: Call) -> Event:
        assert isinstance(call, CancelOrder)
        try:
            await self._broker.cancel(call.order_id)
        except TradingBotError as error:
            reason = str(error) or type(error).__name__
            return CancelAnswered(
                at=self._clock.now(),
                ref_id=call.ref_id,
                accepted=False,
                reason=reason,
                outcome="refused" if isinstance(error, RejectedError) else "lost",
            )
        return CancelAnswered(at=self._clock.now(), ref_id=call.ref_id, accepted=True, reason="")

    def _failed(self, what: str, request: int, error: TradingBotError) -> CallFailed:
        retry_after_s = error.retry_after_s if isinstance(error, RetryableError) else None
        return CallFailed(
            at=self._clock.now(),
            what=what,
            request=request,
            family=_family(error),
            reason=str(error) or type(error).__name__,
            retry_after_s=retry_after_s,
        )


def _family(error: TradingBotError) -> str:
    match error:
        case SessionExpiredError() | HumanNeededError():
            return "session"
        case HaltError():
            # The paper account could not write its ledger; that has an alarm of its own.
            return "journal"
        case DataError():
            return "data"
        case _:
            return "retryable"
