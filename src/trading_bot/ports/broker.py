"""Who holds the money and takes the orders."""

from datetime import datetime
from typing import Literal, Protocol

from trading_bot.domain.errors import RetryableError
from trading_bot.domain.order import ApprovedOrder, BrokerOrder
from trading_bot.domain.position import AccountSnapshot, BrokerPosition

ExecutionMode = Literal["PAPER", "LIVE"]


class PartOfOrdersError(RetryableError):
    """The broker's orders cannot be read as a whole; `orders` are those that were, one by one."""

    def __init__(
        self,
        message: str,
        *,
        orders: tuple[BrokerOrder, ...],
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.orders = orders


class Broker(Protocol):
    """One account at one broker.

    Every call raises RetryableError when nothing happened and it may be repeated,
    SessionExpiredError when the session is gone, DataError when the answer cannot be read.
    """

    @property
    def execution_mode(self) -> ExecutionMode:
        """LIVE only where real money moves."""
        ...

    async def place(self, order: ApprovedOrder) -> BrokerOrder:
        """Send the order once.

        RejectedError: the broker refused it. UnknownOutcomeError: it may be working; look it up by
        its ref_id. RetryableError: the bytes provably never reached the broker.
        """
        ...

    async def cancel(self, order_id: str) -> None:
        """Ask for the order's cancel; returning means asked, not done: a fill can still win.

        RejectedError: the order was final already.
        """
        ...

    async def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Every order updated at or after `since`, complete or an error, never part of it.

        A PartOfOrdersError has those of our working ones that could be read all the same.
        """
        ...

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """Every position that is not zero, complete or an error."""
        ...

    async def account(self) -> AccountSnapshot:
        """Cash, buying power, equity now."""
        ...
