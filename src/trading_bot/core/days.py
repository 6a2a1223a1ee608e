"""The beginning and the end of a run and of a trading day."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from trading_bot.core import (
    bars,
    corporate,
    overnight,
    polls,
    protect,
    reconcile_asks,
    stopping,
    trades,
)
from trading_bot.core.breakers import reset_due
from trading_bot.core.effects import Record, RequestHistoricals, RequestHours, RollDay, SetTimer
from trading_bot.core.events import Started, StrategyLoadFailed
from trading_bot.core.rebuild import restore
from trading_bot.core.say import Data, Numbers, alarm, is_news, note, warn
from trading_bot.core.state import Calls, CoreState, DayState, Out, StrategySlot, SymbolState
from trading_bot.core.trader_words import words_of
from trading_bot.core.unwritten import Unwritten
from trading_bot.domain.money import text_of
from trading_bot.market.bars import BarAggregator, BarBuilder
from trading_bot.market.quote_check import QuoteTracker
from trading_bot.ports.records import STREAM_TRADES


def on_started(state: CoreState, event: Started, out: Out) -> None:
    """Take over what the records say and plan the day; bars and strategies begin afresh."""
    state.info = event.session
    state.reconciles, state.is_desk_only = event.reconciles, event.is_desk_only
    if event.is_new_session:
        state.started_at = event.at
    _turn_to(state, event.start.trading_day)
    unwritten = restore(state, event.start, event.session, event.at)
    _write_unwritten(state, unwritten, event.at, out)
    if event.is_new_session:
        # The journal was opened and written again since.
        protect.end(state, out, event.at, protect.Cause.DISK_FULL, by="a restart")
    if state.protect_only:
        alarm(
            state, out, event.at, "protect_only", "entries_paused", {"reason": state.protect_only}
        )
    if event.is_desk_only:
        reconcile_asks.ask(state, event.at, out)
    else:
        _begin(state, event.at, out)


def _write_unwritten(state: CoreState, found: Unwritten, at: datetime, out: Out) -> None:
    """Before anything else is recorded: a crash now leaves it to be found again."""
    if not found.records:
        return
    out.extend(Record(STREAM_TRADES, record) for record in found.records)
    if found.closes_a_trade:
        trades.write_metric(state, at, out)
    numbers: Numbers = {"trade_records": len(found.records)}
    warn(state, out, at, "trade_records_missing", "written_again", numbers)


def _turn_to(state: CoreState, trading_day: date) -> None:
    state.trading_day = trading_day
    state.session = state.settings.calendar.session(trading_day)
    state.day = DayState()
    state.account, state.positions = None, None
    # A day's tape must give the day again by itself: nothing that it does not hold goes over.
    state.calls = Calls()
    state.session_ends_at, state.session_problem = None, ""
    state.said = set()
    state.late_sales = {}
    state.stops_refused = 0


def _begin(state: CoreState, at: datetime, out: Out) -> None:
    reset_due(state, at, out)
    state.symbols = _fresh_symbols(state, at, out)
    corporate.begin_day(state)
    if state.reconciles:
        protect.restate(state, at, protect.Cause.NOT_RECONCILED, "not reconciled yet")
    _plan_day(state, at, out)
    trades.ask_orders(state, out)
    reconcile_asks.ask(state, at, out)
    if state.stopping:
        # The switch of the day forgot every timer, the stop's own too.
        stopping.set_deadline(state, at, out)


def _fresh_symbols(state: CoreState, at: datetime, out: Out) -> dict[str, SymbolState]:
    wanted = {*state.settings.watchlist, *(t.symbol for t in state.book.trades.values())}
    return {name: _fresh_symbol(state, name, at, out) for name in sorted(wanted)}


def _fresh_slots(state: CoreState, name: str, at: datetime, out: Out) -> list[StrategySlot]:
    slots = []
    for strategy_name, make in state.settings.factories.items():
        try:
            slots.append(StrategySlot(strategy=make(name)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a trader's own code may raise anything; the day goes on
            reason = words_of(error)
            failed = StrategyLoadFailed(
                at=at, strategy_name=strategy_name, symbol=name, reason=reason
            )
            bars.on_load_failed(state, failed, out)
    return slots


def _fresh_symbol(state: CoreState, name: str, at: datetime, out: Out) -> SymbolState:
    slots = _fresh_slots(state, name, at, out) if name in state.settings.watchlist else []
    session = state.session
    lengths = sorted({s.strategy.interval_minutes for s in slots} - {1})
    return SymbolState(
        symbol=name,
        tracker=QuoteTracker(state.settings.quotes),
        builder=BarBuilder(name, session) if session is not None else None,
        slots=slots,
        aggregators={n: BarAggregator(session, n) for n in lengths} if session is not None else {},
    )


def _plan_day(state: CoreState, at: datetime, out: Out) -> None:
    session = state.session
    out.append(SetTimer(name="rotate", at=state.settings.calendar.rotation_time(state.trading_day)))
    if session is None:
        return
    if at >= session.close + polls.DAY_END:
        _end_missed_day(state, at, out)
        return
    prepare = max(at, session.open - polls.PREPARE)
    if at >= prepare:
        out.append(RequestHours(day=state.trading_day))
    else:
        out.append(SetTimer(name="hours", at=prepare))
    out.append(SetTimer(name="account", at=prepare))
    if state.reconciles and at < prepare:
        out.append(SetTimer(name=reconcile_asks.TIMER, at=prepare))
    if at > session.open:
        out.append(RequestHistoricals(symbols=polls.polled_symbols(state)))
    flatten = session.close - timedelta(
        minutes=state.settings.execution.flatten_before_close_minutes
    )
    out.append(SetTimer(name="flatten", at=max(at, flatten)))
    out.append(SetTimer(name="day_end", at=session.close + polls.DAY_END))
    polls.first_poll(state, at, out)


def _end_missed_day(state: CoreState, at: datetime, out: Out) -> None:
    """The day ended while nobody watched: what is held is to be sold at the next open."""
    if any(trade.held for trade in state.book.trades.values()):
        numbers: Numbers = {"trading_day": state.trading_day.isoformat()}
        is_news(state, *overnight.NEWS)
        alarm(state, out, at, "held_past_the_close", "sold_at_the_next_open", numbers)
        trades.flatten(state, "held past the close while the daemon was down", at, out)
    if state.day.opening_equity is not None and not state.day.is_ended:
        end_day(state, at, out)


def begin_flatten(state: CoreState, at: datetime, out: Out) -> None:
    """Close everything before the close; no entry from here on."""
    state.day.is_flattening = True
    minutes = state.settings.execution.flatten_before_close_minutes
    trades.flatten(state, f"end of day: {minutes} minutes before the close", at, out)


def end_day(state: CoreState, at: datetime, out: Out) -> None:
    """Write the day's result down and read the account once more."""
    data: Data = {
        "what": "day_closed",
        "trading_day": state.trading_day.isoformat(),
        "realised": text_of(state.day.realised or Decimal(0)),
        "trades": state.day.trades,
        "left_open": sum(1 for t in state.book.trades.values() if t.held),
        "polls_skipped": state.calls.polls_skipped,
        "strategy_failures": sum(
            slot.failures for symbol in state.symbols.values() for slot in symbol.slots
        ),
        "unprotected_max_ms": round(state.day.peak_unprotected_s * 1000),
    }
    note(state, out, at, data)
    overnight.keep(state, at, out)
    trades.ask_account(state, out)
    reconcile_asks.ask(state, at, out)


def rotate(state: CoreState, at: datetime, out: Out) -> None:
    """Hand the day over: the shell comes back with the next day's `Started`."""
    following = state.settings.calendar.trading_day(at + timedelta(seconds=1))
    if state.is_journal_dead:
        # No file can be switched any more; what is held is looked after all the same.
        _turn_to(state, following)
        _begin(state, at, out)
        return
    out.append(RollDay(trading_day=following))
