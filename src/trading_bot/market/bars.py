"""Bars: built from polled quotes, closed once, put together to longer ones, read from history.

The quotes say no volume, so a bar's volume is the difference of two readings of the day's
cumulative volume, one near each of its ends. Where a reading is missing, late or smaller than the
one before, the volume is not known and the bar says so (`volume_source` "none"); the bar after it
lacks its first reading and says so too. No reading is ever spread over, or lumped into, a bar it
does not belong to: known volumes add up to what the readings said.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from trading_bot.domain.bar import Bar
from trading_bot.domain.errors import DataError
from trading_bot.domain.quote import HistoricalBar
from trading_bot.market.calendar import Session

_NEVER = datetime.max.replace(tzinfo=UTC)
_READING_LATE_MAX = timedelta(seconds=20)
"""How long after a bar's end a reading still counts for it; later ones hold too much of the next
bar. Four polls a minute, the slowest we support, with seconds of delay stay below it."""


class BarBuilder:
    """Builds the bars of one symbol in one session from its checked quotes.

    At each poll: `take` the quote when there is a checked one, then `close_due` (again while it
    returns bars). Times never run backwards. Bars are aligned to the session's open and lie inside
    its regular hours.

    - An interval without a quote has no bar and is counted in `gaps`. An interval with quotes but
      no new trade has a flat bar at the last price.
    - No bar before the symbol's first trade of the session.
    - A trade belongs to the bar of its own time (`last_at`), or of the poll when the source does
      not say. One from before the bar changes the bar before, if that is not closed yet; otherwise
      it is only the price to repeat until the bar has a trade of its own.
    """

    __slots__ = (
        "_baseline",
        "_baseline_at",
        "_close",
        "_due",
        "_end",
        "_ended",
        "_has_trade",
        "_high",
        "_interval",
        "_last",
        "_low",
        "_open",
        "_session",
        "_start",
        "_traded_at",
        "gaps",
        "symbol",
    )

    def __init__(self, symbol: str, session: Session, interval_minutes: int = 1) -> None:
        """`interval_minutes` is the bar's length; the session's last bar may be shorter."""
        self.symbol = symbol
        self._session = session
        self._interval = _interval(interval_minutes)
        # The bar being built: [_start, _end); before the open an empty one that ends at the open.
        self._start = session.open
        self._end = session.open
        self._open = self._high = self._low = self._close = 0.0
        self._has_trade = False
        # The last trade price of this session, 0.0 before there is one, and its time.
        self._last = 0.0
        self._traded_at = session.open
        # Bars that have ended and wait for their reading; hardly ever more than one.
        self._ended: list[Bar] = []
        self._due = _NEVER
        # The reading at a bar's boundary, and that boundary; None until the next good reading.
        self._baseline: int | None = None
        self._baseline_at: datetime | None = None
        self.gaps = 0
        """Intervals inside the session that passed without a quote, since the first quote."""

    def take(self, last: float, at: datetime, last_at: datetime | None = None) -> None:
        """Take the last trade's price, in dollars, from a checked quote polled at `at`.

        `last_at` is the source's time of that trade; None counts it as traded now.
        """
        if at >= self._end:
            self._roll(at)
        traded_at = at if last_at is None or last_at > at else last_at
        if traded_at < self._start:
            self._take_older(last, traded_at)
        elif not self._has_trade:
            self._has_trade = True
            self._open = self._high = self._low = self._close = self._last = last
            self._traded_at = traded_at
            self._due = self._ended[0].end if self._ended else self._end
        else:
            if last > self._high:
                self._high = last
            elif last < self._low:
                self._low = last
            # An answer that overtook an older one: its price was traded, but it is not the last.
            if traded_at >= self._traded_at:
                self._traded_at = traded_at
                self._close = self._last = last

    def close_due(self, now: datetime, cumulative_volume: int | None) -> Bar | None:
        """The oldest bar that has ended by `now`, closed for good; None when there is none.

        `cumulative_volume` is the day's volume in shares read with this poll, None without a fresh
        reading. Call again until None: after a long pause two bars may be due.
        """
        if now < self._due:
            if self._baseline_at is None:
                self._take_opening(now, cumulative_volume)
            return None
        if not self._ended:
            self._end_bar()
        bar = self._ended.pop(0)
        self._due = self._next_due()
        self._give_volume(bar, now, cumulative_volume)
        return bar

    def _roll(self, at: datetime) -> None:
        """End the current bar, if it has a price, and start the one `at` lies in."""
        before = self._end
        if self._open:
            self._end_bar()
        session = self._session
        start = session.open + (at - session.open) // self._interval * self._interval
        start = min(start, session.close)
        if before != session.open:
            # Floor division of the negative difference rounds a shorter last interval up.
            self.gaps -= (before - start) // self._interval
        self._start, self._end = start, min(start + self._interval, session.close)
        if at >= session.close:
            # What is built from here on is never due.
            self._start = self._end = _NEVER
        self._has_trade = False
        # 0.0, no price, before the session's first trade.
        self._open = self._high = self._low = self._close = self._last
        self._due = self._next_due()

    def _take_older(self, last: float, traded_at: datetime) -> None:
        """A trade from before the current bar, which then has none of its own."""
        if traded_at < self._traded_at:
            return
        if self._ended:
            _add_late_trade(self._ended[-1], last, traded_at, self._traded_at)
        self._traded_at = traded_at
        self._last = self._open = self._high = self._low = self._close = last
        self._due = self._next_due()

    def _end_bar(self) -> None:
        self._ended.append(
            Bar(
                self.symbol,
                self._start,
                self._end,
                self._open,
                self._high,
                self._low,
                self._close,
                0,
                "none",
            )
        )
        self._open = 0.0
        self._has_trade = False

    def _next_due(self) -> datetime:
        if self._ended:
            return self._ended[0].end
        return self._end if self._open else _NEVER

    def _take_opening(self, now: datetime, reading: int | None) -> None:
        """The session's first reading, if it comes soon enough, is where the first bar starts."""
        opened = self._session.open
        if now < opened or reading is None:
            return
        self._baseline_at = opened
        if now - opened <= _READING_LATE_MAX:
            self._baseline = reading

    def _give_volume(self, bar: Bar, now: datetime, reading: int | None) -> None:
        before = self._baseline if self._baseline_at == bar.start else None
        is_usable = (
            reading is not None
            and now - bar.end <= _READING_LATE_MAX
            and (self._baseline is None or reading >= self._baseline)
        )
        self._baseline_at = bar.end
        self._baseline = reading if is_usable else None
        if is_usable and before is not None:
            assert reading is not None
            bar.volume = reading - before
            bar.volume_source = "cumulative"


