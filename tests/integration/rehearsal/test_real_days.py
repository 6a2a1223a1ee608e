"""Real minute bars through the exchange and back: nothing is lost, half-empty days are refused."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from support.rehearsal import CALENDAR, Client
from trading_bot.rehearsal.day import PlayedDay, ShortSessionError, load_days
from trading_bot.rehearsal.generator import made_up_days
from trading_bot.rehearsal.market_data import FUNDAMENTALS_MAX
from trading_bot.rehearsal.tape_quotes import tapes_of, today_of
from trading_bot.rehearsal.wire import Reply

STEP = timedelta(seconds=15)
MINUTE = timedelta(minutes=1)


def _assert_rebuilt(days: tuple[PlayedDay, ...]) -> int:
    """Rebuild every bar from what the tape shows at its four seconds; the bars compared."""
    count = 0
    for symbol, tape in tapes_of(days, CALENDAR).items():
        for day in days:
            if symbol not in day.symbols:
                continue
            for bar in day.symbols[symbol].bars:
                today = today_of(bar.start)
                shown = [tape.at(bar.start + i * STEP, today) for i in range(4)]
                told = [q.last if q.extended is None else q.extended for q in shown]
                before = tape.figures(bar.start - timedelta(microseconds=1), today).volume
                after = tape.figures(bar.start + MINUTE, today).volume
                rebuilt = (told[0], max(told), min(told), told[-1], after - before)
                assert rebuilt == (bar.open, bar.high, bar.low, bar.close, bar.volume), bar
                assert all(q.bid <= p <= q.ask for q, p in zip(shown, told, strict=True))
                count += 1
    return count


def _files(market_data: Path) -> list[Path]:
    return sorted((market_data / "1min").glob("*/*.csv.gz"))


def test_every_real_bar_is_rebuilt_exactly(market_data: Path) -> None:
    """From four quotes and the cumulative volume each recorded bar comes back, to the share."""
    whole = [path for path in _files(market_data) if path.name != "2023-05-24.csv.gz"]

    count = _assert_rebuilt(load_days(whole, CALENDAR))

    assert count > 20_000


def test_half_empty_days_are_refused(market_data: Path) -> None:
    """The evening-only files are refused with the expected and the found number of minutes."""
    halves = [path for path in _files(market_data) if path.name == "2023-05-24.csv.gz"]

    assert len(halves) == 2
    for path in halves:
        with pytest.raises(ShortSessionError, match=r"expected 390 regular minutes") as caught:
            load_days([path], CALENDAR)
        assert str(path) in str(caught.value)


def test_five_minute_files_are_refused(market_data: Path) -> None:
    """A file of five-minute bars is not taken for a day of minutes."""
    path = min((market_data / "5min").glob("*/*.csv.gz"))

    with pytest.raises(ShortSessionError):
        load_days([path], CALENDAR)


def test_made_up_bars_are_rebuilt_exactly() -> None:
    """The same for generated days, halts and gaps included."""
    assert _assert_rebuilt(made_up_days(11, CALENDAR)) > 4000


def test_bars_rebuilt_over_the_api_are_the_recorded_ones(market_data: Path) -> None:
    """Quotes and fundamentals polled four times a minute give a whole day's bars back."""
    paths = [market_data / "1min" / symbol / "2023-05-26.csv.gz" for symbol in ("AAPL", "TSLA")]
    (day,) = load_days(paths, CALENDAR)
    client = Client(day, start=day.session.open)
    symbols = ",".join(day.symbols)
    volume_before = _volumes(client.get(f"/fundamentals/?symbols={symbols}", day.session.open))

    for minute in range(day.session.minutes):
        start = day.session.open + minute * MINUTE
        polls = [client.get(f"/quotes/?symbols={symbols}", start + i * STEP) for i in range(4)]
        volumes = _volumes(client.get(f"/fundamentals/?symbols={symbols}", start + MINUTE))
        for index, one in enumerate(day.symbols.values()):
            bar = one.regular_bars[minute]
            told = [
                Decimal(json.loads(poll.body)["results"][index]["last_trade_price"])
                for poll in polls
            ]
            assert (told[0], max(told), min(told), told[-1]) == (
                bar.open,
                bar.high,
                bar.low,
                bar.close,
            )
            assert volumes[index] - volume_before[index] == bar.volume
        volume_before = volumes
    assert len(day.symbols) <= FUNDAMENTALS_MAX


def _volumes(reply: Reply) -> list[Decimal]:
    return [Decimal(row["volume"]) for row in json.loads(reply.body)["results"]]
