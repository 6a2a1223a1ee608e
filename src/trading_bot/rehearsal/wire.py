"""Requests and replies, and the formats of the API: strings for money, ids, links, pages."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid5

API = "https://api.robinhood.com"
JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=UTF-8"
# Every id of the exchange descends from this one; it is ours, made up for the purpose.
_ID_SPACE = UUID("6f2b1f0e-7f6a-5d0c-9a55-1d0f5e3c7b21")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def _no_headers() -> Mapping[str, str]:
    return _NO_HEADERS


Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | bool | None"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `target` is path and query as sent, header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=_no_headers)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters; the last value of a name counts."""
        return parse_query(self.target.partition("?")[2])

    @property
    def form(self) -> Mapping[str, str]:
        """The parameters of a form or JSON body; empty when it is neither."""
        text = self.body.decode("utf-8", "replace")
        if self.headers.get("content-type", "").startswith(JSON_TYPE):
            try:
                fields = json.loads(text)
            except ValueError:
                return _NO_HEADERS
            if not isinstance(fields, dict):
                return _NO_HEADERS
            return {str(name): str(value) for name, value in fields.items()}
        return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset: before any byte of the reply, or after `after_bytes` of its body."""

    after_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """The reply begins only after `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CutOff:
    """The connection closes in good order after `keep_bytes` of the promised body."""

    keep_bytes: int


@dataclass(frozen=True, slots=True)
class Slow:
    """The body takes `seconds` to come, a piece at a time."""

    seconds: float


TransportFault = Reset | Hang | CutOff | Slow


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply; `fault` is what the door does to it on the way out."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=_no_headers)
    fault: TransportFault | None = None


@lru_cache(maxsize=1024)
def parse_query(text: str) -> Mapping[str, str]:
    """The parameters of a query string, read-only."""
    return MappingProxyType(dict(parse_qsl(text, keep_blank_values=True)))


def dump(value: Json) -> bytes:
    """`value` as the API writes it: compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def ok(value: Json, status: int = 200, **headers: str) -> Reply:
    """A JSON reply; header names are given with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, dump(value), headers=named)


def detail(status: int, text: str) -> Reply:
    """An error as the API words it: {"detail": "..."}."""
    return Reply(status, dump({"detail": text}))


def invalid(**fields: str) -> Reply:
    """A 400 that names each wrong field."""
    return Reply(400, dump({name: [text] for name, text in fields.items()}))


def not_found() -> Reply:
    """The API's 404."""
    return detail(404, "Not found.")


@lru_cache(maxsize=4096)
def made_id(kind: str, name: str) -> str:
    """The id of the thing called `name`: the same in every run, never one of Robinhood's."""
    return str(uuid5(_ID_SPACE, f"{kind}/{name}"))


def link(path: str) -> str:
    """An absolute link of the API to `path`, which begins with a slash."""
    return API + path


def price(value: Decimal) -> str:
    """Money or a price as text with six decimals."""
    return f"{value:.6f}"


def quantity(value: Decimal) -> str:
    """A quantity as text with eight decimals."""
    return f"{value:.8f}"


def money(value: Decimal) -> str:
    """A cash amount as text with four decimals, as accounts and portfolios write it."""
    return f"{value:.4f}"


def seconds_text(at: datetime) -> str:
    """2023-05-25T13:30:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micros_text(at: datetime) -> str:
    """2023-05-25T13:30:00.000000Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def nanos_text(at: datetime) -> str:
    """2023-05-25T13:30:00.000000000Z, as trades are stamped."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def page(request: Request, rows: Sequence[Json], page_size: int) -> Reply:
    """One page of `rows`: {next, previous, results}; `next` is the same path with a cursor."""
    query = dict(request.query)
    try:
        start = _cursor_start(query.get("cursor"))
    except ValueError:
        return not_found()
    end = start + page_size
    return ok(
        {
            "next": _page_link(request, query, end) if end < len(rows) else None,
            "previous": _page_link(request, query, max(0, start - page_size)) if start else None,
            "results": rows[start:end],
        }
    )


def _cursor_start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    kind, _, start = base64.urlsafe_b64decode(cursor.encode()).decode("ascii").partition("=")
    if kind != "o" or not start.isdigit():
        raise ValueError(f"expected a cursor of this exchange, got {cursor!r}")
    return int(start)


def _page_link(request: Request, query: Mapping[str, str], start: int) -> str:
    cursor = base64.urlsafe_b64encode(f"o={start}".encode()).decode()
    return f"{API}{request.path}?{urlencode({**query, 'cursor': cursor})}"
