"""What one symbol saw and said on a day, from its tape: the day's digest, or one minute."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from trading_bot.app.replay import Replayed, Replayer
from trading_bot.core.events import CallFailed, Event, PollArrived
from trading_bot.core.state import StrategySlot, SymbolState
from trading_bot.domain.bar import Bar
from trading_bot.market.calendar import Session
from trading_bot.query.verdicts import Verdict
from trading_bot.query.watching import DayDigest, Minute, Said, Seen

MINUTE = timedelta(minutes=1)


def day_digest(replayer: Replayer, symbol: str, day: date) -> DayDigest:
    """Replay the day and count; DataError when there is no tape of it."""
    found = DayDigest()
    bars: set[datetime] = set()
    for seen, said in _watch(replayer, symbol, day):
        if seen is not None:
            found.polls += 1
            if seen.code:
                found.problems[seen.code] += 1
        for word in said:
            bars.add(word.bar.end)
            verdicts = found.verdicts.setdefault(word.strategy_name, [])
            if word.is_signal:
                found.signals[word.strategy_name] += 1
            else:
                verdicts.append(Verdict(bar_end=word.bar.end, text=word.text))
    found.bars = len(bars)
    return found


def minute_of(replayer: Replayer, symbol: str, day: date, start: datetime) -> Minute:
    """Replay the day up to the end of that minute; DataError when there is no tape of it."""
    found = Minute(start=start)
    for seen, said in _watch(replayer, symbol, day, until=start + MINUTE):
        if seen is not None and seen.at >= start:
            found.seen.append(seen)
        found.said.extend(word for word in said if word.at >= start)
    return found


def session_of(replayer: Replayer, day: date) -> Session | None:
    """The day's session as the bot's own calendar had it; DataError when there is no tape of it."""
    return next(replayer.replay(day)).state.session


def _watch(
    replayer: Replayer, symbol: str, day: date, until: datetime | None = None
) -> Iterator[tuple[Seen | None, list[Said]]]:
    """For each event before `until`: what it showed of the symbol, what was said of its bars."""
    watched: dict[int, _Slot] = {}
    for replayed in replayer.replay(day):
        if until is not None and replayed.event.at >= until:
            return
        own = replayed.state.symbols.get(symbol)
        if own is None:
            continue
        said = list(_said(replayed, own, watched))
        yield _seen(replayed.event, own), said


@dataclass(slots=True)
class _Slot:
    """What a strategy's slot was like after the event before."""

    slot: StrategySlot
    last_bar: Bar | None
    signals: int


def _said(replayed: Replayed, own: SymbolState, watched: dict[int, _Slot]) -> Iterator[Said]:
    for place, slot in enumerate(own.slots):
        before = watched.get(place)
        if before is None or before.slot is not slot:
            before = watched[place] = _Slot(slot, None, 0)
        if slot.last_bar is None or slot.last_bar is before.last_bar:
            continue
        yield Said(
            at=replayed.event.at,
            strategy_name=slot.strategy.name,
            bar=slot.last_bar,
            text=_verdict(slot),
            is_signal=slot.signals > before.signals,
        )
        before.last_bar, before.signals = slot.last_bar, slot.signals


def _verdict(slot: StrategySlot) -> str:
    if not slot.was_quiet:
        return "the bar's volume is not known, and the strategy needs it"
    try:
        said: object = slot.strategy.verdict()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a trader's own code may raise anything; the story goes on
        return f"the verdict cannot be had: {type(error).__name__}: {error}"
    return said if isinstance(said, str) else f"the verdict cannot be had: it is {said!r}"


def _seen(event: Event, own: SymbolState) -> Seen | None:
    match event:
        case PollArrived():
            quote = next((q for q in event.quotes if q.symbol == own.symbol), None)
            return Seen(at=event.at, quote=quote, code=own.problem, problem=own.problem_text)
        case CallFailed(what="poll"):
            why = f"the poll failed: {event.reason}"
            return Seen(at=event.at, quote=None, code="POLL_FAILED", problem=why)
    return None
