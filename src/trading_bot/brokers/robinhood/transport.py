"""Requests to Robinhood: robin_stocks' session on one thread, with deadlines and typed errors."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from requests import RequestException, Response
from requests.adapters import BaseAdapter
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, TooManyRedirects
from urllib3.exceptions import HTTPError

from trading_bot.brokers.robinhood.adapter import (
    HEADER_HANG,
    HEADER_SLOW,
    GuardedAdapter,
    is_allowed,
)
from trading_bot.brokers.robinhood.answers import (
    WAIT_MAX_S,
    Answer,
    read_json,
    retry_after_s,
)
from trading_bot.brokers.robinhood.departure import Departure
from trading_bot.brokers.robinhood.library import Library
from trading_bot.brokers.robinhood.quiet import Quiet
from trading_bot.brokers.robinhood.server_time import ServerTime
from trading_bot.brokers.robinhood.worker import Worker
from trading_bot.domain.errors import DataError, RetryableError, UnknownOutcomeError
from trading_bot.ports.clock import Clock
from trading_bot.runtime.clocks import SystemClock
from trading_bot.runtime.rate_limit import Limiter
from trading_bot.runtime.retry import READ, Retrier, RetryPolicy

_T = TypeVar("_T")

BODY_BYTES_MAX = 16 * 1024 * 1024
PAGES_MAX = 200
_CHUNK = 64 * 1024
_ANONYMOUS: Final[Mapping[str, str | None]] = {"Authorization": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request as it went; `status` is None when no answer came. The path is redacted."""

    at: datetime
    method: str
    path: str
    status: int | None
    latency_s: float
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """Times in seconds. `total_timeout_s` bounds a whole answer, however slowly its body drips.

    `hang_timeout_s` bounds what that cannot (a name that is not found, headers that drip), the wait
    for its turn included; the thread stays with the hanging call, the caller does not.
    A connection idle for longer than `idle_max_s` is not used again: the other side may have let go
    of it without a word, and what was sent on it would be lost with an unknown outcome.
    `quiet_max_s` is how much of the quiet Robinhood asks for is kept before one more try.
    `base_url`, `is_lockstep` and `is_inline` are for the rehearsal exchange alone; the last makes
    requests without a thread, for an adapter that cannot block.
    """

    name: str = "robinhood-reads"
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 5.0
    total_timeout_s: float = 10.0
    hang_timeout_s: float = 30.0
    idle_max_s: float | None = None
    quiet_max_s: float = WAIT_MAX_S
    base_url: str | None = None
    is_lockstep: bool = False
    is_inline: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    """One request; `sent` are its parameters, body and headers as requests takes them."""

    method: str
    url: str
    sent: Mapping[str, Any]
    departure: Departure | None = None
    follows_redirects: bool = True


def ignore(_: object) -> None:
    """Nobody listens."""


