"""Asking for quotes and taking them in."""

from datetime import datetime, timedelta

from trading_bot.core import bars, corporate, reconcile_asks, trades
from trading_bot.core.breakers import check_day
from trading_bot.core.effects import RequestPoll, SetTimer
from trading_bot.core.events import CallFailed, PollArrived
from trading_bot.core.say import Numbers, alarm, is_news, over, warn
from trading_bot.core.state import CoreState, Out, SymbolState
from trading_bot.domain.quote import Quote
from trading_bot.market.quote_check import CheckedQuote, QuoteCode

TIMER = "poll"
PREPARE = timedelta(minutes=5)
"""How long before the open the day begins: hours and account are read."""

DAY_END = timedelta(minutes=2)
"""How long after the close the day's last bar may still be asked for."""

_ASKED_WAIT_MAX_S = 3600.0
_OUTAGE_ALARM_POLLS = 5
_HUNG_AFTER = timedelta(seconds=60)
"""Longer than all deadlines of a poll's requests together."""

_MINUTE = timedelta(minutes=1)


def first_poll(state: CoreState, at: datetime, out: Out) -> None:
    """Set the timer of the day's first poll that is not past; none on a day without a session."""
    if state.session is not None:
        out.append(SetTimer(name=TIMER, at=max(state.session.open, at)))


def ask(state: CoreState, at: datetime, out: Out) -> None:
    """Ask for one poll; drop it when the last has not come back. None once the day is over."""
    session = state.session
    if session is None or at >= session.close + DAY_END:
        return
    interval = timedelta(seconds=state.settings.poll.interval_s)
    past = (at - session.open) // interval
    following = session.open + interval * (past + 1)
    if at < session.close:
        out.append(SetTimer(name=TIMER, at=following))
    calls = state.calls
    if calls.poll is not None:
        calls.polls_skipped += 1
        _look_at_slow_poll(state, at, out)
        return
    calls.poll = calls.next_request
    calls.poll_asked_at = at
    calls.next_request += 1
    out.append(
        RequestPoll(
            request=calls.poll,
            symbols=polled_symbols(state),
            with_volumes=calls.volumes_for != _minute_of(state, at),
        )
    )


def _look_at_slow_poll(state: CoreState, at: datetime, out: Out) -> None:
    """A request that never ends is no failure that anybody reports: nothing would be said."""
    asked_at = state.calls.poll_asked_at
    if asked_at is None or at - asked_at < _HUNG_AFTER or not is_news(state, "poll_hangs"):
        return
    numbers: Numbers = {"waited_s": round((at - asked_at).total_seconds())}
    alarm(state, out, at, "quote_source_hangs", "entries_paused", numbers)


def polled_symbols(state: CoreState) -> tuple[str, ...]:
    """Watchlist, held and working symbols, sorted."""
    return tuple(state.symbols)


def _minute_of(state: CoreState, at: datetime) -> datetime:
    session = state.session
    assert session is not None, "polls run on sessions only"
    return session.open + (at - session.open) // _MINUTE * _MINUTE


def on_poll(state: CoreState, event: PollArrived, out: Out) -> None:
    """Check every quote, mark, look for exits, close bars, let the strategies speak."""
    calls = state.calls
    if event.request != calls.poll:
        calls.polls_skipped += 1
        return
    calls.poll = None
    over(state, "poll_hangs")
    _quotes_are_back(state, event.at, out)
    quotes = {q.symbol: q for q in event.quotes}
    makes_bars = _is_time_running(state, event.at, out)
    for symbol in state.symbols.values():
        _take_quote(state, symbol, quotes.get(symbol.symbol), event.at, out)
        if makes_bars:
            _build(symbol, event.at)
    check_day(state, event.at, out)
    trades.on_quotes(state, event.at, out)
    volumes = {f.symbol: f.volume for f in event.volumes or ()}
    if event.volumes is not None:
        calls.volumes_for = _minute_of(state, event.asked_at)
    if makes_bars:
        for symbol in state.symbols.values():
            bars.close_due(state, symbol, event.at, volumes, out)
    trades.ask_orders(state, out, at=event.at)


