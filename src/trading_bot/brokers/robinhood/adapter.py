"""What every byte to Robinhood passes: host check, base URL, timeouts, rehearsal headers."""

import ipaddress
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from trading_bot.brokers.robinhood.departure import DepartingHTTPAdapter, Departure
from trading_bot.domain.errors import ConfigError, DataError

HOST = "robinhood.com"
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")
HEADER_NOW = "X-Rehearsal-Now"
"""The daemon's virtual time, sent to the rehearsal exchange: it plays up to there and answers."""

HEADER_HANG = "X-Rehearsal-Hang"
"""The exchange's answer "I would hang for so many seconds", charged to the clock instead."""

HEADER_SLOW = "X-Rehearsal-Slow"
"""The exchange's answer "my body would take so many seconds", likewise."""

_Timeout = float | tuple[float, float] | tuple[float, None] | None


def is_allowed(url: str) -> bool:
    """True for https on robinhood.com and its subdomains, default port, no user in the URL."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    try:
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and port in (None, 443)
        and parts.username is None
        # Characters on which two readers of URLs disagree could show each another host.
        and _HOST_CHARACTERS.issuperset(host)
        and (host == HOST or host.endswith("." + HOST))
    )


def check_loopback(base_url: str) -> str:
    """`base_url` without a trailing slash; ConfigError unless it is on this machine.

    The session's token goes there: only a rehearsal exchange beside us may have it.
    """
    host = urlsplit(base_url).hostname or ""
    try:
        is_local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not is_local or urlsplit(base_url).scheme not in ("http", "https"):
        raise ConfigError(f"the exchange's base URL must be on this machine, got {base_url!r}")
    return base_url.rstrip("/")


class GuardedAdapter(BaseAdapter):
    """Mounted on `https://` and `http://`: refuses foreign hosts before anything is sent.

    `inner` does the sending: HTTP, or any in-process adapter. With `base_url` scheme and host are
    exchanged for it on the way out and put back on the way in: requests would see a change of host
    on the next redirect and drop the Authorization header. `now` is given in lockstep rehearsal.
    `departure`, while it is set, is asked before the first byte of a request leaves.
    """

    def __init__(
        self,
        *,
        timeout_s: tuple[float, float],
        inner: BaseAdapter | None = None,
        base_url: str | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__()
        self.departure: Departure | None = None
        self._leaves_inside = inner is None
        self._inner = inner if inner is not None else DepartingHTTPAdapter(self._leave)
        self._base_url = check_loopback(base_url) if base_url is not None else None
        self._timeout_s = timeout_s
        self._now = now

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: _Timeout = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """The inner adapter's answer; DataError when the request may not leave."""
        url = request.url or ""
        if not is_allowed(url):
            shown = urlsplit(url)
            raise DataError(
                f"expected an address on https://*.{HOST}, got {shown.scheme}://{shown.hostname}: "
                "refused, nothing was sent"
            )
        if self._now is not None:
            stamp = self._now().astimezone(UTC).isoformat(timespec="microseconds")
            request.headers[HEADER_NOW] = stamp.replace("+00:00", "Z")
        request.url = self._outward(url)
        try:
            if not self._leaves_inside:
                self._leave()
            response = self._inner.send(
                request,
                stream=stream,
                timeout=self._timeout_s if timeout is None else timeout,
                verify=verify,
                cert=cert,
                proxies=proxies,
            )
        finally:
            request.url = url
        response.url = url
        return response

    def close(self) -> None:
        """Close the inner adapter's connections."""
        self._inner.close()

    def _leave(self) -> None:
        if self.departure is not None:
            self.departure.leave()

    def _outward(self, url: str) -> str:
        if self._base_url is None:
            return url
        base = urlsplit(self._base_url)
        parts = urlsplit(url)
        return urlunsplit((base.scheme, base.netloc, base.path + parts.path, parts.query, ""))
