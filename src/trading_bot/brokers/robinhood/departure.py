"""Whether an order's bytes have left: settled once, at the last moment before the first of them.

What a failed request's error says of it is a guess; this is a fact. Looking up the host's name,
connecting and the TLS handshake all come before, and may each take seconds.
"""

import threading
from collections.abc import Callable
from datetime import datetime

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from trading_bot.domain.errors import RetryableError

Leave = Callable[[], None]


class Departure:
    """One order's way out: it leaves by `valid_until`, or never. Safe to use from two threads."""

    def __init__(self, valid_until: datetime, now: Callable[[], datetime]) -> None:
        self._valid_until = valid_until
        self._now = now
        self._lock = threading.Lock()
        self._has_left = False
        self._is_called_off = False

    def leave(self) -> None:
        """The bytes go now; RetryableError when they may not, and then none has gone."""
        with self._lock:
            if self._is_called_off:
                raise RetryableError("the order was called off before it left")
            now = self._now()
            if now > self._valid_until:
                self._is_called_off = True
                raise RetryableError(
                    f"the approval was valid until {self._valid_until.isoformat()}, "
                    f"it is {now.isoformat()}: nothing was sent"
                )
            self._has_left = True

    def call_off(self) -> bool:
        """True when no byte has left, and now none will."""
        with self._lock:
            self._is_called_off = not self._has_left
            return self._is_called_off


class DepartingHTTPAdapter(HTTPAdapter):
    """HTTP that calls `leave` once connected, just before the first byte of a request."""

    def __init__(self, leave: Leave) -> None:
        super().__init__(max_retries=0)
        pools = {"http": _plain_pool(leave), "https": _tls_pool(leave)}
        self.poolmanager.pool_classes_by_scheme = pools


def _plain_pool(leave: Leave) -> type[HTTPConnectionPool]:
    class Connection(HTTPConnection):
        def endheaders(self, message_body: object = None, *, encode_chunked: bool = False) -> None:
            assert message_body is None, "urllib3 sends the body itself"
            _depart(self, leave)
            super().endheaders(encode_chunked=encode_chunked)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    return Pool


def _tls_pool(leave: Leave) -> type[HTTPConnectionPool]:
    class Connection(HTTPSConnection):
        def endheaders(self, message_body: object = None, *, encode_chunked: bool = False) -> None:
            assert message_body is None, "urllib3 sends the body itself"
            _depart(self, leave)
            super().endheaders(encode_chunked=encode_chunked)

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool


def _depart(connection: HTTPConnection, leave: Leave) -> None:
    """`endheaders` is where the standard library sends, and would connect, first."""
    if connection.sock is None:
        connection.connect()
    leave()