def _add_late_trade(bar: Bar, last: float, traded_at: datetime, before_at: datetime) -> None:
    """A trade seen after its bar's end but before the bar was closed is the bar's last.

    `before_at` is the time of the trade before it: one older than the bar makes this its only one.
    """
    if not bar.start <= traded_at < bar.end:
        return
    if before_at < bar.start:
        bar.open = bar.high = bar.low = last
    bar.high = max(bar.high, last)
    bar.low = min(bar.low, last)
    bar.close = last


class BarAggregator:
    """Puts one session's shorter bars of one symbol together to bars of `interval_minutes`.

    Groups are aligned to the session's open; the last one ends with the session and may be shorter.
    The volume of a group is known when that of each of its bars is; built bars must also fill the
    group without a gap, while a minute missing from a file or a history had no trade.
    """

    __slots__ = ("_group", "_interval", "_is_whole", "_session", "_until")

    def __init__(self, session: Session, interval_minutes: int) -> None:
        self._session = session
        self._interval = _interval(interval_minutes)
        self._group: Bar | None = None
        self._is_whole = True
        self._until = session.open

    def take(self, bar: Bar) -> tuple[Bar, ...]:
        """Take the next bar; the groups it closes, oldest first: none, one, or two after a gap.

        Raises ValueError for a bar that overlaps the one before or lies outside the session.
        """
        if bar.start < self._until or bar.end > self._session.close:
            raise ValueError(
                f"expected a bar in {self._until} to {self._session.close}, got {bar.start}"
            )
        closed: tuple[Bar, ...] = ()
        group = self._group
        if group is not None and bar.start >= group.end:
            closed = (self._finish(group),)
            group = None
        if group is None:
            group = self._start_group(bar)
        else:
            self._add(group, bar)
        self._until = bar.end
        return (*closed, self._finish(group)) if bar.end >= group.end else closed

    def close_due(self, now: datetime) -> Bar | None:
        """The group whose end has passed by `now` though its last bars never came; else None.

        Ask only after `take` had every bar that ended by `now`.
        """
        group = self._group
        return self._finish(group) if group is not None and now >= group.end else None

    def _start_group(self, bar: Bar) -> Bar:
        opened = self._session.open
        start = opened + (bar.start - opened) // self._interval * self._interval
        end = min(start + self._interval, self._session.close)
        if bar.end > end:
            raise ValueError(f"expected bars inside {start} to {end}, got one to {bar.end}")
        self._is_whole = bar.start == start
        self._group = group = Bar(
            bar.symbol,
            start,
            end,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            bar.volume_source,
        )
        return group

    def _add(self, group: Bar, bar: Bar) -> None:
        if bar.start != self._until:
            self._is_whole = False
        group.high = max(group.high, bar.high)
        group.low = min(group.low, bar.low)
        group.close = bar.close
        group.volume += bar.volume
        if group.volume_source != "none":
            group.volume_source = bar.volume_source

    def _finish(self, group: Bar) -> Bar:
        self._group = None
        is_whole = self._is_whole and self._until == group.end
        if group.volume_source == "cumulative" and not is_whole:
            group.volume_source = "none"
        if group.volume_source == "none":
            group.volume = 0
        return group


