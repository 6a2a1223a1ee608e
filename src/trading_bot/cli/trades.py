"""`trading-bot trades`: what was bought and sold, and what came of it."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from trading_bot.cli import exits
from trading_bot.cli.home import records_home
from trading_bot.cli.page import page_width
from trading_bot.domain.errors import DataError
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.query.busts import Counted, count
from trading_bot.query.records import HomeRecords
from trading_bot.query.trades import recent_trades, total_line, totals, trade_table
from trading_bot.query.words import cut


def run(arguments: Namespace) -> int:
    """Print the newest trades, oldest first."""
    home = records_home(arguments)
    records = HomeRecords(home)
    trades = recent_trades(records, arguments.last, arguments.symbol)
    if arguments.jsonl:
        for trade in trades:
            print(trade.line)
        return 0
    if not trades:
        of = f" of {arguments.symbol}" if arguments.symbol else ""
        print(f"no trades{of} on record in {home.root}")
        return 0
    counted, problem = _counted(records, [trade.record for trade in trades])
    width = page_width()
    for line in trade_table(counted):
        print(cut(line, width))
    print(total_line(totals(counted)))
    if problem:
        print(f"whether the broker took one of them back is not known: {problem}", file=sys.stderr)
    return exits.DAMAGED if problem else exits.OK


def _counted(records: HomeRecords, trades: Sequence[TradeRecord]) -> tuple[list[Counted], str]:
    """What is on record is shown all the same where the orders' record is damaged."""
    try:
        return count(records, trades), ""
    except DataError as error:
        return [Counted(record=trade) for trade in trades], str(error)
