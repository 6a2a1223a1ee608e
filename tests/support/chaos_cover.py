"""How long shares may stand bare on a day of faults."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from support.chaos_deaths import Diary
from trading_bot.app.verdict import bare_max_s
from trading_bot.config.model import Config
from trading_bot.rehearsal.ledger import Entry
from trading_bot.rehearsal.verdict import LedgerReport


def bare_problems(
    report: LedgerReport,
    entries: Sequence[Entry],
    diary: Diary,
    downs: Sequence[tuple[datetime, datetime]],
    config: Config,
) -> tuple[Decimal, list[str]]:
    """The longest bare time in seconds, and each that is longer than what its faults allow."""
    longest = max((bare.longest_seconds for bare in report.uncovered.values()), default=Decimal(0))
    bound = bare_max_s(config)
    return longest, [f"bare {longest} > {bound}"] if longest > bound else []