class RobinhoodTransport:
    """Requests on robin_stocks' session, or on one beside it; `close` it at the end.

    `adapter` replaces HTTP (in-process rehearsal). `limiter` is asked once per attempt.
    `on_exchange` hears of every request, `printed` of every line the library prints, redacted. With
    `beside` it is a further session, of that one's login, on a worker of its own: what hangs there
    holds up nothing here.
    """

    def __init__(
        self,
        clock: Clock,
        retrier: Retrier,
        *,
        settings: TransportSettings | None = None,
        adapter: BaseAdapter | None = None,
        limiter: Limiter | None = None,
        on_exchange: Callable[[Exchange], None] = ignore,
        printed: Callable[[str], None] = ignore,
        beside: "RobinhoodTransport | None" = None,
    ) -> None:
        self._settings = settings or TransportSettings()
        self.is_rehearsed = adapter is not None or self._settings.base_url is not None
        # In lockstep no real time counts: a rehearsal that was suspended goes on where it was.
        self._hang_timeout_s = None if self._settings.is_lockstep else self._settings.hang_timeout_s
        self._clock = clock
        self._retrier = retrier
        self._limiter = limiter
        self._on_exchange = on_exchange
        self._stopwatch = SystemClock()
        self.quiet = Quiet(clock, self._settings.quiet_max_s)
        self._used_at_s = -math.inf
        self.is_stuck = False
        self._guard = GuardedAdapter(
            timeout_s=(self._settings.connect_timeout_s, self._settings.read_timeout_s),
            inner=adapter,
            base_url=self._settings.base_url,
            now=clock.now if self._settings.is_lockstep else None,
        )
        self._is_first = beside is None
        # In lockstep one thread makes the calls of all sessions: two at a time would race each
        # other to the exchange. None blocks there, a hang is charged to the clock.
        self._owns_worker = beside is None or not self._settings.is_lockstep
        if beside is None:
            self.library = Library(self._guard, printed)
            self.session = self.library.session
            self.server_time = ServerTime()
        else:
            self.library = beside.library
            self.session = self.library.open_session(self._guard)
            self.server_time = beside.server_time
        if self._owns_worker or beside is None:
            self.worker = Worker(self._settings.name, is_inline=self._settings.is_inline)
        else:
            self.worker = beside.worker
        self.urls = self.library.urls

    def close(self, timeout_s: float = 0.0) -> bool:
        """End the worker; True when no call still runs. Forgets the token."""
        if self._is_first:
            self.library.log_out()
        else:
            self.library.close_session(self.session)
        is_idle = self.worker.close(timeout_s) if self._owns_worker else True
        self._guard.close()
        return is_idle

    async def get_json(
        self, url: str, params: Mapping[str, str] | None = None, policy: RetryPolicy = READ
    ) -> object:
        """The JSON at `url`; RetryableError, SessionExpiredError or DataError."""

        async def once() -> object:
            return self._json(await self._exchange(_Request("GET", url, {"params": params})))

        return await self._retrier.call(policy, once)

    async def get_pages(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        policy: RetryPolicy = READ,
        *,
        is_moving: bool = False,
    ) -> list[object]:
        """The rows of every page, all of them or an error.

        A list that `is_moving`, newest first, has its first page read again after the last of
        several: what moved to the front meanwhile has moved past the reader. Rows come twice then.
        DataError: a page without `results`, a `next` on a foreign host, a loop, too many pages.
        """
        rows: list[object] = []
        seen: set[str] = set()
        next_url: str | None = url
        while next_url is not None:
            seen.add(next_url)
            page = await self.get_json(next_url, params if len(seen) == 1 else None, policy)
            page_rows, next_url = _page(page)
            rows.extend(page_rows)
            where = self.library.redact(url)
            if next_url is None:
                if is_moving and len(seen) > 1:
                    rows.extend(_page(await self.get_json(url, params, policy))[0])
                break
            if not is_allowed(next_url):
                host = urlsplit(next_url).hostname
                raise DataError(f"page {len(seen)} of {where} continues on a foreign host: {host}")
            if next_url in seen:
                raise DataError(f"page {len(seen)} of {where} continues on a page already read")
            if len(seen) >= PAGES_MAX:
                raise DataError(f"{where} has more than {PAGES_MAX} pages")
        return rows

    async def run(self, call: Callable[[], _T]) -> _T:
        """`call()` on the transport's thread, counted as work in flight."""
        with self._clock.activity():
            return await self.worker.run(call)

    async def get_answer(
        self, url: str, params: Mapping[str, str] | None = None, *, is_anonymous: bool = False
    ) -> Answer:
        """The answer to one GET, whatever its status; `is_anonymous` shows no token."""
        headers = _ANONYMOUS if is_anonymous else None
        return await self._exchange(_Request("GET", url, {"params": params, "headers": headers}))

    async def post_form(self, url: str, form: Mapping[str, str]) -> Answer:
        """The answer to a form, whatever its status; sent once. For logging in and out only."""
        # A token is renewed on its own word: the old one may be refused already.
        sent = {"data": form, "headers": _ANONYMOUS}
        return await self._exchange(_Request("POST", url, sent))

    async def post_json(self, url: str, value: Mapping[str, object]) -> Answer:
        """As `post_form`, with a JSON body."""
        headers = {**_ANONYMOUS, "Content-Type": "application/json"}
        return await self._exchange(_Request("POST", url, {"json": value, "headers": headers}))

    async def post_order(
        self, url: str, form: Mapping[str, str], departure: Departure | None
    ) -> Answer:
        """The answer to an order's form, or to a cancel's, whatever its status; sent once.

        RetryableError: no byte of it has left. UnknownOutcomeError: some may have, and no whole
        answer came. Without a `departure` the first is raised for both.
        """
        # A redirected order would come back as a GET of who knows what.
        request = _Request("POST", url, {"data": form}, departure, follows_redirects=False)
        try:
            return await self._exchange(request)
        except (RetryableError, DataError) as error:
            if departure is None or departure.call_off():
                raise RetryableError(
                    str(error), retry_after_s=getattr(error, "retry_after_s", None)
                ) from error
            raise UnknownOutcomeError(f"no whole answer to the order: {error}") from error
        except asyncio.CancelledError:
            if departure is not None:
                departure.call_off()
            raise

    def _json(self, answer: Answer) -> object:
        return read_json(answer, now=self._clock.now(), redact=self.library.redact)

    async def _exchange(self, request: _Request) -> Answer:
        self.quiet.check()
        if self._limiter is not None:
            await self._limiter.take()
        started = self._stopwatch.monotonic()
        with self._clock.activity():
            at = self._clock.now()
            try:
                async with asyncio.timeout(self._hang_timeout_s):
                    answer = await self.worker.run(lambda: self._send(request))
            except TimeoutError:
                self.is_stuck = True
                self._tell(at, request, None, self._stopwatch.monotonic() - started)
                limit = self._settings.hang_timeout_s
                where = self.library.redact(urlsplit(request.url).path)
                raise RetryableError(
                    f"{request.method} {where} hangs, no end of it in {limit:g} s"
                ) from None
            except (Exception, asyncio.CancelledError):
                self._tell(at, request, None, self._stopwatch.monotonic() - started)
                raise
            self._tell(at, request, answer, self._stopwatch.monotonic() - started)
            self.server_time.note(answer.headers.get("date", ""), self._clock.now())
            self.quiet.hear(answer.status, retry_after_s(answer, at))
            await self._charge(answer)
        return answer

    def _tell(
        self, at: datetime, request: _Request, answer: Answer | None, latency_s: float
    ) -> None:
        exchange = Exchange(
            at=at,
            method=request.method,
            path=self.library.redact(urlsplit(request.url).path),
            status=answer.status if answer is not None else None,
            latency_s=latency_s,
            retry_after_s=retry_after_s(answer, at) if answer is not None else None,
        )
        self._on_exchange(exchange)

    async def _charge(self, answer: Answer) -> None:
        """Let the time pass that a marked answer says it would have taken."""
        if not self.is_rehearsed:
            return
        for header, limit_s in (
            (HEADER_HANG, self._settings.read_timeout_s),
            (HEADER_SLOW, self._settings.total_timeout_s),
        ):
            if not (taken_s := _marked_s(answer, header)):
                continue
            await self._clock.sleep(min(taken_s, limit_s))
            if taken_s >= limit_s:
                raise RetryableError(f"no whole answer within {limit_s:g} s (rehearsed)")

    def _send(self, request: _Request) -> Answer:
        """Runs on the worker."""
        url, method = request.url, request.method
        started = self._stopwatch.monotonic()
        deadline = started + self._settings.total_timeout_s
        where = self.library.redact(urlsplit(url).path)
        idle_max_s = self._settings.idle_max_s
        if idle_max_s is not None and started - self._used_at_s > idle_max_s:
            self._guard.close()
        self._guard.departure = request.departure
        try:
            response = self.session.request(
                method,
                url,
                allow_redirects=request.follows_redirects,
                timeout=(self._settings.connect_timeout_s, self._settings.read_timeout_s),
                stream=True,
                **request.sent,
            )
            with response:
                body = self._body(response, deadline, where)
        except (TooManyRedirects, InvalidURL, InvalidSchema, MissingSchema) as error:
            raise DataError(f"{type(error).__name__} on {where}") from None
        except (RequestException, HTTPError, OSError) as error:
            # Not chained: the library's errors carry the whole URL, and with it the account number.
            raise RetryableError(f"{type(error).__name__} on {method} {where}") from None
        self._used_at_s = self._stopwatch.monotonic()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=headers, body=body, url=url)

    def _body(self, response: Response, deadline: float, where: str) -> bytes:
        parts: list[bytes] = []
        size = 0
        # read1 hands over what has arrived; iter_content would wait for a whole chunk of a body
        # that drips, and the deadline would never be looked at.
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > BODY_BYTES_MAX:
                raise DataError(f"the answer to {where} is longer than {BODY_BYTES_MAX} bytes")
            if self._stopwatch.monotonic() > deadline:
                limit = self._settings.total_timeout_s
                raise RetryableError(f"the answer to {where} was not whole within {limit:g} s")
        return b"".join(parts)


def _marked_s(answer: Answer, header: str) -> float:
    marked = answer.headers.get(header.lower(), "0")
    try:
        seconds = float(marked)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise DataError(f"expected seconds in {header}, got {marked[:20]!r}")
    return seconds


def _page(page: object) -> tuple[list[object], str | None]:
    if not isinstance(page, dict) or not isinstance(page.get("results"), list):
        raise DataError(f"expected a page with results, got {type(page).__name__}")
    next_url = page.get("next")
    if next_url is not None and not isinstance(next_url, str):
        raise DataError(f"expected an address in next, got {type(next_url).__name__}")
    return page["results"], next_url or None
