"""The verdict on a rehearsal of the live code: the exchange's ledger against the home's records."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from trading_bot.brokers.robinhood.budget import OrderBudgetSettings
from trading_bot.brokers.robinhood.transport import TransportSettings
from trading_bot.config.model import Config
from trading_bot.domain.errors import DataError
from trading_bot.logging.line import RecordError
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_ORDERS, STREAM_TRADES
from trading_bot.query.records import HomeRecords
from trading_bot.rehearsal.faults import FaultRule
from trading_bot.rehearsal.order_faults import Outage
from trading_bot.rehearsal.verdict import Verdict, judge, read_report
from trading_bot.storage.home import Home

_CALLS: Final = 2
"""A reading that sees the fill, and the order that protects it."""

ABSENCE_S: Final = Decimal(75)
"""A stop whose answer was lost, and which never arrived, is looked for so long before another."""


def verdict_of(
    home: Home,
    config: Config,
    report: Mapping[str, object],
    faults: Sequence[FaultRule] = (),
) -> Verdict:
    """Compare the whole history of `home`; DataError when a record or the report is unreadable."""
    records = HomeRecords(home)
    try:
        trades = [TradeRecord.from_jsonl_line(line) for line in records.lines(STREAM_TRADES)]
        events = [OrderEvent.from_jsonl_line(line) for line in records.lines(STREAM_ORDERS)]
    except RecordError as error:
        raise DataError(f"a record cannot be read, `trading-bot verify` says which: {error}") from (
            error
        )
    bound_s = bare_max_s(config) + fault_allowance_s(faults)
    return judge(read_report(report), trades, events, bare_max_s=bound_s)


def bare_max_s(config: Config) -> Decimal:
    """How long bought shares may stand without a stop, in seconds, while the broker answers.

    The entry's life, a poll of the orders, a token for the stop, and the two calls it takes, each
    as long as a call may last.
    """
    settings = config.execution
    token_s = Decimal(1) / Decimal(str(OrderBudgetSettings().per_second))
    calls_s = _CALLS * Decimal(str(TransportSettings().total_timeout_s))
    return settings.entry_timeout_s + settings.order_poll_s + token_s + calls_s


def fault_allowance_s(faults: Sequence[FaultRule]) -> Decimal:
    """What faults may add: the longest time the broker is not there, and one answer lost.

    Nobody can place a stop meanwhile; each is a bound of its own.
    """
    if not faults:
        return Decimal(0)
    outages = [
        rule.until - rule.since
        for rule in faults
        if isinstance(rule.fault, Outage) and rule.since is not None and rule.until is not None
    ]
    longest = max(outages, default=timedelta(0))
    return ABSENCE_S + Decimal(str(longest.total_seconds()))
