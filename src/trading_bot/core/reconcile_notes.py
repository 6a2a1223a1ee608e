"""Differences on record: opened, replaced, settled; kept over restarts by their notes."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from trading_bot.core import protect
from trading_bot.core.say import Data, Numbers, alarm, note
from trading_bot.core.state import CoreState, OpenDifference, Out, Reconciled
from trading_bot.domain.errors import DataError
from trading_bot.execution.differences import Difference, DifferenceKind, new_symbol_of
from trading_bot.logging.line import parse_timestamp
from trading_bot.logging.order_event import OrderEvent

_ONE_AT_A_TIME = (DifferenceKind.SHARES, DifferenceKind.ANOTHER_BOT, DifferenceKind.ORDER_CHANGED)
"""Kinds of which a symbol has one; with new numbers the next takes the place of the last."""


def open_difference(state: CoreState, difference: Difference, at: datetime, out: Out) -> None:
    """Put it on record, stop entries, tell the owner."""
    _replace_older(state, difference, at, out)
    state.reconciled.open[difference.key] = OpenDifference(difference=difference, since=at)
    data: Data = {
        "what": "difference",
        "key": difference.key,
        "difference_kind": difference.kind.value,
        "subject": difference.symbol,
        "ours": difference.ours,
        "broker": difference.broker,
        "reason": difference.text,
        "order_ids": difference.order_ids,
    }
    note(state, out, at, data)
    numbers: Numbers = {
        "difference": difference.key,
        "ours": difference.ours,
        "broker": difference.broker,
        "reason": difference.text,
    }
    alarm(state, out, at, "reconcile_difference", "protect_only", numbers)
    state_the_cause(state, at)


def _replace_older(state: CoreState, difference: Difference, at: datetime, out: Out) -> None:
    if difference.kind not in _ONE_AT_A_TIME:
        return
    for key, held in list(state.reconciled.open.items()):
        other = held.difference
        if (other.kind, other.symbol) == (difference.kind, difference.symbol):
            close_difference(state, key, at, out, how="replaced", by="the broker", why="")


def close_difference(
    state: CoreState,
    key: str,
    at: datetime,
    out: Out,
    *,
    how: str,
    by: str,
    why: str,
    shares: str = "",
) -> None:
    """It is settled: how, by whom and why is on record."""
    held = state.reconciled.open.pop(key)
    difference = held.difference
    data: Data = {
        "what": "difference_over",
        "key": key,
        "how": how,
        "by": by,
        "why": why,
        "subject": difference.symbol,
        "order_ids": difference.order_ids,
        "shares": shares,
    }
    note(state, out, at, data)
    settle(state.reconciled, key, how, difference.symbol, difference.order_ids, shares)
    state_the_cause(state, at)


def state_the_cause(state: CoreState, at: datetime) -> None:
    """Protect-only says how many differences hold and the first of them; none ends it."""
    held = state.reconciled.open
    if not held:
        state.protection.pop(protect.Cause.DIFFERENCE, None)
        return
    first = next(iter(held.values())).difference
    more = f" and {len(held) - 1} more" if len(held) > 1 else ""
    protect.restate(state, at, protect.Cause.DIFFERENCE, f"{first.text}{more}")


def restore(state: CoreState, events: Iterable[OrderEvent], at: datetime) -> None:
    """Take up what the record's notes say of differences and of what is not ours."""
    state.reconciled = reconciled = Reconciled()
    for event in events:
        what = event.data.get("what") if event.kind == "note" else None
        try:
            if what == "difference":
                _restore_open(reconciled, event)
            elif what == "difference_vanished":
                key = str(event.data["key"])
                if key in reconciled.open:
                    reconciled.open[key].is_gone = True
            elif what == "difference_over":
                _restore_over(reconciled, event)
            elif what == protect.WHAT_ENDED:
                reconciled.accepted.update(_ids(event.data.get(protect.ACCEPTED)))
            elif what == "oversold":
                reconciled.foreign[str(event.data["subject"])] -= Decimal(str(event.data["shares"]))
        except (LookupError, ValueError, ArithmeticError) as error:
            raise DataError(f"order event {event.seq}: {error}") from error
    state_the_cause(state, at)


def _restore_open(reconciled: Reconciled, event: OrderEvent) -> None:
    data = event.data
    difference = Difference(
        kind=DifferenceKind(str(data["difference_kind"])),
        key=str(data["key"]),
        symbol=str(data["subject"]),
        ours=str(data["ours"]),
        broker=str(data["broker"]),
        text=str(data["reason"]),
        order_ids=_ids(data["order_ids"]),
    )
    since = parse_timestamp(event.timestamp)
    reconciled.open[difference.key] = OpenDifference(difference=difference, since=since)
    if difference.kind is DifferenceKind.CORPORATE_ACTION:
        reconciled.frozen[difference.symbol] = difference.text


def _restore_over(reconciled: Reconciled, event: OrderEvent) -> None:
    data = event.data
    key, how, symbol = str(data["key"]), str(data["how"]), str(data["subject"])
    reconciled.open.pop(key, None)
    settle(reconciled, key, how, symbol, _ids(data["order_ids"]), str(data.get("shares", "")))


def settle(
    reconciled: Reconciled, key: str, how: str, symbol: str, order_ids: Iterable[str], shares: str
) -> None:
    """What a person's decision changes of what is compared; the same live and from the record."""
    if how == "accept":
        reconciled.accepted.add(key)
    elif how == "not_ours":
        reconciled.not_ours.update(order_ids)
        if shares:
            reconciled.foreign[symbol] = reconciled.foreign.get(symbol, Decimal(0)) + Decimal(
                shares
            )
    if key.startswith(f"{DifferenceKind.CORPORATE_ACTION}:"):
        reconciled.frozen.pop(symbol, None)
    new = new_symbol_of(key)
    if new and symbol in reconciled.foreign:
        foreign = reconciled.foreign.pop(symbol)
        reconciled.foreign[new] = reconciled.foreign.get(new, Decimal(0)) + foreign


def _ids(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()
