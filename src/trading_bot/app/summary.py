"""What a run amounted to, from its records."""

import shlex
from collections import Counter

from trading_bot.domain.money import text_of
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.ports.records import STREAM_DECISIONS, STREAM_TRADES
from trading_bot.query.busts import Counted, count
from trading_bot.query.records import HomeRecords
from trading_bot.query.trades import totals
from trading_bot.query.words import counted
from trading_bot.runtime.measure import Measures
from trading_bot.storage.home import Home


def summary_of(home: Home, reason: str, measures: Measures, program: str = "trading-bot") -> str:
    """Trades, result, refusals by reason, files, and what to try next, calling `program`."""
    records = HomeRecords(home)
    written = [TradeRecord.from_jsonl_line(line) for line in records.lines(STREAM_TRADES)]
    trades = count(records, written)
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


def _results(trades: list[Counted]) -> list[str]:
    found = totals(trades)
    rate = f"{100 * found.wins / found.round_trips:.0f}%" if found.round_trips else "none yet"
    lines = [
        (
            f"round trips    {found.round_trips} ({found.wins} won, {found.losses} lost; "
            f"win rate {rate}), {found.open_entries} left open"
        ),
        (
            f"result         {'+' if found.net > 0 else ''}{text_of(found.net)} dollars "
            "after fees, on paper"
        ),
    ]
    if found.busted:
        lines.append(f"taken back     {counted(found.busted, 'execution')}, in no number above")
    return lines


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
    home: Home, trades: list[Counted], decisions: list[DecisionRecord], program: str
) -> list[str]:
    root = shlex.quote(str(home.root))
    symbol = next((s for s in _symbols(trades, decisions)), "SYMBOL")
    return [
        "try next",
        f"  {program} trades --home {root}",
        f"  {program} why {symbol} --home {root}",
        f"  {program} verify --home {root}",
    ]


def _symbols(trades: list[Counted], decisions: list[DecisionRecord]) -> list[str]:
    return [trade.record.symbol for trade in trades] + [record.symbol for record in decisions]
