"""The Broker port at Robinhood: one account, orders sent once, readings complete or an error."""

from collections.abc import Sequence
from datetime import UTC, datetime

from trading_bot.brokers.robinhood.account import RobinhoodAccount
from trading_bot.brokers.robinhood.budget import OrderBudget
from trading_bot.brokers.robinhood.departure import Departure
from trading_bot.brokers.robinhood.names import InstrumentNames
from trading_bot.brokers.robinhood.order_lines import OrderLines, Way
from trading_bot.brokers.robinhood.order_readings import (
    UNKNOWN_OWNERSHIP,
    OrderReadings,
    Ownership,
)
from trading_bot.brokers.robinhood.outcomes import (
    SessionGoneError,
    check_cancelled,
    read_placed,
)
from trading_bot.brokers.robinhood.payload import is_uuid, order_form
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import (
    DataError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    TradingBotError,
    UnknownOutcomeError,
)
from trading_bot.domain.order import ApprovedOrder, BrokerOrder, Leg, OrderIntent
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.ports.broker import ExecutionMode
from trading_bot.ports.clock import Clock


class RobinhoodBroker:
    """The account `account_number`: reads through `reads`, orders through `lines`."""

    def __init__(
        self,
        *,
        reads: RobinhoodTransport,
        lines: OrderLines,
        budget: OrderBudget,
        account_number: str,
        clock: Clock,
        ownership: Ownership = UNKNOWN_OWNERSHIP,
    ) -> None:
        self._reads = reads
        self._lines = lines
        self._budget = budget
        self._account = RobinhoodAccount(reads, account_number, clock)
        self._number = account_number
        self._clock = clock
        self._names = InstrumentNames(reads, clock)
        self._readings = OrderReadings(reads, self._names, account_number, ownership, clock)
        self._redact = reads.library.redact
        self._urls = reads.urls

    @property
    def execution_mode(self) -> ExecutionMode:
        """LIVE at Robinhood itself alone, whoever composed this."""
        return "PAPER" if self._reads.is_rehearsed else "LIVE"

    def may_place_entry(self) -> bool:
        """True when the order budget has tokens for an entry and its stop."""
        return self._budget.may_place_entry()

    async def place(self, order: ApprovedOrder) -> BrokerOrder:
        """Send the order once, if it leaves within its approval.

        Besides the port's errors SessionGoneError, a RetryableError: not taken for want of a
        session.
        """
        intent = order.intent
        try:
            return await self._place(intent)
        except (RejectedError, RetryableError):
            # There is no entry, so no stop of it will want a token.
            if intent.leg is Leg.ENTRY:
                self._budget.release(intent.trade_id)
            raise

    async def cancel(self, order_id: str) -> None:
        if not is_uuid(order_id):
            raise RejectedError(f"there is no order {order_id[:40]!r}")
        await self._budget.take_urgent()
        answer = await self._lines.post("sells", self._urls.cancel_url(order_id), {})
        try:
            check_cancelled(answer, now=self._clock.now(), redact=self._redact)
        except RetryableError as error:
            self._heed(error)
            raise

    async def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Orders that changed at or after `since` by our clock, oldest first.

        The window is widened by what the server's clock may be behind ours. With more than one
        page the first is read again at the end: an order that changed meanwhile has moved there,
        past the reader. `OrderReadings` says what becomes of what cannot be read.
        """
        start = self._reads.server_time.earliest(since).astimezone(UTC)
        window = start.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return await self._readings.since(start, window)

    async def positions(self) -> tuple[BrokerPosition, ...]:
        held = await self._account.positions()
        for position in held:
            self._names.learn(position.instrument_id, position.symbol)
        return held

    async def account(self) -> AccountSnapshot:
        return await self._account.account()

    async def _place(self, intent: OrderIntent) -> BrokerOrder:
        instrument = intent.instrument_id or await self._instrument_of(intent.symbol)
        form = order_form(intent, self._number, instrument)
        departure = Departure(intent.valid_until, self._clock.now)
        await self._budget.take(intent)
        url = self._urls.orders_url(account_number=self._number)
        way: Way = "entries" if intent.leg is Leg.ENTRY else "sells"
        answer = await self._lines.post(way, url, form, departure)
        try:
            row = read_placed(answer, now=self._clock.now(), redact=self._redact)
        except RetryableError as error:
            self._heed(error)
            raise
        try:
            taken = self._readings.parsed(row, intent.symbol)
        except DataError as error:
            raise UnknownOutcomeError(f"the order's answer cannot be read: {error}") from error
        _check_echo(taken, intent, instrument)
        self._names.learn(instrument, intent.symbol)
        self._readings.note_placed(taken)
        return taken

    async def _instrument_of(self, symbol: str) -> str:
        """As asked for before anything is sent: every failure means not sent."""
        try:
            return await self._names.id_of(symbol)
        except SessionExpiredError as error:
            raise SessionGoneError(f"not sent: {error}") from error
        except TradingBotError as error:
            raise RetryableError(f"not sent: {error}") from error

    def _heed(self, error: RetryableError) -> None:
        """Send nothing for as long as the broker asked."""
        if error.retry_after_s is not None:
            self._budget.pause(error.retry_after_s)


def _check_echo(taken: BrokerOrder, intent: OrderIntent, instrument: str) -> None:
    """UnknownOutcomeError unless the answer tells the order we sent."""
    sent = (intent.ref_id, intent.side, instrument, intent.quantity)
    told = (taken.ref_id, taken.side, taken.instrument_id, taken.quantity)
    if told != sent or taken.unlike_ours:
        raise UnknownOutcomeError(
            f"the answer tells another order: expected {_words(sent)}, "
            f"got {_words(told)} {taken.unlike_ours}".rstrip()
        )


def _words(parts: Sequence[object]) -> str:
    return " ".join(str(part)[:40] for part in parts)