def bars_from_historicals(
    bars: Sequence[HistoricalBar], *, interval_minutes: int = 5, ended_by: datetime | None = None
) -> list[Bar]:
    """The regular-hours bars of one symbol's history, for warming up.

    Left out: extended hours, bars the source made up (interpolated), and bars not over by
    `ended_by`. Raises DataError for bars out of order or prices that make no bar.
    """
    interval = _interval(interval_minutes)
    converted: list[Bar] = []
    for raw in bars:
        if raw.session != "reg" or raw.is_interpolated:
            continue
        bar = _from_historical(raw, interval)
        if ended_by is not None and bar.end > ended_by:
            break
        if converted and bar.start < converted[-1].end:
            raise DataError(
                f"history of {raw.symbol}: expected a bar from {converted[-1].end} on,"
                f" got {bar.start}"
            )
        converted.append(bar)
    return converted


def _from_historical(raw: HistoricalBar, interval: timedelta) -> Bar:
    prices = (raw.open, raw.high, raw.low, raw.close)
    if not all(price.is_finite() for price in prices) or not (
        0 < raw.low <= min(raw.open, raw.close) <= max(raw.open, raw.close) <= raw.high
        and raw.volume >= 0
    ):
        raise DataError(
            f"history of {raw.symbol} at {raw.start}: expected 0 < low <= open, close <= high and"
            f" volume >= 0, got {raw.open}, {raw.high}, {raw.low}, {raw.close} and {raw.volume}"
        )
    if raw.start.tzinfo is None:
        raise DataError(f"history of {raw.symbol}: expected an aware start, got {raw.start}")
    return Bar(
        raw.symbol,
        raw.start,
        raw.start + interval,
        float(raw.open),
        float(raw.high),
        float(raw.low),
        float(raw.close),
        raw.volume,
        "historical",
    )


def _interval(minutes: int) -> timedelta:
    if minutes < 1:
        raise ValueError(f"expected an interval of at least 1 minute, got {minutes}")
    return timedelta(minutes=minutes)
