"""What a run amounted to, from its records."""

import shlex
from collections import Counter
from decimal import Decimal

from trading_bot.domain.money import ZERO, text_of
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_TRADES
from trading_bot.query.records import HomeRecords
from trading_bot.runtime.measure import Measures
from trading_bot.storage.home import Home


def summary_of(home: Home, reason: str, measures: Measures, program: str = "trading-bot") -> str:
    """Trades, result, refusals by reason, files, and what to try next, calling `program`."""
    records = HomeRecords(home)
    trades = [TradeRecord.from_jsonl_line(line) for line in records.lines(STREAM_TRADES)]
    decisions = [DecisionRecord.from_jsonl_line(line) for line in records.lines(STREAM_DECISIONS)]
    return "\n".join(
        (
            "",
            f"-- {reason} --",
            *_results(trades),
            *_refusals(decisions),
            *_files(home),
            *_speed(measures),
            *_next(home, trades, decisions, program),
        )
    )


def _results(trades: list[TradeRecord]) -> list[str]:
    net: dict[str, Decimal] = {}
    for record in trades:
        if record.net_profit_loss is not None:
            net[record.order_id] = net.get(record.order_id, ZERO) + record.net_profit_loss
    opened = {record.order_id for record in trades if record.action == "BUY"}
    wins = sum(1 for value in net.values() if value > 0)
    losses = sum(1 for value in net.values() if value < 0)
    rate = f"{100 * wins / len(net):.0f}%" if net else "none yet"
    total = sum(net.values(), ZERO)
    return [
        (
            f"round trips    {len(net)} ({wins} won, {losses} lost; win rate {rate}), "
            f"{len(opened - net.keys())} left open"
        ),
        f"result         {'+' if total > 0 else ''}{text_of(total)} dollars after fees, on paper",
    ]


def _refusals(decisions: list[DecisionRecord]) -> list[str]:
    rules = Counter(record.rule or "" for record in decisions if not record.is_approved)
    approved = sum(1 for record in decisions if record.is_approved)
    lines = [f"decisions      {len(decisions)}: {approved} approved, {rules.total()} refused"]
    lines += [f"  {count:5}  {rule}" for rule, count in rules.most_common()]
    return lines


def _files(home: Home) -> list[str]:
    lines = [f"written to     {home.root}"]
    for path in sorted((*home.logs.glob("*.jsonl"), *home.tape.glob("*.jsonl"))):
        if not path.is_symlink() and path.stat().st_size:
            with path.open("rb") as file:
                count = sum(1 for _ in file)
            lines.append(f"  {path.relative_to(home.root)!s:34} {count:6} lines")
    return lines


def _speed(measures: Measures) -> list[str]:
    found = measures.summary()
    return [
        (
            f"{name:14} p50 {found[name]['p50_ms']:.3f} ms, p99 {found[name]['p99_ms']:.3f} ms "
            f"over {found[name]['count']:.0f}"
        )
        for name in ("step", "record")
        if name in found
    ]


def _next(
    home: Home, trades: list[TradeRecord], decisions: list[DecisionRecord], program: str
) -> list[str]:
    root = shlex.quote(str(home.root))
    symbol = next((s for s in _symbols(trades, decisions)), "SYMBOL")
    return [
        "try next",
        f"  {program} trades --home {root}",
        f"  {program} why {symbol} --home {root}",
        f"  {program} verify --home {root}",
    ]


def _symbols(trades: list[TradeRecord], decisions: list[DecisionRecord]) -> list[str]:
    return [record.symbol for record in trades] + [record.symbol for record in decisions]
