"""The state from the records: nothing else survives a restart."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from trading_bot.core import protect, reconcile_notes, results
from trading_bot.core.events import SessionInfo, StartState
from trading_bot.core.state import CoreState
from trading_bot.core.unwritten import Unwritten, find_unwritten
from trading_bot.domain.errors import DataError
from trading_bot.domain.money import ZERO
from trading_bot.domain.order import Leg
from trading_bot.execution.book import TradeBook
from trading_bot.execution.trade_records import Origin, entry_order_id
from trading_bot.logging.line import parse_timestamp
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.market.calendar import NyseCalendar
from trading_bot.performance.metric import RollingWindow
from trading_bot.performance.round_trips import round_trip
from trading_bot.risk.breaker import rebuild as rebuild_breaker

_Record = TypeVar("_Record")


def restore(state: CoreState, start: StartState, session: SessionInfo, at: datetime) -> Unwritten:
    """Fill `state` from the lines of `start`; what a crash left unwritten counts and is returned.

    Lines that cannot be read are left out, and nothing is opened: what is held must be looked after
    all the same.
    """
    problems: list[str] = []
    events = _read(OrderEvent.from_jsonl_line, start.order_lines, problems)
    trades = _read(TradeRecord.from_jsonl_line, start.trade_lines, problems)
    risk = _read(RiskEvent.from_jsonl_line, start.risk_lines, problems)
    state.origin = Origin(
        session_id=session.session_id,
        bot_version=session.bot_version,
        config_hash=session.config_hash,
        execution_mode=session.execution_mode,
        account_id=session.account_id,
    )
    state.book = TradeBook()
    state.resting = set()
    problems += state.book.restore(e for e in events if e.kind != "note")
    busted = _busted_results(state.book)
    state.book.forget(start.trading_day)
    unwritten = Unwritten()
    if not problems and not start.protect_only:
        unwritten = find_unwritten(events, trades, state.origin, start.order_seq)
        trades.extend(unwritten.records)
    state.breaker = rebuild_breaker(risk)
    state.window = RollingWindow(state.settings.performance)
    state.losses = []
    state.results = {}
    still_open = {entry_order_id(t) for t in state.book.trades.values()}
    for key, net, closed_at in _closed_results(trades, still_open, busted):
        results.book(state, key, net, closed_at)
    state.order_seq, state.decision_seq = start.order_seq, start.decision_seq
    _restore_protection(state, events, problems, at)
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    damage = f"damaged record: {problems[0]}{more}" if problems else ""
    if start.protect_only or damage:
        protect.restate(state, at, protect.Cause.RECORD_DAMAGED, start.protect_only or damage)
    state.seen_ref_ids = {
        order.intent.ref_id for _, order in state.book.every() if order.intent.leg is Leg.ENTRY
    }
    state.closed_ref_ids = set(start.closed_ref_ids)
    _restore_day(state, events, trades)
    return unwritten


def _restore_protection(
    state: CoreState, events: list[OrderEvent], problems: list[str], at: datetime
) -> None:
    """What the record keeps; a journal that is dead stays so for as long as the process lives."""
    dead = protect.Cause.JOURNAL_DEAD
    state.protection = {dead: state.protection[dead]} if dead in state.protection else {}
    try:
        protect.restore(state, events)
        reconcile_notes.restore(state, events, at)
    except (DataError, LookupError) as error:
        problems.append(str(error))


def _read(
    parse: Callable[[str], _Record], lines: Iterable[str], problems: list[str]
) -> list[_Record]:
    found = []
    for line in lines:
        try:
            found.append(parse(line))
        except DataError as error:
            problems.append(str(error))
    return found


def _restore_day(state: CoreState, events: list[OrderEvent], trades: list[TradeRecord]) -> None:
    today = state.trading_day
    calendar = state.settings.calendar
    for event in events:
        is_todays = event.kind == "note" and event.data.get("trading_day") == today.isoformat()
        if is_todays and event.data.get("what") == "day_opened":
            state.day.opening_equity = Decimal(str(event.data["opening_equity"]))
        elif is_todays and event.data.get("what") == "day_closed":
            state.day.is_ended = True
        elif event.kind == "bust":
            state.day.realised += _correction_of_day(event, today, calendar)
        elif event.kind == "protected" and _is_of(today, calendar, event.timestamp):
            seconds = int(str(event.data["unprotected_ms"])) / 1000
            state.day.peak_unprotected_s = max(state.day.peak_unprotected_s, seconds)
    todays = [t for t in trades if calendar.trading_day(parse_timestamp(t.timestamp)) == today]
    for record in todays:
        state.day.realised += record.net_profit_loss or ZERO
    entries = Counter(record.order_id for record in todays if record.action == "BUY")
    for event in events:
        if event.kind == "bust" and event.leg == Leg.ENTRY.value and event.broker_order_id:
            is_todays = _is_of(today, calendar, str(event.data["executed_at"]))
            entries[event.broker_order_id] -= is_todays
    state.day.trades = sum(1 for left in entries.values() if left > 0)


def _correction_of_day(event: OrderEvent, today: date, calendar: NyseCalendar) -> Decimal:
    """What a bust changed of today's result: that of its own day, unless it says otherwise."""
    data = event.data
    if "day_correction" in data:
        is_todays = _is_of(today, calendar, event.timestamp)
        return Decimal(str(data["day_correction"])) if is_todays else ZERO
    is_todays = _is_of(today, calendar, str(data["executed_at"]))
    return Decimal(str(data["net_correction"])) if is_todays else ZERO


def _is_of(day: date, calendar: NyseCalendar, moment: str) -> bool:
    return calendar.trading_day(datetime.fromisoformat(moment)) == day


_Result = tuple[Decimal, datetime]


def _busted_results(book: TradeBook) -> dict[str, _Result | None]:
    """Results of trades of which executions were taken back, by the entry's order ids.

    Their records alone do not tell them. None of one that is open, or of which nothing is left.
    """
    found: dict[str, _Result | None] = {}
    for trade in (*book.trades.values(), *book.closed.values()):
        if not any(order.busted for order in trade.orders.values()):
            continue
        entry = trade.orders[trade.trade_id]
        found |= dict.fromkeys((entry.order_id, *entry.former_ids))
        if trade.is_closed and trade.bought:
            entries, exits = trade.executions(of_entry=True), trade.executions(of_entry=False)
            trip = round_trip(trade.trade_id, trade.symbol, entries, exits)
            found[entry.order_id] = (trip.net_profit_loss, trip.closed_at)
    return found


def _closed_results(
    trades: list[TradeRecord], still_open: set[str], busted: Mapping[str, _Result | None]
) -> list[tuple[str, Decimal, datetime]]:
    """Net results of closed round trips as they closed, by the entry's order id.

    Trades cut off at the front are left out.
    """
    net: dict[str, Decimal] = {}
    closed_at: dict[str, datetime] = {}
    for record in trades:
        if record.action == "BUY":
            net[record.order_id] = net.get(record.order_id, ZERO) - (record.commission or ZERO)
        elif record.order_id in net and record.net_profit_loss is not None:
            net[record.order_id] += record.net_profit_loss
            closed_at.pop(record.order_id, None)
            closed_at[record.order_id] = parse_timestamp(record.timestamp)
    found: list[tuple[str, Decimal, datetime]] = []
    for key, at in closed_at.items():
        result = busted.get(key, (net[key], at))
        if key not in still_open and result is not None:
            found.append((key, *result))
    return sorted(found, key=lambda one: one[2])
