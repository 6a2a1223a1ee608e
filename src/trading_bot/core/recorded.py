"""Recorded bars instead of quotes: what a poll does, once a minute, at the bars' closes.

The close of a bar stands for the quote that a poll would have brought. This is the hot path of a
backtest: a quiet minute makes no Decimal until money may be at stake.
"""

from trading_bot.core import bars, trades
from trading_bot.core.breakers import check_day
from trading_bot.core.events import BarRecorded, MinuteRecorded
from trading_bot.core.state import CoreState, Out

_ROUNDING = 0.01
"""Dollars by which the floats' day result may be off, far more than they are."""


def on_bar(state: CoreState, event: BarRecorded, out: Out) -> None:
    """One bar of one symbol."""
    on_minute(state, MinuteRecorded(at=event.at, bars=(event.bar,)), out)


def on_minute(state: CoreState, event: MinuteRecorded, out: Out) -> None:
    """The bars of a minute."""
    symbols, at = state.symbols, event.at
    found = []
    for bar in event.bars:
        symbol = symbols.get(bar.symbol)
        if symbol is not None:
            symbol.recorded = bar
            found.append((symbol, bar))
    if state.book.trades:
        if _may_breach(state):
            check_day(state, at, out)
        trades.on_quotes(state, at, out)
    bars.on_bars(state, found, at, out)


def _may_breach(state: CoreState) -> bool:
    """False when the exact look at the day's loss is sure to find and to change nothing."""
    opening, limits = state.day.opening_equity, state.settings.risk
    if opening is None or state.breaker.pending:
        return True
    if len(state.losses) >= limits.max_consecutive_losses:
        return True
    result = float(state.day.realised)
    for trade in state.book.trades.values():
        held = trade.held
        if held:
            symbol = state.symbols.get(trade.symbol)
            if symbol is None or symbol.recorded is None:
                return True
            result += symbol.recorded.close * held - float(trade.lots.cost)
    floor = float(opening) * float(limits.max_daily_loss_pct) / -100.0
    if limits.daily_loss_max_usd is not None:
        floor = max(floor, -float(limits.daily_loss_max_usd))
    return result <= floor + _ROUNDING
