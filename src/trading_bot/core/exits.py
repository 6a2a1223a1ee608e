"""Looking for reasons to leave a trade, and to raise its stop, in the latest checked quotes."""

from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.core.say import Data, say_trade
from trading_bot.core.state import CoreState, Out, SymbolState
from trading_bot.domain.money import price_from_float, text_of
from trading_bot.execution import ratchet
from trading_bot.execution.trade import Trade


def bid_of(
    state: CoreState, symbol: SymbolState, at: datetime, age_max: timedelta
) -> Decimal | None:
    """What could be sold at, as known at most `age_max` before `at`; None when nothing is.

    Before the symbol's first trade of the session a bid is no price to act on.
    """
    bar, quote = symbol.recorded, symbol.quote
    if bar is not None:
        return price_from_float(bar.close) if at - bar.end <= age_max else None
    if quote is None or at - quote.checked_at > age_max:
        return None
    session = state.session
    if session is not None and quote.last_at is not None and quote.last_at < session.open:
        return None
    return quote.bid


def look_for_exit(state: CoreState, trade: Trade, at: datetime, out: Out) -> None:
    """Take a target or a deadline that this moment's quotes reached; else raise the stop."""
    symbol = state.symbols.get(trade.symbol)
    bid = None if symbol is None else bid_of(state, symbol, at, timedelta(0))
    if symbol is None or bid is None or state.stands_still(trade.symbol):
        return
    target = trade.target
    symbol.target_seen = symbol.target_seen + 1 if target is not None and bid >= target else 0
    settings = state.settings.execution
    if target is not None and symbol.target_seen >= settings.exit_confirmations:
        symbol.target_seen = 0
        reason = f"target {text_of(target)} reached, bid {text_of(bid)}"
        leave(state, trade, reason, target, at, out)
        return
    if settings.max_hold_minutes is not None and trade.opened_at is not None:
        held = at - trade.opened_at
        if held >= timedelta(minutes=settings.max_hold_minutes):
            leave(state, trade, f"held for {settings.max_hold_minutes} minutes", bid, at, out)
            return
    if ratchet.is_on(settings):
        _raise_stop(state, trade, symbol, bid, at, out)


def _raise_stop(
    state: CoreState, trade: Trade, symbol: SymbolState, bid: Decimal, at: datetime, out: Out
) -> None:
    """Raise the plan's stop to what enough quotes in a row allow, the lowest of them."""
    settings = state.settings.execution
    wanted = ratchet.raised_stop(trade, bid, settings)
    if wanted is None:
        symbol.stop_wanted, symbol.stop_seen = None, 0
        return
    before = symbol.stop_wanted
    symbol.stop_wanted = wanted if before is None else min(before, wanted)
    symbol.stop_seen += 1
    if symbol.stop_seen < settings.exit_confirmations:
        return
    data: Data = {"stop_price": text_of(symbol.stop_wanted), "trail_high": text_of(bid)}
    symbol.stop_wanted, symbol.stop_seen = None, 0
    say_trade(state, out, "plan_change", trade, at, data)


def leave(
    state: CoreState, trade: Trade, reason: str, expected: Decimal, at: datetime, out: Out
) -> None:
    """Decide to close `trade`: durable before the first cancel, so that a restart finishes it."""
    if trade.exit_reason or trade.symbol in state.reconciled.frozen:
        return
    data: Data = {
        "exit_reason": reason,
        "exit_expected": text_of(expected),
    }
    say_trade(state, out, "plan_change", trade, at, data)
