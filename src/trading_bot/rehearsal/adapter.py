"""The exchange's in-process door: a requests adapter that calls it directly.

Faster than HTTP by the sockets; everything a client can notice is the same, lockstep headers
included.
"""

from collections.abc import Mapping
from io import BytesIO
from threading import Lock
from urllib.parse import urlsplit

from requests import ConnectionError as RequestsConnectionError
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from trading_bot.rehearsal.exchange import Exchange
from trading_bot.rehearsal.server import reply_headers, time_asked
from trading_bot.rehearsal.wire import CutOff, Reply, Request, Reset, detail

_Timeout = float | tuple[float, float] | tuple[float, None] | None


class InProcessAdapter(BaseAdapter):
    """Answers every request it is given from `exchange`; scheme and host do not matter.

    Each request must carry X-Rehearsal-Now. A hang or slow body is named in the reply's headers
    for the client's clock; a reset raises ConnectionError as a lost connection does.
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange
        self._lock = Lock()

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: _Timeout = None,  # noqa: ARG002 - nothing here can take long
        verify: bool | str = True,  # noqa: ARG002
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> Response:
        """The exchange's reply as requests would have read it from a socket."""
        reply = self._reply(_request_of(request))
        if isinstance(reply.fault, Reset) and reply.fault.after_bytes is None:
            raise RequestsConnectionError("the rehearsal exchange reset the connection")
        response = _response_of(request, reply)
        if not stream:
            # As over a socket: a body that breaks off raises here.
            _ = response.content
        return response

    def close(self) -> None:
        """Nothing is open."""

    def _reply(self, request: Request) -> Reply:
        try:
            now = time_asked(request, self._exchange)
        except ValueError as error:
            return detail(400, f"X-Rehearsal-Now: {error}")
        with self._lock:
            return self._exchange.handle(request, now)


def _request_of(request: PreparedRequest) -> Request:
    parts = urlsplit(request.url or "/")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    body = request.body or b""
    return Request(
        request.method or "GET", target, headers, body.encode() if isinstance(body, str) else body
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _response_of(request: PreparedRequest, reply: Reply) -> Response:
    body = b"" if request.method == "HEAD" else reply.body
    match reply.fault:
        case Reset(after_bytes=int(count)) | CutOff(keep_bytes=count):
            body = body[:count]
        case _:
            pass
    headers = dict(reply_headers(reply))
    response = Response()
    response.status_code = reply.status
    response.headers = CaseInsensitiveDict(headers)
    response.encoding = "utf-8"
    response.url = request.url or ""
    response.request = request
    # The length promised in the headers is enforced, so a body cut short is noticed.
    response.raw = HTTPResponse(
        BytesIO(body),
        headers=headers,
        status=reply.status,
        preload_content=False,
        original_response=None,
        request_method=request.method,
        enforce_content_length=True,
    )
    return response
