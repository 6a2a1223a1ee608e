"""The status as lines for people, and as one value for programs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from trading_bot.logging.line import parse_timestamp
from trading_bot.query.status import (
    DifferenceShown,
    PositionShown,
    ProtectionShown,
    Snapshot,
    Status,
    market_words,
)
from trading_bot.query.words import counted, day_time, dollars, duration
from trading_bot.shell.daemon import LAG_STAGE
from trading_bot.storage.home import Home


def status_lines(status: Status, home: Home) -> Iterator[str]:
    """The verdict first, then what it rests on."""
    if status.state == "nothing yet":
        yield f"nothing yet: no session was ever started in {home.root}"
        return
    yield status.state.upper() + "".join(f"\n  because {reason}" for reason in status.reasons)
    yield from _row("home", str(home.root))
    if status.is_alive:
        yield from _row("alive", _alive(status))
    elif status.last_session is not None:
        last = status.last_session
        at = day_time(parse_timestamp(last.timestamp))
        yield from _row("last session", f"{last.mode}, {last.kind} at {at} New York")
    if status.snapshot is not None:
        yield from _snapshot(status.snapshot, status)


def _row(name: str, text: str) -> Iterator[str]:
    for place, line in enumerate(text.splitlines()):
        yield f"{name if place == 0 else '':13} {line}"


def _alive(status: Status) -> str:
    text = f"process {status.pid or 'unknown'}"
    snapshot = status.snapshot
    if snapshot is None or snapshot.started_at is None or snapshot.pid != status.pid:
        return text
    since = day_time(snapshot.started_at)
    up = duration((snapshot.at - snapshot.started_at).total_seconds())
    return f"{text}, {snapshot.mode}, since {since} New York ({up})"


def _snapshot(snapshot: Snapshot, status: Status) -> Iterator[str]:
    yield from _row("market", market_words(snapshot))
    held = "holds" if status.is_alive else "held then"
    yield from _row(held, "\n".join(map(_position, snapshot.positions)) or "nothing")
    yield from _row("today", _today(snapshot))
    account = snapshot.account
    if account is None:
        yield from _row("account", "not read yet")
    else:
        age = duration((snapshot.at - account.at).total_seconds())
        yield from _row(
            "account",
            f"equity {account.equity}, cash {account.cash}, "
            f"buying power {account.buying_power}, read {age} before",
        )
    yield from _row("protecting", "\n".join(map(_protection, snapshot.protections)))
    yield from _row("differs", "\n".join(map(_difference, snapshot.differences)))
    at = snapshot.reconciled_at
    age = "not yet" if at is None else f"{duration((snapshot.at - at).total_seconds())} before"
    yield from _row("reconciled", age)
    ends_at = snapshot.broker_session.ends_at
    if ends_at is not None:
        yield from _row("session", f"with the broker until {day_time(ends_at)} New York")
    trips = "\n".join(
        f"{trip.name} at {day_time(trip.at)}: {trip.reason}" for trip in snapshot.breakers
    )
    yield from _row("breakers", trips or "none tripped")
    yield from _row("quotes", _quotes(snapshot))
    yield from _row(
        "polls",
        f"{snapshot.quotes.polls_skipped} skipped today, "
        f"{snapshot.quotes.failed_polls} failed in a row now",
    )
    yield from _row("unprotected", f"at most {snapshot.day.unprotected_max_s:.1f} s today")
    lag = snapshot.measures.get(LAG_STAGE)
    yield from _row("loop lag", "not measured" if lag is None else f"p99 {lag['p99_ms']:.1f} ms")
    age_s = status.snapshot_age_s or 0.0
    yield from _row("written", f"{duration(age_s)} ago, at {day_time(snapshot.at)} New York")


def _protection(why: ProtectionShown) -> str:
    return f"{why.cause} since {day_time(why.since)}: {why.reason}; ends: {why.ends}"


def _difference(found: DifferenceShown) -> str:
    text = f"{found.key}: ours {found.ours}, broker {found.broker}, since {day_time(found.since)}"
    return f"{text} (the broker agrees again)" if found.is_gone else text


def _position(position: PositionShown) -> str:
    text = f"{position.symbol} {position.held:,}, stop {position.stop or 'none'}"
    text += f", target {position.target or 'none'} ({position.strategy})"
    if position.unprotected_s is not None:
        text += f", WITHOUT A STOP for {duration(position.unprotected_s)}"
    if position.leaving:
        text += f", leaving: {position.leaving}"
    return text


def _today(snapshot: Snapshot) -> str:
    day = snapshot.day
    result = "not known: a price is missing"
    if day.profit_loss is not None:
        result = f"{dollars(Decimal(day.profit_loss))} dollars"
    realised = dollars(Decimal(day.realised or "0"))
    opening = day.opening_equity or "not read yet"
    trades = counted(day.trades, "trade")
    return f"{result} ({realised} realised), {trades}, opening equity {opening}"


def _quotes(snapshot: Snapshot) -> str:
    symbols = snapshot.quotes.symbols
    good = {name: q.age_s for name, q in symbols.items() if not q.problem and q.age_s is not None}
    text = f"{len(symbols)} polled"
    if good:
        oldest = max(good, key=lambda name: good[name])
        text += f", {len(good)} good, the oldest {duration(good[oldest])} ({oldest})"
    bad = [f"{name}: {q.problem}" for name, q in symbols.items() if q.problem]
    return "\n".join([text, *bad])


def status_value(status: Status, home: Home) -> dict[str, Any]:
    """The same for programs: plain JSON values."""
    last = status.last_session
    value: dict[str, Any] = {
        "home": str(home.root),
        "state": status.state,
        "alive": status.is_alive,
        "ready": status.state == "ready",
        "reasons": list(status.reasons),
        "pid": status.pid,
        "age_s": None if status.snapshot_age_s is None else round(status.snapshot_age_s, 3),
        "last_session": None
        if last is None
        else {
            "session_id": last.session_id,
            "kind": last.kind,
            "mode": last.mode,
            "at": last.timestamp,
            "reason": last.reason,
        },
        "snapshot": None if status.snapshot is None else msgspec.to_builtins(status.snapshot),
    }
    return value
