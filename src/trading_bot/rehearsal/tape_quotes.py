"""What a symbol's quote is at any moment of the days played: four quotes a minute bar.

A bar is told at the seconds 0, 15, 30 and 45 of its minute: its open, its two extremes, its close.
An up bar (close at or above open) shows the low first, then the high; a down bar the high first.

The day's volume follows with a delay of one quote, as a feed's count lags its prints: nothing at
second 0, a third of the bar's shares at 15, another at 30, the rest at 45. So the count read at any
moment from second 45 to the next bar's second 15 is exactly the sum of the bars so far, and bars
rebuilt from polls keep their volume.

Bid and ask are made up around the last price: the spread is the wider of one tick and 2 basis
points (or the day's own `spread_bps`), in whole ticks, rounded up; the bid is the last price cut to
the tick, less half the spread in whole ticks; the ask is the bid plus the spread. Sizes are a
twentieth of the bar's volume in round lots, at least one lot.

Between prints a quote is refreshed every 5 seconds of its bar's minute: its own time moves, the
trade's does not. A minute without a bar gives no quote: the last one stays and grows old. Outside
the extended hours bid and ask are 0.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from trading_bot.domain.money import tick_size
from trading_bot.market.calendar import NyseCalendar, Session
from trading_bot.rehearsal.bar_file import MinuteBar, new_york_day
from trading_bot.rehearsal.corporate import Split
from trading_bot.rehearsal.day import PlayedDay, SymbolDay

QUOTE_STEP_S = 15
QUOTES_A_BAR = 4
REFRESH_STEP_S = 5
SPREAD_BPS = 2
ROUND_LOT = 100
_LAST_SECOND = 59
_SIZE_DIVISOR = 20
_BPS = Decimal(10_000)
_ZERO = Decimal(0)


class Phase(StrEnum):
    """Where in its day a symbol is; `OFF` is outside the extended hours."""

    PRE = "pre"
    REGULAR = "reg"
    POST = "post"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteState:
    """A symbol's quote at one moment. Prices in dollars, sizes and volume in shares.

    `last` is the last regular trade, `extended` the last one outside regular hours (today's, None
    when there was none or the regular session has begun since). `volume` is the New York day's
    traded volume so far.
    """

    symbol: str
    phase: Phase
    last: Decimal
    last_at: datetime
    extended: Decimal | None
    extended_at: datetime | None
    bid: Decimal
    ask: Decimal
    size: int
    updated_at: datetime
    previous_close: Decimal
    adjusted_previous_close: Decimal
    previous_close_date: date
    is_halted: bool
    has_traded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """A symbol's New York day so far; open, high and low are the regular session's."""

    day: date
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    volume: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDays:
    """A symbol's whole days so far; high and low are regular sessions', volume is the mean."""

    high: Decimal
    low: Decimal
    average_volume: int


def told_prices(bar: MinuteBar) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """The bar's four prices in the order they are told."""
    if bar.close >= bar.open:
        return bar.open, bar.low, bar.high, bar.close
    return bar.open, bar.high, bar.low, bar.close


def told_volume(bar: MinuteBar, leg: int) -> int:
    """The part of the bar's volume counted by its quote `leg` (0 to 3) and those before it."""
    third = bar.volume // 3
    return (0, third, 2 * third, bar.volume)[leg]


