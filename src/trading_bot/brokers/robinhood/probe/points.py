"""A point in question, how it is settled, and what came of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from trading_bot.brokers.robinhood.answers import Answer, read_json
from trading_bot.brokers.robinhood.fields import Row, as_row, as_rows
from trading_bot.brokers.robinhood.server_time import read_date
from trading_bot.brokers.robinhood.transport import RobinhoodTransport
from trading_bot.domain.errors import RetryableError, SessionExpiredError, TradingBotError
from trading_bot.ports.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`is_ok` is None when it could not be settled."""

    point: str
    expected: str
    found: str
    is_ok: bool | None


class Seen(NamedTuple):
    """What was seen in words, and whether it is what was expected; None: not to be told."""

    found: str
    is_ok: bool | None


@dataclass(frozen=True, slots=True)
class Point:
    """A question, the answer expected, and how to look."""

    name: str
    expected: str
    look: Callable[[], Awaitable[Seen]]


class Reads:
    """GETs, and nothing else, each made once; keeps how far the server's clock was off."""

    def __init__(self, transport: RobinhoodTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self.urls = transport.urls
        self.offsets: list[timedelta] = []

    def now(self) -> datetime:
        """The time here."""
        return self._clock.now()

    async def answer(
        self, url: str, params: Mapping[str, str] | None = None, *, is_anonymous: bool = False
    ) -> Answer:
        """The answer, whatever its status."""
        asked_at = self._clock.now()
        answer = await self._transport.get_answer(url, params, is_anonymous=is_anonymous)
        middle = asked_at + (self._clock.now() - asked_at) / 2
        told = read_date(answer.headers.get("date", ""))
        if told is not None:
            # The header has whole seconds: on average half a second of it is cut off.
            self.offsets.append(told - middle + timedelta(seconds=0.5))
        return answer

    async def json(self, url: str, params: Mapping[str, str] | None = None) -> object:
        """The JSON of a good answer; the error families of `read_json`."""
        answer = await self.answer(url, params)
        return read_json(answer, now=self._clock.now(), redact=self._transport.library.redact)

    async def rows(self, url: str, params: Mapping[str, str] | None = None) -> list[Row]:
        """The rows of the first page alone."""
        page = await self.json(url, params)
        return [as_row(row, "results") for row in as_rows(page, "page") if row is not None]


async def settle(point: Point) -> Finding:
    """Look; SessionExpiredError ends the whole probe."""
    try:
        seen = await point.look()
    except SessionExpiredError:
        raise
    except RetryableError as error:
        seen = Seen(f"no answer: {error}", None)
    except TradingBotError as error:
        seen = Seen(str(error), is_ok=False)
    return Finding(point=point.name, expected=point.expected, found=seen.found, is_ok=seen.is_ok)


def fields_seen(rows: Sequence[Row], wanted: Iterable[str]) -> Seen:
    """Whether every row has every field; a field of null is there."""
    if not rows:
        return Seen("no row to look at", None)
    missing = sorted({name for name in wanted for row in rows if name not in row})
    if missing:
        return Seen(f"missing: {', '.join(missing)}", is_ok=False)
    return Seen(f"all, in {len(rows)} of {len(rows)} rows", is_ok=True)
