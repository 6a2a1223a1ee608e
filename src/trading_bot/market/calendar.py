"""The exchange's days: sessions, their hours, the trading day a moment belongs to, settlement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from types import MappingProxyType
from zoneinfo import ZoneInfo

from trading_bot.market.nyse_rules import (
    EARLY_CLOSE,
    FIRST_YEAR,
    REGULAR_CLOSE,
    REGULAR_OPEN,
    bank_holidays,
    closures,
    early_closes,
)

NEW_YORK = "America/New_York"
PRE_OPEN = time(7, 0)
"""When the broker's extended morning hours begin."""
POST_HOURS = timedelta(hours=4)
"""How long extended hours last after the close: to 20:00, or 17:00 on an early close."""
ROTATION = time(20, 5)
"""When a trading day ends for our files: after the extended hours."""

_HASHED_YEARS = range(FIRST_YEAR, 2051)
_ONE_DAY = timedelta(days=1)
_SATURDAY = 5
_NONE: Mapping[date, str] = MappingProxyType({})
# Trade dates from which the standard cycle is this many business days; Rule 15c6-1(a) of the SEC.
_SETTLEMENT_CYCLES = ((date.min, 3), (date(2017, 9, 5), 2), (date(2024, 5, 28), 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One regular session: `open` inclusive, `close` exclusive, all times UTC.

    `pre_open` and `post_close` bound the extended hours around it.
    """

    day: date
    open: datetime
    close: datetime
    pre_open: datetime
    post_close: datetime
    is_early_close: bool

    def is_open_at(self, now: datetime) -> bool:
        """True inside the regular hours."""
        return self.open <= now < self.close

    @property
    def minutes(self) -> int:
        """Length of the regular hours: 390, or 210 on an early close."""
        return (self.close - self.open) // timedelta(minutes=1)


class NyseCalendar:
    """Sessions of the New York Stock Exchange from 2000 on, without an end.

    `extra_closures` are closures the rules do not know (a day of mourning): the date and its
    reason. `extra_early_closes` name the New York time of the close, as "13:00". Dates before 2000
    raise ValueError everywhere. Instances answer from caches and may be shared.
    """

    def __init__(
        self,
        extra_closures: Mapping[date, str] = _NONE,
        extra_early_closes: Mapping[date, str] = _NONE,
    ) -> None:
        self._zone = ZoneInfo(NEW_YORK)
        self._extra_closures = dict(extra_closures)
        self._extra_early_closes = {
            day: _close_time(day, text) for day, text in extra_early_closes.items()
        }
        self._sessions: dict[date, Session | None] = {}
        # The window trading_day() answered last: (after, up to and including, day).
        self._window: tuple[datetime, datetime, date] | None = None

    def is_session(self, day: date) -> bool:
        """True when the exchange trades on the New York date `day`."""
        return self.session(day) is not None

    def session(self, day: date) -> Session | None:
        """The session of the New York date `day`; None when the exchange is closed."""
        try:
            return self._sessions[day]
        except KeyError:
            session = self._sessions[day] = self._make_session(day)
            return session

    def closure_reason(self, day: date) -> str | None:
        """Why there is no session on `day` ("Good Friday", "weekend"); None when there is one."""
        if day.year < FIRST_YEAR:
            raise ValueError(f"the calendar knows the years from {FIRST_YEAR} on, got {day}")
        if day.weekday() >= _SATURDAY:
            return "weekend"
        return self._extra_closures.get(day) or closures(day.year).get(day)

    def next_session(self, day: date, n: int = 1) -> date:
        """The `n`-th session after `day`, which need not be one itself; `n` at least 1."""
        return self._step(day, n, _ONE_DAY)

    def previous_session(self, day: date, n: int = 1) -> date:
        """The `n`-th session before `day`, which need not be one itself; `n` at least 1."""
        return self._step(day, n, -_ONE_DAY)

    def sessions(self, first: date, last: date) -> list[Session]:
        """Sessions from `first` to `last`, both inclusive, in order."""
        days = (first + timedelta(days=i) for i in range((last - first).days + 1))
        return [session for day in days if (session := self.session(day)) is not None]

    def trading_day(self, now: datetime) -> date:
        """The session whose files a record of `now` belongs to.

        Each trading day runs from the previous session's 20:05 New York time (exclusive) to its own
        (inclusive), so weekends and holidays belong to the session that follows.
        """
        window = self._window
        if window is None or not window[0] < now <= window[1]:
            window = self._window = self._window_at(now)
        return window[2]

    def rotation_time(self, day: date) -> datetime:
        """20:05 New York time of `day`, UTC: when its trade file is closed."""
        return self._utc(day, ROTATION)

    def new_york_date(self, now: datetime) -> date:
        """The calendar date in New York at `now`."""
        return now.astimezone(self._zone).date()

    def settlement_date(self, trade_day: date) -> date:
        """The day on which cash and shares of a trade made on `trade_day` are settled.

        Counted in sessions that are not bank holidays: one since 2024-05-28, two since 2017-09-05,
        three before. One-off closures count as closed though banks may work: later is safe.
        """
        if not self.is_session(trade_day):
            raise ValueError(
                f"expected a session, got {trade_day} ({self.closure_reason(trade_day)})"
            )
        left = next(n for since, n in reversed(_SETTLEMENT_CYCLES) if trade_day >= since)
        day = trade_day
        while left:
            day = self.next_session(day)
            left -= day not in bank_holidays(day.year)
        return day

    def calendar_hash(self) -> str:
        """SHA-256 (hex) of what the calendar says for 2000-2050: closures, early closes, offsets.

        Two calendars with the same hash place every session at the same UTC times; a change of the
        zone data of the machine changes it too.
        """
        digest = sha256()
        for year in _HASHED_YEARS:
            for line in self._lines(year):
                digest.update(line.encode() + b"\n")
        return digest.hexdigest()

    def _lines(self, year: int) -> list[str]:
        closed = sorted({*closures(year), *(d for d in self._extra_closures if d.year == year)})
        short = {
            **dict.fromkeys(early_closes(year), EARLY_CLOSE),
            **{d: at for d, at in self._extra_early_closes.items() if d.year == year},
        }
        opens = (
            self._utc(date(year, month, day), REGULAR_OPEN)
            for month in range(1, 13)
            for day in (1, 15)
        )
        return [
            *(f"closed {day}" for day in closed),
            *(f"short {day} {at}" for day, at in sorted(short.items())),
            *(f"open {at.isoformat()}" for at in opens),
        ]

    def _make_session(self, day: date) -> Session | None:
        if self.closure_reason(day) is not None:
            return None
        close_at = self._extra_early_closes.get(day)
        if close_at is None:
            close_at = EARLY_CLOSE if day in early_closes(day.year) else REGULAR_CLOSE
        close = self._utc(day, close_at)
        return Session(
            day=day,
            open=self._utc(day, REGULAR_OPEN),
            close=close,
            pre_open=self._utc(day, PRE_OPEN),
            post_close=close + POST_HOURS,
            is_early_close=close_at < REGULAR_CLOSE,
        )

    def _step(self, day: date, n: int, step: timedelta) -> date:
        if n < 1:
            raise ValueError(f"expected n of at least 1, got {n}")
        while n:
            day += step
            n -= self.session(day) is not None
        return day

    def _window_at(self, now: datetime) -> tuple[datetime, datetime, date]:
        day = self.new_york_date(now)
        if now > self.rotation_time(day):
            day += _ONE_DAY
        if not self.is_session(day):
            day = self.next_session(day)
        return self.rotation_time(self.previous_session(day)), self.rotation_time(day), day

    def _utc(self, day: date, at: time) -> datetime:
        # The exchange's times are never skipped or repeated by a clock change, which is at 02:00.
        return datetime.combine(day, at, self._zone).astimezone(UTC)


def _close_time(day: date, text: str) -> time:
    try:
        close = time.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"early close of {day}: expected a time such as 13:00, got {text!r}"
        ) from error
    if close.tzinfo is not None or not REGULAR_OPEN < close < REGULAR_CLOSE:
        raise ValueError(f"early close of {day}: expected 09:30 < time < 16:00, got {text!r}")
    return close