def _is_time_running(state: CoreState, at: datetime, out: Out) -> bool:
    """False while a clock that was set back has not caught up: no minute makes two bars."""
    calls = state.calls
    if calls.bars_until is not None and at < calls.bars_until:
        if is_news(state, "clock_back"):
            numbers: Numbers = {"back_s": round((calls.bars_until - at).total_seconds())}
            alarm(state, out, at, "clock_set_back", "no_bars_until_it_caught_up", numbers)
        return False
    over(state, "clock_back")
    calls.bars_until = at
    return True


def _build(symbol: SymbolState, at: datetime) -> None:
    quote = symbol.quote
    if symbol.builder is not None and quote is not None and quote.checked_at == at:
        symbol.builder.take(float(quote.last), at, quote.last_at)


def _take_quote(
    state: CoreState, symbol: SymbolState, quote: Quote | None, at: datetime, out: Out
) -> None:
    taken = symbol.tracker.take(quote, at)
    if isinstance(taken, CheckedQuote):
        if state.reconciles and quote is not None and state.book.trades:
            corporate.look_at_quote(state, symbol.symbol, quote, at, out)
        symbol.quote = taken
        symbol.mark = taken.last
        if symbol.problem:
            over(state, "quote", symbol.symbol)
            symbol.problem = symbol.problem_text = ""
        return
    symbol.problem, symbol.problem_text = taken.code.value, taken.text
    symbol.target_seen = 0
    if taken.code is not QuoteCode.NOT_TRADED and is_news(state, "quote", symbol.symbol):
        numbers: Numbers = {
            "symbol": symbol.symbol,
            "rule": taken.code.value,
            "reason": taken.text,
        }
        warn(state, out, at, "quote_refused", "quote_ignored", numbers)


def _quotes_are_back(state: CoreState, at: datetime, out: Out) -> None:
    calls = state.calls
    if over(state, "quotes_down"):
        warn(
            state,
            out,
            at,
            "quote_source_recovered",
            "entries_allowed",
            {"failed_polls": calls.poll_failures},
        )
        reconcile_asks.ask(state, at, out)
    over(state, "session_lost")
    calls.poll_failures = 0


def on_poll_failed(state: CoreState, event: CallFailed, out: Out) -> None:
    """Back off, keep everything, open nothing: quotes grow stale by themselves."""
    calls = state.calls
    if event.request != calls.poll:
        return
    calls.poll = None
    over(state, "poll_hangs")
    calls.poll_failures += 1
    for symbol in state.symbols.values():
        symbol.target_seen = 0
    numbers: Numbers = {
        "family": event.family,
        "reason": event.reason,
        "failed_polls": calls.poll_failures,
    }
    if event.family == "journal":
        # The quotes came; what could not be written has said so itself.
        out.append(SetTimer(name=TIMER, at=event.at + _backoff(state, event)))
        return
    if is_news(state, "quotes_down"):
        warn(state, out, event.at, "quote_source_failed", "entries_paused", numbers)
    if event.family == "session" and is_news(state, "session_lost"):
        alarm(state, out, event.at, "session_lost", "entries_paused", numbers)
    if calls.poll_failures == _OUTAGE_ALARM_POLLS:
        alarm(state, out, event.at, "quote_source_down", "entries_paused", numbers)
    out.append(SetTimer(name=TIMER, at=event.at + _backoff(state, event)))


def _backoff(state: CoreState, event: CallFailed) -> timedelta:
    poll = state.settings.poll
    doubled = poll.interval_s * 2 ** min(state.calls.poll_failures - 1, 10)
    own = timedelta(seconds=min(doubled, poll.failure_backoff_max_s))
    return max(own, asked_wait(event))


def asked_wait(event: CallFailed) -> timedelta:
    """The wait the other side asked for; an hour at most, then we ask again whatever it said."""
    asked_s = event.retry_after_s
    if asked_s is None or not asked_s > 0:
        return timedelta(0)
    return timedelta(seconds=min(asked_s, _ASKED_WAIT_MAX_S))
