"""Reading one account at Robinhood, named by its number; never the default one."""

from itertools import pairwise

from trading_bot.brokers.robinhood.fields import as_row
from trading_bot.brokers.robinhood.parsing import parse_account, parse_position
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import ConfigError, DataError
from trading_bot.domain.position import AccountSnapshot, BrokerPosition
from trading_bot.ports.clock import Clock

_LENGTH_MAX = 32


class RobinhoodAccount:
    """The account `account_number`; every row of every answer must name it."""

    def __init__(self, transport: RobinhoodTransport, account_number: str, clock: Clock) -> None:
        if not account_number.isalnum() or len(account_number) > _LENGTH_MAX:
            # It goes into URLs, and an empty one would mean the default account.
            raise ConfigError("expected an account number of letters and digits")
        transport.library.hide(account_number)
        self._transport = transport
        self._urls = transport.urls
        self._account_number = account_number
        self._clock = clock

    async def account(self) -> AccountSnapshot:
        """Cash, buying power, equity; two requests, so the two halves may be a moment apart."""
        number = self._account_number
        account = await self._transport.get_json(self._urls.account_profile_url(number))
        portfolio = await self._transport.get_json(self._urls.portfolio_profile_url(number))
        return parse_account(
            as_row(account, "account"), as_row(portfolio, "portfolio"), number, self._clock.now()
        )

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """Every position that is not zero, by symbol; complete or an error."""
        url = self._urls.positions_url(self._account_number)
        rows = await self._transport.get_pages(url, {"nonzero": "true"})
        parsed = [parse_position(as_row(row, "positions"), self._account_number) for row in rows]
        held = sorted((p for p in parsed if p.quantity), key=lambda position: position.symbol)
        for before, after in pairwise(held):
            if before.symbol == after.symbol:
                raise DataError(f"positions: expected one row of {after.symbol}, got two")
        return tuple(held)
