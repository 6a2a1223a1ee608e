"""`trading-bot why SYMBOL [--at TIME]`: the story of a symbol."""

from argparse import Namespace
from datetime import UTC, date, datetime, time

from trading_bot.app.explain import day_digest, minute_of, session_of
from trading_bot.app.replay import Replayer
from trading_bot.cli.home import records_home
from trading_bot.domain.errors import ConfigError, TradingBotError
from trading_bot.market.calendar import Session
from trading_bot.query.records import HomeRecords
from trading_bot.query.story import decided_symbols, latest_day, symbol_day, watched_symbols
from trading_bot.query.telling import tell_day, tell_minute
from trading_bot.query.watching import DayDigest
from trading_bot.query.words import NEW_YORK, new_york
from trading_bot.storage.home import Home


def run(arguments: Namespace) -> int:
    """Tell the day, or one minute of it."""
    home = records_home(arguments)
    records = HomeRecords(home)
    symbol: str = arguments.symbol
    known = watched_symbols(records)
    if symbol not in known and symbol not in (known := known | decided_symbols(records)):
        names = ", ".join(sorted(known)) or "none"
        raise ConfigError(f"nothing is on record of {symbol} in {home.root}; known are {names}")
    if arguments.at is None:
        lines = _day(home, records, symbol)
    else:
        lines = _minute(home, records, symbol, arguments.at)
    for line in lines:
        print(line)
    return 0


def _day(home: Home, records: HomeRecords, symbol: str) -> list[str]:
    day = latest_day(records, symbol)
    if day is None:
        return [f"{symbol} was on the watchlist of {home.root}, but no day of it is on record"]
    digested: DayDigest | None = None
    without = f"there is no tape of {day}"
    if day in records.tapes():
        try:
            digested = day_digest(Replayer(home), symbol, day)
        except TradingBotError as error:
            without = str(error)
    return list(tell_day(symbol_day(records, symbol, day), digested, without))


def _minute(home: Home, records: HomeRecords, symbol: str, text: str) -> list[str]:
    start = _instant(text, records, symbol)
    day = new_york(start).date()
    if day not in records.tapes():
        days = ", ".join(str(known) for known in records.tapes()) or "no day"
        raise ConfigError(f"there is no tape of {day} in {home.tape}; there is of {days}")
    replayer = Replayer(home)
    _refuse_outside(start, day, session_of(replayer, day))
    minute = minute_of(replayer, symbol, day, start)
    return list(tell_minute(symbol_day(records, symbol, day), minute))


def _instant(text: str, records: HomeRecords, symbol: str) -> datetime:
    """The beginning of the minute that `text` names."""
    if text.endswith("Z"):
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise ConfigError(f"--at: expected a time that exists, got {text!r}") from error
        return at.astimezone(UTC).replace(second=0, microsecond=0)
    day = latest_day(records, symbol)
    if day is None:
        raise ConfigError(f"no day of {symbol} is on record: name one, as 2026-11-23T14:45:00Z")
    return datetime.combine(day, time.fromisoformat(text), NEW_YORK).astimezone(UTC)


def _refuse_outside(start: datetime, day: date, session: Session | None) -> None:
    """Minutes in which nothing was looked at have no story; the one after the close has."""
    if session is None:
        raise ConfigError(f"there was no session on {day:%A} {day}")
    if not session.open <= start <= session.close:
        hours = f"{new_york(session.open):%H:%M}-{new_york(session.close):%H:%M}"
        at = f"{new_york(start):%H:%M}"
        raise ConfigError(f"{at} New York is outside the session of {day} ({hours})")
