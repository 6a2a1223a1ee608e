"""A symbol's story as lines for people: the day, or one minute of it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.domain.bar import Bar
from trading_bot.domain.money import ZERO, text_of
from trading_bot.logging.decision_record import DecisionRecord
from trading_bot.logging.line import parse_timestamp
from trading_bot.logging.order_event import OrderEvent
from trading_bot.logging.risk_event import RiskEvent
from trading_bot.logging.trade_record import TradeRecord
from trading_bot.query.order_words import order_words
from trading_bot.query.story import SymbolDay
from trading_bot.query.verdicts import digest, nearest_miss
from trading_bot.query.watching import DayDigest, Minute, Seen
from trading_bot.query.words import counted, dollars, duration, new_york, table, time_of, utc_text

_MINUTE = timedelta(minutes=1)
_KINDS_SHOWN = 8


def tell_day(story: SymbolDay, digested: DayDigest | None, without: str) -> Iterator[str]:
    """The story of the day; `without` says why there is no digest, when there is none."""
    yield f"{story.symbol} on {story.day:%A} {story.day}, times of New York"
    yield from _trades(story)
    yield from _refusals(story.refusals)
    yield from _risks(story.risks)
    yield ""
    if digested is None:
        yield f"why most bars gave no signal is not known: {without}"
    else:
        yield from _digest(digested)


def _trades(story: SymbolDay) -> Iterator[str]:
    by_order: dict[str, list[TradeRecord]] = {}
    for record in story.trades:
        by_order.setdefault(record.order_id, []).append(record)
    yield ""
    yield counted(len(by_order), "trade")
    for number, records in enumerate(by_order.values(), start=1):
        yield from _trade(number, records, _trade_id(story, records[0].order_id), story)


def _trade_id(story: SymbolDay, order_id: str) -> str | None:
    """The trade whose entry the broker calls `order_id`."""
    for event in story.orders:
        if event.broker_order_id == order_id:
            return event.correlation_id
    return None


def _trade(
    number: int, records: Sequence[TradeRecord], trade_id: str | None, story: SymbolDay
) -> Iterator[str]:
    entries = [record for record in records if record.action == "BUY"]
    exits = [record for record in records if record.action == "SELL"]
    first = records[0]
    plan = f"stop {first.stop_loss}, target {first.target or 'none'}"
    yield f" {number}. {first.strategy_name}, {first.entry_type}: {plan}"
    for record in entries:
        yield f"    {_time(record.timestamp)}  bought {_amount(record)}"
        yield f"              because {record.decision_reasoning}"
    protection = _protection(story.events_of(trade_id)) if trade_id else ""
    if protection:
        yield f"              {protection}"
    for record in exits:
        held = duration(record.hold_duration_seconds or 0)
        net = dollars(record.net_profit_loss or ZERO)
        yield f"    {_time(record.timestamp)}  sold {_amount(record)}: {record.outcome} {net}"
        yield f"              because {record.exit_reasoning}, after {held}"
    if not exits:
        yield "    no exit on record for this day"
    elif len(exits) > 1:
        total = sum((record.net_profit_loss or ZERO for record in exits), Decimal(0))
        yield f"    together {dollars(total)}"


def _amount(record: TradeRecord) -> str:
    fees = f", fees {record.commission}" if record.commission else ""
    return f"{record.quantity:,} at {text_of(record.price)}{fees}"


def _protection(events: Iterable[OrderEvent]) -> str:
    """How long shares were held without a working sell order."""
    waits = [int(str(e.data.get("unprotected_ms", 0))) for e in events if e.kind == "protected"]
    if not waits:
        return ""
    longest = max(waits) / 1000
    return f"covered by a working sell order after {longest:.3f} s" + (
        f" at most, {counted(len(waits), 'time')}" if len(waits) > 1 else ""
    )


def _refusals(refusals: Sequence[DecisionRecord]) -> Iterator[str]:
    yield ""
    yield counted(len(refusals), "refusal")
    for record in refusals:
        yield (
            f"    {_time(record.timestamp)}  {record.rule}  {record.strategy_name}: {record.reason}"
        )


def _risks(risks: Sequence[RiskEvent]) -> Iterator[str]:
    if not risks:
        return
    yield ""
    yield counted(len(risks), "event of the risk side", "events of the risk side")
    for event in risks:
        snapshot = event.config_snapshot
        name = event.event_type.replace("_", " ")
        reason = snapshot.get("reason") or event.action_taken.replace("_", " ")
        yield f"    {_time(event.timestamp)}  {name}: {reason}"


def _digest(digested: DayDigest) -> Iterator[str]:
    yield f"{counted(digested.bars, 'bar')} from {counted(digested.polls, 'poll')}"
    for code, count in digested.problems.most_common():
        yield f"    {count:5}  {code}"
    for name, verdicts in digested.verdicts.items():
        signals = counted(digested.signals[name], "signal")
        yield f" {name}: {signals}; {counted(len(verdicts), 'bar')} without one"
        kinds = digest(verdicts)
        for kind in kinds[:_KINDS_SHOWN]:
            nearest = ""
            if kind.gap is not None:
                at = f"{new_york(kind.nearest.bar_end):%H:%M}"
                nearest = f"   nearest at {at}: {kind.nearest.text}"
            yield f"    {kind.count:5}  {kind.pattern}{nearest}"
        rest = sum(kind.count for kind in kinds[_KINDS_SHOWN:])
        if rest:
            yield f"    {rest:5}  for {counted(len(kinds) - _KINDS_SHOWN, 'other reason')}"
        miss = nearest_miss(kinds)
        if miss is not None and miss.gap is not None:
            at = f"{new_york(miss.nearest.bar_end):%H:%M}"
            yield f"    nearest miss at {at}: {miss.nearest.text} ({100 * miss.gap:.1f}% off)"


def tell_minute(story: SymbolDay, minute: Minute) -> Iterator[str]:
    """Everything of that minute."""
    start, end = minute.start, minute.start + _MINUTE
    yield f"{story.symbol} at {new_york(start):%H:%M} New York, {story.day} ({utc_text(start)})"
    yield ""
    yield "quotes" if minute.seen else "no quote was polled in this minute"
    for seen in minute.seen:
        yield f"    {time_of(seen.at)}  {_quote(seen)}"
    yield ""
    yield from _bars(minute)
    decided = [d for d in story.decisions if start <= parse_timestamp(d.timestamp) < end]
    for record in decided:
        yield ""
        yield from _decision(record)
    yield from _orders(story, decided, start, end)


def _quote(seen: Seen) -> str:
    quote = seen.quote
    if quote is None:
        return seen.problem or "the answer had no quote of it"
    text = (
        f"bid {_price(quote.bid)} x {quote.bid_size:,}  ask {_price(quote.ask)} x "
        f"{quote.ask_size:,}  last {_price(quote.last)}"
    )
    if quote.updated_at is not None:
        text += f"  {(seen.at - quote.updated_at).total_seconds():.1f} s old"
    return f"{text}  NOT USED: {seen.problem}" if seen.problem else text


def _price(price: Decimal | None) -> str:
    return "none" if price is None else text_of(price)


def _bars(minute: Minute) -> Iterator[str]:
    if not minute.said:
        yield "no bar was closed in this minute"
    shown: Bar | None = None
    for said in minute.said:
        if said.bar is not shown:
            yield _bar(said.bar)
            shown = said.bar
        word = "SIGNAL" if said.is_signal else "no"
        yield f"    {time_of(said.at)}  {said.strategy_name}  {word}: {said.text}"


def _bar(bar: Bar) -> str:
    span = f"{new_york(bar.start):%H:%M}-{new_york(bar.end):%H:%M}"
    volume = f"{bar.volume:,} ({bar.volume_source})" if bar.has_volume else "not known"
    prices = f"open {bar.open:g}  high {bar.high:g}  low {bar.low:g}  close {bar.close:g}"
    return f"bar {span}  {prices}  volume {volume}"


def _decision(record: DecisionRecord) -> Iterator[str]:
    yield (
        f"{record.verdict.upper()} {_time(record.timestamp)}  {record.strategy_name}, "
        f"{record.entry_type}: {record.rule + ': ' if record.rule else ''}{record.reason}"
    )
    yield f"    the signal: {record.signal_reasons or 'no reasons given'}"
    price, limit = _price(record.signal_price), _price(record.limit_price)
    stop, target = _price(record.stop_loss), _price(record.target)
    yield (
        f"    the order: {record.quantity or 'no'} shares, signal price {price}, limit {limit}, "
        f"stop {stop}, target {target}"
    )
    rows = [(c.rule, "holds" if c.ok else "FAILS", c.value, c.limit) for c in record.checks]
    for line in table(("rule", "", "value", "limit"), rows, frozenset()):
        yield f"    {line}"


def _orders(
    story: SymbolDay, decided: Sequence[DecisionRecord], start: datetime, end: datetime
) -> Iterator[str]:
    """The events of that minute, and to their end those of the trades that it began."""
    begun = {record.ref_id for record in decided if record.is_approved}
    events = [
        event
        for event in story.orders
        if event.correlation_id in begun or start <= parse_timestamp(event.timestamp) < end
    ]
    yield ""
    yield "orders" if events else "no order followed"
    for event in events:
        at = new_york(parse_timestamp(event.timestamp))
        day = "" if at.date() == story.day else f"{at.date()} "
        yield f"    {day}{at:%H:%M:%S}  {order_words(event)}"


def _time(timestamp: str) -> str:
    return time_of(parse_timestamp(timestamp))
