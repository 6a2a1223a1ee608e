"""Bars reach the strategies; what they say is taken further."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from trading_bot.core import entries, trades
from trading_bot.core.events import HistoricalsArrived, StrategyLoadFailed
from trading_bot.core.say import Numbers, alarm, over, warn
from trading_bot.core.state import CoreState, Out, StrategySlot, SymbolState
from trading_bot.core.trader_words import words_of
from trading_bot.domain.bar import Bar
from trading_bot.domain.errors import DataError
from trading_bot.domain.signal import ExitSignal, Signal
from trading_bot.market.bars import bars_from_historicals


def close_due(
    state: CoreState, symbol: SymbolState, at: datetime, volumes: Mapping[str, int | None], out: Out
) -> None:
    """Close the symbol's bar when this is the first poll past its end."""
    builder = symbol.builder
    if builder is None:
        return
    volume = volumes.get(symbol.symbol)
    while (bar := builder.close_due(at, volume)) is not None:
        on_bar(state, symbol, bar, at, out)


def on_bar(state: CoreState, symbol: SymbolState, bar: Bar, at: datetime, out: Out) -> None:
    """Give a closed one-minute bar to the symbol's strategies; longer ones are put together."""
    on_bars(state, ((symbol, bar),), at, out)


def on_bars(
    state: CoreState, found: Sequence[tuple[SymbolState, Bar]], at: datetime, out: Out
) -> None:
    """The closed one-minute bars of several symbols, in order, as `on_bar` takes one."""
    for symbol, bar in found:
        # In here and not in a function of its own: the one thing that happens at every bar.
        for slot in symbol.minute_slots:
            slot.last_bar = bar
            if slot.needs_volume:
                slot.was_quiet = bar.has_volume
                if not slot.was_quiet:
                    continue
            try:
                said = slot.strategy.on_bar(bar)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - a trader's own code may raise anything; its exits must live on
                _strategy_raised(state, symbol, slot, error, at, out)
                continue
            if said is not None:
                _take_said(state, symbol, slot, said, bar, at, out)
        if symbol.aggregators:
            _on_longer_bars(state, symbol, bar, at, out)


def _on_longer_bars(
    state: CoreState, symbol: SymbolState, bar: Bar, at: datetime, out: Out
) -> None:
    for minutes, aggregator in symbol.aggregators.items():
        for group in aggregator.take(bar):
            for slot in symbol.slots:
                if slot.interval_minutes == minutes:
                    _on_longer_bar(state, symbol, slot, group, at, out)


def _on_longer_bar(
    state: CoreState, symbol: SymbolState, slot: StrategySlot, bar: Bar, at: datetime, out: Out
) -> None:
    slot.last_bar = bar
    slot.was_quiet = not slot.needs_volume or bar.has_volume
    if not slot.was_quiet:
        return
    try:
        said = slot.strategy.on_bar(bar)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a trader's own code may raise anything; its exits must live on
        _strategy_raised(state, symbol, slot, error, at, out)
        return
    if said is not None:
        _take_said(state, symbol, slot, said, bar, at, out)


def _take_said(
    state: CoreState,
    symbol: SymbolState,
    slot: StrategySlot,
    said: object,
    bar: Bar,
    at: datetime,
    out: Out,
) -> None:
    slot.signals += 1
    if not isinstance(said, Signal | ExitSignal):
        wrong = TypeError(f"expected a signal or None, got {said!r}")
        _strategy_raised(state, symbol, slot, wrong, at, out)
    elif (said.symbol, said.strategy_name) != (symbol.symbol, slot.strategy.name):
        wanted = f"{slot.strategy.name} of {symbol.symbol}"
        strange = ValueError(f"expected {wanted}, got {said.strategy_name} of {said.symbol}")
        _strategy_raised(state, symbol, slot, strange, at, out)
    elif said.bar_end != bar.end:
        # The order's name is made from it: another bar's name would be another order's.
        early = ValueError(f"expected a signal on the bar to {bar.end}, got {said.bar_end}")
        _strategy_raised(state, symbol, slot, early, at, out)
    elif isinstance(said, ExitSignal):
        trades.leave_on_signal(state, said, at, out)
    else:
        try:
            entries.consider(state, symbol, slot, said, bar, at, out)
        except (ValueError, ArithmeticError) as error:
            # A trader's own signal may hold what no order and no record can.
            _strategy_raised(state, symbol, slot, error, at, out)


def _strategy_raised(
    state: CoreState,
    symbol: SymbolState,
    slot: StrategySlot,
    error: BaseException,
    at: datetime,
    out: Out,
) -> None:
    slot.failures += 1
    if slot.stopped:
        return  # Said once: it may fail on every bar of the day.
    name = slot.strategy.name
    reason = words_of(error)
    for other in state.symbols.values():
        for same in other.slots:
            if same.strategy.name == name and not same.stopped:
                same.stopped = reason
    numbers: Numbers = {
        "strategy": name,
        "symbol": symbol.symbol,
        "reason": reason,
    }
    alarm(state, out, at, "strategy_failed", "strategy_entries_stopped", numbers)


def on_load_failed(state: CoreState, event: StrategyLoadFailed, out: Out) -> None:
    """A strategy that could not be made is as loud as one that raised."""
    numbers: Numbers = {
        "strategy": event.strategy_name,
        "symbol": event.symbol,
        "reason": event.reason,
    }
    alarm(state, out, event.at, "strategy_failed", "strategy_entries_stopped", numbers)


def on_historicals(state: CoreState, event: HistoricalsArrived, out: Out) -> None:
    """Prime the session's indicators with what was traded before this start."""
    session = state.session
    over(state, "historicals_down")
    if session is None:
        return
    five_minutes = timedelta(minutes=5)
    primed = 0
    for symbol in state.symbols.values():
        own = [
            b
            for b in event.bars
            if b.symbol == symbol.symbol
            and b.session == "reg"
            and session.open <= b.start
            and b.start + five_minutes <= event.at
        ]
        try:
            bars = bars_from_historicals(own)
        except DataError as error:
            refused: Numbers = {"symbol": symbol.symbol, "reason": str(error)}
            warn(state, out, event.at, "history_refused", "indicators_not_warmed_up", refused)
            continue
        primed += len(bars)
        for slot in symbol.slots:
            _warm_up(state, symbol, slot, bars, event.at, out)
    if primed:
        warn(
            state,
            out,
            event.at,
            "started_mid_session",
            "indicators_warmed_up",
            {"five_minute_bars": primed},
        )


def _warm_up(
    state: CoreState,
    symbol: SymbolState,
    slot: StrategySlot,
    bars: Sequence[Bar],
    at: datetime,
    out: Out,
) -> None:
    if slot.last_bar is not None:
        return  # It came after the first live bar: bars only ever reach a strategy in order.
    try:
        slot.strategy.warm_up(bars)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a trader's own code may raise anything; its exits must live on
        _strategy_raised(state, symbol, slot, error, at, out)
