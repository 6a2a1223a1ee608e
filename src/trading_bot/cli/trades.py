"""`trading-bot trades`: what was bought and sold, and what came of it."""

from argparse import Namespace

from trading_bot.cli.home import records_home
from trading_bot.cli.page import page_width
from trading_bot.query.records import HomeRecords
from trading_bot.query.trades import recent_trades, total_line, totals, trade_table
from trading_bot.query.words import cut


def run(arguments: Namespace) -> int:
    """Print the newest trades, oldest first."""
    home = records_home(arguments)
    trades = recent_trades(HomeRecords(home), arguments.last, arguments.symbol)
    if arguments.jsonl:
        for trade in trades:
            print(trade.line)
        return 0
    if not trades:
        of = f" of {arguments.symbol}" if arguments.symbol else ""
        print(f"no trades{of} on record in {home.root}")
        return 0
    records = [trade.record for trade in trades]
    width = page_width()
    for line in trade_table(records):
        print(cut(line, width))
    print(total_line(totals(records)))
    return 0
