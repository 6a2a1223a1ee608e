"""Robinhood's quotes, and the paper broker or Robinhood's own, over a session file."""

import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from requests.adapters import BaseAdapter

from trading_bot.app.kept_session import KeptBroker, KeptSession
from trading_bot.app.quotes import ShownToPaper, settle_gap
from trading_bot.app.renewals import Renewals
from trading_bot.app.sink import WriterSink
from trading_bot.brokers.paper import PaperBroker
from trading_bot.brokers.robinhood.accounts import check_account, read_accounts
from trading_bot.brokers.robinhood.broker import RobinhoodBroker
from trading_bot.brokers.robinhood.budget import OrderBudget
from trading_bot.brokers.robinhood.order_lines import LineMaker, OrderLines
from trading_bot.brokers.robinhood.order_readings import UNKNOWN_OWNERSHIP, Ownership
from trading_bot.brokers.robinhood.quotes import RobinhoodQuoteSource
from trading_bot.brokers.robinhood.refresh import SessionKeeper
from trading_bot.brokers.robinhood.session_file import SessionFile
from trading_bot.brokers.robinhood.transport import RobinhoodTransport, TransportSettings
from trading_bot.config.model import Config
from trading_bot.domain.errors import ConfigError, RetryableError, SessionExpiredError
from trading_bot.execution.ref_ids import Identity, is_ours
from trading_bot.market.calendar import NyseCalendar
from trading_bot.ports.broker import Broker
from trading_bot.ports.clock import Clock
from trading_bot.ports.quote_source import QuoteSource
from trading_bot.ports.records import STREAM_PAPER_BROKER, RecordSink
from trading_bot.query.records import HomeRecords
from trading_bot.runtime.rate_limit import TokenBucket, UrgentTurns
from trading_bot.runtime.retry import Retrier
from trading_bot.storage.home import Home

READS_PER_SECOND = 2.0
READ_BURST = 8
ACCOUNT_READS = 2
"""Of the reads at hand so many are kept for the account's, which go before quotes."""
QUOTES_PATIENCE_S = 3.0
"""A reading of many orders, again every second, leaves the quotes a turn this often."""


