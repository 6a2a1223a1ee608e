"""What the running daemon knows, for `status`: one small file, replaced whole, never the truth."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from trading_bot.core.protect import RULES, Cause
from trading_bot.core.say import day_pnl
from trading_bot.core.state import CoreState
from trading_bot.domain.money import text_of
from trading_bot.domain.position import AccountSnapshot
from trading_bot.logging.line import format_timestamp
from trading_bot.runtime.measure import Measures
from trading_bot.storage.home import Home

NAME = "status.json"


def status_path(home: Home) -> Path:
    """Where the file is."""
    return home.logs / NAME


def write_status(
    home: Home, state: CoreState, now: datetime, measures: Measures, mode: str
) -> None:
    """Replace the file; not synced: after a crash it is old, and says of when it is."""
    path = status_path(home)
    fresh = path.with_name(f".{NAME}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(status_of(state, now, measures, mode), file, indent=1)
    fresh.replace(path)


def status_of(state: CoreState, now: datetime, measures: Measures, mode: str) -> dict[str, Any]:
    """The state in words and numbers; amounts as text."""
    session = state.session
    pnl = day_pnl(state)
    return {
        "at": format_timestamp(now),
        "pid": os.getpid(),
        "mode": mode,
        "session_id": state.info.session_id if state.info is not None else None,
        "started_at": format_timestamp(state.started_at) if state.started_at else None,
        "trading_day": state.trading_day.isoformat(),
        "session": None
        if session is None
        else {"open": format_timestamp(session.open), "close": format_timestamp(session.close)},
        "protect_only": state.protect_only or None,
        **_protection(state),
        "broker_session": {
            "ends_at": format_timestamp(state.session_ends_at) if state.session_ends_at else None,
            "problem": state.session_problem or None,
        },
        "stopping": state.stopping or None,
        "breakers": [
            {"name": t.breaker, "at": format_timestamp(t.at), "reason": t.reason}
            for t in state.breaker.trips
        ],
        "quotes": {
            "failed_polls": state.calls.poll_failures,
            "polls_skipped": state.calls.polls_skipped,
            "hanging_s": _hanging_s(state, now),
            "symbols": {name: _quote(symbol, now) for name, symbol in state.symbols.items()},
        },
        "account": None if state.account is None else _account(state.account),
        "day": {
            "opening_equity": None
            if state.day.opening_equity is None
            else text_of(state.day.opening_equity),
            "realised": text_of(state.day.realised),
            "profit_loss": None if pnl is None else text_of(pnl),
            "trades": state.day.trades,
            "unprotected_max_s": state.day.peak_unprotected_s,
        },
        "positions": [_position(state, trade_id, now) for trade_id in state.book.trades],
        "measures": measures.summary(),
    }


def _account(account: AccountSnapshot) -> dict[str, Any]:
    return {
        "at": format_timestamp(account.at),
        "equity": text_of(account.equity),
        "cash": text_of(account.cash),
        "buying_power": text_of(account.buying_power),
    }


def _protection(state: CoreState) -> dict[str, Any]:
    reconciled = state.reconciled
    return {
        "protections": [
            {
                "cause": cause,
                "reason": held.text,
                "since": format_timestamp(held.since),
                "ends": RULES[Cause(cause)].ends,
            }
            for cause, held in state.protection.items()
        ],
        "differences": [
            {
                "key": key,
                "ours": held.difference.ours,
                "broker": held.difference.broker,
                "since": format_timestamp(held.since),
                "is_gone": held.is_gone,
            }
            for key, held in reconciled.open.items()
        ],
        "frozen": sorted(reconciled.frozen),
        "reconciled_at": None if reconciled.at is None else format_timestamp(reconciled.at),
    }


def _hanging_s(state: CoreState, now: datetime) -> float:
    calls = state.calls
    if calls.poll is None or calls.poll_asked_at is None:
        return 0.0
    return round(max((now - calls.poll_asked_at).total_seconds(), 0.0), 3)


def _quote(symbol: Any, now: datetime) -> dict[str, Any]:
    checked = symbol.quote
    if checked is None:
        return {"problem": symbol.problem or "no quote yet"}
    updated_at = checked.quote.updated_at
    return {
        "bid": text_of(checked.bid),
        "ask": text_of(checked.ask),
        "last": text_of(checked.last),
        "age_s": None if updated_at is None else round((now - updated_at).total_seconds(), 3),
        "problem": symbol.problem or None,
    }


def _position(state: CoreState, trade_id: str, now: datetime) -> dict[str, Any]:
    trade = state.book.trades[trade_id]
    since = trade.unprotected_since
    return {
        "symbol": trade.symbol,
        "held": trade.held,
        "strategy": trade.context.strategy_name,
        "stop": text_of(trade.stop_price),
        "target": None if trade.target is None else text_of(trade.target),
        "leaving": trade.exit_reason or None,
        "unprotected_s": None if since is None else round((now - since).total_seconds(), 3),
        "working_orders": sum(1 for order in trade.orders.values() if order.is_working),
    }
