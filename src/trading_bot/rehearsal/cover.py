"""How long shares bought through the API stood without a sell or a stop that covers them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.market.calendar import NyseCalendar
from trading_bot.rehearsal.wire import Json, micros_text

_ZERO = Decimal(0)
_DAY = timedelta(days=1)


class Cover:
    """Follows each symbol's shares and standing sells. Only regular hours count.

    The owner's own shares are not counted: of a pooled position the API's part is what it bought
    less what it sold, and never more than what is held. Any standing sell covers, whoever sent it:
    what it sells no stop need protect.
    """

    def __init__(self, calendar: NyseCalendar) -> None:
        self._calendar = calendar
        self._bought: dict[str, Decimal] = {}
        self._standing: dict[str, dict[str, Decimal]] = {}
        self._since: dict[str, datetime] = {}
        self._gaps: list[tuple[str, datetime, datetime]] = []

    def trade(
        self, symbol: str, moved: Decimal, held: Decimal, *, at: datetime, is_ours: bool
    ) -> None:
        """`moved` shares came (or went, when negative) and left `held` of them."""
        bought = self._bought.get(symbol, _ZERO) + (moved if is_ours else _ZERO)
        self._bought[symbol] = max(_ZERO, min(bought, held))
        self._look(symbol, at)

    def stand(self, symbol: str, order_id: str, working: Decimal, at: datetime) -> None:
        """A sell now stands in the market for `working` shares; 0 takes it out."""
        standing = self._standing.setdefault(symbol, {})
        if working:
            standing[order_id] = working
        else:
            standing.pop(order_id, None)
        self._look(symbol, at)

    def split(self, symbol: str, ratio: Decimal, at: datetime) -> None:
        """Each share became `ratio` of them."""
        self._bought[symbol] = self._bought.get(symbol, _ZERO) * ratio
        self._look(symbol, at)

    def report(self, now: datetime) -> dict[str, Json]:
        """By symbol: each gap of regular hours, and the longest, in seconds."""
        gaps = [*self._gaps, *((symbol, since, now) for symbol, since in self._since.items())]
        found: dict[str, list[tuple[datetime, datetime]]] = {}
        for symbol, start, end in gaps:
            found.setdefault(symbol, []).extend(self._in_regular_hours(start, end))
        return {
            symbol: {
                "longest_seconds": f"{max(end - start for start, end in parts).total_seconds():f}",
                "intervals": [
                    {
                        "from": micros_text(start),
                        "to": micros_text(end),
                        "seconds": f"{(end - start).total_seconds():f}",
                    }
                    for start, end in sorted(parts)
                ],
            }
            for symbol, parts in sorted(found.items())
            if parts
        }

    def _look(self, symbol: str, at: datetime) -> None:
        covered = sum(self._standing.get(symbol, {}).values(), _ZERO)
        is_bare = self._bought.get(symbol, _ZERO) > covered
        if is_bare and symbol not in self._since:
            self._since[symbol] = at
        elif not is_bare and symbol in self._since:
            since = self._since.pop(symbol)
            if since < at:
                self._gaps.append((symbol, since, at))

    def _in_regular_hours(
        self, start: datetime, end: datetime
    ) -> Iterator[tuple[datetime, datetime]]:
        day = self._calendar.new_york_date(start)
        while day <= self._calendar.new_york_date(end):
            session = self._calendar.session(day)
            day += _DAY
            if session is not None:
                first, last = max(start, session.open), min(end, session.close)
                if first < last:
                    yield first, last