def bid_and_ask(last: Decimal, spread_bps: int = SPREAD_BPS) -> tuple[Decimal, Decimal]:
    """The synthetic bid and ask around `last`, on ticks; bid <= last <= ask, both positive."""
    tick = tick_size(last)
    wide = (last * max(spread_bps, SPREAD_BPS) / _BPS / tick).to_integral_value(ROUND_CEILING)
    spread = max(Decimal(1), wide)
    cut = (last / tick).to_integral_value(ROUND_FLOOR)
    bid = max(Decimal(1), cut - spread // 2)
    return bid * tick, (bid + spread) * tick


class SymbolTape:
    """One symbol through all days played; asks no clock.

    The close before its first day is not known: that day's first regular open stands in for it.
    """

    def __init__(
        self,
        symbol: str,
        days: Sequence[PlayedDay],
        calendar: NyseCalendar,
        splits: Sequence[Split] = (),
    ) -> None:
        self.symbol = symbol
        self._days = [day.symbols[symbol] for day in days if symbol in day.symbols]
        if not self._days:
            raise ValueError(f"expected bars of {symbol} in the days played, got none")
        self._tracks: list[_Track] = []
        close: Decimal | None = None
        for one in self._days:
            if close is None:
                previous = calendar.session(calendar.previous_session(one.session.day))
                assert previous is not None
                self._tracks.append(_Track(one, one.regular_bars[0].open, previous))
            else:
                adjusted = _in_new_shares(close, symbol, one.session.day, splits)
                last = self._tracks[-1].day.session
                self._tracks.append(_Track(one, close, last, adjusted))
            close = one.regular_close
        self._pasts = _running_pasts(self._days)
        self._dates = [one.session.day for one in self._days]
        self._begins = [one.bars[0].start for one in self._days]
        self._is_made_up = any(one.is_made_up for one in self._days)

    @property
    def is_made_up(self) -> bool:
        """True when any of its bars come from the generator."""
        return self._is_made_up

    @property
    def days(self) -> Sequence[SymbolDay]:
        """The symbol's days, oldest first."""
        return self._days

    def at(self, now: datetime, today: date) -> QuoteState:
        """The quote at `now`, whose New York date is `today`."""
        index = bisect_right(self._dates, today) - 1
        if index < 0:
            return self._tracks[0].before()
        return self._tracks[index].quote(now)

    def next_told(self, after: datetime) -> datetime | None:
        """The first moment after `after` at which a quote is told; None when the tape is over."""
        index = max(bisect_right(self._begins, after) - 1, 0)
        for track in self._tracks[index : index + 2]:
            told = track.next_told(after)
            if told is not None:
                return told
        return None

    def figures(self, now: datetime, today: date) -> DayFigures:
        """The day's figures at `now`: of `today`, or of the last day played before it."""
        index = bisect_right(self._dates, today) - 1
        if index < 0:
            return DayFigures(day=today, open=None, high=None, low=None, volume=0)
        return self._tracks[index].figures(now)

    def past(self, day: date) -> PastDays | None:
        """What the days played before `day` add up to; None when there are none."""
        index = bisect_right(self._dates, day - timedelta(days=1)) - 1
        return self._pasts[index] if index >= 0 else None

    def previous_close(self, day: date) -> Decimal:
        """The regular close before the played day `day`."""
        return self._tracks[self._dates.index(day)].previous_close

    def key(self, now: datetime, today: date) -> tuple[int, int, int, bool, str]:
        """Equal keys mean equal quotes and figures."""
        index = bisect_right(self._dates, today) - 1
        if index < 0:
            return (-1, 0, 0, False, "")
        return (index, *self._tracks[index].key(now))


class _Track:
    """One symbol day with its sums, ready to be asked."""

    def __init__(
        self,
        day: SymbolDay,
        previous_close: Decimal,
        previous: Session,
        adjusted_close: Decimal | None = None,
    ) -> None:
        self.day = day
        self.previous_close = previous_close
        self._adjusted_close = previous_close if adjusted_close is None else adjusted_close
        self._previous = previous
        self._starts = [bar.start for bar in day.bars]
        self._volume_before = [0]
        for bar in day.bars:
            self._volume_before.append(self._volume_before[-1] + bar.volume)
        session = day.session
        self._first_regular = bisect_right(self._starts, session.open - timedelta(microseconds=1))
        self._end_regular = bisect_right(self._starts, session.close - timedelta(microseconds=1))
        self._ranges = _running_ranges(day.bars[self._first_regular : self._end_regular])
        first = self._starts[0] if self._starts else session.pre_open
        self._wakes = min(session.pre_open, first)

    def key(self, now: datetime) -> tuple[int, int, bool, str]:
        index, second = self._position(now)
        return index, second, self._halted(now), self._phase(now)

    def before(self) -> QuoteState:
        """The quote before anything of this day was told."""
        return self._state(-1, 0, Phase.OFF, is_halted=False)

    def next_told(self, after: datetime) -> datetime | None:
        """As the tape's, within this day."""
        index = bisect_right(self._starts, after) - 1
        if index >= 0:
            leg = int((after - self._starts[index]).total_seconds()) // QUOTE_STEP_S + 1
            if leg < QUOTES_A_BAR:
                return self._told_at(index, leg)
        return self._starts[index + 1] if index + 1 < len(self._starts) else None

    def quote(self, now: datetime) -> QuoteState:
        index, second = self._position(now)
        return self._state(index, second, self._phase(now), is_halted=self._halted(now))

    def figures(self, now: datetime) -> DayFigures:
        index, second = self._position(now)
        leg = second // QUOTE_STEP_S
        volume = 0
        if index >= 0:
            volume = self._volume_before[index] + told_volume(self.day.bars[index], leg)
        count = min(index, self._end_regular - 1) - self._first_regular
        if count < 0:
            return DayFigures(
                day=self.day.session.day, open=None, high=None, low=None, volume=volume
            )
        told: Sequence[Decimal] = told_prices(self.day.bars[self._first_regular + count])
        if index < self._end_regular:
            told = told[: leg + 1]
        high, low = self._ranges[count - 1] if count else (told[0], told[0])
        return DayFigures(
            day=self.day.session.day,
            open=self.day.bars[self._first_regular].open,
            high=max(high, *told),
            low=min(low, *told),
            volume=volume,
        )

    def _position(self, now: datetime) -> tuple[int, int]:
        """The bar told last at `now` and its second refreshed last; (-1, 0) before the first."""
        index = bisect_right(self._starts, now) - 1
        if index < 0:
            return -1, 0
        second = min(_LAST_SECOND, int((now - self._starts[index]).total_seconds()))
        return index, second - second % REFRESH_STEP_S

    def _phase(self, now: datetime) -> Phase:
        session = self.day.session
        if now < self._wakes or now >= session.post_close:
            return Phase.OFF
        if now < session.open:
            return Phase.PRE
        return Phase.REGULAR if now < session.close else Phase.POST

    def _halted(self, now: datetime) -> bool:
        return any(halt.start <= now < halt.end for halt in self.day.halts)

    def _told_at(self, index: int, leg: int) -> datetime:
        return self._starts[index] + timedelta(seconds=QUOTE_STEP_S * leg)

    def _state(self, index: int, second: int, phase: Phase, *, is_halted: bool) -> QuoteState:
        leg = second // QUOTE_STEP_S
        has_traded = index >= self._first_regular and self._first_regular < self._end_regular
        last, last_at = self.previous_close, self._previous.close
        if has_traded:
            regular = min(index, self._end_regular - 1)
            regular_leg = leg if regular == index else QUOTES_A_BAR - 1
            last = told_prices(self.day.bars[regular])[regular_leg]
            last_at = self._told_at(regular, regular_leg)
        is_extended = 0 <= index < self._first_regular or index >= self._end_regular
        current, extended_at, updated_at, size = last, None, last_at, ROUND_LOT
        if index >= 0:
            current = told_prices(self.day.bars[index])[leg]
            updated_at = self._starts[index] + timedelta(seconds=second)
            size = max(1, self.day.bars[index].volume // _SIZE_DIVISOR // ROUND_LOT) * ROUND_LOT
            extended_at = self._told_at(index, leg) if is_extended else None
        bid, ask = _ZERO, _ZERO
        if phase is not Phase.OFF:
            bid, ask = bid_and_ask(current, self.day.spread_bps)
        return QuoteState(
            symbol=self.day.symbol,
            phase=phase,
            last=last,
            last_at=last_at,
            extended=current if extended_at else None,
            extended_at=extended_at,
            bid=bid,
            ask=ask,
            size=0 if phase is Phase.OFF else size,
            updated_at=updated_at,
            previous_close=self.previous_close,
            adjusted_previous_close=self._adjusted_close,
            previous_close_date=self._previous.day,
            is_halted=is_halted,
            has_traded=has_traded,
        )


def _running_ranges(bars: Sequence[MinuteBar]) -> list[tuple[Decimal, Decimal]]:
    """The highest high and lowest low up to and including each bar."""
    ranges: list[tuple[Decimal, Decimal]] = []
    for bar in bars:
        high, low = ranges[-1] if ranges else (bar.high, bar.low)
        ranges.append((max(high, bar.high), min(low, bar.low)))
    return ranges


def _running_pasts(days: Sequence[SymbolDay]) -> list[PastDays]:
    """What the days up to and including each add up to."""
    pasts: list[PastDays] = []
    total = 0
    for count, day in enumerate(days, start=1):
        bars = day.regular_bars
        total += sum(bar.volume for bar in day.bars)
        high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
        if pasts:
            high, low = max(high, pasts[-1].high), min(low, pasts[-1].low)
        pasts.append(PastDays(high=high, low=low, average_volume=total // count))
    return pasts


def _in_new_shares(close: Decimal, symbol: str, day: date, splits: Sequence[Split]) -> Decimal:
    """The close before `day` as if the splits of that day had been there already."""
    for split in splits:
        if (split.symbol, split.day) == (symbol, day):
            close = close * split.divisor / split.multiplier
    return close


def tapes_of(
    days: Sequence[PlayedDay], calendar: NyseCalendar, splits: Sequence[Split] = ()
) -> dict[str, SymbolTape]:
    """A tape for each symbol of the days, in alphabetical order."""
    symbols = sorted({symbol for day in days for symbol in day.symbols})
    return {symbol: SymbolTape(symbol, days, calendar, splits) for symbol in symbols}


def today_of(now: datetime) -> date:
    """The New York date at `now`."""
    return new_york_day(now)
