"""What was seen of a symbol and said of its bars: the values that a replay fills."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from trading_bot.domain.bar import Bar
from trading_bot.domain.quote import Quote
from trading_bot.query.verdicts import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one strategy made of one bar; `is_signal` when it wanted to buy or to leave."""

    at: datetime
    strategy_name: str
    bar: Bar
    text: str
    is_signal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one poll brought; `code` and `problem` say why it was not used, empty when it was."""

    at: datetime
    quote: Quote | None
    code: str
    problem: str


@dataclass(slots=True, kw_only=True)
class DayDigest:
    """A symbol's day: how many polls, what was wrong with its quotes, what was said of its bars."""

    polls: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    bars: int = 0
    signals: Counter[str] = field(default_factory=Counter)
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Minute:
    """What happened to a symbol in one minute."""

    start: datetime
    seen: list[Seen] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