def _unheard(_text: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """An open session, and what further ones beside it are made with."""

    maker: LineMaker
    renewals: Renewals
    bucket: TokenBucket

    @property
    def quotes(self) -> QuoteSource:
        """Quotes on the session itself."""
        return KeptSession(RobinhoodQuoteSource(self.maker.first), self.renewals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How a run reaches Robinhood, or at `base_url` an exchange that speaks like it.

    `printed` hears the lines the library prints, redacted, `warned` what went wrong without
    stopping anything; `keepers` holds the keeper of the session once connected. `adapter` takes
    the place of HTTP: a rehearsal within the process.
    """

    home: Home
    config: Config
    clock: Clock
    calendar: NyseCalendar
    chance: random.Random
    stack: AsyncExitStack
    base_url: str | None = None
    is_lockstep: bool = False
    adapter: BaseAdapter | None = None
    printed: Callable[[str], None] = _unheard
    warned: Callable[[str], None] = _unheard
    keepers: list[SessionKeeper] = field(default_factory=list)
    transports: list[RobinhoodTransport] = field(default_factory=list)

    def skew_s(self) -> float | None:
        """Seconds by which the other side's clock is ahead of ours; None while not known."""
        return self.transports[-1].server_time.ahead_s if self.transports else None

    async def open(self, *, limits_reads: bool) -> _Line:
        """Load the session and use it, renewed where that is due; errors say what to do."""
        settings = TransportSettings(
            base_url=self.base_url,
            is_lockstep=self.is_lockstep,
            is_inline=self.adapter is not None,
        )
        retrier = Retrier(self.clock, self.chance)
        bucket = TokenBucket(
            self.clock,
            per_second=READS_PER_SECOND,
            burst=READ_BURST,
            reserved=ACCOUNT_READS,
            patience_s=QUOTES_PATIENCE_S,
        )
        transport = RobinhoodTransport(
            self.clock,
            retrier,
            settings=settings,
            adapter=self.adapter,
            printed=self.printed,
            limiter=bucket if limits_reads else None,
        )
        self.stack.callback(transport.close)
        try:
            keeper = await self._keep(transport)
        except BaseException:
            # Another session may be tried in place of this one.
            transport.close()
            raise
        self.transports.append(transport)
        self.keepers.append(keeper)
        maker = LineMaker(
            first=transport,
            clock=self.clock,
            retrier=retrier,
            settings=settings,
            adapter=self.adapter,
        )
        return _Line(maker=maker, renewals=Renewals(keeper, self.clock), bucket=bucket)

    async def _keep(self, transport: RobinhoodTransport) -> SessionKeeper:
        """The keeper of a session that may be used, and that opens the configured account."""
        keeper = SessionKeeper(transport, SessionFile(self.home.session_pickle), self.clock)
        await keeper.start()
        await self._renew_if_due(keeper)
        if self.config.account_number:
            await self._check_account(transport, keeper, self.config.account_number)
        return keeper

    async def _renew_if_due(self, keeper: SessionKeeper) -> None:
        """A session near its end is renewed now; one that is merely near may also be later."""
        if not keeper.is_due():
            return
        try:
            await keeper.renew()
        except RetryableError as error:
            if keeper.is_due(timedelta(0)):
                raise
            self.warned(f"the session could not be renewed at the start: {error}")

    async def _check_account(
        self, transport: RobinhoodTransport, keeper: SessionKeeper, number: str
    ) -> None:
        """ConfigError when the session is not one of the configured account."""
        try:
            try:
                accounts = await read_accounts(transport)
            except SessionExpiredError:
                await keeper.renew()
                accounts = await read_accounts(transport)
        except RetryableError as error:
            self.warned(f"the account number could not be checked: {error}")
        else:
            check_account(accounts, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperConnection(Connection):
    """Quotes as live, orders to an invented account."""

    async def __call__(self, sink: WriterSink, records: HomeRecords) -> tuple[QuoteSource, Broker]:
        """Connect, rebuild the paper account; errors say what to do."""
        source = (await self.open(limits_reads=not self.is_lockstep)).quotes
        paper = PaperBroker.restore(
            records.lines(STREAM_PAPER_BROKER),
            settings=self.config.paper,
            limits=self.config.quotes,
            sink=sink,
            clock=self.clock,
            calendar=self.calendar,
        )
        try:
            await settle_gap(paper, source, self.clock.now(), self.warned)
        except RetryableError as error:
            raise RetryableError(f"the paper account's gap cannot be settled: {error}") from error
        return ShownToPaper(source, paper, self.clock, self.warned), paper


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveConnection(Connection):
    """Quotes and the account behind the configured number, each on a session of its own."""

    async def __call__(
        self, _sink: RecordSink, _records: HomeRecords
    ) -> tuple[QuoteSource, Broker]:
        """Connect; errors say what to do."""
        return await self.reach()

    async def reach(self) -> tuple[QuoteSource, Broker]:
        """As the call: the account keeps its own books."""
        number = self.config.account_number
        if not number:
            raise ConfigError("account_number: live trading needs the account's number")
        line = await self.open(limits_reads=True)
        reads = line.maker.make("robinhood-account", UrgentTurns(line.bucket))
        lines = OrderLines(line.maker)
        self.stack.callback(reads.close)
        self.stack.callback(lines.close)
        broker = RobinhoodBroker(
            reads=reads,
            lines=lines,
            budget=OrderBudget(self.clock),
            account_number=number,
            clock=self.clock,
            ownership=self._ownership(),
        )
        return line.quotes, KeptBroker(broker, line.renewals)

    def _ownership(self) -> Ownership:
        """Our orders are known by the home's key; one without a key has never sent any."""
        if not self.home.key_file.exists():
            return UNKNOWN_OWNERSHIP
        key = self.home.key_file.read_bytes()
        identity = Identity(mode="", account="", key=key)
        return Ownership(is_ours=lambda name: is_ours(name, identity), warned=self.warned)
